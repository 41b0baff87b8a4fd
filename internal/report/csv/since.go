package csv

import (
	"strings"

	"telegraf-qlik-sense-version/internal/report"
)

// sinceColumn is the last column of a report with a baseline.
const sinceColumn = "since_baseline"

// withChanges adds to the rows of a report what changed since its baseline, and a row for each
// server that only the baseline has.
func (d Dialect) withChanges(rows [][]string, r *report.Report, keys []string) [][]string {
	changes := make(map[*report.Server]string, len(r.Since.Servers))
	var gone [][]string
	for i := range r.Since.Servers {
		s := &r.Since.Servers[i]
		words := strings.Join(s.Names(), ",")
		if words == "" {
			words = report.Unchanged
		}
		if s.Server != nil {
			changes[s.Server] = words
			continue
		}
		row := make([]string, len(rows[0]))
		row[0] = identity[0].cell(server{Dialect: d, report: r})
		row[1], row[2] = d.safe(s.Source), d.safe(s.Host)
		for j, key := range keys {
			row[len(identity)+j] = d.safe(s.Tags[key])
		}
		row[len(row)-1] = words
		gone = append(gone, row)
	}
	n := 1
	for i := range r.Blocks {
		b := &r.Blocks[i]
		for j := range b.Servers {
			rows[n] = append(rows[n], changes[&b.Servers[j]])
			n++
		}
		if site := b.Site(); site != nil && !site.Listed {
			rows[n] = append(rows[n], "")
			n++
		}
	}
	return append(rows, gone...)
}
