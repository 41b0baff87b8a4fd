package table

import (
	"fmt"
	"slices"
	"strings"

	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/terminal"
	"telegraf-qlik-sense-version/internal/text"
)

var sinceColumns = []terminal.Column{
	{Head: "SERVER", WordWidth: 24},
	{Head: "CHANGE", FairWidth: 20, OnTop: true},
	{Head: "THEN", FairWidth: releaseWidth},
	{Head: "NOW", FairWidth: releaseWidth},
	{Head: "ADVISORIES", FairWidth: 14},
}

// since writes what changed since the baseline, if there is one.
func (p *sheet) since(c *report.Comparison) {
	if c == nil {
		return
	}
	p.Heading("Since " + c.AskedAt.UTC().Format("2006-01-02 15:04") + " UTC")
	for _, remark := range c.Remarks {
		p.Line(0, remark, terminal.Yellow)
	}
	counts := make([]string, 0, 8)
	for _, n := range c.Counts() {
		counts = append(counts, terminal.NonBreaking(fmt.Sprintf("%s: %d -> %d", n.Words, n.Then, n.Now)))
	}
	p.Line(0, strings.Join(counts, ", "), terminal.Plain)
	p.tallies("Closed: ", c.Closed)
	p.tallies("New: ", c.Opened)

	changed, unchanged, notCompared := c.Changed()
	g := &terminal.Table{Columns: sinceColumns}
	for _, s := range changed {
		g.Rows = append(g.Rows, sinceRow(s))
	}
	p.Table(g)
	rest := text.Plural(unchanged, "server") + " unchanged"
	if notCompared > 0 {
		rest += fmt.Sprintf(", %d not compared", notCompared)
	}
	p.Line(0, rest, terminal.Plain)
}

func (p *sheet) tallies(heading string, tallies []report.Tally) {
	words := make([]string, 0, len(tallies))
	for _, t := range tallies {
		words = append(words, terminal.Shorten(t.ID, maxText)+" on "+text.Plural(t.Servers, "server"))
	}
	if len(words) > 0 {
		p.Line(0, heading+strings.Join(words, ", "), terminal.Plain)
	}
}

func sinceRow(s *report.Compared) []terminal.Cell {
	server := terminal.Cell{{Text: s.Host, Ink: changeInk(s)}}
	if len(s.Tags) > 0 {
		server = append(server, terminal.Phrase{Text: title(s.Tags), Ink: terminal.Dim})
	}
	var advisories terminal.Cell
	add := func(word string, ids []string) {
		if len(ids) > 0 {
			advisories = append(advisories, terminal.Phrase{Text: word, Ink: terminal.Dim})
		}
		for _, id := range ids {
			advisories = append(advisories, terminal.Phrase{Text: terminal.Shorten(id, maxText)})
		}
	}
	add("closed", s.Closed)
	add("new", slices.Concat(s.OpenedByUpdate, s.OpenedByData))
	return []terminal.Cell{server, terminal.Text(s.Words()), stateCell(s.Then), stateCell(s.Now), advisories}
}

func stateCell(s *report.State) terminal.Cell {
	if s == nil {
		return terminal.Text("-")
	}
	if !s.Answered {
		return terminal.Text(terminal.Shorten(s.Word(), maxReason))
	}
	return terminal.Cell{{Text: glue(s.Version())}, {Text: s.Word()}}
}

// changeInk is green for an improvement, and red for a server that is newly open or silent.
func changeInk(s *report.Compared) terminal.Ink {
	switch {
	case s.Has(report.OpenedByUpdate), s.Has(report.OpenedByData), s.Has(report.GoneDark):
		return terminal.Red
	case s.Has(report.Fixed), s.Has(report.Proven):
		return terminal.Green
	case s.Has(report.Vanished), s.Has(report.NotAsked), s.Has(report.Unproven), s.Has(report.Downgraded):
		return terminal.Yellow
	}
	return terminal.Plain
}
