package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
)

var updateGolden = flag.Bool("update", false, "rewrite the golden files under testdata/catalog")

const smallCatalog = "testdata/catalog/small.toml"

func someDay(t *testing.T) catalog.Day {
	t.Helper()
	at, err := time.Parse(time.DateOnly, "2026-11-21")
	require.NoError(t, err)
	return catalog.DayOf(at)
}

func requireGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", "catalog", name)
	if *updateGolden {
		require.NoError(t, os.WriteFile(file, got, 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

func TestCatalogTable(t *testing.T) {
	c, err := catalog.Load(smallCatalog)
	require.NoError(t, err)
	var text bytes.Buffer
	require.NoError(t, writeCatalogTable(&text, c, "dir/small\x1b.toml", someDay(t)))
	requireGolden(t, "table.golden", text.Bytes())

	text.Reset()
	require.NoError(t, writeCatalogTable(&text, catalog.BuiltIn(), "built in", someDay(t)))
	for line := range strings.Lines(text.String()) {
		require.LessOrEqual(t, len(line), tableWidth+1, line)
		require.Equal(t, strings.TrimRight(line, " \n")+"\n", line)
	}
}

func TestCatalogTableWithoutAdvisories(t *testing.T) {
	c, err := catalog.Load(smallCatalog)
	require.NoError(t, err)
	c.Advisories = nil
	var text bytes.Buffer
	require.NoError(t, writeCatalogTable(&text, c, "built in", catalog.DayOf(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC))))
	require.NotContains(t, text.String(), "ADVISORY")
	require.Equal(t, 3, strings.Count(text.String(), "in the future: check the clock of this machine"))
}

func TestCatalogJSON(t *testing.T) {
	c, err := catalog.Load(smallCatalog)
	require.NoError(t, err)
	var text bytes.Buffer
	require.NoError(t, writeCatalogJSON(&text, c, "small.toml", someDay(t)))
	requireGolden(t, "json.golden", text.Bytes())

	// What has nothing still has its list.
	c.Sources, c.Advisories = nil, nil
	text.Reset()
	require.NoError(t, writeCatalogJSON(&text, c, "small.toml", someDay(t)))
	var document map[string]any
	require.NoError(t, json.Unmarshal(text.Bytes(), &document))
	require.Equal(t, []any{}, document["sources"])
	require.Equal(t, []any{}, document["advisories"])
}

func TestCatalogRefusedCalls(t *testing.T) {
	const help = ": see telegraf-qlik-sense-version --help\n"
	tests := []struct {
		name     string
		args     []string
		expected string
	}{
		{"nothing", nil, "E! catalog: say what to do with it, show, check or update" + help},
		{"unknown command", []string{"list"}, "E! catalog: there is no command \"list\", only show, check or update" + help},
		{"option in front", []string{"--catalog", "x", "show"}, "E! catalog: there is no command \"--catalog\", only show, check or update" + help},
		{"unknown option", []string{"show", "--verbose"}, "E! flag provided but not defined: -verbose" + help},
		{"word behind show", []string{"show", "FILE"}, "E! \"FILE\" is not an option" + help},
		{"unknown output", []string{"show", "--output", "yaml"}, "E! --output \"yaml\" is none of table, json\n"},
		{"show a missing file", []string{"show", "--catalog", "missing.toml"},
			"E! stat missing.toml: no such file or directory: check the path and its permissions\n"},
		{"check nothing", []string{"check"}, "E! catalog check: name one FILE to check, not 0" + help},
		{"check a file without a name", []string{"check", ""}, "E! catalog check: name a FILE to check" + help},
		{"check two files", []string{"check", "a", "b"}, "E! catalog check: name one FILE to check, not 2" + help},
		{"check with an option", []string{"check", "--from", "x"}, "E! flag provided but not defined: -from" + help},
		{"update nothing", []string{"update"}, "E! catalog update: name one FILE to bring up to date, not 0" + help},
		{"update two files", []string{"update", "a", "--from", "x", "b"}, "E! catalog update: name one FILE to bring up to date, not 2" + help},
		{"two sources", []string{"update", "--from", "x", "--url", "https://example.com", "a"},
			"E! catalog update: --from and --url are two sources: use one of them\n"},
		{"standard input twice", []string{"update", "--from", "-", "--from", "-", "a"},
			"E! invalid value \"-\" for flag -from: standard input can be read once" + help},
		{"no name behind from", []string{"update", "--from", "", "a"},
			"E! invalid value \"\" for flag -from: name a file, or - for standard input" + help},
		{"no address", []string{"update", "--url", "example.com", "missing.toml"},
			"E! missing.toml was not made: the URL of the vendor's list is none: write for example " +
				"https://api.github.com/repos/qlik-download/qlik-sense-server/releases?per_page=100\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t, append([]string{"catalog"}, tt.args...)...)
			p.requireEnd(1)
			require.Empty(t, p.stdout.String())
			require.Equal(t, tt.expected, p.stderr.String())
		})
	}
}
