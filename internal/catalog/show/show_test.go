package show

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/golden"
	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/internal/terminal"
)

const smallCatalog = "testdata/small.toml"

func someDay(t *testing.T) catalog.Day {
	t.Helper()
	d, err := catalog.ParseDay("2026-11-21")
	require.NoError(t, err)
	return d
}

func TestSummary(t *testing.T) {
	decides := catalog.Advisory{ID: "CVE-2026-1", Verified: true, Fixed: []release.Release{{Year: 2025, Month: time.May}}}
	dismissed := decides
	dismissed.Dismissed = "not ours"
	c := &catalog.Catalog{ReleasesAsOf: someDay(t), Releases: make([]catalog.Release, 2), Advisories: []catalog.Advisory{decides}}
	require.Equal(t, "2 releases, 1 advisory (1 decide, 0 undecided), releases as of 2026-11-21, advisories as of unknown, exploited as of unknown", Summary(c))
	c.Advisories = append(c.Advisories, decides, dismissed, catalog.Advisory{ID: "CVE-2026-2"})
	require.Contains(t, Summary(c), ", 4 advisories (2 decide, 1 undecided, 1 dismissed), ")
}

func TestTable(t *testing.T) {
	c, err := catalog.Load(smallCatalog)
	require.NoError(t, err)
	var text bytes.Buffer
	require.NoError(t, Table(&text, c, "dir/small\x1b.toml", someDay(t), terminal.Options{}))
	golden.Require(t, "testdata/table.golden", text.String())

	for _, columns := range []int{40, 80, 100} {
		text.Reset()
		require.NoError(t, Table(&text, catalog.BuiltIn(), "built in", someDay(t), terminal.Options{Width: columns}))
		for line := range strings.Lines(text.String()) {
			require.LessOrEqual(t, len(line), columns+1, line)
			require.Equal(t, strings.TrimRight(line, " \n")+"\n", line)
		}
	}
}

func TestTableWithoutAdvisories(t *testing.T) {
	c, err := catalog.Load(smallCatalog)
	require.NoError(t, err)
	c.Advisories = nil
	var text bytes.Buffer
	require.NoError(t, Table(&text, c, "built in", catalog.DayOf(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)), terminal.Options{}))
	require.NotContains(t, text.String(), "ADVISORY")
	require.Equal(t, 3, strings.Count(text.String(), "in the future: check the clock of this machine"))
}

func TestJSON(t *testing.T) {
	c, err := catalog.Load(smallCatalog)
	require.NoError(t, err)
	var text bytes.Buffer
	require.NoError(t, JSON(&text, c, "small.toml", someDay(t)))
	golden.Require(t, "testdata/json.golden", text.String())

	// Empty lists are [], not null.
	c.Sources, c.Advisories = nil, nil
	text.Reset()
	require.NoError(t, JSON(&text, c, "small.toml", someDay(t)))
	var document map[string]any
	require.NoError(t, json.Unmarshal(text.Bytes(), &document))
	require.Equal(t, []any{}, document["sources"])
	require.Equal(t, []any{}, document["advisories"])
}
