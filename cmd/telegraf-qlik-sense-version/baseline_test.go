//go:build linux

package main

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
)

// comparison is the comparison with the baseline in a JSON report.
type comparison struct {
	Remarks   []string
	Then, Now struct {
		Compliant int
		NonComp   int `json:"non_compliant"`
	}
	Unchanged int
	Changed   []struct {
		Source  string
		Changes []string
		Closed  []string
	}
}

func compared(t *testing.T, status int, args ...string) *comparison {
	t.Helper()
	p := start(t, append([]string{"check", "--output", "json"}, args...)...)
	p.requireEnd(status)
	require.Empty(t, p.stderr.String())
	var document struct{ Baseline *comparison }
	require.NoError(t, json.Unmarshal([]byte(p.stdout.String()), &document))
	require.NotNil(t, document.Baseline)
	return document.Baseline
}

// planned are the steps of a plan, by wave.
type planned struct {
	Waves []struct {
		Servers []struct {
			Source, Action, Install string
			Closes                  []string
		}
	}
}

// After each of three waves of a plan, the comparison says "fixed" for its servers.
func TestBaselineOfRollout(t *testing.T) {
	f := startFleet(t,
		runs("May 2024 Patch 9", "14.187.14"), runs("November 2021", ""), // DEV
		runs("August 2023 Patch 1", "14.139.5"), runs("May 2025 Patch 15", "14.231.27"), // TEST
		runs("May 2024 Patch 12", ""), runs("May 2022 Patch 18", "14.67.34"), // PROD
	)
	names := []string{"DEV", "TEST", "PROD"}
	blocks := make([]string, 0, len(names))
	for i, name := range names {
		file := writeConfig(t, f.dir, []string{f.Addr(2 * i), f.Addr(2*i + 1)},
			`minimum_release = "May 2023"`, "tls_ca = '"+f.dir+"/root.pem'", "tls_cert = '"+f.dir+"/client.pem'", "tls_key = '"+f.dir+"/client_key.pem'",
			"catalog_max_age = '36500d'", "tags = { environment = '"+name+"' }")
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		blocks = append(blocks, string(text))
	}
	config := filepath.Join(f.dir, "fleet.conf")
	require.NoError(t, os.WriteFile(config, []byte(strings.Join(blocks, "\n")), 0o600))

	before := filepath.Join(t.TempDir(), "before.json")
	start(t, "check", "--config", config, "--output", "json", "--output-file", before).requireEnd(2)
	same := compared(t, 2, "--config", config, "--baseline", before)
	require.Equal(t, 6, same.Unchanged)
	require.Empty(t, same.Changed)
	require.Empty(t, same.Remarks)

	p := start(t, "plan", "--config", config, "--waves", "DEV,TEST,PROD", "--output", "json")
	p.requireEnd(0)
	var all planned
	require.NoError(t, json.Unmarshal([]byte(p.stdout.String()), &all))
	require.Len(t, all.Waves, 3)
	rows := make(map[string][]string) // what they close, by source
	for i, wave := range all.Waves {
		for _, server := range wave.Servers {
			if server.Install == "" {
				require.Equal(t, "nothing", server.Action)
				continue
			}
			n := slices.IndexFunc([]int{0, 1, 2, 3, 4, 5}, func(n int) bool { return strings.HasPrefix(f.Addr(n), server.Source+":") })
			require.NoError(t, f.Set(n, simulator.Server{Reply: simulator.Reply(server.Install, "")}))
			rows[server.Source] = server.Closes
		}
		status := 2
		if i == len(all.Waves)-1 {
			status = 0
		}
		c := compared(t, status, "--config", config, "--baseline", before)
		require.Len(t, c.Changed, len(rows))
		for _, server := range c.Changed {
			require.Equal(t, []string{"upgraded", "fixed"}, server.Changes)
			require.ElementsMatch(t, rows[server.Source], server.Closed)
		}
		require.Equal(t, 2+len(rows), c.Now.Compliant)
		require.Equal(t, 2, c.Then.Compliant)
		require.Equal(t, 4-len(rows), c.Now.NonComp)
	}
	require.Len(t, rows, 4)

	table := start(t, "check", "--config", config, "--baseline", before)
	table.requireEnd(0)
	require.Contains(t, table.stdout.String(), "\nSince 20")
	require.Equal(t, 4, strings.Count(table.stdout.String(), "upgraded, fixed"))
	page := start(t, "check", "--config", config, "--baseline", before, "--output", "html")
	page.requireEnd(0)
	require.Contains(t, page.stdout.String(), "2 → 6 since 20")
	rowsOf := start(t, "check", "--config", config, "--baseline", before, "--output", "csv")
	rowsOf.requireEnd(0)
	records, err := csv.NewReader(strings.NewReader(rowsOf.stdout.String())).ReadAll()
	require.NoError(t, err)
	require.Equal(t, "since_baseline", records[0][len(records[0])-1])
	require.Equal(t, "upgraded,fixed", records[1][len(records[1])-1])

	// The report may replace the baseline.
	start(t, "check", "--config", config, "--baseline", before, "--output", "json", "--output-file", before).requireEnd(0)
	require.Equal(t, 6, compared(t, 0, "--config", config, "--baseline", before).Unchanged)
	limited := compared(t, 0, "--config", config, "--baseline", before, "--only", "127.30.0.3")
	require.Equal(t, 1, limited.Unchanged)
	require.Equal(t, []string{"Only the servers that this report is limited to are compared."}, limited.Remarks)
}

// If the baseline cannot be read, no server is asked.
func TestBaselineRefused(t *testing.T) {
	f := startFleet(t, runs("May 2025 Patch 15", "14.231.27"))
	config := f.config()
	missing := filepath.Join(t.TempDir(), "missing.json")
	for _, tt := range []struct {
		args     []string
		expected string
	}{
		{[]string{"check", "--baseline", missing}, "E! --baseline " + missing + ": no such file or directory: name a document that check --output json wrote\n"},
		{[]string{"check", "--baseline", config}, "E! --baseline " + config + ": it cannot be read: "},
		{[]string{"check", "--baseline", ""}, "names no file"},
		{[]string{"plan", "--baseline", missing}, "flag provided but not defined: -baseline"},
	} {
		p := start(t, append(tt.args, "--config", config)...)
		p.requireEnd(1)
		require.Contains(t, p.stderr.String(), tt.expected)
		require.Empty(t, p.stdout.String())
	}
	require.Zero(t, f.Requests(0))
}
