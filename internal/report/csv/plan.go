package csv

import (
	"encoding/csv"
	"io"
	"slices"
	"strconv"
	"strings"

	"telegraf-qlik-sense-version/internal/plan"
)

// planServer is what a row of a plan is made of.
type planServer struct {
	server
	wave *plan.Wave
	*plan.Row
}

// planColumns are those behind identity and the tags.
var planColumns = []struct {
	name string
	cell func(planServer) string
}{
	{"wave", func(s planServer) string {
		if s.wave.Number == 0 {
			return ""
		}
		return strconv.Itoa(s.wave.Number)
	}},
	{"wave_name", func(s planServer) string { return safe(s.wave.Name) }},
	{"node_name", func(s planServer) string {
		if s.Node == nil {
			return ""
		}
		return safe(s.Node.Name)
	}},
	{"node_roles", func(s planServer) string {
		if s.Node == nil {
			return ""
		}
		return safe(strings.Join(s.Node.Roles, ","))
	}},
	{"runs", func(s planServer) string {
		if s.Outcome.Info == nil {
			return ""
		}
		return safe(s.Runs())
	}},
	{"action", func(s planServer) string { return s.Action.String() }},
	{"install", func(s planServer) string {
		if s.Target.IsZero() {
			return ""
		}
		return s.Target.String()
	}},
	{"effort", func(s planServer) string { return s.Effort() }},
	{"closes", func(s planServer) string { return safe(strings.Join(s.Closes(), ",")) }},
	{"why", func(s planServer) string { return safe(strings.Join(s.Why(), ", ")) }},
	{"exploited_advisory_count", func(s planServer) string { return s.ofVerdict(func() string { return strconv.Itoa(s.Exploited()) }) }},
	{"max_cvss", func(s planServer) string {
		return s.ofVerdict(func() string { return strconv.FormatFloat(s.Judgement.Verdict.MaxCVSS, 'f', -1, 64) })
	}},
	{"exposed_days", func(s planServer) string { return known(s.Judgement.ExposedDays()) }},
	{"support_days_left", func(s planServer) string { return known(s.Judgement.SupportDaysLeft()) }},
}

func (s planServer) ofVerdict(cell func() string) string {
	if s.Judgement.Verdict == nil {
		return ""
	}
	return cell()
}

func known(n int, known bool) string {
	if !known {
		return ""
	}
	return strconv.Itoa(n)
}

// WritePlan writes a row for each server, in the order of the plan.
func WritePlan(w io.Writer, p *plan.Plan) error {
	keys := tagKeys(p.Report)
	names := make([]string, 0, len(identity)+len(keys)+len(planColumns))
	for _, c := range identity {
		names = append(names, c.name)
	}
	taken := slices.Clone(names)
	for _, c := range planColumns {
		taken = append(taken, c.name)
	}
	names = append(names, columnNames(keys, taken)...)
	for _, c := range planColumns {
		names = append(names, c.name)
	}
	rows := [][]string{names}
	for i := range p.Waves {
		for j := range p.Waves[i].Rows {
			row := &p.Waves[i].Rows[j]
			s := planServer{server{p.Report, row.Block, row.Server}, &p.Waves[i], row}
			cells := make([]string, 0, len(names))
			for _, c := range identity {
				cells = append(cells, c.cell(s.server))
			}
			for _, key := range keys {
				cells = append(cells, safe(row.Block.Tags()[key]))
			}
			for _, c := range planColumns {
				cells = append(cells, c.cell(s))
			}
			rows = append(rows, cells)
		}
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	return out.WriteAll(rows)
}
