package terminal

import (
	"iter"
	"strings"
	"unicode"

	pretty "github.com/jedib0t/go-pretty/v6/text"
)

// nbsp keeps words on one line. It is written as a blank.
const nbsp = '\u00a0'

// NonBreaking keeps the words of a text on one line, if they fit.
func NonBreaking(s string) string { return strings.ReplaceAll(s, " ", string(nbsp)) }

// maxMarks is how many combining marks in a row are kept: more would reach into the lines above and
// below.
const maxMarks = 2

// Printable makes a text safe for a terminal: control characters and all kinds of spaces become blanks,
// invisible characters and those that change the direction of the text become the replacement character.
func Printable(s string) string {
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

// words yields the words of a text, made safe for a terminal. All text of a page passes through it,
// by way of wrap or Shorten.
func words(s string) iter.Seq[string] {
	return strings.FieldsFuncSeq(Printable(s), func(r rune) bool { return r == ' ' })
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

// Shorten returns one line of at most that many columns: the text, or its start followed by dots.
func Shorten(s string, columns int) string {
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
