package table

import (
	"io"
	"strings"

	"telegraf-qlik-sense-version/internal/plan"
	"telegraf-qlik-sense-version/internal/text"
)

var planColumns = []column{
	{head: "SERVER", wordWidth: 24},
	{head: "RUNS", wordWidth: wordWidth, fairWidth: releaseWidth},
	{head: "INSTALL", wordWidth: wordWidth, fairWidth: releaseWidth, onTop: true},
	{head: "EFFORT", wordWidth: wordWidth, plain: true},
	{head: "CLOSES", wordWidth: 14, fairWidth: 14},
	{head: "WHY", wordWidth: wordWidth, fairWidth: 30, plain: true},
}

// WritePlan writes a plan for people: the servers of each wave, then lines for a change request.
func WritePlan(w io.Writer, plan *plan.Plan, options Options) error {
	p := newSheet(options)
	p.asked(plan.Report)
	for _, b := range plan.Report.Blocks {
		if words, _ := b.SiteWords(); words != "" {
			p.line(0, words, dim)
		}
	}
	for _, warning := range plan.Warnings {
		p.line(0, warning, yellow)
	}
	p.waves(plan)
	if lines := plan.Lines(); len(lines) > 0 {
		p.heading("For the change request")
		for _, line := range lines {
			p.line(0, line, nil)
		}
	}
	_, err := io.WriteString(w, p.text.String())
	return err
}

func (p *sheet) waves(planned *plan.Plan) {
	all := &grid{columns: planColumns}
	for _, w := range planned.Waves {
		for _, row := range w.Todo() {
			all.rows = append(all.rows, planRow(row))
		}
	}
	all.fit(p.width, 2, 1, 4, 5, 0, 3)
	for _, w := range planned.Waves {
		p.heading(planned.Title(w))
		n := len(w.Todo())
		p.rows(all.next(n))
		if done := len(w.Rows) - n; done > 0 {
			p.line(0, text.Plural(done, "server")+" proven compliant: nothing to install", green)
		}
	}
}

func planRow(row *plan.Row) []cell {
	server := cell{{text: row.Server.Server.String(), ink: ink(row.Server)}}
	if tags := row.Server.Block.Tags(); len(tags) > 0 {
		server = append(server, phrase{text: title(tags), ink: dim})
	}
	ids := row.Closes()
	closes := make(cell, 0, len(ids))
	for _, id := range ids {
		closes = append(closes, phrase{text: id})
	}
	why := row.Why()
	for i := range why {
		why[i] = shorten(why[i], maxReason)
	}
	return []cell{
		withNode(server, row.Server), textCell(glue(row.Runs())), textCell(glue(row.Do())), textCell(row.Effort()), closes,
		textCell(strings.Join(why, ", ")),
	}
}

// maxReason bounds a reason, which may be what a server said.
const maxReason = 120
