package table

import (
	"iter"
	"slices"
	"strings"
	"unicode"

	pretty "github.com/jedib0t/go-pretty/v6/text"
)

// nbsp joins words that belong on one line, "Patch 15" for example. It is shown as a
// blank.
const nbsp = '\u00a0'

// maxMarks is how many combining marks in a row are shown: more of them would grow
// into the lines above and below.
const maxMarks = 2

// printable leaves of a text only what a terminal shows in its place: a blank for each
// control character and each sort of space, the replacement character for what is
// invisible or turns the direction of the text.
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

// words yields the words of a text as a terminal may show them. All text that gets into
// the table comes through it, by wrap or shorten.
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

// plainBlanks returns a finished line, in which nothing has to stay together any more.
func plainBlanks(line string) string {
	return strings.Trim(strings.ReplaceAll(line, string(nbsp), " "), " ")
}

// breakAt finds where a word goes on in the next line: at its end where it fits, or
// behind a character that parts names, where that leaves no line nearly empty. The
// size is that of a word that fits.
func breakAt(word string, columns int) (end, size int) {
	good := 0
	for i, r := range word {
		if size += pretty.RuneWidth(r); size > columns && i > 0 {
			if good > 0 {
				return good, columns
			}
			return i, columns
		}
		if size > columns/4 && strings.ContainsRune(".-_/:,;=\u00a0", r) {
			good = i + len(string(r))
		}
	}
	return len(word), size
}

// shorten returns one line of at most that many columns: the text, or its start and dots.
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

// phrase is a part of a cell that begins on a line of its own.
type phrase struct {
	text string
	ink  pretty.Colors
}

type cell []phrase

func textCell(s string) cell { return cell{{text: s}} }

// column is one of a grid.
type column struct {
	head  string
	right bool // aligned to the right
	// enough is the width up to which words are not broken.
	enough int
	// fair is the width that the column gets before others get more than that.
	fair int
}

// grid is rows of cells under columns.
type grid struct {
	columns []column
	rows    [][]cell
}

// widths shares the columns of a terminal out among those of the grid: first what
// each needs at least, then what is fair, then what is left, those that are first in
// order before the others. The grid does not fit where the least is not there.
func (g *grid) widths(columns int, order ...int) (widths []int, fits bool) {
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
		give(i, min(natural[i], g.columns[i].fair))
	}
	for _, i := range order {
		give(i, natural[i])
	}
	return least, free >= 0
}

// bounds returns the widths that columns need at least, and those in which no line
// breaks.
func (g *grid) bounds() (least, natural []int) {
	least, natural = make([]int, len(g.columns)), make([]int, len(g.columns))
	for i, c := range g.columns {
		measure := func(s string, enough int) {
			natural[i] = max(natural[i], width(s))
			for word := range strings.SplitSeq(s, " ") {
				for part := range strings.SplitAfterSeq(word, "_") {
					least[i] = max(least[i], min(width(part), enough))
				}
			}
		}
		measure(c.head, len(c.head))
		for _, row := range g.rows {
			for _, part := range row[i] {
				measure(printable(part.text), c.enough)
			}
		}
	}
	return least, natural
}

// gap stands between columns.
const gap = "  "

// lines returns the lines of a cell.
func (p *sheet) lines(c cell, columns int) string {
	var lines []string
	for _, part := range c {
		for _, line := range wrap(part.text, columns) {
			lines = append(lines, p.paint(line, part.ink))
		}
	}
	return strings.Join(lines, "\n")
}

// joined returns the phrases of a cell as one text, "" where all are empty.
func (c cell) joined() string {
	texts := make([]string, 0, len(c))
	for _, part := range c {
		texts = append(texts, part.text)
	}
	return strings.Join(slices.DeleteFunc(texts, func(s string) bool { return s == "" }), ", ")
}
