package table

import (
	"iter"
	"slices"
	"strings"
	"unicode"

	pretty "github.com/jedib0t/go-pretty/v6/text"
)

// nbsp keeps words on one line, those of "Patch 15" for example. It is written as a blank.
const nbsp = '\u00a0'

func nonBreaking(s string) string { return strings.ReplaceAll(s, " ", string(nbsp)) }

// maxMarks is how many combining marks in a row are kept: more would reach into the lines above and
// below.
const maxMarks = 2

// printable makes a text safe for a terminal: control characters and all kinds of spaces become blanks,
// invisible characters and those that change the direction of the text become the replacement character.
func printable(s string) string {
	marks := 0
	return strings.Map(func(r rune) rune {
		mark := unicode.In(r, unicode.Mn, unicode.Me)
		if !mark {
			marks = 0
		}
		switch {
		case r == nbsp:
			return r
		case unicode.IsSpace(r), unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Variation_Selector, r):
			return -1 // makes a wide character of a narrow one, in some terminals
		case mark:
			if marks++; marks > maxMarks {
				return -1
			}
			return r
		case !unicode.IsPrint(r), pretty.RuneWidth(r) == 0:
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

func width(s string) int { return pretty.StringWidthWithoutEscSequences(s) }

// words yields the words of a text, made safe for a terminal. All text of the table passes through it,
// by way of wrap or shorten.
func words(s string) iter.Seq[string] {
	return strings.FieldsFuncSeq(printable(s), func(r rune) bool { return r == ' ' })
}

// wrap breaks a text into lines of at most that many columns.
func wrap(s string, columns int) []string {
	var lines []string
	var line strings.Builder
	endLine := func() {
		if text := plainBlanks(line.String()); text != "" {
			lines = append(lines, text)
		}
		line.Reset()
	}
	free := 0 // columns left in the line
	for word := range words(s) {
		for word != "" {
			end, size := breakAt(word, columns)
			if end == len(word) && size < free {
				line.WriteByte(' ')
				line.WriteString(word)
				free -= size + 1
				break
			}
			endLine()
			line.WriteString(word[:end])
			free = columns - size
			if word = word[end:]; word != "" {
				free = 0
			}
		}
	}
	endLine()
	if len(lines) == 0 {
		return []string{""}
	}
	return lines
}

// plainBlanks returns a finished line, with blanks for nbsp.
func plainBlanks(line string) string {
	return strings.Trim(strings.ReplaceAll(line, string(nbsp), " "), " ")
}

// breakAt finds where to break a word: at its end if it fits, else after a separator, unless that leaves
// the line nearly empty. The size is the width of the word if it fits.
func breakAt(word string, columns int) (end, size int) {
	lastBreak := 0
	for i, r := range word {
		if size += pretty.RuneWidth(r); size > columns && i > 0 {
			if lastBreak > 0 {
				return lastBreak, columns
			}
			return i, columns
		}
		if size > columns/4 && strings.ContainsRune(".-_/:,;=\u00a0", r) {
			lastBreak = i + len(string(r))
		}
	}
	return len(word), size
}

// shorten returns one line of at most that many columns: the text, or its start followed by dots.
func shorten(s string, columns int) string {
	var line strings.Builder
	size := 0
	for word := range words(strings.ReplaceAll(s, string(nbsp), " ")) {
		if size > 0 {
			line.WriteByte(' ')
			size++
		}
		line.WriteString(word)
		if size += width(word); size > columns {
			return strings.TrimRight(pretty.Trim(line.String(), columns-3), " ") + "..."
		}
	}
	return line.String()
}

// phrase is a part of a cell that starts on a new line.
type phrase struct {
	text string
	ink  pretty.Colors
}

type cell []phrase

func textCell(s string) cell { return cell{{text: s}} }

// column is one of a grid.
type column struct {
	head      string
	align     pretty.Align
	wordWidth int // words up to this width are not broken
	fairWidth int // all columns get this width before any gets more

	// In records:
	onTop bool // on the first line, without the head
	plain bool // without the head
}

// grid is rows of cells under columns.
type grid struct {
	columns []column
	rows    [][]cell
	widths  []int // of the columns, set by fit
	fits    bool
}

// next takes the next n rows out of the grid.
func (g *grid) next(n int) *grid {
	first := *g
	first.rows, g.rows = g.rows[:n], g.rows[n:]
	return &first
}

// fit distributes the width of a terminal among the columns: first the minimum that each needs, then its fair
// width, then what is left, in the given order. It reports whether there is enough for the minimum.
func (g *grid) fit(columns int, order ...int) bool {
	least, natural := g.bounds()
	free := columns - len(gap)*(len(least)-1)
	for _, n := range least {
		free -= n
	}
	give := func(i, upTo int) {
		more := max(0, min(free, upTo-least[i]))
		least[i] += more
		free -= more
	}
	for _, i := range order {
		give(i, min(natural[i], g.columns[i].fairWidth))
	}
	for _, i := range order {
		give(i, natural[i])
	}
	g.widths, g.fits = least, free >= 0
	return g.fits
}

// bounds returns the least widths that columns need, and those in which no line breaks.
func (g *grid) bounds() (least, natural []int) {
	least, natural = make([]int, len(g.columns)), make([]int, len(g.columns))
	for i, c := range g.columns {
		measure := func(s string, wordWidth int) {
			natural[i] = max(natural[i], width(s))
			for word := range strings.SplitSeq(s, " ") {
				for part := range strings.SplitAfterSeq(word, "_") {
					least[i] = max(least[i], min(width(part), wordWidth))
				}
			}
		}
		measure(c.head, len(c.head))
		for _, row := range g.rows {
			for _, part := range row[i] {
				measure(printable(part.text), c.wordWidth)
			}
		}
	}
	return least, natural
}

// gap separates columns.
const gap = "  "

// lines returns the lines of a cell.
func (p *sheet) lines(c cell, columns int) (lines []string) {
	for _, part := range c {
		for _, line := range wrap(part.text, columns) {
			lines = append(lines, p.paint(line, part.ink))
		}
	}
	return lines
}

// join returns the phrases of a cell as one text, "" where all are empty.
func (c cell) join() string {
	texts := make([]string, 0, len(c))
	for _, part := range c {
		texts = append(texts, part.text)
	}
	return strings.Join(nonEmpty(texts), ", ")
}

func nonEmpty(texts []string) []string {
	return slices.DeleteFunc(texts, func(s string) bool { return s == "" })
}
