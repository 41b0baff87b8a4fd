// Package csv writes a report or a plan as CSV, for spreadsheets and scripts.
package csv

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/plan"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/text"
)

// Dialect is a form of CSV.
type Dialect struct {
	bom     bool
	comma   rune   // between cells
	decimal string // in numbers
}

// The dialects: Plain as in RFC 4180, and Excel for an Excel whose language has a decimal comma: with
// a byte order mark, by which it recognises UTF-8, and semicolons between cells.
var (
	Plain = Dialect{comma: ',', decimal: "."}
	Excel = Dialect{bom: true, comma: ';', decimal: ","}
)

// Write writes a row for each server, in UTF-8, and one without a source for each site whose nodes
// could not be listed, so that they are not overlooked. Unknown values are empty cells. A report with
// a baseline has a column since_baseline, and a row for each server that only the baseline has.
func (d Dialect) Write(w io.Writer, r *report.Report) error {
	others := serverColumns
	changes := make(map[*report.Server]string)
	var missing []row
	if r.Since != nil {
		others = append(others[:len(others):len(others)], sinceColumn)
		for _, c := range r.Since.Servers {
			words := strings.Join(c.Names(), ",")
			if words == "" {
				words = "unchanged"
			}
			if c.Server == nil {
				missing = append(missing, row{Dialect: d, report: r, source: c.Source, host: c.Host, tags: c.Tags, changes: words})
				continue
			}
			changes[c.Server] = words
		}
	}
	var rows []row
	for _, b := range r.Blocks {
		for _, s := range b.Servers {
			server := d.row(r, s)
			server.changes = changes[s]
			rows = append(rows, server)
		}
		if failed := unlisted(b); failed != nil {
			rows = append(rows, row{Dialect: d, report: r, tags: b.Tags(), Server: failed})
		}
	}
	return d.write(w, d.columns(r, others), append(rows, missing...))
}

// unlisted returns the site of a block in the form of a server if its nodes could not be listed, else nil.
func unlisted(b *report.Block) *report.Server {
	site := b.Site()
	if site == nil || site.Listed {
		return nil
	}
	return &report.Server{Result: &fleet.Result{Round: b.Round, Server: site.Source(), Outcome: *site.Outcome()}, Block: b}
}

// WritePlan writes a row for each server, in the order of the plan, and one without a source for each
// site whose nodes could not be listed: there may be something to do that nobody knows of.
func (d Dialect) WritePlan(w io.Writer, p *plan.Plan) error {
	var rows []row
	for _, wave := range p.Waves {
		for _, planned := range wave.Rows {
			server := d.row(p.Report, planned.Server)
			server.plan, server.wave, server.planned = p, wave, planned
			rows = append(rows, server)
		}
	}
	for _, b := range p.Report.Blocks {
		if failed := unlisted(b); failed != nil {
			failed.Outcome.Cause = fmt.Sprintf("the nodes of site %s could not be listed: %s", failed.Server, failed.Outcome.Cause)
			rows = append(rows, row{
				Dialect: d, report: p.Report, tags: b.Tags(), Server: failed,
				plan: p, wave: &plan.Wave{}, planned: &plan.Row{Server: failed, Action: plan.FindOut},
			})
		}
	}
	return d.write(w, d.columns(p.Report, planColumns), rows)
}

func (d Dialect) write(w io.Writer, columns []column, rows []row) error {
	if d.bom {
		if _, err := io.WriteString(w, "\ufeff"); err != nil {
			return err
		}
	}
	out := csv.NewWriter(w)
	out.Comma, out.UseCRLF = d.comma, true
	cells := make([]string, len(columns))
	for i, c := range columns {
		cells[i] = c.name
	}
	if err := out.Write(cells); err != nil {
		return err
	}
	for _, r := range rows {
		for i, c := range columns {
			cells[i] = c.cell(r)
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// field returns the text of a field's value: numbers as they are, other text escaped.
func (d Dialect) field(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case int:
		return strconv.Itoa(value)
	case float64:
		return strings.Replace(strconv.FormatFloat(value, 'f', -1, 64), ".", d.decimal, 1)
	case []string:
		return d.escape(strings.Join(value, ","))
	default:
		return d.escape(fmt.Sprint(value))
	}
}

// escape keeps spreadsheets from running text: what could be taken for a formula gets an
// apostrophe, which marks a text there. So does what follows a semicolon, because a spreadsheet
// for a language with a decimal comma would start a cell there. Control characters become blanks.
// Source: OWASP, CSV Injection.
func (d Dialect) escape(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if d.comma == ';' || !strings.ContainsRune(s, ';') {
		return defuse(s)
	}
	parts := strings.Split(s, ";")
	for i := range parts {
		parts[i] = defuse(parts[i])
	}
	return strings.Join(parts, ";")
}

// formulaStarts are the characters that formulas begin with, including their full-width, small and
// mathematical forms.
const formulaStarts = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"

func defuse(s string) string {
	clean := text.OneLine(s)
	for _, r := range s {
		if strings.ContainsRune(formulaStarts, r) {
			return "'" + clean
		}
		if !isBlank(r) {
			break
		}
	}
	return clean
}

// isBlank reports whether r is invisible: a space, a combining mark, a format character or a filler.
func isBlank(r rune) bool {
	return unicode.IsSpace(r) || !unicode.IsPrint(r) || unicode.In(r, unicode.Mn, unicode.Me, unicode.Other_Default_Ignorable_Code_Point) || r == '\u2800'
}
