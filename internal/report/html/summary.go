package html

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"telegraf-qlik-sense-version/internal/report"
)

// notice is a warning at the top of the page.
type notice struct{ state, heading, text, to, more string }

func (p *page) notices() g.Node {
	all := p.warnings()
	if len(all) == 0 {
		return nil
	}
	return h.Section(h.Class("notices"), h.Aria("label", "Notices"), g.Map(all, func(n notice) g.Node {
		return g.Group{newLine, h.P(h.Class("notice "+n.state), h.Strong(plain(n.heading)), plain(" "+n.text+" "), link(n.to, n.more))}
	}))
}

func (p *page) warnings() (all []notice) {
	add := func(state, heading, text, to, more string) { all = append(all, notice{state, heading, text, to, more}) }
	if n := p.report.Incomplete(); n > 0 {
		add("bad", "Not all nodes are known.",
			plural(n, "site")+" "+are(n)+" not proven, whatever the servers answer: its nodes could not be listed, or not all of them can be asked.",
			"servers", "Which ones")
	}
	for _, a := range p.report.Undecided {
		if a.Exploited() {
			add("bad", "Exploited and undecided.",
				a.ID+" is known to be exploited, and nobody can map it to releases yet: no server is proven compliant until somebody decides it: "+
					a.Decision(a.Catalog)+".",
				"undecided", "What is known of it")
		}
	}
	for _, problem := range p.report.Problems {
		add("unknown", "Judged by other data.", "The catalogue cannot be read: "+problem+".", "data", "What servers were judged by instead")
	}
	for _, c := range p.report.Catalogs {
		if len(c.Weaker) > 0 {
			add("unknown", "Weaker than the program’s own data.",
				"Whoever writes "+c.Name+" can make servers compliant with such entries, so somebody should review them: "+strings.Join(c.Weaker, "; ")+".",
				"data", "The catalogues")
		}
	}
	for _, warning := range p.report.Warnings() {
		add("unknown", warning.Heading+".", warning.Text, "data", "What that means")
	}
	return all
}

// verdict is the summary in a sentence or two.
func (p *page) verdict() string {
	s := &p.report.Summary
	if s.Servers == 0 {
		return "No server was asked: nothing is proven."
	}
	proven := fmt.Sprintf("Proven compliant: %s of %s (%s)", formatInt(s.Compliant), plural(s.Servers, "server"), report.Share(s.Compliant, s.Servers))
	proven = report.AndUndecided(proven, len(p.report.Undecided))
	var others []string
	add := func(n int, words string) {
		if n > 0 {
			others = append(others, formatInt(n)+" "+words)
		}
	}
	add(s.NonCompliant, are(s.NonCompliant)+" not compliant")
	add(s.Unknown, are(s.Unknown)+" unknown")
	add(s.Failed, "did not answer")
	if len(others) == 0 {
		return proven + "."
	}
	return proven + ". " + enumeration(others) + "."
}

// tile shows a number of servers, or a text instead. A number other than 0 has the colour of the state.
type tile struct {
	name, label string
	n           int
	meaning     string
	state       string
	text        string // instead of the number, unless ""
}

func (p *page) tiles() g.Node {
	s := &p.report.Summary
	belowMinimum := tile{"below_minimum", "Below minimum", s.BelowMinimum, "below the minimum release of their environment", "bad", ""}
	if !slices.ContainsFunc(p.report.Blocks, func(b *report.Block) bool { return !b.Round.Block.Minimum().IsZero() }) {
		belowMinimum.text, belowMinimum.meaning = "–", "no minimum release is set"
	}
	outOfStep := tile{"version_mismatch", "Out of step", s.Mismatched, "differ from the usual version of their environment", "unknown", ""}
	switch {
	case len(p.report.Only) > 0:
		outOfStep.text, outOfStep.meaning = "–", "not compared, because the report is limited to some servers"
	case !slices.ContainsFunc(p.report.Blocks, func(b *report.Block) bool { return b.Round.Block.SameVersion }):
		outOfStep.text, outOfStep.meaning = "–", "not asked for"
	}
	return g.Group{newLine, h.Dl(h.Class("tiles"), g.Map([]tile{
		{"servers", "Servers", s.Servers, "were asked", "", ""},
		{"answered", "Answered", s.Answered, "reported their version", "", ""},
		{"failed", "Failed", s.Failed, "did not report their version", "bad", ""},
		{"compliant", "Proven compliant", s.Compliant, p.shares(), "", report.Share(s.Compliant, s.Servers)},
		{"unknown", "Unknown", s.Unknown, "answered, but nothing is proven", "unknown", ""},
		{"vulnerable", "Vulnerable", s.Vulnerable, "open to a known vulnerability", "bad", ""},
		{"exploited", "Exploited", s.Exploited, "open to one that CISA lists as exploited", "bad", ""},
		belowMinimum,
		outOfStep,
		{"out_of_support", "Out of support", s.OutOfSupport, "by the catalogue’s estimate", "unknown", ""},
	}, p.tile))}
}

// shares explains the share of proven servers: first of all, then of those that answered.
func (p *page) shares() string {
	s := &p.report.Summary
	words := "no server was asked"
	if s.Servers > 0 {
		words = formatInt(s.Compliant) + " of " + formatInt(s.Servers)
	}
	if s.Answered > 0 && s.Failed > 0 {
		words += "; " + report.Share(s.Compliant, s.Answered) + " of those that answered"
	}
	if n := len(p.report.Undecided); n > 0 {
		words += "; " + report.UndecidedWords(n)
	}
	return words
}

// inMatrix are the tiles whose numbers are also in the matrix: paper has no room for both.
var inMatrix = []string{"servers", "answered", "failed", "unknown", "exploited"}

func (p *page) tile(t tile) g.Node {
	class := "tile"
	if t.state != "" && t.n > 0 && t.text == "" {
		class += " " + t.state
	}
	if slices.Contains(inMatrix, t.name) {
		class += " in-matrix"
	}
	since := p.sinceThen(t.name)
	return g.Group{newLine, h.Div(h.Class(class), h.Data("count", t.name), h.Data("value", strconv.Itoa(t.n)),
		h.Dt(plain(t.label)),
		h.Dd(h.Class("value"), plain(cmp.Or(t.text, formatInt(t.n)))),
		h.Dd(h.Class("meaning"), plain(t.meaning)),
		g.If(since != "", h.Dd(h.Class("since"), plain(since))),
	)}
}
