package html

import (
	"cmp"
	"fmt"
	"strconv"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/report"
)

var catalogColumns = []string{"Catalogue", "Releases and patches", "Advisories", "Known exploitation"}

// data shows the data that the versions were judged by, and their age.
func (p *page) data() g.Node {
	if len(p.report.Catalogs) == 0 {
		return chapter("data", "The data and their age", empty("No version was judged."))
	}
	return chapter("data", "The data and their age",
		h.P(h.Class("about"), plain("What the versions were judged by, and how old that was on "+day(p.report.AskedAt)+".")),
		table("catalogs", "Catalogues", catalogColumns, g.Map(p.report.Catalogs, func(c *report.Catalog) g.Node {
			return g.Group{newLine, h.Tr(
				h.Th(h.Scope("row"), plain(catalogName(c.Name)), digest(c.Digest)),
				asOf(c.Releases, "Newer patches may exist: servers can be further behind than shown."),
				asOf(c.Advisories, "Newer advisories may exist: a compliant server can be open to them."),
				asOf(c.Exploited, "What has been exploited since is shown as not exploited."),
			)}
		})),
		h.P(plain("A vulnerability that CISA listed after the day of its list is shown as not exploited. Ends of support are estimates: 24 months after a release, "+
			"by the vendor’s rule for products on customers’ premises.")),
		h.P(plain(catalog.NVDNotice)),
	)
}

func catalogName(name string) string {
	if name == fleet.BuiltIn {
		return "built into the program"
	}
	return name
}

// asOf is a cell with the day of the data, their age, and a warning if they are old or dated in the
// future.
func asOf(a report.Age, meaning string) g.Node {
	distance := plural(a.Days, "day") + " old"
	if a.Days < 0 {
		distance = plural(-a.Days, "day") + " after this report"
	}
	var warning g.Node
	switch {
	case a.Future:
		warning = h.P(h.Class("warning"), badge("bad", "in the future"),
			plain(" Proves nothing: check the catalogue, or the clock of the machine that asked."))
	case a.Old():
		warning = h.P(h.Class("warning"), badge("unknown", "old"), plain(fmt.Sprintf(" More than %d days old. %s", catalog.OldAfter, meaning)))
	}
	return h.Td(h.Data("days", strconv.Itoa(a.Days)), plain(a.AsOf.String()), small(distance), warning)
}

// origin says where the report comes from.
func (p *page) origin() g.Node {
	o := &p.report.Origin
	settings := plain("none: a site was named in the call")
	if len(o.Settings) > 0 {
		settings = h.Ul(g.Map(o.Settings, func(f report.File) g.Node { return h.Li(plain(f.Name), digest(f.SHA256)) }))
	}
	return chapter("origin", "Where this report comes from",
		h.Dl(h.Class("facts"),
			fact("Program", plain(p.report.Program)),
			fact("Asked", plain(p.report.AskedAt.UTC().Format("2006-01-02 15:04:05")+" UTC")),
			fact("Machine", plain(cmp.Or(o.Machine, "not known"))),
			fact("Account", plain(cmp.Or(o.Account, "not known"))),
			fact("Settings", settings),
		))
}

// digest is the SHA-256 of what is shown above it.
func digest(sum string) g.Node {
	return h.Small(h.Class("digest"), plain("SHA-256 "), h.Code(plain(sum)))
}

// claims explains "compliant", as docs/compliance.md does.
func (*page) claims() g.Node {
	list := func(items ...string) g.Node {
		return h.Ul(g.Map(items, func(item string) g.Node { return h.Li(plain(item)) }))
	}
	return chapter("claims", "What “compliant” means",
		h.Div(h.Class("claims"),
			h.Div(h.H3(plain("It claims")), list(
				"that the server answered when this report was made, with a release that the catalogue knows,",
				"that none of the advisories that are mapped to releases applies to its patch,",
				"that the advisories are fresh: no older than the settings allow, and not dated in the future, and",
				"that it is in policy: not below the minimum, where one is set, and not past the end of support, where support is required.",
			)),
			h.Div(h.H3(plain("It does not claim")), list(
				"that the server has no vulnerability,",
				"that no undecided advisory concerns it,",
				"that the patch is the newest of its release,",
				"that the release is still supported, unless support is required: “unsupported” says that it is not,",
				"that the server is configured safely, or",
				"that nobody broke in before it was patched.",
			)),
		),
		h.P(plain("“Not compliant” means that at least one advisory applies, or that the server is out of policy; old data suffice for that. "+
			"Whether a server can be attacked also depends on its network, its settings and workarounds, which are not seen here. "+
			"“Unknown” means that neither is proven: the release could not be read, is not in the catalogue, or contradicts its build; "+
			"its end of support is not known; the advisories are too old; or one of them is known to be exploited and undecided. "+
			"An advisory is undecided while nobody can map it to releases.")),
	)
}
