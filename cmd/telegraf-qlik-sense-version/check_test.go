//go:build linux

package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
)

func serverRunning(label, build string) simulator.Server {
	return simulator.Server{Reply: simulator.Reply(label, build)}
}

func TestCheckStatus(t *testing.T) {
	compliant, vulnerable, unknown := serverRunning("May 2025 Patch 15", "14.231.27"), serverRunning("May 2024", "14.187.4"), serverRunning("May 2027", "14.299.1")
	silent := simulator.Server{Fault: simulator.FaultDown}
	for _, tt := range []struct {
		name    string
		servers []simulator.Server
		status  int
	}{
		{"compliant", []simulator.Server{compliant, compliant}, 0},
		{"unknown", []simulator.Server{compliant, unknown}, 3},
		{"no answer", []simulator.Server{compliant, silent}, 3},
		{"vulnerable", []simulator.Server{compliant, vulnerable}, 2},
		{"vulnerable and no answer", []simulator.Server{vulnerable, silent, unknown}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t, "check", "--config", startFleet(t, tt.servers...).config())
			p.requireEnd(tt.status)
			require.Empty(t, p.stderr.String(), "problems belong in the report")
			require.Contains(t, p.stdout.String(), fmt.Sprintf("%d servers", len(tt.servers)))
			require.NotContains(t, p.stdout.String(), "\x1b", "no colours without a terminal")
		})
	}
}

// Every format shows the fleet, on standard output and in a file.
func TestCheckOutputs(t *testing.T) {
	f := startFleet(t, serverRunning("May 2025 Patch 15", "14.231.27"), serverRunning("August 2023 Patch 1", "14.139.5"),
		simulator.Server{Fault: simulator.Fault403})
	config := f.config()
	read := func(t *testing.T, output string) string {
		t.Helper()
		file := filepath.Join(t.TempDir(), "report")
		p := start(t, "check", "--config", config, "--output", output, "--output-file", file)
		p.requireEnd(2)
		require.Empty(t, p.stdout.String()+p.stderr.String())
		text, err := os.ReadFile(file)
		require.NoError(t, err)

		p = start(t, "check", "--config", config, "--output", output)
		p.requireEnd(2)
		require.NotEmpty(t, p.stdout.String())
		return string(text)
	}

	table := read(t, "table")
	for _, text := range []string{"127.30.0.1", "May 2025 Patch 15", "Patch 16", "HTTP status 403", "token_file"} {
		require.Contains(t, table, text)
	}
	records, err := csv.NewReader(strings.NewReader(read(t, "csv"))).ReadAll()
	require.NoError(t, err)
	require.Len(t, records, 1+3)
	var r struct {
		Program string
		Summary struct{ Servers, Vulnerable int }
	}
	require.NoError(t, json.Unmarshal([]byte(read(t, "json")), &r))
	require.Equal(t, 3, r.Summary.Servers)
	require.Equal(t, 1, r.Summary.Vulnerable)
	require.True(t, strings.HasPrefix(r.Program, "telegraf-qlik-sense-version "))
	page := read(t, "html")
	require.True(t, strings.HasPrefix(strings.ToLower(page), "<!doctype html>"))
	require.Contains(t, page, "CVE-2023-48365")
}

func TestCheckOnly(t *testing.T) {
	f := startFleet(t, serverRunning("May 2025 Patch 15", "14.231.27"), simulator.Server{Fault: simulator.Fault403}, serverRunning("May 2025 Patch 3", "14.231.8"))
	config := f.config()
	p := start(t, "check", "--config", config, "--output", "csv", "--only", "127.30.0.1", "--only", strings.ToUpper(f.Addr(2)))
	p.requireEnd(0)
	require.Equal(t, 3, p.stdout.count(), "%s", p.stdout)
	require.Zero(t, f.Requests(1), "a server that --only leaves out is not polled")

	p = start(t, "check", "--config", config, "--only", "127.30.0.1", "--only", "qlik9.example.com")
	p.requireEnd(1)
	require.Equal(t, "E! --only qlik9.example.com: the settings have no such server: write it as in hosts, with or without the port\n", p.stderr.String())
}

// The settings may come from the environment, as under Telegraf.
func TestCheckSettingsFromEnvironment(t *testing.T) {
	f := startFleet(t, serverRunning("May 2025 Patch 15", "14.231.27"))
	text, err := os.ReadFile(f.config())
	require.NoError(t, err)
	p := prepare(t, "check")
	p.cmd.Env = append(p.cmd.Env, "QLIK_SENSE_VERSION_CONFIG="+string(text))
	p.start()
	p.requireEnd(0)
}

func TestCheckRefuses(t *testing.T) {
	f := startFleet(t, serverRunning("May 2025 Patch 15", "14.231.27"))
	config := f.config()
	wrong := startFleet(t, serverRunning("May 2025 Patch 15", "14.231.27")).config(`time_out = "1s"`)
	missing := filepath.Join(t.TempDir(), "missing")
	for _, tt := range []struct {
		name     string
		args     []string
		expected string
	}{
		{"no settings", nil, "E! no settings: name a file with --config FILE"},
		{"wrong settings", []string{"--config", wrong}, "there is no such setting: did you mean timeout?"},
		{"unknown output", []string{"--config", config, "--output", "pdf"}, `E! --output "pdf" is none of table, csv, json, html`},
		{"unknown level", []string{"--config", config, "--log-level", "loud"}, `E! --log-level "loud" is none of error, warn, info, debug, trace`},
		{"no host", []string{"--config", config, "--only", ""}, "names no server"},
		{"extra argument", []string{"--config", config, "all"}, `E! "all" is not an option`},
		{"missing folder", []string{"--config", config, "--output-file", filepath.Join(missing, "report")},
			"E! writing the report: a new file cannot be created in " + missing},
		{"folder instead of a file", []string{"--config", config, "--output-file", filepath.Dir(missing)}, "is not a regular file: name one that may be replaced"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t, append([]string{"check"}, tt.args...)...)
			p.requireEnd(1)
			require.Empty(t, p.stdout.String())
			require.Contains(t, p.stderr.String(), tt.expected)
		})
	}
	require.Zero(t, f.Requests(0), "no server is polled for an invalid call")
}

func TestCheckInterrupted(t *testing.T) {
	f := startFleet(t, simulator.Server{}, simulator.Server{Fault: simulator.FaultNoAnswer})
	file := filepath.Join(t.TempDir(), "report")
	require.NoError(t, os.WriteFile(file, []byte("older"), 0o600))
	p := start(t, "check", "--config", f.config("timeout = '1m'"), "--output-file", file)
	p.eventually(func() bool { return f.Requests(1) > 0 }, "the hanging request")
	p.requireQuickEnd(stopMethods["SIGINT"], 1)
	require.Equal(t, "E! interrupted before all servers were asked\n", p.stderr.String())
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "older", string(text), "the older report is kept")
}

// On a terminal the table fits its width and is coloured by default. A progress bar is shown if there are
// more servers than lines.
func TestCheckOnTerminal(t *testing.T) {
	script, err := exec.LookPath("script")
	if err != nil {
		t.Skip("needs the program script, which provides a terminal")
	}
	f := startFleet(t, serverRunning("May 2025 Patch 15", "14.231.27"), serverRunning("May 2024", "14.187.4"), serverRunning("May 2025 Patch 15", "14.231.27"))
	path, err := exec.LookPath(programName)
	require.NoError(t, err)
	run := func(config string, lines, columns int, env ...string) string {
		cmd := exec.Command(script, "-qec", fmt.Sprintf("stty rows %d cols %d; %s check --config %s", lines, columns, path, config), "/dev/null")
		cmd.Env = append(append(os.Environ(), "TERM=xterm", "NO_COLOR=", "GORACE="+raceOptions), env...)
		output, err := cmd.CombinedOutput()
		require.NotEqual(t, 1, cmd.ProcessState.ExitCode(), "%v\n%s", err, output)
		return string(output)
	}

	config := f.config()
	wide := run(config, 50, 100)
	require.Contains(t, wide, "\x1b[3", "colours")
	require.NotContains(t, wide, "Asking servers")
	plain := run(config, 50, 64, "NO_COLOR=1")
	require.NotContains(t, plain, "\x1b")
	for line := range strings.Lines(plain) {
		require.LessOrEqual(t, len([]rune(strings.TrimRight(line, "\r\n"))), 64, line)
	}
	require.NotContains(t, run(config, 50, 100, "TERM=dumb"), "\x1b[3")

	slow := startFleet(t, simulator.Server{}, simulator.Server{}, simulator.Server{Fault: simulator.FaultNoAnswer})
	output := run(slow.config("timeout = '1s'"), 2, 100)
	require.Contains(t, output, "Asking servers")
	require.Contains(t, output, "66.67%")
	_, after, found := strings.Cut(output, "\x1b[A\x1b[K\x1b[2mAsked ")
	require.True(t, found, "the bar was not removed: %q", output)
	require.NotContains(t, after, "Asking servers")
}
