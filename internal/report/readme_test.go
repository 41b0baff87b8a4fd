package report

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The README shows what the program prints.
func TestREADMEShowsTheTable(t *testing.T) {
	var table bytes.Buffer
	require.NoError(t, demonstration(t).WriteTable(&table, TableOptions{}))
	if *update {
		t.Log(table.String())
	}
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, shown, found := strings.Cut(string(readme), "```text\nenvironment=")
	require.True(t, found)
	shown, _, _ = strings.Cut(shown, "```\n")
	_, printed, found := strings.Cut(table.String(), "environment=")
	require.True(t, found)

	// The page leaves paragraphs out, but shows no line that is not printed.
	for line := range strings.Lines(shown) {
		if strings.TrimSpace(line) != "..." {
			require.Contains(t, printed, line)
		}
	}
	require.Greater(t, strings.Count(shown, "\n"), 15)
}
