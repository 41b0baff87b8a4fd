//go:build linux

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
)

func TestCheckNagios(t *testing.T) {
	compliant, vulnerable := serverRunning("May 2025 Patch 15", "14.231.27"), serverRunning("August 2023 Patch 1", "14.139.5")
	for _, tt := range []struct {
		servers  []simulator.Server
		status   int
		expected string
	}{
		// The rest of the line depends on the age of the built-in data.
		{[]simulator.Server{compliant, {Fault: simulator.Fault503}}, 3, "UNKNOWN: 1 of 2 proven compliant"},
		{[]simulator.Server{{Fault: simulator.FaultDown}, vulnerable}, 2, "CRITICAL: 0 of 2 proven compliant"},
	} {
		p := start(t, "check", "--output", "nagios", "--config", startFleet(t, tt.servers...).config())
		p.requireEnd(tt.status)
		require.Empty(t, p.stderr.String())
		require.Regexp(t, `^QLIK SENSE `+tt.expected+`.* \| servers=2;.*\n$`, p.stdout.String())
	}

	f := startFleet(t, compliant)
	file := filepath.Join(t.TempDir(), "line")
	p := start(t, "check", "--output", "nagios", "--warn-days", "100000", "--output-file", file, "--config", f.config())
	p.requireEnd(1)
	require.Empty(t, p.stdout.String())
	line, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(line), "WARNING: 1 of 1 proven compliant")
	p = start(t, "check", "--output", "nagios", "--critical-days=100000", "--config", f.config())
	p.requireEnd(2)
	require.Contains(t, p.stdout.String(), "CRITICAL: 1 of 1 proven compliant")
}

// Nagios reads only standard output and the exit status, so an invalid call must be reported there too.
func TestCheckNagiosRefuses(t *testing.T) {
	config := startFleet(t, serverRunning("May 2025 Patch 15", "14.231.27")).config()
	for _, tt := range []struct {
		args     []string
		expected string
	}{
		{[]string{"--output", "nagios", "--config", "missing.conf"}, "reading the settings: open missing.conf: "},
		{[]string{"--output=nagios", "--confg", config}, "flag provided but not defined: -confg: see "},
		{[]string{"--confg", config, "-output", "nagios"}, "flag provided but not defined: -confg: see "},
		{[]string{"--output", "nagios", "--config", config, "--warn-days", "soon"}, `invalid value "soon" for flag -warn-days: is not a number of days`},
		{[]string{"--output", "nagios", "--config", config, "--critical-days", "-1"}, `invalid value "-1" for flag -critical-days`},
		{[]string{"--output", "nagios", "--config", config, "--baseline", config}, "no place for what changed since --baseline"},
		{[]string{"--output", "nagios", "--config", config, "--only", "qlik9"}, "--only qlik9: the settings have no such server"},
	} {
		p := start(t, append([]string{"check"}, tt.args...)...)
		p.requireEnd(3)
		require.Empty(t, p.stderr.String())
		require.Contains(t, p.stdout.String(), "QLIK SENSE UNKNOWN: ")
		require.Contains(t, p.stdout.String(), tt.expected)
		require.NotContains(t, p.stdout.String()[:len(p.stdout.String())-1], "\n")
	}

	p := start(t, "check", "--config", config, "--warn-days", "3")
	p.requireEnd(1)
	require.Equal(t, "E! --warn-days belongs to --output nagios\n", p.stderr.String())
	p = start(t, "check", "--config", "nagios")
	p.requireEnd(1)
	require.Empty(t, p.stdout.String(), "a settings file named nagios is not --output nagios")
}
