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
	"telegraf-qlik-sense-version/internal/report"
)

// The limits of the first page; the chapters after it have the rest.
const (
	maxEnvironments = 8
	maxWorst        = 3
	maxNext         = 10
	firstNext       = 6 // lines if there are more than maxNext
	maxIDs          = 3 // identifiers in a sentence
)

var matrixColumns = []string{"Environment", "Proven compliant", "Not compliant", "of them exploited", "Unknown", "No answer", "Servers"}

// overview is the first page, for decision makers: what is proven where, what is worst, and what to do.
func (p *page) overview() g.Node {
	return chapter("summary", "Summary",
		h.P(h.Class("lead"), plain(p.verdict())),
		newLine, h.Div(h.Class("overview"),
			newLine, h.Div(h.H3(plain("Servers by environment and state")), p.matrix()),
			newLine, h.Div(h.H3(plain("Worst problems")), p.worst()),
		),
		newLine, h.H3(plain("What to do next")), p.next(),
		p.tiles(),
		newLine, h.Div(h.Class(p.charts()), p.complianceChart(), p.versionChart()),
	)
}

// charts is the class of the charts, which depends on whether the first printed page has room for them.
// All sizes are in points; the room that is left was measured on A4, which is lower than Letter in landscape.
func (p *page) charts() string {
	const left, notice, row, line, bar, lineLetters = 222, 16, 17, 12.3, 9.5, 132
	used := notice * float64(len(p.warnings()))
	used += row * float64(max(0, min(len(p.environments()), maxEnvironments+1)-3)) // three fit beside the worst problems
	for _, text := range p.firstLines() {
		used += line * float64(1+len(text)/lineLetters)
	}
	used += bar * float64((min(len(p.report.Summary.Versions), maxVersions+1)+1)/2)
	if used > left {
		return "charts no-room"
	}
	return "charts"
}

// environment is all blocks with the same tags.
type environment struct {
	name   string
	blocks []*report.Block
}

func (e environment) counts() (c report.Counts) {
	for _, b := range e.blocks {
		for _, s := range b.Servers {
			c.AddServer(s)
		}
	}
	return c
}

// environments are in the order of the settings; if there are too many for the first page, those with
// the most unproven servers come first.
func (p *page) environments() (all []environment) {
	for _, b := range p.report.Blocks {
		place := slices.IndexFunc(all, func(e environment) bool {
			return len(b.Tags()) > 0 && maps.Equal(e.blocks[0].Tags(), b.Tags())
		})
		if place < 0 {
			place = len(all)
			all = append(all, environment{name: blockName(b)})
		}
		all[place].blocks = append(all[place].blocks, b)
	}
	if len(all) > maxEnvironments {
		unproven := func(e environment) int { c := e.counts(); return c.Servers - c.Compliant }
		slices.SortStableFunc(all, func(a, b environment) int { return cmp.Compare(unproven(b), unproven(a)) })
	}
	return all
}

func (p *page) matrix() g.Node {
	all := p.environments()
	if len(all) == 0 {
		return empty("No server was asked.")
	}
	var rows g.Group
	row := func(id string, heading g.Node, e environment) {
		rows = append(rows, newLine, h.Tr(h.Data("environment", id), h.Th(h.Scope("row"), heading), p.states(e)))
	}
	first := all[:min(len(all), maxEnvironments)]
	for i, e := range first {
		row(strconv.Itoa(i+1), g.Group{
			link(blockID(e.blocks[0]), e.name), g.If(p.incomplete(e), g.Group{plain(" "), badge("bad", "nodes unknown")}),
		}, e)
	}
	if rest := all[len(first):]; len(rest) > 0 {
		var others environment
		for _, e := range rest {
			others.blocks = append(others.blocks, e.blocks...)
		}
		row("others", plain("others: "+plural(len(rest), "environment")), others)
	}
	return h.Table(h.Class("matrix"),
		h.Caption(h.Class("unseen"), plain("Servers by environment and state")),
		tableHead(matrixColumns...),
		h.TBody(rows),
		h.TFoot(newLine, h.Tr(h.Data("environment", "all"), h.Th(h.Scope("row"), plain("All")), p.states(environment{blocks: p.report.Blocks}))),
	)
}

func (p *page) incomplete(e environment) bool {
	return slices.ContainsFunc(e.blocks, p.report.IncompleteSite)
}

// states are the cells of an environment. The first is green only if everything is proven.
func (p *page) states(e environment) g.Node {
	c := e.counts()
	cell := func(state string, n int) g.Node {
		if n == 0 {
			state = "quiet"
		}
		return h.Td(h.Class(strings.TrimSpace("n "+state)), plain(formatInt(n)))
	}
	proven := ""
	if c.Compliant == c.Servers && !p.incomplete(e) {
		proven = "ok"
	}
	return g.Group{cell(proven, c.Compliant), cell("bad", c.NonCompliant), cell("bad", c.Exploited),
		cell("unknown", c.Unknown), cell("failed", c.Failed), cell("", c.Servers)}
}

// sentence is a problem, with a link to more about it.
type sentence struct{ state, text, to, more string }

// worst are the gravest problems. What the notices say is not repeated.
func (p *page) worst() g.Node {
	all := p.problems()
	if len(all) == 0 {
		if p.report.Summary.Servers == 0 {
			return empty("Nothing is known: no server was asked.")
		}
		return empty("Nothing is known to be wrong with any server.")
	}
	return h.Ol(h.Class("worst"), g.Map(all[:min(len(all), maxWorst)], func(s sentence) g.Node {
		return g.Group{newLine, h.Li(h.Class(s.state), h.Span(plain(s.text+" ")), link(s.to, s.more))}
	}))
}

// problems are ordered by gravity: what is exploited, the worst other advisories, what is unknown, and
// the rest.
func (p *page) problems() (all []sentence) {
	s := &p.report.Summary
	add := func(n int, state, words, to, more string) {
		if n > 0 {
			all = append(all, sentence{state, plural(n, "server") + " " + words, to, more})
		}
	}
	addCards := func(cards []card) {
		for _, c := range cards {
			add(len(c.affected()), "bad", p.openTo(c), p.advisoryID(c[0].ID), "Which ones")
		}
	}
	them := func(n int) string { return report.Inflect(n, "it", "them") }
	their := func(n int) string { return report.Inflect(n, "its", "their") }
	worst := min(len(p.cards), 1+len(slices.DeleteFunc(slices.Clone(p.cards), func(c card) bool { return !c.exploited() })))
	addCards(p.cards[:worst])
	if n := p.report.Incomplete(); n > 0 {
		text := "Not all nodes of " + plural(n, "site") + " are known, so nothing is proven about " + them(n) + "."
		all = append(all, sentence{"bad", text, "servers", "Which ones"})
	}
	add(s.Failed, "failed", "did not answer, so nothing is known about "+them(s.Failed)+".", "failures", "Which ones, and what to do")
	add(s.Unknown, "unknown", "answered, but nothing is proven about "+them(s.Unknown)+".", "servers", "Which ones, and why")
	addCards(p.cards[worst:])
	add(s.BelowMinimum, "bad", are(s.BelowMinimum)+" below the minimum release of "+their(s.BelowMinimum)+" environment.", "plan", "What to install")
	add(s.OutOfSupport, "unknown", are(s.OutOfSupport)+" out of support, by the catalogue’s estimate.", "servers", "Since when")
	if len(p.report.Only) == 0 {
		add(s.Mismatched, "unknown", report.Inflect(s.Mismatched, "differs", "differ")+" from the usual version of "+their(s.Mismatched)+" environment.",
			"servers", "Which versions they run")
	}
	if n := len(p.report.Undecided); n > 0 {
		text := report.Inflect(n, "", "Each of the ") + report.UndecidedWords(n) + " may concern any server: nobody can map " + them(n) + " to releases yet."
		all = append(all, sentence{"unknown", text, "undecided", "What is known of them"})
	}
	return all
}

// openTo says what servers are open to, and for how long at most: a server may have been installed after
// the advisory was published.
func (p *page) openTo(c card) string {
	var ids []string
	days, score := 0, 0.0
	for _, a := range c {
		if c.exploited() && !a.Exploited() {
			continue
		}
		ids = append(ids, a.ID)
		score = max(score, a.CVSS)
		if exposed, known := a.ExposedDays(p.report); known {
			days = max(days, exposed)
		}
	}
	n := len(ids)
	if n > maxIDs {
		ids = append(ids[:maxIDs-1], formatInt(n-maxIDs+1)+" others")
	}
	words := are(len(c.affected())) + " open to " + enumeration(ids)
	switch {
	case c.exploited():
		words += ", which " + are(n) + " known to be exploited"
	case score > 0:
		words += fmt.Sprintf(" (CVSS %s%.1f, %s)", report.Inflect(n, "", "up to "), score, catalog.Severity(score))
	}
	if days > 0 {
		words += ", for " + plural(days, "day") + " at most"
	}
	return words + "."
}

// firstLines are the lines of the plan on the first page.
func (p *page) firstLines() []string {
	if len(p.lines) > maxNext {
		return p.lines[:firstNext]
	}
	return p.lines
}

// next shows the first lines of the plan.
func (p *page) next() g.Node {
	if len(p.lines) == 0 {
		return empty(p.nothingPlanned())
	}
	class := "about"
	more := len(p.lines) - len(p.firstLines())
	if more > 0 {
		class += " more"
	}
	return g.Group{
		h.Ol(h.Class("lines next"), items(p.firstLines())),
		h.P(h.Class(class), g.If(more > 0, plain("And "+plural(more, "line")+" more. ")), link("plan", "The plan"),
			plain(" says what to install on which server, and why.")),
	}
}

// nothingPlanned says why the plan is empty.
func (p *page) nothingPlanned() string {
	if p.report.Summary.Servers == 0 {
		return "Nothing can be planned: no server was asked."
	}
	if p.report.Incomplete() > 0 {
		return "Nothing is to be installed on the servers that are known."
	}
	return "Nothing is to be installed."
}
