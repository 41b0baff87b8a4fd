package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	pretty "github.com/jedib0t/go-pretty/v6/text"

	"telegraf-qlik-sense-version/internal/text"
)

// TableOptions say what the table is shown on.
type TableOptions struct {
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

// WriteTable writes the report for people. No line is wider than the options say, and
// none holds a control character of its own.
func (r *Report) WriteTable(w io.Writer, options TableOptions) error {
	p := &sheet{width: max(options.Width, minWidth), colour: options.Colour}
	if options.Width == 0 {
		p.width = defaultWidth
	}
	p.line(0, fmt.Sprintf("Asked %s UTC by %s", r.AskedAt.UTC().Format("2006-01-02 15:04"), r.Program), dim)
	if len(r.Only) > 0 {
		p.line(0, "Only "+strings.Join(r.Only, ", "), nil)
	}
	p.servers(r)
	p.failures(r)
	p.remarks(r)
	p.advisories(r)
	p.data(r)
	p.heading("")
	p.line(0, r.Summary.sentence(), bold)
	_, err := io.WriteString(w, p.text.String())
	return err
}

// sentence is the summary in a line.
func (s *Summary) sentence() string {
	compliant := "none to judge"
	if s.Answered > 0 {
		compliant = strings.Replace(share(s.Compliant, s.Answered), " ", string(nbsp), 1) + " of them compliant"
	}
	vulnerable := fmt.Sprintf("%d vulnerable", s.Vulnerable)
	if s.Exploited > 0 {
		vulnerable += fmt.Sprintf(" (%d to known exploits)", s.Exploited)
	}
	return fmt.Sprintf("%s, %d answered, %s, %s, %s",
		text.Plural(s.Servers, "server"), s.Answered, compliant, vulnerable, text.Plural(len(s.Versions), "version"))
}

// title names a block by its tags.
func (b *Block) title() string {
	if len(b.Tags) == 0 {
		return "no tags"
	}
	tags := make([]string, 0, len(b.Tags))
	for key, value := range b.Tags {
		if key, value = printable(key), printable(value); strings.ContainsAny(value, ` ="`) {
			value = strconv.Quote(value)
		}
		tags = append(tags, key+"="+value)
	}
	slices.Sort(tags)
	return strings.Join(tags, " ")
}

// sheet is the text of a table as it is being made.
type sheet struct {
	text   strings.Builder
	width  int
	colour bool
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
			switch said := c.joined(); {
			case i == 0:
				p.line(0, said, nil)
			case said != "":
				p.line(2, strings.ToLower(g.columns[i].head)+": "+said, c[0].ink)
			}
		}
	}
}
