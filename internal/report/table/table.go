// Package table writes a report as a table for a terminal.
package table

import (
	"fmt"
	"io"
	"slices"
	"strings"

	pretty "github.com/jedib0t/go-pretty/v6/text"

	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/text"
)

// Options describe the terminal.
type Options struct {
	Width  int  // in columns, at least 20; 0 means 100
	Colour bool // with ANSI sequences
}

const (
	defaultWidth = 100
	minWidth     = 20
)

// The colours only repeat what words say: the table can be read without them.
var (
	red    = pretty.Colors{pretty.FgRed}
	yellow = pretty.Colors{pretty.FgYellow}
	green  = pretty.Colors{pretty.FgGreen}
	dim    = pretty.Colors{pretty.Faint}
	bold   = pretty.Colors{pretty.Bold}
)

// Write writes the report for people. No line is wider than the terminal, and none has a control
// character other than those for colours.
func Write(w io.Writer, r *report.Report, options Options) error {
	p := newSheet(options)
	p.asked(r)
	if len(r.Only) > 0 {
		p.line(0, "Only "+strings.Join(r.Only, ", "), nil)
	}
	p.servers(r)
	p.since(r.Since)
	p.failures(r)
	p.remarks(r)
	p.advisories(r)
	p.undecided(r)
	p.data(r)
	p.heading("")
	p.line(0, summary(r), bold)
	_, err := io.WriteString(w, p.text.String())
	return err
}

// summary is the summary in a line.
func summary(r *report.Report) string {
	s := &r.Summary
	if s.Servers == 0 {
		return "0 servers: nothing is proven"
	}
	sites := ""
	if n := r.Incomplete(); n > 0 {
		sites = text.Plural(n, "site") + " not proven, "
	}
	share := nonBreaking(report.Share(s.Compliant, s.Servers))
	if s.Answered > 0 && s.Failed > 0 {
		share += ", " + nonBreaking(report.Share(s.Compliant, s.Answered)) + " of those that answered"
	}
	proven := report.AndUndecided(fmt.Sprintf("proven compliant: %d of %d (%s)", s.Compliant, s.Servers, share), len(r.Undecided))
	vulnerable := fmt.Sprintf("%d vulnerable", s.Vulnerable)
	if s.Exploited > 0 {
		vulnerable += fmt.Sprintf(" (%d to known exploits)", s.Exploited)
	}
	return fmt.Sprintf("%s%s, %d answered, %s, %s, %s", sites, text.Plural(s.Servers, "server"), s.Answered, proven, vulnerable,
		text.Plural(len(s.Versions), "version"))
}

// sheet is a table under construction.
type sheet struct {
	text   strings.Builder
	width  int
	colour bool
}

func newSheet(options Options) *sheet {
	p := &sheet{width: max(options.Width, minWidth), colour: options.Colour}
	if options.Width == 0 {
		p.width = defaultWidth
	}
	return p
}

func (p *sheet) asked(r *report.Report) {
	p.line(0, fmt.Sprintf("Asked %s UTC by %s", r.AskedAt.UTC().Format("2006-01-02 15:04"), r.Program), dim)
}

func (p *sheet) paint(line string, ink pretty.Colors) string {
	if !p.colour || ink == nil || line == "" {
		return line
	}
	return pretty.Escape(line, ink.EscapeSeq()) // ink.Sprint would heed NO_COLOR and the like
}

// heading writes an empty line, and a title unless that is "".
func (p *sheet) heading(title string) {
	p.text.WriteString("\n")
	if title != "" {
		p.line(0, title, bold)
	}
}

// line writes a text; lines that do not fit are continued with a deeper indent.
func (p *sheet) line(indent int, s string, ink pretty.Colors) {
	blanks := strings.Repeat(" ", indent)
	lines := wrap(s, p.width-indent)
	if len(lines) > 1 {
		lines = wrap(s, p.width-indent-len(gap))
	}
	for i, line := range lines {
		if i == 1 {
			blanks += gap
		}
		p.text.WriteString(blanks + p.paint(line, ink) + "\n")
	}
}

// rows writes a grid, if it has rows: in columns if they fit, else as records.
func (p *sheet) rows(g *grid) {
	switch {
	case len(g.rows) == 0:
	case g.fits:
		p.grid(g)
	default:
		p.records(g)
	}
}

// grid writes a grid in columns.
func (p *sheet) grid(g *grid) {
	heads := make([]cell, len(g.columns))
	for i, c := range g.columns {
		heads[i] = cell{{text: c.head, ink: dim}}
	}
	for _, row := range slices.Insert(slices.Clone(g.rows), 0, heads) {
		cells, height := make([][]string, len(row)), 0
		for i, c := range row {
			cells[i] = p.lines(c, g.widths[i])
			height = max(height, len(cells[i]))
		}
		for n := range height {
			parts := make([]string, len(cells))
			for i, lines := range cells {
				line := ""
				if n < len(lines) {
					line = lines[n]
				}
				parts[i] = g.columns[i].align.Apply(line, g.widths[i])
			}
			p.text.WriteString(strings.TrimRight(strings.Join(parts, gap), " ") + "\n")
		}
	}
}

// records writes a few lines for each row, for narrow terminals: its name, then its values.
func (p *sheet) records(g *grid) {
	for _, row := range g.rows {
		first, ink := row[0][0].text, row[0][0].ink
		values := []string{row[0][1:].join()}
		for i, c := range row[1:] {
			switch column, value := g.columns[i+1], c.join(); {
			case value == "":
			case column.onTop:
				first += string(nbsp) + " " + value // two blanks
				if ink == nil {
					ink = c[0].ink
				}
			case column.plain:
				values = append(values, value)
			default:
				values = append(values, strings.ToLower(column.head)+string(nbsp)+value)
			}
		}
		p.line(0, first, ink)
		if values = nonEmpty(values); len(values) > 0 {
			p.line(2, strings.Join(values, "; "), nil)
		}
	}
}
