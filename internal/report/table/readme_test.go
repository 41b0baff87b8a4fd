package table

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/golden"
	"telegraf-qlik-sense-version/internal/report/reporttest"
	"telegraf-qlik-sense-version/internal/terminal"
)

// The documentation shows what the program prints.
func TestPageTable(t *testing.T) {
	table := tableOf(t, reporttest.Demonstration(t), terminal.Options{})
	if golden.Update() {
		t.Log(table)
	}
	readme, err := os.ReadFile("../../../docs/check-and-plan.md")
	require.NoError(t, err)
	_, shown, found := strings.Cut(string(readme), "```text\nenvironment=")
	require.True(t, found)
	shown, _, _ = strings.Cut(shown, "```\n")
	_, printed, found := strings.Cut(table, "environment=")
	require.True(t, found)

	// The page leaves paragraphs out, but shows no line that is not printed.
	for line := range strings.Lines(shown) {
		if strings.TrimSpace(line) != "..." {
			require.Contains(t, printed, line)
		}
	}
	require.Greater(t, strings.Count(shown, "\n"), 15)
}
