package settings

import (
	"slices"
	"strconv"
	"strings"
)

// places says on which line each table and each key of a text stands, from 1.
//
// The TOML library tells positions only in errors, and for a key that stands in
// several blocks only the last one.
type places map[string]int

// line finds a key of a block or, where it is not there, the closest table around
// it, up to the block's header. Block -1 is what stands in no block.
func (p places) line(block int, path ...string) int {
	for depth := len(path); depth > 0; depth-- {
		if line, found := p[placeOf(block, path[:depth])]; found {
			return line
		}
	}
	return 1
}

// maxDepth is that of the deepest place asked for: a tag in the table of a block.
const maxDepth = 4

// note keeps the first line of a key and of every table that its path implies.
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

// locate walks through a text that the TOML library has accepted; of any other it
// finds something or nothing.
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

// walker is a place in a text.
type walker struct {
	text string // what is still ahead
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

// toStatement goes to the next header or key.
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

// key reads a key, parts with dots between them, up to what cannot belong to it.
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
	if w.quoted() {
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
	// What cannot stand here must not stop the walk.
	w.advance(max(end, 1))
	return before[:end]
}

// value goes to the end of a value: its line, or its last bracket.
func (w *walker) value() {
	depth := 0
	for w.text != "" {
		if w.quoted() {
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

// quoted goes behind a string of one of the four kinds, if one begins here.
func (w *walker) quoted() bool {
	for _, quote := range []string{`"""`, `'''`, `"`, `'`} {
		if !strings.HasPrefix(w.text, quote) {
			continue
		}
		end := len(quote)
		for end < len(w.text) && !strings.HasPrefix(w.text[end:], quote) {
			if w.text[end] == '\\' && quote[0] == '"' {
				end++
			}
			end++
		}
		w.advance(end + len(quote))
		// A multi-line string may end with one or two quotes of its own.
		for len(quote) == 3 && w.skip(quote[:1]) { //nolint:revive // the condition does the work
		}
		return true
	}
	return false
}
