package table

import (
	"fmt"
	"io"
	"strings"

	"telegraf-qlik-sense-version/internal/plan"
	"telegraf-qlik-sense-version/internal/text"
)

var planColumns = []column{
	{head: "SERVER", enough: 24},
	{head: "RUNS", enough: enough, fair: fairRelease},
	{head: "INSTALL", enough: enough, fair: fairRelease},
	{head: "EFFORT", enough: enough},
	{head: "CLOSES", enough: 14, fair: 14},
	{head: "WHY", enough: enough, fair: 30},
}

// WritePlan writes a plan for people: the servers of each wave in their order, then lines
// for a change request.
func WritePlan(w io.Writer, plan *plan.Plan, options Options) error {
	p := newSheet(options)
	p.line(0, fmt.Sprintf("Asked %s UTC by %s", plan.Report.AskedAt.UTC().Format("2006-01-02 15:04"), plan.Report.Program), dim)
	for i := range plan.Report.Blocks {
		if words, _ := plan.Report.Blocks[i].SiteWords(); words != "" {
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

func (p *sheet) waves(of *plan.Plan) {
	all := &grid{columns: planColumns}
	for i := range of.Waves {
		todo := of.Waves[i].Todo()
		for j := range todo {
			all.rows = append(all.rows, planRow(&todo[j]))
		}
	}
	widths, fits := all.widths(p.width, 2, 1, 4, 5, 0, 3)
	for i := range of.Waves {
		w := &of.Waves[i]
		p.heading(of.Title(w))
		n := len(w.Todo())
		p.rows(&grid{columns: all.columns, rows: all.rows[:n]}, widths, fits)
		all.rows = all.rows[n:]
		if done := len(w.Rows) - n; done > 0 {
			p.line(0, text.Plural(done, "server")+" proven compliant: nothing to install", green)
		}
	}
}

func planRow(row *plan.Row) []cell {
	closes := make(cell, 0, len(row.Closes()))
	for _, id := range row.Closes() {
		closes = append(closes, phrase{text: id})
	}
	why := make([]string, 0, 6)
	for _, reason := range row.Why() {
		why = append(why, shorten(reason, maxReason))
	}
	server := cell{{text: row.Server.Server.String(), ink: ink(row.Server)}}
	if len(row.Block.Tags()) > 0 {
		server = append(server, phrase{text: title(row.Block), ink: dim})
	}
	if node := row.Server.NodeWords(); node != "" {
		server = append(server, phrase{text: shorten(node, maxShown), ink: dim})
	}
	return []cell{server, textCell(glued(row.Runs())), textCell(glued(row.Do())), textCell(row.Effort()), closes, textCell(strings.Join(why, ", "))}
}

// maxReason bounds a reason, which may be what a server said.
const maxReason = 120
