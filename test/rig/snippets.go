package rig

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// Snippet is a fenced code block of a page.
type Snippet struct{ Language, Text string }

var fenced = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// Snippets are the fenced code blocks of a page, in order.
func Snippets(t *testing.T, file string) []Snippet {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	matches := fenced.FindAllStringSubmatch(string(text), -1)
	snippets := make([]Snippet, 0, len(matches))
	for _, match := range matches {
		snippets = append(snippets, Snippet{match[1], match[2]})
	}
	return snippets
}
