package report

import (
	"fmt"
	"strconv"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"telegraf-qlik-sense-version/internal/catalog"
)

var catalogColumns = []string{"Catalogue", "Releases and patches", "Advisories", "Known exploitation"}

// data tells what the versions were judged by and how old that is.
func (p *page) data() g.Node {
	if len(p.report.Catalogs) == 0 {
		return chapter("data", "The data and their age", empty("No version was judged."))
	}
	at := p.report.AskedAt
	return chapter("data", "The data and their age",
		h.P(h.Class("about"), plain("What the versions were judged by, and how old that was on "+day(at)+".")),
		h.Table(h.Class("list catalogs"),
			h.Caption(h.Class("unseen"), plain("Catalogues")),
			tableHead(catalogColumns...),
			h.TBody(g.Map(p.report.Catalogs, func(c Catalog) g.Node {
				return g.Group{newLine, h.Tr(
					h.Th(h.Scope("row"), plain(source(c.Name))),
					asOf(c.ReleasesAsOf, at, "Newer patches may exist: servers can be further behind than shown."),
					asOf(c.AdvisoriesAsOf, at, "Newer advisories may exist: a compliant server can be open to them."),
					asOf(c.ExploitedAsOf, at, ""),
				)}
			})),
		),
		h.P(plain("A vulnerability that CISA listed after the day of its list is shown as not exploited. Ends of support are estimates: 24 months after a release, "+
			"by the vendor’s rule for products on customers’ premises.")),
	)
}

func source(catalog string) string {
	if catalog == "built in" {
		return "built into the program"
	}
	return catalog
}

// asOf is a cell with a day, its distance to the report's and, where that is more
// than catalog.OldAfter, a warning; "" for none.
func asOf(text string, at time.Time, warning string) g.Node {
	days, known := age(text, at)
	switch {
	case !known:
		return h.Td(plain(text), small("age not known"))
	case days < 0:
		return h.Td(plain(text), small("after this report"))
	}
	old := warning != "" && days > catalog.OldAfter
	return h.Td(h.Data("days", strconv.Itoa(days)), plain(text), small(counted(days, "day")+" old"),
		g.If(old, h.P(h.Class("warning"), labelled("unknown", "old"), plain(fmt.Sprintf(" More than %d days old. %s", catalog.OldAfter, warning)))))
}

// age is the number of days from a day to an instant.
func age(text string, at time.Time) (days int, known bool) {
	from, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return 0, false
	}
	return int(at.UTC().Truncate(24*time.Hour).Sub(from) / (24 * time.Hour)), true
}

// anyOld holds where a warning is shown.
func (p *page) anyOld() bool {
	for _, c := range p.report.Catalogs {
		for _, text := range []string{c.ReleasesAsOf, c.AdvisoriesAsOf} {
			if days, known := age(text, p.report.AskedAt); known && days > catalog.OldAfter {
				return true
			}
		}
	}
	return false
}

// claims says what the word "compliant" means, as the README does.
func (*page) claims() g.Node {
	list := func(items ...string) g.Node {
		return h.Ul(g.Map(items, func(item string) g.Node { return h.Li(plain(item)) }))
	}
	return chapter("claims", "What “compliant” means",
		h.Div(h.Class("claims"),
			h.Div(h.H3(plain("It claims")), list(
				"that none of the advisories in the catalogue applies to the patch that the server tells, and",
				"that the release is not below the minimum, where one is set.",
			)),
			h.Div(h.H3(plain("It does not claim")), list(
				"that the server has no vulnerability,",
				"that the patch is the newest of its release,",
				"that the release is still supported,",
				"that the server is configured safely, or",
				"that nobody broke in before it was patched.",
			)),
		),
		h.P(plain("“Non-compliant” means that at least one advisory applies, or that the release is below the minimum. "+
			"Whether a server can be attacked also depends on its network, its settings and workarounds, which are not seen here. "+
			"“Unknown” means that nothing was guessed: the version could not be read, is not in the catalogue, or contradicts itself.")),
	)
}
