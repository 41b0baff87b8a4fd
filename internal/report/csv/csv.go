// Package csv writes a report as CSV, for spreadsheets and scripts.
package csv

import (
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/text"
)

// Dialect is a form of CSV.
type Dialect struct {
	bom     bool
	comma   rune   // between cells
	decimal string // in numbers
}

// The dialects: by RFC 4180, and as an Excel opens it whose language has the comma in numbers: with
// a byte order mark, by which it knows UTF-8, and semicolons between cells.
var (
	Plain = Dialect{comma: ',', decimal: "."}
	Excel = Dialect{bom: true, comma: ';', decimal: ","}
)

// Write writes a row for each server, in UTF-8, and one without a source for
// each site whose nodes could not be listed: it must not look as if nothing were missing. What
// is not known is an empty cell. A report with a baseline has a column since_baseline, and a row
// for each server that only the baseline has.
func (d Dialect) Write(w io.Writer, r *report.Report) error {
	keys := tagKeys(r)
	var last []string
	if r.Since != nil {
		last = []string{sinceColumn}
	}
	rows := [][]string{d.header(keys, last...)}
	for i := range r.Blocks {
		b := &r.Blocks[i]
		for j := range b.Servers {
			rows = append(rows, cells(server{Dialect: d, report: r, block: b, Server: &b.Servers[j]}, keys))
		}
		if site := b.Site(); site != nil && !site.Listed {
			rows = append(rows, d.siteCells(r, b, keys))
		}
	}
	if r.Since != nil {
		rows = d.withChanges(rows, r, keys)
	}
	return d.writeAll(w, rows)
}

func (d Dialect) writeAll(w io.Writer, rows [][]string) error {
	if d.bom {
		if _, err := io.WriteString(w, "\ufeff"); err != nil {
			return err
		}
	}
	out := csv.NewWriter(w)
	out.Comma, out.UseCRLF = d.comma, true
	return out.WriteAll(rows)
}

// server is what a row is made of.
type server struct {
	Dialect

	report *report.Report
	block  *report.Block
	*report.Server
}

type column struct {
	name string
	cell func(server) string
}

// identity are the columns before those of the tags and of fleet.Fields.
var identity = []column{
	{"asked_at", func(s server) string { return s.report.AskedAt.UTC().Format(time.RFC3339) }},
	{"source", func(s server) string { return s.safe(s.Server.Server.Source()) }},
	{"host", func(s server) string { return s.safe(s.Server.Server.String()) }},
	{"id", func(s server) string {
		if s.Server == nil {
			return ""
		}
		return s.block.ID(s.Server)
	}},
}

// details are the columns behind them: what a report has beyond the fields. New ones go
// to the end: spreadsheets and scripts may count columns.
var details = []column{
	{"minimum_release", func(s server) string {
		if minimum := s.block.Round.Block.Minimum(); !minimum.IsZero() {
			return minimum.String()
		}
		return ""
	}},
	{"step", func(s server) string { return s.safe(s.Outcome.Step.String()) }},
	{"cause", func(s server) string { return s.safe(s.Outcome.Cause) }},
	{"hint", func(s server) string { return s.safe(s.Outcome.Hint) }},
	{"remark", func(s server) string { return s.safe(s.Judgement.Remark) }},
	{"catalog_releases_as_of", func(s server) string { return s.Round.Judge.Catalog.ReleasesAsOf.String() }},
	{"catalog_advisories_as_of", func(s server) string { return s.Round.Judge.Catalog.AdvisoriesAsOf.String() }},
	{"catalog_exploited_as_of", func(s server) string { return s.Round.Judge.Catalog.ExploitedAsOf.String() }},
	{"site", func(s server) string {
		return s.siteCell(func(site *fleet.Site) string { return site.Source().Source() })
	}},
	{"site_result", func(s server) string {
		return s.siteCell(func(site *fleet.Site) string { return site.Outcome().Result.String() })
	}},
	{"site_complete", func(s server) string {
		return s.siteCell(func(site *fleet.Site) string { return strconv.FormatBool(site.Complete()) })
	}},
	{"certificate_expires", func(s server) string {
		if s.Outcome.CertificateExpiry.IsZero() {
			return ""
		}
		return s.Outcome.CertificateExpiry.UTC().Format(time.DateOnly)
	}},
	{"end_of_support", func(s server) string {
		if s.Judgement.Listed == nil {
			return ""
		}
		return isoDay(s.Judgement.Listed.EndOfSupport)
	}},
	{"severity", func(s server) string {
		if s.Judgement.Verdict == nil {
			return ""
		}
		return catalog.Severity(s.Judgement.Verdict.MaxCVSS)
	}},
	{"exposed_since", func(s server) string {
		return earliest(s, func(a *catalog.Advisory) catalog.Day { return a.Published })
	}},
	{"exploited_since", func(s server) string {
		return earliest(s, func(a *catalog.Advisory) catalog.Day { return a.ExploitedSince })
	}},
	{"exploited_due", func(s server) string {
		return earliest(s, func(a *catalog.Advisory) catalog.Day { return a.ExploitedDue })
	}},
	{"catalog_sha256", func(s server) string { return s.report.Catalogs[s.block.Catalog].Digest }},
	{"program", func(s server) string { return s.safe(s.report.Program) }},
	{"machine", func(s server) string { return s.safe(s.report.Origin.Machine) }},
	{"account", func(s server) string { return s.safe(s.report.Origin.Account) }},
	{"settings", func(s server) string {
		return s.settings(func(f report.File) string { return f.Name })
	}},
	{"settings_sha256", func(s server) string {
		return s.settings(func(f report.File) string { return f.SHA256 })
	}},
}

// isoDay is empty where the day is not known.
func isoDay(d catalog.Day) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

// earliest is the first of the days that the advisories have which apply to the server.
func earliest(s server, of func(*catalog.Advisory) catalog.Day) string {
	var first catalog.Day
	for _, a := range s.Applying() {
		if d := of(a); !d.IsZero() && (first.IsZero() || first.After(d)) {
			first = d
		}
	}
	return isoDay(first)
}

func (s server) settings(of func(report.File) string) string {
	all := make([]string, 0, len(s.report.Origin.Settings))
	for _, f := range s.report.Origin.Settings {
		all = append(all, of(f))
	}
	return s.safe(strings.Join(all, ", "))
}

// siteCell is empty where the nodes of the site were not asked for.
func (s server) siteCell(cell func(*fleet.Site) string) string {
	if s.block.Site() == nil {
		return ""
	}
	return s.safe(cell(s.block.Site()))
}

// tagKeys are those of the static tags of all blocks.
func tagKeys(r *report.Report) []string {
	keys := make(map[string]bool)
	for i := range r.Blocks {
		for key := range r.Blocks[i].Tags() {
			keys[key] = true
		}
	}
	if r.Since != nil {
		for i := range r.Since.Servers {
			for key := range r.Since.Servers[i].Tags {
				keys[key] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

func (d Dialect) header(keys []string, last ...string) []string {
	names := make([]string, 0, len(fleet.Fields)+len(details)+len(last))
	for _, f := range fleet.Fields {
		names = append(names, f.Name)
	}
	for _, c := range details {
		names = append(names, c.name)
	}
	return d.named(keys, append(names, last...))
}

// named returns the names of all columns: those of identity, of the tags, and the others. It
// gives no two the same: a tag named as another column becomes tag_NAME.
func (d Dialect) named(keys, others []string) []string {
	names := make([]string, 0, len(identity)+len(keys)+len(others))
	for _, c := range identity {
		names = append(names, c.name)
	}
	taken := slices.Concat(names, others)
	for _, key := range keys {
		name := d.safe(key)
		for slices.Contains(taken, name) {
			name = "tag_" + name
		}
		taken = append(taken, name)
		names = append(names, name)
	}
	return append(names, others...)
}

// leading are the cells of identity and of the tags.
func leading(s server, keys []string) []string {
	cells := make([]string, 0, len(identity)+len(keys)+len(fleet.Fields)+len(details))
	for _, c := range identity {
		cells = append(cells, c.cell(s))
	}
	for _, key := range keys {
		cells = append(cells, s.safe(s.block.Tags()[key]))
	}
	return cells
}

func cells(s server, keys []string) []string {
	cells := leading(s, keys)
	for i := range fleet.Fields {
		cells = append(cells, s.field(fleet.Fields[i].Value(s.Result)))
	}
	for _, c := range details {
		cells = append(cells, c.cell(s))
	}
	return cells
}

// siteCells are those of a site whose nodes could not be listed: those of a server that failed
// with the outcome of the site, but without what is known of a server alone.
func (d Dialect) siteCells(r *report.Report, b *report.Block, keys []string) []string {
	site := b.Site()
	failed := &report.Server{Result: &fleet.Result{Round: b.Round, Server: site.Source(), Outcome: *site.Outcome()}}
	row := cells(server{Dialect: d, report: r, block: b, Server: failed}, keys)
	for i := range identity {
		if identity[i].name != "asked_at" {
			row[i] = ""
		}
	}
	return row
}

// field returns the text of a field's value: numbers stay numbers, text is safe.
func (d Dialect) field(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case int:
		return strconv.Itoa(value)
	case float64:
		return strings.Replace(strconv.FormatFloat(value, 'f', -1, 64), ".", d.decimal, 1)
	case []string:
		return d.safe(strings.Join(value, ","))
	default:
		return d.safe(fmt.Sprint(value))
	}
}

// safe makes text that no spreadsheet runs: what could be taken for a formula gets an
// apostrophe, which spreadsheets read as the mark of a text. So does what follows a
// semicolon: where that parts cells though the comma should, as in much of Europe, the text
// would be cut there. Control characters become blanks.
// Source: OWASP, CSV Injection.
func (d Dialect) safe(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if d.comma == ';' || !strings.ContainsRune(s, ';') {
		return defused(s)
	}
	parts := strings.Split(s, ";")
	for i := range parts {
		parts[i] = defused(parts[i])
	}
	return strings.Join(parts, ";")
}

// starts are what formulas begin with, in their full-width, small and mathematical
// forms as well.
const starts = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"

func defused(s string) string {
	clean := text.OneLine(s)
	for _, r := range s {
		if strings.ContainsRune(starts, r) {
			return "'" + clean
		}
		if !blank(r) {
			break
		}
	}
	return clean
}

// blank reports whether r is one of what nobody sees: spaces, marks, and what only steers the text or
// fills a place.
func blank(r rune) bool {
	return unicode.IsSpace(r) || !unicode.IsPrint(r) || unicode.In(r, unicode.Mn, unicode.Me, unicode.Other_Default_Ignorable_Code_Point) || r == '\u2800'
}
