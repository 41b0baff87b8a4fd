// Package text makes untrusted text safe for a line of a log, a message or a table, and formats
// counts.
package text

import (
	"fmt"
	"strings"
	"unicode"
)

// OneLine replaces control characters, including newlines, with spaces.
func OneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// Truncate returns at most limit bytes of s and does not split characters. The result does not
// keep a longer s in memory.
func Truncate(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.Clone(strings.ToValidUTF8(s[:limit], ""))
}

// Excerpt returns s on one line. If s is longer than limit bytes, it ends in "...".
func Excerpt(s string, limit int) string {
	if len(s) <= limit {
		return OneLine(s)
	}
	return OneLine(Truncate(s, limit)) + "..."
}

// Quote returns the beginning of s in quotes, for a message about untrusted input.
func Quote(s string) string {
	const limit = 60 // characters
	if runes := []rune(s[:min(len(s), 4*limit)]); len(runes) > limit || len(s) > 4*limit {
		s = string(runes[:min(len(runes), limit)]) + "..."
	}
	return fmt.Sprintf("%q", s)
}

// Plural returns n and the noun, such as "1 release" or "37 releases".
func Plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
