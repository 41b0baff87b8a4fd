package terminal

import (
	"cmp"
	"slices"
	"strings"

	pretty "github.com/jedib0t/go-pretty/v6/text"
)

// Table is rows of cells under columns.
type Table struct {
	Columns []Column
	Rows    [][]Cell
	widths  []int // of the columns, nil where they do not fit
	fitted  bool
}

// Column describes the cells under a head.
type Column struct {
	Head      string
	Right     bool // aligned to the right
	Short     bool // one line for each phrase, cut where it does not fit
	WordWidth int  // words up to this width are not broken; 0 means 14, "CVE-2024-55579" for example
	FairWidth int  // all columns get this width before any gets more

	// In a record:
	OnTop bool // on its first line, without the head
	Bare  bool // without the head
}

// Cell is the phrases of a cell, each of which starts on a new line.
type Cell []Phrase

// Phrase is text of one colour.
type Phrase struct {
	Text string
	Ink  Ink
}

// Text is a cell without colour.
func Text(s string) Cell { return Cell{{Text: s}} }

// String returns the phrases as one text, "" where all are empty.
func (c Cell) String() string {
	texts := make([]string, 0, len(c))
	for _, part := range c {
		texts = append(texts, part.Text)
	}
	return strings.Join(nonEmpty(texts), ", ")
}

func nonEmpty(texts []string) []string {
	return slices.DeleteFunc(texts, func(s string) bool { return s == "" })
}

// gap separates columns.
const gap = "  "

const defaultWordWidth = 14

// Next takes the next n rows out of a table, as a table with the same widths.
func (t *Table) Next(n int) *Table {
	first := *t
	first.Rows, t.Rows = t.Rows[:n], t.Rows[n:]
	return &first
}

// Fit distributes the width of the page among the columns: first the minimum that each needs, then its fair
// width, then what is left.
func (p *Page) Fit(t *Table) {
	least, natural := t.bounds()
	free := p.width - len(gap)*(len(least)-1)
	for _, n := range least {
		free -= n
	}
	t.fitted = true
	if free < 0 {
		return
	}
	give := func(i, upTo int) {
		more := max(0, min(free, upTo-least[i]))
		least[i] += more
		free -= more
	}
	for i, c := range t.Columns {
		give(i, min(natural[i], c.FairWidth))
	}
	for i := range t.Columns {
		give(i, natural[i])
	}
	t.widths = least
}

// bounds returns the least widths that columns need, and those in which no line breaks.
func (t *Table) bounds() (least, natural []int) {
	least, natural = make([]int, len(t.Columns)), make([]int, len(t.Columns))
	for i, c := range t.Columns {
		wordWidth := cmp.Or(c.WordWidth, defaultWordWidth)
		measure := func(s string, wordWidth int) {
			natural[i] = max(natural[i], width(s))
			for word := range strings.SplitSeq(s, " ") {
				for part := range strings.SplitAfterSeq(word, "_") {
					least[i] = max(least[i], min(width(part), wordWidth))
				}
			}
		}
		measure(c.Head, len(c.Head))
		for _, row := range t.Rows {
			for _, part := range row[i] {
				measure(Printable(part.Text), wordWidth)
			}
		}
	}
	return least, natural
}

// Table adds a table, unless it has no rows: in columns if they fit, else as records.
func (p *Page) Table(t *Table) {
	if !t.fitted {
		p.Fit(t)
	}
	switch {
	case len(t.Rows) == 0:
	case t.widths != nil:
		p.grid(t)
	default:
		p.records(t)
	}
}

// grid adds rows in columns.
func (p *Page) grid(t *Table) {
	heads := make([]Cell, len(t.Columns))
	for i, c := range t.Columns {
		heads[i] = Cell{{c.Head, Dim}}
	}
	for _, row := range slices.Insert(slices.Clone(t.Rows), 0, heads) {
		cells, height := make([][]string, len(row)), 0
		for i, c := range row {
			cells[i] = p.lines(c, t.Columns[i].Short, t.widths[i])
			height = max(height, len(cells[i]))
		}
		for n := range height {
			parts := make([]string, len(cells))
			for i, lines := range cells {
				align, line := pretty.AlignLeft, ""
				if t.Columns[i].Right {
					align = pretty.AlignRight
				}
				if n < len(lines) {
					line = lines[n]
				}
				parts[i] = align.Apply(line, t.widths[i])
			}
			p.text.WriteString(strings.TrimRight(strings.Join(parts, gap), " ") + "\n")
		}
	}
}

// lines returns the lines of a cell.
func (p *Page) lines(c Cell, short bool, columns int) (lines []string) {
	for _, part := range c {
		if short {
			part.Text = Shorten(part.Text, columns)
		}
		for _, line := range wrap(part.Text, columns) {
			lines = append(lines, p.paint(line, part.Ink))
		}
	}
	return lines
}

// records adds a few lines for each row, for narrow terminals: its name, then its values.
func (p *Page) records(t *Table) {
	for _, row := range t.Rows {
		first, ink := row[0][0].Text, row[0][0].Ink
		values := []string{row[0][1:].String()}
		for i, c := range row[1:] {
			switch column, value := t.Columns[i+1], c.String(); {
			case value == "":
			case column.OnTop:
				first += string(nbsp) + " " + value // two blanks
				if ink == Plain {
					ink = c[0].Ink
				}
			case column.Bare:
				values = append(values, value)
			default:
				values = append(values, strings.ToLower(column.Head)+string(nbsp)+value)
			}
		}
		p.Line(0, first, ink)
		if values = nonEmpty(values); len(values) > 0 {
			p.Line(2, strings.Join(values, "; "), Plain)
		}
	}
}
