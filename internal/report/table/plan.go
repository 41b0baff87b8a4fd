package table

import (
	"io"
	"strings"

	"telegraf-qlik-sense-version/internal/plan"
	"telegraf-qlik-sense-version/internal/terminal"
	"telegraf-qlik-sense-version/internal/text"
)

var planColumns = []terminal.Column{
	{Head: "SERVER", WordWidth: 24},
	{Head: "RUNS", FairWidth: releaseWidth},
	{Head: "INSTALL", FairWidth: releaseWidth, OnTop: true},
	{Head: "EFFORT", Bare: true},
	{Head: "CLOSES", FairWidth: 14},
	{Head: "WHY", FairWidth: 30, Bare: true},
}

// WritePlan writes a plan for people: the servers of each wave, then lines for a change request.
func WritePlan(w io.Writer, plan *plan.Plan, options terminal.Options) error {
	p := &sheet{terminal.NewPage(options)}
	p.asked(plan.Report)
	for _, b := range plan.Report.Blocks {
		if words, _ := b.SiteWords(); words != "" {
			p.Line(0, words, terminal.Dim)
		}
	}
	for _, warning := range plan.Warnings {
		p.Line(0, warning, terminal.Yellow)
	}
	p.waves(plan)
	if lines := plan.Lines(); len(lines) > 0 {
		p.Heading("For the change request")
		for _, line := range lines {
			p.Line(0, line, terminal.Plain)
		}
	}
	return p.Print(w)
}

func (p *sheet) waves(planned *plan.Plan) {
	all := &terminal.Table{Columns: planColumns}
	for _, w := range planned.Waves {
		for _, row := range w.Todo() {
			all.Rows = append(all.Rows, planRow(row))
		}
	}
	p.Fit(all)
	for _, w := range planned.Waves {
		p.Heading(planned.Title(w))
		n := len(w.Todo())
		p.Table(all.Next(n))
		if done := len(w.Rows) - n; done > 0 {
			p.Line(0, text.Plural(done, "server")+" proven compliant: nothing to install", terminal.Green)
		}
	}
}

func planRow(row *plan.Row) []terminal.Cell {
	server := terminal.Cell{{Text: row.Server.Server.String(), Ink: ink(row.Server)}}
	if tags := row.Server.Block.Tags(); len(tags) > 0 {
		server = append(server, terminal.Phrase{Text: title(tags), Ink: terminal.Dim})
	}
	ids := row.Closes()
	closes := make(terminal.Cell, 0, len(ids))
	for _, id := range ids {
		closes = append(closes, terminal.Phrase{Text: id})
	}
	why := row.Why()
	for i := range why {
		why[i] = terminal.Shorten(why[i], maxReason)
	}
	return []terminal.Cell{
		withNode(server, row.Server), terminal.Text(glue(row.Runs())), terminal.Text(glue(row.Do())), terminal.Text(row.Effort()), closes,
		terminal.Text(strings.Join(why, ", ")),
	}
}

// maxReason bounds a reason, which may be what a server said.
const maxReason = 120
