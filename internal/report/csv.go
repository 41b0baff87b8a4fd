package report

import (
	"encoding/csv"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"telegraf-qlik-sense-version/internal/text"
)

// WriteCSV writes a row for each server, by RFC 4180 and in UTF-8. What is not known
// is an empty cell.
func (r *Report) WriteCSV(w io.Writer) error {
	keys := r.tagKeys()
	rows := [][]string{header(keys)}
	for i := range r.Blocks {
		b := &r.Blocks[i]
		from := csvFrom{report: r, block: b}
		if j := slices.IndexFunc(r.Catalogs, func(c Catalog) bool { return c.Name == b.Catalog }); j >= 0 {
			from.catalog = &r.Catalogs[j]
		}
		for j := range b.Servers {
			from.Server = &b.Servers[j]
			rows = append(rows, from.row(keys))
		}
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	return out.WriteAll(rows)
}

// csvFrom is what a row is made of.
type csvFrom struct {
	*Server
	report  *Report
	block   *Block
	catalog *Catalog // nil where the report lacks it
}

type csvColumn struct {
	name string
	cell func(csvFrom) string
}

// identity are the columns before those of the tags.
var identity = []csvColumn{
	{"asked_at", func(f csvFrom) string { return f.report.AskedAt.UTC().Format(time.RFC3339) }},
	{"source", func(f csvFrom) string { return safe(f.Source) }},
	{"host", func(f csvFrom) string { return safe(f.Host) }},
}

// details are the columns behind them. New ones go to the end: spreadsheets and
// scripts may count columns.
var details = []csvColumn{
	{"result", func(f csvFrom) string { return safe(f.Result) }},
	{"result_code", func(f csvFrom) string { return strconv.Itoa(f.ResultCode) }},
	{"release_label", func(f csvFrom) string { return safe(f.ReleaseLabel) }},
	{"version", func(f csvFrom) string { return safe(f.Version) }},
	{"release_year", func(f csvFrom) string { return integer(f.ReleaseYear) }},
	{"release_month", func(f csvFrom) string { return integer(f.ReleaseMonth) }},
	{"patch", func(f csvFrom) string { return integer(f.Patch) }},
	{"latest_patch", func(f csvFrom) string { return integer(f.LatestPatch) }},
	{"patches_behind", func(f csvFrom) string { return integer(f.PatchesBehind) }},
	{"compliance", func(f csvFrom) string { return safe(f.Compliance) }},
	{"compliance_code", func(f csvFrom) string { return integer(f.ComplianceCode) }},
	{"advisory_count", func(f csvFrom) string { return integer(f.AdvisoryCount) }},
	{"exploited_advisory_count", func(f csvFrom) string { return integer(f.ExploitedAdvisoryCount) }},
	{"advisories", func(f csvFrom) string { return safe(strings.Join(f.Advisories, ",")) }},
	{"max_cvss", func(f csvFrom) string { return decimal(f.MaxCVSS) }},
	{"fixed_in", func(f csvFrom) string { return safe(valueOf(f.FixedIn)) }},
	{"support_days_left", func(f csvFrom) string { return integer(f.SupportDaysLeft) }},
	{"below_minimum", func(f csvFrom) string { return integer(f.BelowMinimum) }},
	{"version_mismatch", func(f csvFrom) string { return integer(f.VersionMismatch) }},
	{"minimum_release", func(f csvFrom) string { return safe(f.block.MinimumRelease) }},
	{"product_name", func(f csvFrom) string { return safe(f.ProductName) }},
	{"deployment_type", func(f csvFrom) string { return safe(f.DeploymentType) }},
	{"sense_id", func(f csvFrom) string { return safe(f.SenseID) }},
	{"content_hash", func(f csvFrom) string { return safe(f.ContentHash) }},
	{"deprecated_product_version", func(f csvFrom) string { return safe(f.DeprecatedProductVersion) }},
	{"copyright_year_range", func(f csvFrom) string { return safe(f.CopyrightYearRange) }},
	{"response_time", func(f csvFrom) string { return decimal(f.ResponseTime) }},
	{"http_response_code", func(f csvFrom) string { return integer(f.HTTPResponseCode) }},
	{"certificate_expiry", func(f csvFrom) string { return integer(f.CertificateExpiry) }},
	{"step", func(f csvFrom) string { return safe(valueOf(f.Failure).Step) }},
	{"cause", func(f csvFrom) string { return safe(valueOf(f.Failure).Cause) }},
	{"hint", func(f csvFrom) string { return safe(valueOf(f.Failure).Hint) }},
	{"remark", func(f csvFrom) string { return safe(f.Remark) }},
	{"catalog_releases_as_of", func(f csvFrom) string { return safe(valueOf(f.catalog).ReleasesAsOf) }},
	{"catalog_advisories_as_of", func(f csvFrom) string { return safe(valueOf(f.catalog).AdvisoriesAsOf) }},
}

// tagKeys are those of the static tags of all blocks.
func (r *Report) tagKeys() []string {
	keys := make(map[string]bool)
	for _, b := range r.Blocks {
		for key := range b.Tags {
			keys[key] = true
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

// header gives no two columns the same name.
func header(keys []string) []string {
	taken := make(map[string]bool)
	for _, c := range slices.Concat(identity, details) {
		taken[c.name] = true
	}
	names := make([]string, 0, len(taken)+len(keys))
	for _, c := range identity {
		names = append(names, c.name)
	}
	for _, key := range keys {
		name := safe(key)
		for taken[name] {
			name = "tag_" + name
		}
		taken[name] = true
		names = append(names, name)
	}
	for _, c := range details {
		names = append(names, c.name)
	}
	return names
}

func (f csvFrom) row(keys []string) []string {
	cells := make([]string, 0, len(identity)+len(keys)+len(details))
	for _, c := range identity {
		cells = append(cells, c.cell(f))
	}
	for _, key := range keys {
		cells = append(cells, safe(f.block.Tags[key]))
	}
	for _, c := range details {
		cells = append(cells, c.cell(f))
	}
	return cells
}

func integer(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

func decimal(n *float64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatFloat(*n, 'f', -1, 64)
}

// valueOf is the zero value for nothing.
func valueOf[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// safe makes text that no spreadsheet runs: what could be taken for a formula gets an
// apostrophe, which spreadsheets read as the mark of a text. So does what follows a
// semicolon: where that parts cells, as in much of Europe, the text would be cut there.
// Control characters become blanks.
// Source: OWASP, CSV Injection.
func safe(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if !strings.ContainsRune(s, ';') {
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

// blank holds for what nobody sees: spaces, marks, and what only steers the text or
// fills a place.
func blank(r rune) bool {
	return unicode.IsSpace(r) || !unicode.IsPrint(r) || unicode.In(r, unicode.Mn, unicode.Me, unicode.Other_Default_Ignorable_Code_Point) || r == '\u2800'
}
