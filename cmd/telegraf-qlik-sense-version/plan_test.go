//go:build linux

package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
)

// After all steps of a plan, the fleet is compliant.
func TestPlanMakesFleetCompliant(t *testing.T) {
	f := startFleet(t,
		serverRunning("May 2024 Patch 9", "14.187.14"), serverRunning("August 2023 Patch 1", "14.139.5"), serverRunning("November 2021", ""),
		serverRunning("May 2025 Patch 15", "14.231.27"), serverRunning("May 2024 Patch 12", ""),
	)
	config := f.config(`minimum_release = "May 2024 Patch 20"`)
	start(t, "check", "--config", config).requireEnd(2)

	p := start(t, "plan", "--config", config, "--output", "json")
	p.requireEnd(0)
	require.Empty(t, p.stderr.String())
	var planDocument struct {
		Waves []struct {
			Servers []struct{ Source, Host, Action, Install string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(p.stdout.String()), &planDocument))
	require.Len(t, planDocument.Waves, 1)
	actions := make(map[string]int)
	for _, server := range planDocument.Waves[0].Servers {
		actions[server.Action]++
		if server.Install == "" {
			continue
		}
		for i := range 5 {
			if f.Addr(i) == server.Host || strings.HasPrefix(f.Addr(i), server.Source+":") {
				require.NoError(t, f.Set(i, simulator.Server{Reply: simulator.Reply(server.Install, "")}))
			}
		}
	}
	require.Equal(t, map[string]int{"patch": 2, "upgrade": 2, "nothing": 1}, actions)
	start(t, "check", "--config", config).requireEnd(0)
}

// A server that does not answer is in the plan, and the exit status is 0.
func TestPlanWithoutAnswer(t *testing.T) {
	f := startFleet(t, serverRunning("May 2024 Patch 9", "14.187.14"), simulator.Server{Fault: simulator.Fault403})
	p := start(t, "plan", "--config", f.config())
	p.requireEnd(0)
	require.Empty(t, p.stderr.String())
	require.Contains(t, p.stdout.String(), "find out first")
	require.Contains(t, p.stdout.String(), "\nAll servers: 1 server to May 2024 Patch 10 closes CVE-2024-55579, CVE-2024-55580\n")
	for _, output := range []string{"csv", "html"} {
		p = start(t, "plan", "--config", f.config(), "--output", output)
		p.requireEnd(0)
		require.Contains(t, p.stdout.String(), "May 2024 Patch 10")
	}
}

func TestPlanRefuses(t *testing.T) {
	config := startFleet(t, serverRunning("May 2024 Patch 9", "14.187.14")).config()
	for _, tt := range []struct {
		args     []string
		expected string
	}{
		{[]string{"--target", "Easter 2025"}, `E! --target "Easter 2025" is "Easter 2025": not a release of Qlik Sense: write it like "May 2025 Patch 15"`},
		{[]string{"--target", "May 2024 Patch 9"},
			"E! --target May 2024 Patch 9 is itself open to CVE-2024-55579, CVE-2024-55580: choose a later patch or a newer release"},
		{[]string{"--output", "pdf"}, `E! --output "pdf" is none of table, csv, json, html`},
		{[]string{"--waves", "DEV,,PROD"}, "E! --waves: a name is missing: write it like DEV,TEST,PROD"},
	} {
		p := start(t, append([]string{"plan", "--config", config}, tt.args...)...)
		p.requireEnd(1)
		require.Equal(t, tt.expected+"\n", p.stderr.String())
		require.Empty(t, p.stdout.String())
	}
}
