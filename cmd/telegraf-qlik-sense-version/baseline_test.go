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

func compareWithBaseline(t *testing.T, status int, args ...string) *comparison {
	t.Helper()
	p := start(t, append([]string{"check", "--output", "json"}, args...)...)
	p.requireEnd(status)
	require.Empty(t, p.stderr.String())
	var document struct{ Baseline *comparison }
	require.NoError(t, json.Unmarshal([]byte(p.stdout.String()), &document))
	require.NotNil(t, document.Baseline)
	return document.Baseline
}

// planDocument is the JSON document of a plan.
type planDocument struct {
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
		serverRunning("May 2024 Patch 9", "14.187.14"), serverRunning("November 2021", ""), // DEV
		serverRunning("August 2023 Patch 1", "14.139.5"), serverRunning("May 2025 Patch 15", "14.231.27"), // TEST
		serverRunning("May 2024 Patch 12", ""), serverRunning("May 2022 Patch 18", "14.67.34"), // PROD
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
	same := compareWithBaseline(t, 2, "--config", config, "--baseline", before)
	require.Equal(t, 6, same.Unchanged)
	require.Empty(t, same.Changed)
	require.Empty(t, same.Remarks)

	p := start(t, "plan", "--config", config, "--waves", "DEV,TEST,PROD", "--output", "json")
	p.requireEnd(0)
	var plan planDocument
	require.NoError(t, json.Unmarshal([]byte(p.stdout.String()), &plan))
	require.Len(t, plan.Waves, 3)
	closed := make(map[string][]string) // advisories of upgraded servers, by source
	for i, wave := range plan.Waves {
		for _, server := range wave.Servers {
			if server.Install == "" {
				require.Equal(t, "nothing", server.Action)
				continue
			}
			n := slices.IndexFunc([]int{0, 1, 2, 3, 4, 5}, func(n int) bool { return strings.HasPrefix(f.Addr(n), server.Source+":") })
			require.NoError(t, f.Set(n, simulator.Server{Reply: simulator.Reply(server.Install, "")}))
			closed[server.Source] = server.Closes
		}
		status := 2
		if i == len(plan.Waves)-1 {
			status = 0
		}
		c := compareWithBaseline(t, status, "--config", config, "--baseline", before)
		require.Len(t, c.Changed, len(closed))
		for _, server := range c.Changed {
			require.Equal(t, []string{"upgraded", "fixed"}, server.Changes)
			require.ElementsMatch(t, closed[server.Source], server.Closed)
		}
		require.Equal(t, 2+len(closed), c.Now.Compliant)
		require.Equal(t, 2, c.Then.Compliant)
		require.Equal(t, 4-len(closed), c.Now.NonComp)
	}
	require.Len(t, closed, 4)

	tableReport := start(t, "check", "--config", config, "--baseline", before)
	tableReport.requireEnd(0)
	require.Contains(t, tableReport.stdout.String(), "\nSince 20")
	require.Equal(t, 4, strings.Count(tableReport.stdout.String(), "upgraded, fixed"))
	htmlReport := start(t, "check", "--config", config, "--baseline", before, "--output", "html")
	htmlReport.requireEnd(0)
	require.Contains(t, htmlReport.stdout.String(), "2 → 6 since 20")
	csvReport := start(t, "check", "--config", config, "--baseline", before, "--output", "csv")
	csvReport.requireEnd(0)
	records, err := csv.NewReader(strings.NewReader(csvReport.stdout.String())).ReadAll()
	require.NoError(t, err)
	require.Equal(t, "since_baseline", records[0][len(records[0])-1])
	require.Equal(t, "upgraded,fixed", records[1][len(records[1])-1])

	// The report may replace the baseline.
	start(t, "check", "--config", config, "--baseline", before, "--output", "json", "--output-file", before).requireEnd(0)
	require.Equal(t, 6, compareWithBaseline(t, 0, "--config", config, "--baseline", before).Unchanged)
	limited := compareWithBaseline(t, 0, "--config", config, "--baseline", before, "--only", "127.30.0.3")
	require.Equal(t, 1, limited.Unchanged)
	require.Equal(t, []string{"Only the servers that this report is limited to are compared."}, limited.Remarks)
}

// If the baseline cannot be read, no server is polled.
func TestBaselineRefused(t *testing.T) {
	f := startFleet(t, serverRunning("May 2025 Patch 15", "14.231.27"))
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
