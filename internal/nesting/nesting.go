// Package nesting keeps texts away from the TOML library that would make it take all
// memory there is.
package nesting

import (
	"fmt"
	"strings"
)

// Max bounds brackets within brackets, and the parts of a key. Files of ours have four of
// either at most, while the library takes memory for the square of them: a megabyte of
// "a.a.a" takes more than most machines have.
const Max = 16

// Check gives the line from which on a text is nested too deep, 0 for a text that is
// in order. It need not tell whether the text is TOML, only see no string or comment where
// the library sees none.
func Check(text string) (line int, err error) {
	line = 1
	depth, parts := 0, 0
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
