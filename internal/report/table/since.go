package table

import (
	"fmt"
	"slices"
	"strings"

	pretty "github.com/jedib0t/go-pretty/v6/text"

	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/text"
)

var sinceColumns = []column{
	{head: "SERVER", wordWidth: 24},
	{head: "CHANGE", wordWidth: wordWidth, fairWidth: 20, onTop: true},
	{head: "THEN", wordWidth: wordWidth, fairWidth: releaseWidth},
	{head: "NOW", wordWidth: wordWidth, fairWidth: releaseWidth},
	{head: "ADVISORIES", wordWidth: 14, fairWidth: 14},
}

// since writes what changed since the baseline, if there is one.
func (p *sheet) since(c *report.Comparison) {
	if c == nil {
		return
	}
	p.heading("Since " + c.AskedAt.UTC().Format("2006-01-02 15:04") + " UTC")
	for _, remark := range c.Remarks {
		p.line(0, remark, yellow)
	}
	counts := make([]string, 0, 8)
	for _, n := range c.Counts() {
		counts = append(counts, nonBreaking(fmt.Sprintf("%s: %d -> %d", n.Words, n.Then, n.Now)))
	}
	p.line(0, strings.Join(counts, ", "), nil)
	p.tallies("Closed: ", c.Closed)
	p.tallies("New: ", c.Opened)

	changed, unchanged, notCompared := c.Changed()
	g := &grid{columns: sinceColumns}
	for _, s := range changed {
		g.rows = append(g.rows, sinceRow(s))
	}
	g.fit(p.width, 1, 2, 3, 4, 0)
	p.rows(g)
	rest := text.Plural(unchanged, "server") + " unchanged"
	if notCompared > 0 {
		rest += fmt.Sprintf(", %d not compared", notCompared)
	}
	p.line(0, rest, nil)
}

func (p *sheet) tallies(heading string, tallies []report.Tally) {
	words := make([]string, 0, len(tallies))
	for _, t := range tallies {
		words = append(words, shorten(t.ID, maxText)+" on "+text.Plural(t.Servers, "server"))
	}
	if len(words) > 0 {
		p.line(0, heading+strings.Join(words, ", "), nil)
	}
}

func sinceRow(s *report.Compared) []cell {
	server := cell{{text: s.Host, ink: changeInk(s)}}
	if len(s.Tags) > 0 {
		server = append(server, phrase{text: title(s.Tags), ink: dim})
	}
	var advisories cell
	add := func(word string, ids []string) {
		if len(ids) > 0 {
			advisories = append(advisories, phrase{text: word, ink: dim})
		}
		for _, id := range ids {
			advisories = append(advisories, phrase{text: shorten(id, maxText)})
		}
	}
	add("closed", s.Closed)
	add("new", slices.Concat(s.OpenedByUpdate, s.OpenedByData))
	return []cell{server, textCell(s.Words()), stateCell(s.Then), stateCell(s.Now), advisories}
}

func stateCell(s *report.State) cell {
	if s == nil {
		return textCell("-")
	}
	if !s.Answered {
		return textCell(shorten(s.Word(), maxReason))
	}
	return cell{{text: glue(s.Version())}, {text: s.Word()}}
}

// changeInk is green for an improvement, and red for a server that is newly open or silent.
func changeInk(s *report.Compared) pretty.Colors {
	switch {
	case s.Has(report.OpenedByUpdate), s.Has(report.OpenedByData), s.Has(report.GoneDark):
		return red
	case s.Has(report.Fixed), s.Has(report.Proven):
		return green
	case s.Has(report.Vanished), s.Has(report.NotAsked), s.Has(report.Unproven), s.Has(report.Downgraded):
		return yellow
	}
	return nil
}
