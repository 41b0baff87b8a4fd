package settings

import (
	"slices"
	"strconv"
	"strings"

	"telegraf-qlik-sense-version/internal/nesting"
)

// places holds the line, from 1, of each table and each key of a text.
//
// The TOML library reports positions only in errors, and of a key that several blocks have
// only the last one.
type places map[string]int

// line returns the line of a key of a block or, if it is missing, of the closest enclosing
// table. Block -1 is everything outside the blocks.
func (p places) line(block int, path ...string) int {
	for depth := len(path); depth > 0; depth-- {
		if line, found := p[placeOf(block, path[:depth])]; found {
			return line
		}
	}
	return 1
}

// maxDepth bounds the paths: the deepest is that of a tag in the table of a block.
const maxDepth = 4

// note records the first line of a key and of every table that its path implies.
func (p places) note(block int, path []string, line int) {
	for i := range min(len(path), maxDepth) {
		if place := placeOf(block, path[:i+1]); p[place] == 0 {
			p[place] = line
		}
	}
}

func placeOf(block int, path []string) string {
	return strconv.Itoa(block) + "\x00" + strings.Join(path, "\x00")
}

// locate returns the places of a text that the TOML library accepts. For any other text, the result
// is undefined.
func locate(text string) places {
	found := make(places)
	header := strings.Split(blockName, ".")
	walk := walker{text: text, line: 1}
	var table []string
	block, blocks := -1, 0
	for walk.toStatement() {
		line := walk.line
		if !walk.skip("[") {
			key := walk.key()
			walk.skip("=")
			walk.value()
			found.note(block, slices.Concat(table, key), line)
			continue
		}
		list := walk.skip("[")
		table = walk.key()
		walk.skip("]")
		walk.skip("]")
		switch {
		case list && slices.Equal(table, header):
			block = blocks
			blocks++
		case blocks == 0 || len(table) < len(header) || !slices.Equal(table[:len(header)], header):
			block = -1
		default:
			block = blocks - 1
		}
		found.note(block, table, line)
	}
	return found
}

// walker is a position in a text.
type walker struct {
	text string // the rest
	line int
}

func (w *walker) advance(n int) {
	n = min(n, len(w.text))
	w.line += strings.Count(w.text[:n], "\n")
	w.text = w.text[n:]
}

func (w *walker) skip(token string) bool {
	if !strings.HasPrefix(w.text, token) {
		return false
	}
	w.advance(len(token))
	return true
}

// toStatement advances to the next header or key.
func (w *walker) toStatement() bool {
	for w.text != "" {
		switch w.text[0] {
		case ' ', '\t', '\r', '\n':
			w.advance(1)
		case '#':
			w.comment()
		default:
			return true
		}
	}
	return false
}

func (w *walker) comment() {
	if end := strings.IndexByte(w.text, '\n'); end >= 0 {
		w.advance(end)
		return
	}
	w.text = ""
}

// key reads a dotted key.
func (w *walker) key() []string {
	var parts []string
	for {
		w.blanks()
		parts = append(parts, w.part())
		w.blanks()
		if !w.skip(".") {
			return parts
		}
	}
}

func (w *walker) blanks() {
	w.advance(len(w.text) - len(strings.TrimLeft(w.text, " \t")))
}

func (w *walker) part() string {
	before := w.text
	if w.skipString() {
		part := before[:len(before)-len(w.text)]
		if plain, err := strconv.Unquote(part); err == nil && part[0] == '"' {
			return plain
		}
		return strings.Trim(part, part[:1])
	}
	end := strings.IndexAny(w.text, " \t\r\n.=[]#\"'")
	if end < 0 {
		end = len(w.text)
	}
	w.advance(max(end, 1)) // at an invalid character, too
	return before[:end]
}

// value advances to the end of the line on which a value ends.
func (w *walker) value() {
	depth := 0
	for w.text != "" {
		if w.skipString() {
			continue
		}
		switch w.text[0] {
		case '#':
			w.comment()
			continue
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case '\n':
			if depth <= 0 {
				return
			}
		}
		w.advance(1)
	}
}

// skipString skips a string, if one begins here.
func (w *walker) skipString() bool {
	if !strings.HasPrefix(w.text, `"`) && !strings.HasPrefix(w.text, "'") {
		return false
	}
	w.advance(nesting.StringLength(w.text))
	return true
}
