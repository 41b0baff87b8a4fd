package csv

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/plan"
	"telegraf-qlik-sense-version/internal/report"
)

// row holds what the cells of a row are made of.
type row struct {
	Dialect

	report           *report.Report
	source, host, id string // "" for a site
	tags             map[string]string
	*report.Server   // nil for a server that only the baseline has
	changes          string

	// of a plan alone:
	plan    *plan.Plan
	wave    *plan.Wave
	planned *plan.Row
}

func (d Dialect) row(r *report.Report, s *report.Server) row {
	return row{Dialect: d, report: r, source: s.Server.Source(), host: s.Server.String(), id: s.ID(), tags: s.Block.Tags(), Server: s}
}

type column struct {
	name string
	cell func(row) string
}

// columns are the columns that identify a server, those of the tags, and the others. No two have the
// same name: a tag named like another column becomes tag_NAME.
func (d Dialect) columns(r *report.Report, others []column) []column {
	columns := []column{
		{"asked_at", func(r row) string { return r.report.AskedAt.UTC().Format(time.RFC3339) }},
		{"source", func(r row) string { return r.escape(r.source) }},
		{"host", func(r row) string { return r.escape(r.host) }},
		{"id", func(r row) string { return r.id }},
	}
	for _, key := range tagKeys(r) {
		name := d.escape(key)
		taken := func(c column) bool { return c.name == name }
		for slices.ContainsFunc(columns, taken) || slices.ContainsFunc(others, taken) {
			name = "tag_" + name
		}
		columns = append(columns, column{name, func(r row) string { return r.escape(r.tags[key]) }})
	}
	return append(columns, others...)
}

// tagKeys are those of the static tags of all blocks, then and now.
func tagKeys(r *report.Report) []string {
	keys := make(map[string]string)
	for _, b := range r.Blocks {
		maps.Copy(keys, b.Tags())
	}
	if r.Since != nil {
		for _, s := range r.Since.Servers {
			maps.Copy(keys, s.Tags)
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

// sinceColumn is the last column of a report with a baseline.
var sinceColumn = column{"since_baseline", func(r row) string { return r.changes }}

func fieldColumns() (columns []column) {
	for i := range fleet.Fields {
		columns = append(columns, column{fleet.Fields[i].Name, func(r row) string { return r.field(fleet.Fields[i].Value(r.Result)) }})
	}
	return columns
}

// serverColumns are those of fleet.Fields, and what a report has beyond them. New ones go to the end:
// spreadsheets and scripts may count columns.
var serverColumns = forServers(append(fieldColumns(), []column{
	{"minimum_release", func(r row) string {
		if minimum := r.Block.Round.Block.Minimum(); !minimum.IsZero() {
			return minimum.String()
		}
		return ""
	}},
	{"step", func(r row) string { return r.escape(r.Outcome.Step.String()) }},
	{"cause", func(r row) string { return r.escape(r.Outcome.Cause) }},
	{"hint", func(r row) string { return r.escape(r.Outcome.Hint) }},
	{"remark", func(r row) string { return r.escape(r.Judgement.Remark) }},
	{"catalog_releases_as_of", func(r row) string { return r.Round.Judge.Catalog.ReleasesAsOf.String() }},
	{"catalog_advisories_as_of", func(r row) string { return r.Round.Judge.Catalog.AdvisoriesAsOf.String() }},
	{"catalog_exploited_as_of", func(r row) string { return r.Round.Judge.Catalog.ExploitedAsOf.String() }},
	{"site", func(r row) string {
		return r.siteCell(func(site *fleet.Site) string { return site.Source().Source() })
	}},
	{"site_result", func(r row) string {
		return r.siteCell(func(site *fleet.Site) string { return site.Outcome().Result.String() })
	}},
	{"site_complete", func(r row) string {
		return r.siteCell(func(site *fleet.Site) string { return strconv.FormatBool(site.Complete()) })
	}},
	{"certificate_expires", func(r row) string {
		if r.Outcome.CertificateExpiry.IsZero() {
			return ""
		}
		return r.Outcome.CertificateExpiry.UTC().Format(time.DateOnly)
	}},
	{"end_of_support", func(r row) string {
		if r.Judgement.Listed == nil {
			return ""
		}
		return isoDay(r.Judgement.Listed.EndOfSupport)
	}},
	{"severity", func(r row) string {
		if r.Judgement.Verdict == nil {
			return ""
		}
		return catalog.Severity(r.Judgement.Verdict.MaxCVSS)
	}},
	{"exposed_since", func(r row) string {
		return r.earliest(func(a *catalog.Advisory) catalog.Day { return a.Published })
	}},
	{"exploited_since", func(r row) string {
		return r.earliest(func(a *catalog.Advisory) catalog.Day { return a.ExploitedSince })
	}},
	{"exploited_due", func(r row) string {
		return r.earliest(func(a *catalog.Advisory) catalog.Day { return a.ExploitedDue })
	}},
	{"catalog_sha256", func(r row) string { return r.Block.Catalog.Digest }},
	{"program", func(r row) string { return r.escape(r.report.Program) }},
	{"machine", func(r row) string { return r.escape(r.report.Origin.Machine) }},
	{"account", func(r row) string { return r.escape(r.report.Origin.Account) }},
	{"settings", func(r row) string {
		return r.settings(func(f report.File) string { return f.Name })
	}},
	{"settings_sha256", func(r row) string {
		return r.settings(func(f report.File) string { return f.SHA256 })
	}},
}...))

// forServers leaves the columns empty for a server that only the baseline has.
func forServers(columns []column) []column {
	for i, c := range columns {
		columns[i].cell = func(r row) string {
			if r.Server == nil {
				return ""
			}
			return c.cell(r)
		}
	}
	return columns
}

// isoDay is empty if the day is unknown.
func isoDay(d catalog.Day) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

// earliest is the earliest known day among those of the advisories that apply to the server.
func (r row) earliest(day func(*catalog.Advisory) catalog.Day) string {
	var first catalog.Day
	for _, a := range r.Applying() {
		if d := day(a); !d.IsZero() && (first.IsZero() || first.After(d)) {
			first = d
		}
	}
	return isoDay(first)
}

func (r row) settings(value func(report.File) string) string {
	all := make([]string, 0, len(r.report.Origin.Settings))
	for _, f := range r.report.Origin.Settings {
		all = append(all, value(f))
	}
	return r.escape(strings.Join(all, ", "))
}

// siteCell is empty for a block without discovery.
func (r row) siteCell(cell func(*fleet.Site) string) string {
	if r.Block.Site() == nil {
		return ""
	}
	return r.escape(cell(r.Block.Site()))
}

// planColumns are those of a plan after the tags.
var planColumns = []column{
	{"wave", func(r row) string {
		if r.wave.Number == 0 {
			return ""
		}
		return strconv.Itoa(r.wave.Number)
	}},
	{"wave_name", func(r row) string { return r.escape(r.wave.Name) }},
	reportColumn("node_name"),
	reportColumn("node_roles"),
	{"runs", func(r row) string {
		if !r.Answered() {
			return ""
		}
		return r.escape(r.planned.Runs())
	}},
	{"action", func(r row) string { return r.planned.Action.String() }},
	{"install", func(r row) string {
		if r.planned.Target.IsZero() {
			return ""
		}
		return r.planned.Target.String()
	}},
	{"effort", func(r row) string { return r.planned.Effort() }},
	{"closes", func(r row) string { return r.escape(strings.Join(r.planned.Closes(), ",")) }},
	{"why", func(r row) string { return r.escape(strings.Join(r.planned.Why(), ", ")) }},
	reportColumn("exploited_advisory_count"),
	reportColumn("max_cvss"),
	reportColumn("exposed_days"),
	reportColumn("support_days_left"),
	reportColumn("catalog_releases_as_of"),
	reportColumn("catalog_advisories_as_of"),
	reportColumn("catalog_exploited_as_of"),
	reportColumn("catalog_sha256"),
	reportColumn("program"),
	reportColumn("machine"),
	reportColumn("account"),
	reportColumn("settings"),
	reportColumn("settings_sha256"),
	{"warnings", func(r row) string { return r.escape(strings.Join(r.plan.Warnings, " ")) }},
}

// reportColumn is a column that a plan shares with a report.
func reportColumn(name string) column {
	return serverColumns[slices.IndexFunc(serverColumns, func(c column) bool { return c.name == name })]
}
