package html

import (
	_ "embed" // for the style sheet
	"slices"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"telegraf-qlik-sense-version/internal/report"
)

// sinceStyle is added to the style sheet of a page with a comparison, so that other pages stay as they are.
//
//go:embed since.css
var sinceStyle string

// style is the style sheet of the page.
func (p *page) style() string {
	if p.report.Since == nil {
		return unixLines(styleSheet)
	}
	return unixLines(styleSheet + sinceStyle)
}

var sinceColumns = []string{"Server", "Change", "Then", "Now", "Advisories"}

// since shows the comparison with the baseline, if there is one.
func (p *page) since() g.Node {
	c := p.report.Since
	if c == nil {
		return nil
	}
	changed, unchanged, notCompared := c.Changed()
	counts := make([]string, 0, 8)
	for _, n := range c.Counts() {
		counts = append(counts, strings.ReplaceAll(n.Words+" "+arrow(n.Then, n.Now), " ", "\u00a0"))
	}
	lines := slices.Concat([]string{"Then → now: " + strings.Join(counts, ", ") + "."}, tallies("Closed: ", c.Closed), tallies("New: ", c.Opened))
	rest := plural(unchanged, "server") + " unchanged"
	if notCompared > 0 {
		rest += ", " + formatInt(notCompared) + " not compared"
	}
	return chapter("since", "What changed since "+day(c.AskedAt),
		h.P(h.Class("about"), plain("Compared with the report of "+c.AskedAt.UTC().Format("2006-01-02 at 15:04 UTC")+" by "+c.Program+".")),
		g.Map(c.Remarks, func(remark string) g.Node { return h.P(h.Class("about"), h.Strong(plain(remark))) }),
		h.Ul(h.Class("lines"), items(lines)),
		g.If(len(changed) > 0, table("changes", "Changes", sinceColumns, g.Map(changed, p.change))),
		h.P(h.Class("about"), plain(rest+".")),
	)
}

func arrow(then, now int) string { return formatInt(then) + " → " + formatInt(now) }

// tallies returns one line, or none without tallies.
func tallies(heading string, all []report.Tally) []string {
	if len(all) == 0 {
		return nil
	}
	parts := make([]string, 0, len(all))
	for _, t := range all {
		parts = append(parts, t.ID+" on "+plural(t.Servers, "server"))
	}
	return []string{heading + strings.Join(parts, ", ") + "."}
}

func (p *page) change(s *report.Compared) g.Node {
	var ids g.Group
	add := func(word string, all []string) {
		for _, id := range all {
			advisory := plain(id)
			if _, applies := p.advisory[id]; applies {
				advisory = p.advisoryLink(id)
			}
			ids = append(ids, h.Li(plain(word+" "), advisory))
		}
	}
	add("closed", s.Closed)
	add("new", slices.Concat(s.OpenedByUpdate, s.OpenedByData))
	return g.Group{newLine, h.Tr(
		h.Th(h.Scope("row"), host(s.Host), g.If(len(s.Tags) > 0, small(tagNames(s.Tags)))),
		h.Td(plain(s.Words())),
		stateCell(s.Then),
		stateCell(s.Now),
		h.Td(g.If(len(ids) > 0, h.Ul(ids))),
	)}
}

// stateCell is empty if the server was not in the report.
func stateCell(s *report.State) g.Node {
	switch {
	case s == nil:
		return h.Td()
	case !s.Answered:
		return h.Td(badge("failed", "no answer"), small(s.Result))
	}
	return h.Td(plain(s.Version()), h.Div(badge(stateOf(s.Compliance), s.Word())))
}

// sinceThen compares the number of a tile with the baseline, "" if it cannot.
func (p *page) sinceThen(name string) string {
	c := p.report.Since
	if c == nil || !c.Whole {
		return ""
	}
	for _, n := range c.Counts() {
		switch {
		case n.Name != name:
		case n.Then == n.Now:
			return "as on " + day(c.AskedAt)
		default:
			return arrow(n.Then, n.Now) + " since " + day(c.AskedAt)
		}
	}
	return ""
}
