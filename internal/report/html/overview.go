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

// The first page has room for so many of each; the chapters behind it have the rest.
const (
	maxEnvironments = 8
	maxWorst        = 3
	maxNext         = 10
	firstNext       = 6 // of more than maxNext lines
	maxIDs          = 3 // identifiers in a sentence
)

var matrixColumns = []string{"Environment", "Proven compliant", "Not compliant", "of them exploited", "Unknown", "No answer", "Servers"}

// overview is the page for those who decide: what is proven where, what is worst and what is
// to be done.
func (p *page) overview() g.Node {
	return chapter("summary", "Summary",
		h.P(h.Class("lead"), plain(p.verdict())),
		newLine, h.Div(h.Class("overview"),
			newLine, h.Div(h.H3(plain("Servers by environment and state")), p.matrix()),
			newLine, h.Div(h.H3(plain("What is worst")), p.worst()),
		),
		newLine, h.H3(plain("What to do next")), p.next(),
		p.tiles(),
		newLine, h.Div(h.Class(p.charts()), p.complianceChart(), p.versionChart()),
	)
}

// charts is the class of the charts, which says whether the first page of paper has room for them.
// All sizes are in points; what is left for the charts was measured on A4, the lower of the
// two usual papers.
func (p *page) charts() string {
	const left, notice, row, line, bar, lineLetters = 222, 16, 17, 12.3, 9.5, 132
	used := notice * float64(len(p.warnings()))
	used += row * float64(max(0, min(len(p.environments()), maxEnvironments+1)-3)) // three stand beside what is worst
	for _, text := range p.firstLines() {
		used += line * float64(1+len(text)/lineLetters)
	}
	used += bar * float64((min(len(p.report.Summary.Versions), maxVersions+1)+1)/2)
	if used > left {
		return "charts no-room"
	}
	return "charts"
}

// environment is what became of the servers of all blocks with the same tags.
type environment struct {
	name       string
	block      int // the first of them
	incomplete bool
	summary    report.Summary
}

// environments are in the order of the settings, and those with the most servers that are not
// proven come first where not all can be shown.
func (p *page) environments() []environment {
	all := make([]environment, 0, len(p.report.Blocks))
	for i := range p.report.Blocks {
		b := &p.report.Blocks[i]
		place := slices.IndexFunc(all, func(e environment) bool {
			return len(b.Tags()) > 0 && maps.Equal(p.report.Blocks[e.block].Tags(), b.Tags())
		})
		if place < 0 {
			place = len(all)
			all = append(all, environment{name: p.blockName(i), block: i})
		}
		all[place].add(&b.Summary)
		all[place].incomplete = all[place].incomplete || p.report.IncompleteSite(b)
	}
	if len(all) > maxEnvironments {
		slices.SortStableFunc(all, func(a, b environment) int {
			return cmp.Compare(b.summary.Servers-b.summary.Compliant, a.summary.Servers-a.summary.Compliant)
		})
	}
	return all
}

func (e *environment) add(s *report.Summary) {
	e.summary.Servers += s.Servers
	e.summary.Compliant += s.Compliant
	e.summary.NonCompliant += s.NonCompliant
	e.summary.Exploited += s.Exploited
	e.summary.Unknown += s.Unknown
	e.summary.Failed += s.Failed
}

func (p *page) matrix() g.Node {
	all := p.environments()
	if len(all) == 0 {
		return empty("No server was asked.")
	}
	var rows g.Group
	others := environment{}
	for i := range all {
		if i < maxEnvironments {
			rows = append(rows, newLine, h.Tr(h.Data("environment", strconv.Itoa(i+1)),
				h.Th(h.Scope("row"), link(blockID(all[i].block), all[i].name), g.If(all[i].incomplete, g.Group{plain(" "), labelled("bad", "nodes unknown")})),
				states(&all[i])))
			continue
		}
		others.add(&all[i].summary)
		others.incomplete = others.incomplete || all[i].incomplete
	}
	if n := len(all) - maxEnvironments; n > 0 {
		rows = append(rows, newLine, h.Tr(h.Data("environment", "others"), h.Th(h.Scope("row"), plain("others: "+counted(n, "environment"))), states(&others)))
	}
	whole := environment{summary: p.report.Summary, incomplete: p.report.Incomplete() > 0}
	return h.Table(h.Class("matrix"),
		h.Caption(h.Class("unseen"), plain("Servers by environment and state")),
		tableHead(matrixColumns...),
		h.TBody(rows),
		h.TFoot(newLine, h.Tr(h.Data("environment", "all"), h.Th(h.Scope("row"), plain("All")), states(&whole))),
	)
}

// states are the cells of an environment. The first is green only where all is proven.
func states(e *environment) g.Node {
	s := &e.summary
	cell := func(state string, n int) g.Node {
		if n == 0 {
			state = "quiet"
		}
		return h.Td(h.Class(strings.TrimSpace("n "+state)), plain(grouped(n)))
	}
	proven := ""
	if s.Compliant == s.Servers && !e.incomplete {
		proven = "ok"
	}
	return g.Group{cell(proven, s.Compliant), cell("bad", s.NonCompliant), cell("bad", s.Exploited),
		cell("unknown", s.Unknown), cell("failed", s.Failed), cell("", s.Servers)}
}

// sentence is something that is the matter, and where more of it stands.
type sentence struct{ state, text, to, more string }

// worst are the gravest facts, each in a sentence. What the notices say is not said again.
func (p *page) worst() g.Node {
	all := p.facts()
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

// facts are what is the matter, the gravest first: what is exploited, the worst of what else
// servers are open to, what nobody knows, and the rest.
func (p *page) facts() (all []sentence) {
	s := &p.report.Summary
	add := func(n int, state, words, to, more string) {
		if n > 0 {
			all = append(all, sentence{state, counted(n, "server") + " " + words, to, more})
		}
	}
	open := func(cards []card) {
		for i := range cards {
			add(len(cards[i].affected), "bad", p.openTo(&cards[i]), advisoryID(cards[i].places[0]), "Which ones")
		}
	}
	exploited := 0
	for exploited < len(p.cards) && p.cards[exploited].exploited(p.report) {
		exploited++
	}
	worst := min(exploited+1, len(p.cards))
	open(p.cards[:worst])
	if n := p.report.Incomplete(); n > 0 {
		text := "Nobody knows all nodes of " + counted(n, "site") + ", so that nothing is proven of " + them(n) + "."
		all = append(all, sentence{"bad", text, "servers", "Which ones"})
	}
	add(s.Failed, "failed", "did not answer, so that nothing is known of "+them(s.Failed)+".", "failures", "Which ones, and what to do")
	add(s.Unknown, "unknown", "answered, and nothing is proven of "+them(s.Unknown)+".", "servers", "Which ones, and why")
	open(p.cards[worst:])
	add(s.BelowMinimum, "bad", are(s.BelowMinimum)+" below the minimum release of "+their(s.BelowMinimum)+" environment.", "plan", "What to install")
	add(s.OutOfSupport, "unknown", are(s.OutOfSupport)+" out of support, by the catalogue’s estimate.", "servers", "Since when")
	if len(p.report.Only) == 0 {
		add(s.Mismatched, "unknown", runs(s.Mismatched)+" another version than is usual in "+their(s.Mismatched)+" environment.",
			"servers", "Which versions they run")
	}
	if n := len(p.report.Undecided); n > 0 {
		text := "Each of the " + report.UndecidedWords(n) + " may concern any server: nobody can map them to releases yet."
		if n == 1 {
			text = report.UndecidedWords(n) + " may concern any server: nobody can map it to releases yet."
		}
		all = append(all, sentence{"unknown", text, "undecided", "What is known of them"})
	}
	return all
}

// openTo says what servers are open to, and for how long at most: a server can have been
// installed later than the advisory was published.
func (p *page) openTo(c *card) string {
	var ids []string
	days, exploited := 0, c.exploited(p.report)
	for _, place := range c.places {
		a := &p.report.Advisories[place]
		if exploited && !a.Exploited() {
			continue
		}
		ids = append(ids, a.ID)
		if exposed, known := a.ExposedDays(p.report); known {
			days = max(days, exposed)
		}
	}
	words := are(len(c.affected)) + " open to " + listed(ids)
	switch {
	case exploited:
		words += ", which " + are(len(ids)) + " known to be exploited"
	case c.score > 0 && len(ids) == 1:
		words += fmt.Sprintf(" (CVSS %.1f, %s)", c.score, catalog.Severity(c.score))
	case c.score > 0:
		words += fmt.Sprintf(" (CVSS up to %.1f, %s)", c.score, catalog.Severity(c.score))
	}
	if days > 0 {
		words += ", for " + counted(days, "day") + " at most"
	}
	return words + "."
}

// listed writes identifiers as people do, and the number of those that are too many.
func listed(ids []string) string {
	shown := ids
	if len(ids) > maxIDs {
		shown = append(slices.Clone(ids[:maxIDs-1]), grouped(len(ids)-maxIDs+1)+" others")
	}
	last := len(shown) - 1
	if last == 0 {
		return shown[0]
	}
	return strings.Join(shown[:last], ", ") + " and " + shown[last]
}

// firstLines are those lines of the plan that stand on the first page. Where they are not all, all of
// them stand in the plan.
func (p *page) firstLines() []string {
	lines := p.planned.Lines()
	if len(lines) > maxNext {
		return lines[:firstNext]
	}
	return lines
}

// next are the first lines of the plan.
func (p *page) next() g.Node {
	lines := p.planned.Lines()
	if len(lines) == 0 {
		return empty(p.nothingPlanned())
	}
	first, about := p.firstLines(), "about"
	more := len(lines) - len(first)
	if more > 0 {
		about += " more"
	}
	return g.Group{
		h.Ol(h.Class("lines next"), g.Map(first, func(line string) g.Node { return g.Group{newLine, h.Li(plain(line))} })),
		h.P(h.Class(about), g.If(more > 0, plain("And "+counted(more, "line")+" more. ")), link("plan", "The plan"),
			plain(" says what to install on which server, and why.")),
	}
}

// nothingPlanned says why there is no plan.
func (p *page) nothingPlanned() string {
	if p.report.Summary.Servers == 0 {
		return "Nothing can be planned: no server was asked."
	}
	if p.report.Incomplete() > 0 {
		return "Nothing is to be installed on the servers that are known."
	}
	return "Nothing is to be installed."
}

func them(n int) string {
	if n == 1 {
		return "it"
	}
	return "them"
}

func their(n int) string {
	if n == 1 {
		return "its"
	}
	return "their"
}

func runs(n int) string {
	if n == 1 {
		return "runs"
	}
	return "run"
}
