package report

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"telegraf-qlik-sense-version/internal/release"
)

// The style sheet repeats the columns of each table, for the cards of narrow screens.
var serverColumns = []string{"Server", "Result", "Release, build", "Patches behind", "Advisories", "Fix", "Support (estimate)", "Remarks"}

// servers has a table for each block.
func (p *page) servers() g.Node {
	if len(p.report.Blocks) == 0 {
		return chapter("servers", "Servers by environment", empty("No server was asked."))
	}
	failed := 0
	return chapter("servers", "Servers by environment",
		newLine, h.Div(h.Class("tools"), h.ID("tools"), g.Attr("hidden"),
			h.Label(h.For("filter"), plain("Filter the servers")),
			h.Input(h.Type("search"), h.ID("filter"), h.AutoComplete("off"), g.Attr("spellcheck", "false"), h.Placeholder("name, release, CVE, remark …")),
			h.P(h.ID("matches"), h.Role("status")),
		),
		g.Map(indices(len(p.report.Blocks)), func(i int) g.Node { return p.block(i, &failed) }),
	)
}

// block shows the servers of a block; failed counts those without an answer over all
// blocks.
func (p *page) block(i int, failed *int) g.Node {
	b := &p.report.Blocks[i]
	level := inStepWithNone(b)
	rows := make(g.Group, 0, 2*len(b.Servers))
	for j := range b.Servers {
		s := &b.Servers[j]
		place := -1
		if !s.Answered() {
			place = *failed
			*failed++
		}
		rows = append(rows, newLine, p.server(b, s, level, place))
	}
	return g.Group{newLine, h.Section(h.Class("environment"), h.ID(blockID(i)), h.Aria("labelledby", blockID(i)+"-heading"),
		h.H3(h.ID(blockID(i)+"-heading"), p.blockHeading(i)),
		h.P(h.Class("about"), plain(p.about(b))),
		g.If(len(rows) == 0, empty("No server of this environment was asked.")),
		g.If(len(rows) > 0, h.Table(h.Class("list servers"), h.Data("sortable", ""),
			h.Caption(h.Class("unseen"), plain("Servers of "+p.blockName(i))),
			tableHead(serverColumns...), h.TBody(h.Data("filtered", ""), rows),
		)),
		h.P(h.Class("empty nomatch"), g.Attr("hidden"), plain("No server of this environment matches the filter.")),
	)}
}

func (p *page) blockHeading(i int) g.Node {
	tags := p.report.Blocks[i].Tags
	if len(tags) == 0 {
		return plain(capital(p.blockName(i)))
	}
	return g.Map(slices.Sorted(maps.Keys(tags)), func(key string) g.Node {
		return h.Span(h.Class("tag"), h.Span(h.Class("key"), plain(key)), plain(" "+tags[key]+" "))
	})
}

// about says how many servers there are and by what they are judged.
func (p *page) about(b *Block) string {
	var answered, compliant int
	for i := range b.Servers {
		if b.Servers[i].Answered() {
			answered++
		}
		if b.Servers[i].Compliance == "compliant" {
			compliant++
		}
	}
	minimum := "No minimum release is set."
	if b.MinimumRelease != "" {
		minimum = "Minimum release: " + b.MinimumRelease + "."
	}
	text := fmt.Sprintf("%s, %s answered, %s compliant. %s", counted(len(b.Servers), "server"), grouped(answered), grouped(compliant), minimum)
	if len(p.report.Catalogs) > 1 {
		text += " Catalogue: " + b.Catalog + "."
	}
	return text
}

// server is a row. The place is that among the failures, negative where it answered.
func (p *page) server(b *Block, s *Server, level bool, place int) g.Node {
	return h.Tr(h.Data("server", visible(s.Source)),
		h.Th(h.Scope("row"), plain(s.Source), g.If(s.Host != s.Source, small(s.Host))),
		h.Td(compliance(s), g.If(s.Result != "success", g.Group{plain(" "), code(s.Result)})),
		h.Td(releaseKey(s), plain(s.ReleaseLabel), g.If(s.Version != "", g.Group{plain(" "), code(s.Version)})),
		h.Td(h.Class("n"), behind(s)),
		h.Td(p.identifiers(s)),
		h.Td(fix(b, s)),
		h.Td(support(s)),
		h.Td(remarks(b, s, level, place)),
	)
}

func compliance(s *Server) g.Node {
	switch {
	case !s.Answered():
		return labelled("failed", "did not answer")
	case s.Compliance == "compliant":
		return labelled("ok", "compliant")
	case s.Compliance == "non_compliant":
		return labelled("bad", "non-compliant")
	}
	return labelled("unknown", "unknown")
}

// releaseKey sorts releases by their time rather than by their letters.
func releaseKey(s *Server) g.Node {
	if s.ReleaseYear == nil || s.ReleaseMonth == nil {
		return nil
	}
	patch := 0
	if s.Patch != nil {
		patch = *s.Patch
	}
	return sortKey(fmt.Sprintf("%d.%d.%d", *s.ReleaseYear, *s.ReleaseMonth, patch))
}

func behind(s *Server) g.Node {
	if s.PatchesBehind == nil {
		return nil
	}
	return plain(grouped(*s.PatchesBehind))
}

// identifiers are those of the advisories that apply.
func (p *page) identifiers(s *Server) g.Node {
	if len(s.Advisories) == 0 {
		if s.AdvisoryCount == nil {
			return nil
		}
		return g.Group{sortKey("0"), h.Span(h.Class("quiet"), plain("none known"))}
	}
	return g.Group{sortKey(strconv.Itoa(len(s.Advisories))), h.Ul(g.Map(s.Advisories, func(id string) g.Node {
		place, known := p.advisory[id]
		if !known {
			return h.Li(plain(id))
		}
		return h.Li(link(advisoryID(place), id),
			g.If(p.report.Advisories[place].ExploitedSince != "", g.Group{plain(" "), labelled("bad", "exploited")}))
	}))}
}

// fix is what to install.
func fix(b *Block, s *Server) g.Node {
	switch {
	case s.FixedIn == nil || !s.Vulnerable():
		return nil
	case *s.FixedIn == "":
		return plain("no patch of this release closes all: move to a newer release")
	}
	return g.Group{plain("install " + *s.FixedIn), g.If(isBelow(*s.FixedIn, b.MinimumRelease), small("which is below the minimum, "+b.MinimumRelease))}
}

func isBelow(fix, minimum string) bool {
	of, err := release.Parse(fix)
	if err != nil {
		return false
	}
	least, err := release.Parse(minimum)
	return err == nil && of.Compare(least) < 0
}

func support(s *Server) g.Node {
	if s.SupportDaysLeft == nil {
		return nil
	}
	days := *s.SupportDaysLeft
	key := sortKey(strconv.Itoa(days))
	if days < 0 {
		return g.Group{key, h.Span(labelled("unknown", "ended"), plain(" "+counted(-days, "day")+" ago"))}
	}
	return g.Group{key, plain(counted(days, "day") + " left")}
}

// remarks are what else there is to know.
func remarks(b *Block, s *Server, level bool, place int) g.Node {
	var all g.Group
	if is(s.BelowMinimum) {
		all = append(all, h.Li(plain("below the minimum, "+b.MinimumRelease)))
	}
	switch {
	case is(s.VersionMismatch) && level:
		all = append(all, h.Li(plain("out of step: no version prevails in this environment")))
	case is(s.VersionMismatch):
		all = append(all, h.Li(plain("out of step with most servers of this environment")))
	}
	if s.Remark != "" {
		all = append(all, h.Li(plain(s.Remark)))
	}
	if place >= 0 {
		all = append(all, h.Li(link(failureID(place), "why, and what to do")))
	}
	if len(all) == 0 {
		return nil
	}
	return h.Ul(all)
}

// inStepWithNone holds where two versions are level at the top of a block.
func inStepWithNone(b *Block) bool {
	return !slices.ContainsFunc(b.Servers, func(s Server) bool { return s.VersionMismatch != nil && *s.VersionMismatch == 0 })
}

func indices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
