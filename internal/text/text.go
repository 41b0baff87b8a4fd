// Package text makes text from outside safe to show in one line of a log, a message or
// a table, and counts things in messages.
package text

import (
	"fmt"
	"strings"
	"unicode"
)

// OneLine replaces every control character of s, line ends among them, by a space.
func OneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// Truncate returns at most limit bytes of s and never splits a character. What it
// returns does not keep a longer s in memory.
func Truncate(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.Clone(strings.ToValidUTF8(s[:limit], ""))
}

// Excerpt is OneLine for a text that may be long: beyond limit bytes three dots stand
// for the rest.
func Excerpt(s string, limit int) string {
	if len(s) <= limit {
		return OneLine(s)
	}
	return OneLine(Truncate(s, limit)) + "..."
}

// Quote is the start of s in quotes, for a message about what a file or a server sent.
func Quote(s string) string {
	const limit = 60 // characters
	if runes := []rune(s[:min(len(s), 4*limit)]); len(runes) > limit || len(s) > 4*limit {
		s = string(runes[:min(len(runes), limit)]) + "..."
	}
	return fmt.Sprintf("%q", s)
}

// Plural returns "1 release" or "37 releases": n and the noun, whose plural ends in s.
func Plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
