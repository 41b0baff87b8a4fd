package html

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"telegraf-qlik-sense-version/internal/report"
)

// notice is something that a reader must not miss.
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
			counted(n, "site")+" "+are(n)+" not proven, whatever the servers answer: its nodes could not be listed, or not all of them can be asked.",
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
				"Whoever writes "+c.Name+" can make servers compliant with such entries, so that somebody should look at them: "+strings.Join(c.Weaker, "; ")+".",
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
	proven := fmt.Sprintf("Proven compliant: %s of %s (%s)", grouped(s.Compliant), counted(s.Servers, "server"), report.Share(s.Compliant, s.Servers))
	if n := len(p.report.Undecided); n > 0 {
		proven += ", " + report.UndecidedWords(n)
	}
	var others []string
	add := func(n int, words string) {
		if n > 0 {
			others = append(others, grouped(n)+" "+words)
		}
	}
	add(s.NonCompliant, are(s.NonCompliant)+" not compliant")
	add(s.Unknown, are(s.Unknown)+" unknown")
	add(s.Failed, "did not answer")
	if len(others) == 0 {
		return proven + "."
	}
	last := len(others) - 1
	if last == 0 {
		return proven + ". " + others[0] + "."
	}
	return proven + ". " + strings.Join(others[:last], ", ") + " and " + others[last] + "."
}

func (p *page) tiles() g.Node {
	s := &p.report.Summary
	return g.Group{newLine, h.Dl(h.Class("tiles"),
		p.tile("servers", "Servers", s.Servers, "were asked", ""),
		p.tile("answered", "Answered", s.Answered, "told their version", ""),
		p.tile("failed", "Failed", s.Failed, "did not tell their version", "bad"),
		p.proven(),
		p.tile("unknown", "Unknown", s.Unknown, "answered, but nothing is proven", "unknown"),
		p.tile("vulnerable", "Vulnerable", s.Vulnerable, "open to a known vulnerability", "bad"),
		p.tile("exploited", "Exploited", s.Exploited, "open to one that CISA lists as exploited", "bad"),
		p.belowMinimum(),
		p.outOfStep(),
		p.tile("out_of_support", "Out of support", s.OutOfSupport, "by the catalogue’s estimate", "unknown"),
	)}
}

// proven is the share of all servers; that of those that answered comes second.
func (p *page) proven() g.Node {
	s := &p.report.Summary
	meaning := "no server was asked"
	if s.Servers > 0 {
		meaning = grouped(s.Compliant) + " of " + grouped(s.Servers)
	}
	if s.Answered > 0 && s.Failed > 0 {
		meaning += "; " + report.Share(s.Compliant, s.Answered) + " of those that answered"
	}
	if n := len(p.report.Undecided); n > 0 {
		meaning += "; " + report.UndecidedWords(n)
	}
	return p.rawTile("compliant", "Proven compliant", strconv.Itoa(s.Compliant), report.Share(s.Compliant, s.Servers), meaning, "")
}

// tile shows a number of servers, in the colour of a state unless it is 0.
func (p *page) tile(name, label string, n int, meaning, state string) g.Node {
	if n == 0 {
		state = ""
	}
	return p.rawTile(name, label, strconv.Itoa(n), grouped(n), meaning, state)
}

func (p *page) belowMinimum() g.Node {
	const name, label = "below_minimum", "Below minimum"
	if !slices.ContainsFunc(p.report.Blocks, func(b report.Block) bool { return !b.Round.Block.Minimum().IsZero() }) {
		return p.rawTile(name, label, "0", "–", "no minimum release is set", "")
	}
	return p.tile(name, label, p.report.Summary.BelowMinimum, "below the minimum release of their environment", "bad")
}

func (p *page) outOfStep() g.Node {
	const name, label = "version_mismatch", "Out of step"
	if len(p.report.Only) > 0 {
		return p.rawTile(name, label, strconv.Itoa(p.report.Summary.Mismatched), "–", "not told, as the report is limited to some servers", "")
	}
	if !slices.ContainsFunc(p.report.Blocks, func(b report.Block) bool { return b.Round.Block.SameVersion }) {
		return p.rawTile(name, label, "0", "–", "not asked for", "")
	}
	return p.tile(name, label, p.report.Summary.Mismatched, "run another version than is usual in their environment", "unknown")
}

// inMatrix are the numbers that the matrix has as well: paper has no room for both.
var inMatrix = []string{"servers", "answered", "failed", "unknown", "exploited"}

func (p *page) rawTile(name, label, exact, shown, meaning, state string) g.Node {
	since := p.sinceThen(name)
	place := ""
	if slices.Contains(inMatrix, name) {
		place = "in-matrix"
	}
	return g.Group{newLine, h.Div(h.Class(strings.Join(strings.Fields("tile "+state+" "+place), " ")), h.Data("count", name), h.Data("value", exact),
		h.Dt(plain(label)),
		h.Dd(h.Class("value"), plain(shown)),
		h.Dd(h.Class("meaning"), plain(meaning)),
		g.If(since != "", h.Dd(h.Class("since"), plain(since))),
	)}
}
