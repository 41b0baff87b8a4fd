//go:build linux

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckEnvFile(t *testing.T) {
	f := startFleet(t, runs("May 2025 Patch 15", "14.231.27"))
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
		{[]string{"--config", config}, "environment variable STAGE is not set"},
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
