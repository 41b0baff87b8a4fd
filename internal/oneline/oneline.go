// Package oneline makes text from outside safe to stand in one line of a log, a
// message or a table.
package oneline

import (
	"strings"
	"unicode"
)

// Of gives the text with every control character, line ends among them, made a
// space.
func Of(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// Short is Of for a text that may be long: what goes beyond a number of bytes is cut
// off, three dots in its place.
func Short(text string, most int) string {
	text = Of(text)
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}
