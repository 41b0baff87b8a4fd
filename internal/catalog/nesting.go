package catalog

import (
	"fmt"
	"strings"
)

// maxNesting bounds brackets within brackets, and the parts of a key. A catalogue has
// three of either at most, while the TOML library takes memory for the square of them: a
// file of MaxSize could take all there is.
const maxNesting = 16

// checkNesting refuses a text before the library reads it. It need not tell whether
// the text is TOML, only see no string or comment where the library sees none.
func checkNesting(text string) error {
	line, depth, parts := 1, 0, 0
	for i := 0; i < len(text); {
		switch text[i] {
		case '"', '\'':
			n := stringLength(text[i:])
			line += strings.Count(text[i:i+n], "\n")
			i += n
			continue
		case '#':
			if end := strings.IndexByte(text[i:], '\n'); end >= 0 {
				i += end
				continue
			}
			return nil
		case '\n':
			line, parts = line+1, 0
		case '[', '{':
			depth, parts = depth+1, 0
		case ']', '}':
			depth = max(depth-1, 0)
		case ',', '=':
			parts = 0
		case '.':
			parts++
		}
		if depth > maxNesting || parts > maxNesting {
			return fmt.Errorf("line %d: brackets or names are nested more than %d deep: is it a catalogue?", line, maxNesting)
		}
		i++
	}
	return nil
}

// stringLength is that of the string at the start of the text. One that its line or
// the text ends before its time ends there, for nobody reads on after that.
func stringLength(text string) int {
	quote, escapes := text[0], text[0] == '"'
	triple := strings.Repeat(text[:1], 3)
	multiline := strings.HasPrefix(text, triple)
	i := 1
	if multiline {
		i = len(triple)
	}
	for ; i < len(text); i++ {
		switch {
		case escapes && text[i] == '\\':
			i++
		case multiline && strings.HasPrefix(text[i:], triple):
			i += len(triple)
			// Up to two quotes may stand right before the three that end it.
			for more := 0; more < 2 && i < len(text) && text[i] == quote; more++ {
				i++
			}
			return i
		case !multiline && text[i] == quote:
			return i + 1
		case !multiline && text[i] == '\n':
			return i
		}
	}
	return len(text)
}
