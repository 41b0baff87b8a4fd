package html

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/internal/report"
)

// part is a part of a chart, coloured and patterned by its state.
type part struct {
	state, name string
	servers     int
}

// complianceChart is a bar of four parts, with the numbers in the legend.
func (p *page) complianceChart() g.Node {
	s := &p.report.Summary
	parts := []part{
		{"ok", report.AndUndecided("proven compliant", len(p.report.Undecided)), s.Compliant},
		{"bad", "not compliant", s.NonCompliant},
		{"unknown", "unknown", s.Unknown},
		{"failed", "did not answer", s.Failed},
	}
	if s.Servers == 0 {
		return figure("compliance-chart", "Compliance of all servers", empty("No server was asked."))
	}

	descriptions := make([]string, 0, len(parts))
	bars := make(g.Group, 0, len(parts))
	left := 0
	for _, part := range parts {
		descriptions = append(descriptions, part.name+": "+formatInt(part.servers))
		if part.servers > 0 {
			bars = append(bars, g.El("rect", g.Attr("class", "part"), g.Attr("x", percentOf(left, s.Servers)), g.Attr("width", percentOf(part.servers, s.Servers)),
				g.Attr("height", "36"), g.Attr("fill", "url(#pattern-"+part.state+")"), h.Data("part", part.state), h.Data("value", strconv.Itoa(part.servers))))
		}
		left += part.servers
	}
	return figure("compliance-chart", "Compliance of all servers",
		h.SVG(h.Class("stack"), h.Role("img"), h.Aria("labelledby", "stack-title stack-text"), h.Width("100%"), h.Height("36"),
			g.El("title", g.Attr("id", "stack-title"), plain("Servers by compliance")),
			g.El("desc", g.Attr("id", "stack-text"), plain(strings.Join(descriptions, "; ")+".")),
			patterns(),
			bars,
		),
		h.Ul(h.Class("legend"), g.Map(parts, func(part part) g.Node {
			return h.Li(
				h.SVG(h.Class("swatch"), h.Aria("hidden", "true"), h.Width("18"), h.Height("18"),
					g.El("rect", h.Width("18"), h.Height("18"), g.Attr("rx", "3"), g.Attr("fill", "url(#pattern-"+part.state+")"))),
				h.Span(plain(part.name)),
				h.Span(h.Class("n"), plain(formatInt(part.servers))),
				h.Span(h.Class("n share"), plain(report.Share(part.servers, s.Servers))),
			)
		})),
	)
}

// patterns tell the parts apart where colours do not: on paper, or for colour-blind readers.
func patterns() g.Node {
	pattern := func(state, marks string) g.Node {
		return g.El("pattern", g.Attr("id", "pattern-"+state), h.Width("9"), h.Height("9"), g.Attr("patternUnits", "userSpaceOnUse"),
			g.El("rect", g.Attr("class", "fill "+state), h.Width("9"), h.Height("9")),
			g.If(marks != "", g.El("path", g.Attr("class", "marks"), g.Attr("d", marks))),
		)
	}
	return g.El("defs",
		pattern("ok", ""),
		pattern("bad", "M-1 1l2-2M0 9L9 0M8 10l2-2"),
		pattern("unknown", "M4 4.5h1"),
		pattern("failed", "M0 4.5h9"),
	)
}

// maxVersions is how many versions have their own bars.
const maxVersions = 12

// versionChart has a bar for each of the most common versions, the newest first.
func (p *page) versionChart() g.Node {
	s := &p.report.Summary
	if len(s.Versions) == 0 {
		return figure("version-chart", "Versions of those that answered", empty("No server reported its version."))
	}
	top := p.byRelease(s.Versions[:min(len(s.Versions), maxVersions)])
	others := 0
	for _, version := range s.Versions[len(top):] {
		others += version.Servers
	}
	longest := max(s.Versions[0].Servers, others)
	bar := func(kind, name, build string, servers int) g.Node {
		return g.Group{newLine, h.Li(
			h.Span(h.Class("name"), plain(name), g.If(build != "", g.Group{plain(" "), code(build)})),
			h.Span(h.Class("n"), plain(formatInt(servers))),
			h.Span(h.Class("n share"), plain(report.Share(servers, s.Answered))),
			h.SVG(h.Role("img"), h.Aria("label", fmt.Sprintf("Bar: %s of %s", formatInt(servers), plural(s.Answered, "server"))), h.Width("100%"), h.Height("10"),
				g.El("rect", g.Attr("class", "fill "+kind), h.Width(percentOf(servers, longest)), h.Height("10"), g.Attr("rx", "2"),
					h.Data("part", kind), h.Data("value", strconv.Itoa(servers)))),
		)}
	}
	return figure("version-chart", "Versions of those that answered",
		h.Ol(h.Class("bars"),
			g.Map(top, func(version report.Version) g.Node {
				if version.Label == "" {
					return bar("version", cmp.Or(version.Build, "neither label nor build"), "", version.Servers)
				}
				return bar("version", version.Label, version.Build, version.Servers)
			}),
			g.Iff(others > 0, func() g.Node {
				return bar("others", "others: "+plural(len(s.Versions)-len(top), "version"), "", others)
			}),
		),
	)
}

// byRelease sorts versions by the releases that they were judged as, the newest first and unjudged
// ones last.
func (p *page) byRelease(versions []report.Version) []report.Version {
	releases := make(map[report.Version]release.Release)
	for s := range p.report.Servers() {
		if s.Answered() && s.Judgement.HasMonth {
			releases[report.Version{Label: s.Outcome.Info.ReleaseLabel, Build: s.Outcome.Info.Version}] = s.Judgement.Release
		}
	}
	releaseOf := func(v report.Version) release.Release {
		return releases[report.Version{Label: v.Label, Build: v.Build}]
	}
	return slices.SortedStableFunc(slices.Values(versions), func(a, b report.Version) int { return releaseOf(b).Compare(releaseOf(a)) })
}

func figure(id, caption string, content ...g.Node) g.Node {
	return g.Group{newLine, h.Figure(h.ID(id), h.FigCaption(plain(caption)), g.Group(content))}
}

func percentOf(n, whole int) string {
	return strconv.FormatFloat(100*float64(n)/float64(whole), 'f', 3, 64) + "%"
}
