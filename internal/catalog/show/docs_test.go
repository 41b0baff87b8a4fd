package show

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
)

// The snippets in docs/advisories.md decide an advisory and dismiss it.
func TestDocumentedDecisions(t *testing.T) {
	page, err := os.ReadFile("../../../docs/advisories.md")
	require.NoError(t, err)
	snippets := regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	require.Len(t, snippets, 2)
	builtIn, err := catalog.BuiltIn().Encode("")
	require.NoError(t, err)
	with := func(entry string) *catalog.Advisory {
		text := strings.Replace(string(builtIn), "advisories_as_of = ", "advisories_as_of = 2027-02-01 # ", 1)
		text = strings.Replace(text, "\n[end]", "\n"+entry+"\n[end]", 1)
		text = regexp.MustCompile(`"(May 2026 Patch 7|November 2025 Patch 9)"`).ReplaceAllString(text, `"May 2025 Patch 15"`)
		text = strings.Replace(text, `["May 2025 Patch 15", "May 2025 Patch 15"]`, `["May 2025 Patch 15"]`, 1)
		c, err := catalog.Parse([]byte(text))
		require.NoError(t, err)
		return &c.Advisories[slices.IndexFunc(c.Advisories, func(a catalog.Advisory) bool { return a.ID == "CVE-2027-0001" })]
	}
	decided := with(snippets[0][1])
	require.True(t, decided.Decides())
	require.True(t, decided.Keep)
	undecided := strings.Replace(strings.Replace(snippets[0][1], "fixed = ", "fixed = [] # ", 1), "keep = true\n", "", 1)
	require.True(t, with(undecided).Undecided())
	require.False(t, with(undecided+snippets[1][1]).Undecided())
}
