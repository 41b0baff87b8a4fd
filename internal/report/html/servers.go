package html

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/plan"
	"telegraf-qlik-sense-version/internal/report"
)

// serverColumns and those of the other tables are repeated in the style sheet, for the cards of narrow
// screens.
var serverColumns = []string{"Server", "Result", "Release, build", "Patches behind", "Advisories", "Fix", "Support (estimate)", "Remarks"}

// servers is a table for each block.
func (p *page) servers() g.Node {
	if len(p.report.Blocks) == 0 {
		return chapter("servers", "Servers by environment", empty("No server was asked."))
	}
	return chapter("servers", "Servers by environment",
		newLine, h.Div(h.Class("tools"), h.ID("tools"), g.Attr("hidden"),
			h.Label(h.For("filter"), plain("Filter the servers")),
			h.Input(h.Type("search"), h.ID("filter"), h.AutoComplete("off"), g.Attr("spellcheck", "false"), h.Placeholder("name, release, CVE, remark …")),
			h.P(h.ID("matches"), h.Role("status")),
		),
		g.Map(p.report.Blocks, p.block),
	)
}

// block shows the servers of a block.
func (p *page) block(b *report.Block) g.Node {
	class := "servers"
	if slices.ContainsFunc(b.Servers, func(s *report.Server) bool { return s.Judgement.Remark != "" }) {
		class = "servers remarked" // remarks are sentences, which need room on paper
	}
	heading := blockID(b) + "-heading"
	return g.Group{newLine, h.Section(h.Class("environment"), h.ID(blockID(b)), h.Aria("labelledby", heading),
		h.H3(h.ID(heading), blockHeading(b)),
		h.P(h.Class("about"), plain(p.about(b))),
		site(b),
		g.If(len(b.Servers) == 0, empty("No server of this environment was asked.")),
		g.If(len(b.Servers) > 0, table(class, "Servers of "+blockName(b), serverColumns,
			g.Group{h.Data("filtered", ""), g.Map(b.Servers, p.server)}, h.Data("sortable", ""))),
		h.P(h.Class("empty nomatch"), g.Attr("hidden"), plain("No server of this environment matches the filter.")),
	)}
}

func blockHeading(b *report.Block) g.Node {
	tags := b.Tags()
	if len(tags) == 0 {
		return plain("Environment " + strconv.Itoa(b.Index+1) + ", without tags")
	}
	return g.Map(slices.Sorted(maps.Keys(tags)), func(key string) g.Node {
		return h.Span(h.Class("tag"), h.Span(h.Class("key"), plain(key)), plain(" "+tags[key]+" "))
	})
}

// about says how many servers of a block are proven compliant, and names its policy.
func (p *page) about(b *report.Block) string {
	policy := "No minimum release is set."
	if minimum := b.Round.Block.Minimum(); !minimum.IsZero() {
		policy = "Minimum release: " + minimum.String() + "."
	}
	if b.Round.Block.RequireSupport {
		policy += " Support is required."
	}
	if usual := b.Usual(); usual != nil && b.Summary.Mismatched > 0 {
		policy += " Usual version: " + cmp.Or(usual.Outcome.Info.ReleaseLabel, usual.Outcome.Info.Version) + "."
	}
	text := fmt.Sprintf("%s; %s answered. %s", b.Summary.Proven(b.Round.Judge.Undecided), formatInt(b.Summary.Answered), policy)
	if len(p.report.Catalogs) > 1 {
		text += " Catalogue: " + b.Round.Catalog + "."
	}
	return text
}

// site says how the discovery of the site ended.
func site(b *report.Block) g.Node {
	words, problem := b.SiteWords()
	return g.Group{
		g.If(words != "", h.P(h.Class("about"), plain(words+"."))),
		g.If(problem != "", h.P(badge("bad", "not proven"), plain(" "+problem+" "),
			g.If(words == "", link("lists", "why, and what to do")))),
	}
}

func (p *page) server(s *report.Server) g.Node {
	source, whole, node := s.Server.Source(), s.Server.String(), s.NodeWords()
	return g.Group{newLine, h.Tr(h.Data("server", sanitize(source)),
		h.Th(h.Scope("row"), host(source), g.If(whole != source, h.Small(host(whole))), g.If(node != "", small(node))),
		h.Td(h.Div(result(s))),
		h.Td(g.Iff(s.Answered(), func() g.Node { return version(s) })),
		h.Td(h.Class("n"), behind(s)),
		h.Td(p.identifiers(s)),
		h.Td(p.fix(s)),
		h.Td(support(s)),
		h.Td(p.remarks(s)),
	)}
}

// result is the judgement with its reasons, or how the poll failed.
func result(s *report.Server) g.Node {
	if !s.Answered() {
		return g.Group{badge("failed", "did not answer"), plain(" "), code(s.Outcome.Result.String())}
	}
	word, details := s.Verdict()
	separator := ": "
	if s.Proven() {
		separator = ", "
	}
	return g.Group{badge(stateOf(s.Judgement.Compliance), word), g.If(len(details) > 0, plain(separator+strings.Join(details, ", ")))}
}

// version sorts by the date of the release instead of its name.
func version(s *report.Server) g.Node {
	info, j := s.Outcome.Info, &s.Judgement
	return g.Group{
		g.If(j.HasMonth, sortKey(fmt.Sprintf("%d.%d.%d", j.Release.Year, j.Release.Month, j.Release.Patch))),
		plain(info.ReleaseLabel), g.If(info.Version != "", g.Group{plain(" "), code(info.Version)}),
	}
}

func behind(s *report.Server) g.Node {
	patches, known := s.Judgement.PatchesBehind()
	return g.If(known, plain(formatInt(patches)))
}

// identifiers are those of the advisories that apply, with the time of exposure.
func (p *page) identifiers(s *report.Server) g.Node {
	applying := s.Applying()
	switch {
	case s.Judgement.Verdict == nil:
		return nil
	case len(applying) == 0:
		return g.Group{sortKey("0"), h.Span(h.Class("quiet"), plain("none known"))}
	}
	exposed, _ := s.Judgement.ExposedDays()
	return g.Group{sortKey(strconv.Itoa(len(applying))), h.Ul(g.Map(applying, func(a *catalog.Advisory) g.Node {
		return h.Li(p.advisoryLink(a.ID), exploitedMark(a))
	})), small("exposed " + plural(exposed, "day"))}
}

// fix is what to install, as the plan has it.
func (p *page) fix(s *report.Server) g.Node {
	switch row := p.rows[s]; {
	case row.Action != plan.Patch && row.Action != plan.Upgrade:
		return nil
	case row.Target.IsZero():
		return plain(row.Do())
	case row.Action == plan.Patch:
		return plain("install " + row.Do())
	default:
		return plain("upgrade to " + row.Do())
	}
}

func support(s *report.Server) g.Node {
	days, known := s.Judgement.SupportDaysLeft()
	if !known {
		return nil
	}
	key := sortKey(strconv.Itoa(days))
	if days < 0 {
		return g.Group{key, h.Span(badge("unknown", "ended"), plain(" "+plural(-days, "day")+" ago"))}
	}
	return g.Group{key, plain(plural(days, "day") + " left")}
}

// remarks is empty for most servers.
func (p *page) remarks(s *report.Server) g.Node {
	var all g.Group
	if s.Comparison == fleet.Different {
		all = append(all, h.Li(plain("out of step")))
	}
	if s.Judgement.Remark != "" {
		all = append(all, h.Li(plain(s.Judgement.Remark)))
	}
	if !s.Answered() {
		all = append(all, h.Li(link(p.failureID(s), "why, and what to do")))
	}
	if len(all) == 0 {
		return nil
	}
	return h.Ul(all)
}
