// Package table writes a report as a table for a terminal.
package table

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	pretty "github.com/jedib0t/go-pretty/v6/text"

	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/text"
)

// Options say what the table is shown on.
type Options struct {
	Width  int  // columns, 0 means 100; fewer than 20 are taken for 20
	Colour bool // with ANSI sequences
}

const (
	defaultWidth = 100
	minWidth     = 20
)

// The inks go with words that say the same: the table can be read without colours.
var (
	red    = pretty.Colors{pretty.FgRed}
	yellow = pretty.Colors{pretty.FgYellow}
	green  = pretty.Colors{pretty.FgGreen}
	dim    = pretty.Colors{pretty.Faint}
	bold   = pretty.Colors{pretty.Bold}
)

// Write writes the report for people. No line is wider than the options say, and none
// holds a control character of its own.
func Write(w io.Writer, r *report.Report, options Options) error {
	p := newSheet(options)
	p.line(0, fmt.Sprintf("Asked %s UTC by %s", r.AskedAt.UTC().Format("2006-01-02 15:04"), r.Program), dim)
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
	p.line(0, sentence(r), bold)
	_, err := io.WriteString(w, p.text.String())
	return err
}

// sentence is the summary in a line.
func sentence(r *report.Report) string {
	s := &r.Summary
	if s.Servers == 0 {
		return "0 servers: nothing is proven"
	}
	sites := ""
	if n := r.Incomplete(); n > 0 {
		sites = text.Plural(n, "site") + " not proven, "
	}
	joined := func(share string) string { return strings.ReplaceAll(share, " ", string(nbsp)) }
	share := joined(report.Share(s.Compliant, s.Servers))
	if s.Answered > 0 && s.Failed > 0 {
		share += ", " + joined(report.Share(s.Compliant, s.Answered)) + " of those that answered"
	}
	parts := []string{
		text.Plural(s.Servers, "server"),
		fmt.Sprintf("%d answered", s.Answered),
		fmt.Sprintf("proven compliant: %d of %d (%s)", s.Compliant, s.Servers, share),
	}
	if n := len(r.Undecided); n > 0 {
		parts = append(parts, report.UndecidedWords(n))
	}
	vulnerable := fmt.Sprintf("%d vulnerable", s.Vulnerable)
	if s.Exploited > 0 {
		vulnerable += fmt.Sprintf(" (%d to known exploits)", s.Exploited)
	}
	return sites + strings.Join(append(parts, vulnerable, text.Plural(len(s.Versions), "version")), ", ")
}

// sheet is the text of a table as it is being made.
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

func (p *sheet) paint(line string, ink pretty.Colors) string {
	if !p.colour || ink == nil || line == "" {
		return line
	}
	return pretty.Escape(line, ink.EscapeSeq()) // ink.Sprint would ask the environment
}

// heading leaves a line empty and writes a title, if there is one.
func (p *sheet) heading(title string) {
	p.text.WriteString("\n")
	if title != "" {
		p.line(0, title, bold)
	}
}

// line writes a text, lines that do not fit going on two columns further in.
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

// rows writes a grid, if it has rows, in columns or, where those do not fit, as records.
func (p *sheet) rows(g *grid, widths []int, fits bool) {
	switch {
	case len(g.rows) == 0:
	case fits:
		p.grid(g, widths)
	default:
		p.records(g)
	}
}

// grid writes columns of these widths.
func (p *sheet) grid(g *grid, widths []int) {
	t := table.NewWriter()
	t.SetStyle(table.Style{Box: table.BoxStyle{MiddleVertical: gap}, Options: table.Options{SeparateColumns: true}})
	t.SuppressTrailingSpaces()
	configs := make([]table.ColumnConfig, len(g.columns))
	head := make(table.Row, len(g.columns))
	for i, c := range g.columns {
		align := pretty.AlignLeft
		if c.right {
			align = pretty.AlignRight
		}
		configs[i] = table.ColumnConfig{
			Number: i + 1, Align: align, AlignHeader: align, WidthMin: widths[i],
			WidthMaxEnforcer: func(s string, _ int) string { return s }, // lines has done it
		}
		head[i] = p.lines(cell{{text: c.head, ink: dim}}, widths[i])
	}
	t.SetColumnConfigs(configs)
	t.AppendHeader(head)
	for _, cells := range g.rows {
		row := make(table.Row, len(cells))
		for i, c := range cells {
			row[i] = p.lines(c, widths[i])
		}
		t.AppendRow(row)
	}
	p.text.WriteString(t.Render() + "\n")
}

// records writes each row as lines of their own, for narrow terminals.
func (p *sheet) records(g *grid) {
	for _, row := range g.rows {
		for i, c := range row {
			switch content := c.joined(); {
			case i == 0:
				p.line(0, content, nil)
			case content != "":
				p.line(2, strings.ToLower(g.columns[i].head)+": "+content, c[0].ink)
			}
		}
	}
}
