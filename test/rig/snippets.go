package rig

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// Snippet is a fenced block of a page.
type Snippet struct{ Language, Text string }

var fenced = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// Snippets are the fenced blocks of a page, in its order.
func Snippets(t *testing.T, file string) []Snippet {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var snippets []Snippet
	for _, match := range fenced.FindAllStringSubmatch(string(text), -1) {
		snippets = append(snippets, Snippet{match[1], match[2]})
	}
	return snippets
}
