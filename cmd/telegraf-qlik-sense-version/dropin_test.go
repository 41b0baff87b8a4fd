//go:build linux

package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckEnvFile(t *testing.T) {
	f := startFleet(t, serverRunning("May 2025 Patch 15", "14.231.27"))
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	config := f.config("[inputs.qlik_sense_version.tags]", "environment = '${STAGE}'")
	for _, command := range []string{"check", "plan"} {
		p := start(t, command, "--config", config, "--env-file", write("env", "STAGE=PROD # the service's\n"))
		p.requireEnd(0)
		require.Empty(t, p.stderr.String())
		require.Contains(t, p.stdout.String(), map[string]string{"check": "environment=PROD", "plan": "1 server proven compliant"}[command])
	}
	for _, tt := range []struct {
		args     []string
		expected string
	}{
		{[]string{"--config", config}, "environment variable STAGE is unset or empty"},
		{[]string{"--config", config, "--env-file", filepath.Join(dir, "missing")}, "E! --env-file: open "},
		{[]string{"--config", config, "--env-file", write("bad", "STAGE\n")}, "write NAME=value, one to a line"},
		{[]string{"--config", ""}, "names no file"},
		{[]string{"--config", config, "--config", config, "--env-file", filepath.Join(dir, "env")}, "with the same tags: their points would overwrite each other"},
	} {
		p := start(t, append([]string{"check"}, tt.args...)...)
		p.requireEnd(1)
		require.Empty(t, p.stdout.String())
		require.Contains(t, p.stderr.String(), tt.expected)
	}
}

// A report contains the SHA-256 sums of the settings.
func TestCheckOrigin(t *testing.T) {
	config := startFleet(t, serverRunning("May 2024 Patch 9", "14.187.14")).config()
	content, err := os.ReadFile(config)
	require.NoError(t, err)
	sum := fmt.Sprintf("%x", sha256.Sum256(content))
	machine, err := os.Hostname()
	require.NoError(t, err)
	account, err := user.Current()
	require.NoError(t, err)
	for _, output := range []string{"json", "csv", "html"} {
		p := start(t, "check", "--config", config, "--output", output)
		p.requireEnd(2)
		for _, expected := range []string{sum, config, machine, account.Username} {
			require.Contains(t, p.stdout.String(), expected, output)
		}
	}

	for _, command := range []string{"check", "plan"} {
		p := start(t, command, "--config", config, "--output", "csv", "--csv-excel")
		p.requireEnd(map[string]int{"check": 2, "plan": 0}[command])
		require.Regexp(t, "^\ufeffasked_at;source;host;id;", p.stdout.String())
		p = start(t, command, "--config", config, "--csv-excel")
		p.requireEnd(1)
		require.Equal(t, "E! --csv-excel belongs to --output csv\n", p.stderr.String())
	}
}
