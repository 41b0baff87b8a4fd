package csv

import (
	"io"
	"slices"
	"strconv"
	"strings"

	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/plan"
)

// planServer is what a row of a plan is made of.
type planServer struct {
	server
	plan *plan.Plan
	wave *plan.Wave
	*plan.Row
}

type planColumn struct {
	name string
	cell func(planServer) string
}

// planColumns are those behind identity and the tags.
var planColumns = []planColumn{
	{"wave", func(s planServer) string {
		if s.wave.Number == 0 {
			return ""
		}
		return strconv.Itoa(s.wave.Number)
	}},
	{"wave_name", func(s planServer) string { return s.safe(s.wave.Name) }},
	fieldColumn("node_name"),
	fieldColumn("node_roles"),
	{"runs", func(s planServer) string {
		if s.Outcome.Info == nil {
			return ""
		}
		return s.safe(s.Runs())
	}},
	{"action", func(s planServer) string { return s.Action.String() }},
	{"install", func(s planServer) string {
		if s.Target.IsZero() {
			return ""
		}
		return s.Target.String()
	}},
	{"effort", func(s planServer) string { return s.Effort() }},
	{"closes", func(s planServer) string { return s.safe(strings.Join(s.Closes(), ",")) }},
	{"why", func(s planServer) string { return s.safe(strings.Join(s.Why(), ", ")) }},
	fieldColumn("exploited_advisory_count"),
	fieldColumn("max_cvss"),
	fieldColumn("exposed_days"),
	fieldColumn("support_days_left"),
	detailColumn("catalog_releases_as_of"),
	detailColumn("catalog_advisories_as_of"),
	detailColumn("catalog_exploited_as_of"),
	detailColumn("catalog_sha256"),
	detailColumn("program"),
	detailColumn("machine"),
	detailColumn("account"),
	detailColumn("settings"),
	detailColumn("settings_sha256"),
	{"warnings", func(s planServer) string { return s.safe(strings.Join(s.plan.Warnings, " ")) }},
}

// detailColumn is one of a report.
func detailColumn(name string) planColumn {
	c := details[slices.IndexFunc(details, func(c column) bool { return c.name == name })]
	return planColumn{name, func(s planServer) string { return c.cell(s.server) }}
}

// fieldColumn is that of a field of the point.
func fieldColumn(name string) planColumn {
	f := fleet.Fields[slices.IndexFunc(fleet.Fields, func(f fleet.Field) bool { return f.Name == name })]
	return planColumn{name, func(s planServer) string { return s.field(f.Value(s.Result)) }}
}

// WritePlan writes a row for each server, in the order of the plan.
func (d Dialect) WritePlan(w io.Writer, p *plan.Plan) error {
	keys := tagKeys(p.Report)
	names := make([]string, 0, len(planColumns))
	for _, c := range planColumns {
		names = append(names, c.name)
	}
	rows := [][]string{d.named(keys, names)}
	for i := range p.Waves {
		for j := range p.Waves[i].Rows {
			row := &p.Waves[i].Rows[j]
			s := planServer{server{d, p.Report, row.Block, row.Server}, p, &p.Waves[i], row}
			cells := leading(s.server, keys)
			for _, c := range planColumns {
				cells = append(cells, c.cell(s))
			}
			rows = append(rows, cells)
		}
	}
	return d.writeAll(w, rows)
}
