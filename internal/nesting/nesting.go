// Package nesting finds TOML that would make the TOML library run out of memory.
package nesting

import (
	"fmt"
	"strings"
)

// Max bounds the depth of brackets and the parts of a key. Settings and catalogues need four.
// The library's memory grows with the square: a megabyte of "a.a.a" takes more than most
// machines have.
const Max = 16

// Check returns the first line that is nested too deep, or 0. The text need not be valid TOML, but
// Check must not see a string or a comment where the library sees none.
func Check(text string) (line int, err error) {
	line = 1
	depth, parts := 0, 0
	for i := 0; i < len(text); {
		switch text[i] {
		case '"', '\'':
			n := StringLength(text[i:])
			line += strings.Count(text[i:i+n], "\n")
			i += n
			continue
		case '#':
			if end := strings.IndexByte(text[i:], '\n'); end >= 0 {
				i += end
				continue
			}
			return 0, nil
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
		if depth > Max || parts > Max {
			return line, fmt.Errorf("brackets or names are nested more than %d deep", Max)
		}
		i++
	}
	return 0, nil
}

// StringLength is the length of the string at the start of text, with its quotes. An
// unterminated string ends with its line or the text, where the library stops reading.
func StringLength(text string) int {
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
			// The content may end with up to two quotes.
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
