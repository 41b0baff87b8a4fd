//go:build linux

package bench

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

// bare measures rounds of the bare client.
func (f *benchFleet) bare(b *testing.B, timeout time.Duration, rounds int) measurement {
	b.Helper()
	return f.rounds(b, rounds, "<nil>", false, f.bareClient, append([]string{f.dir, timeout.String()}, f.hosts...)...)
}

// plugin measures rounds of the plugin, triggered as by execd.
func (f *benchFleet) plugin(b *testing.B, timeout time.Duration, rounds int) measurement {
	b.Helper()
	settings := filepath.Join(b.TempDir(), "settings.conf")
	text := stack.Settings(f.hosts, f.dir, fmt.Sprintf("  timeout = %q\n", timeout))
	require.NoError(b, os.WriteFile(settings, []byte(text), 0o600))
	return f.rounds(b, rounds, `result="success"`, timeout == noHangTimeout,
		f.tools.Plugin, "--config", settings, "--gather-on-start=false", "--log-level", "error")
}

// rounds runs a program that makes a round for each newline on standard input and prints a line for
// each server, containing the text answer if the server answered.
func (f *benchFleet) rounds(b *testing.B, rounds int, answer string, idle bool, program string, args ...string) (m measurement) {
	b.Helper()
	var stderr stack.Output
	cmd := exec.Command(program, args...)
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(b, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(b, err)
	lines := bufio.NewScanner(stdout)
	require.NoError(b, cmd.Start())
	pid := cmd.Process.Pid
	time.Sleep(time.Second) // exclude the start of the program

	peakConnections := watchConnections(pid)
	before, start := cpuTime(b, pid), time.Now()
	for range rounds {
		_, err := io.WriteString(stdin, "\n")
		require.NoError(b, err)
		m.answers = 0
		for range f.hosts {
			require.True(b, lines.Scan(), stderr.String())
			if strings.Contains(lines.Text(), answer) {
				m.answers++
			}
		}
	}
	m.wall = time.Since(start) / time.Duration(rounds)
	m.cpu = (cpuTime(b, pid) - before) / time.Duration(rounds)
	m.connections = peakConnections()
	m.peak = rig.Memory(b, pid, "VmHWM:")
	if idle {
		m.addIdle(b, pid)
	}
	require.NoError(b, stdin.Close())
	require.NoError(b, cmd.Wait())
	return m
}

const httpInput = `
[agent]
  interval = "1h"
  round_interval = false
  collection_offset = "4s"
  flush_interval = "100ms"
  metric_batch_size = 10000
  metric_buffer_limit = 20000
  omit_hostname = true
[[outputs.file]]
  files = [%q]
[[inputs.http]]
  urls = [%s]
  timeout = %q
  tls_ca = %q
  tls_cert = %q
  tls_key = %q
  name_override = "qlik_sense_version"
  data_format = "json"
  json_string_fields = ["contentHash", "senseId", "version", "deploymentType", "releaseLabel", "deprecatedProductVersion",
    "productName", "copyrightYearRange"]
`

// telegraf measures the first round of inputs.http in a Telegraf with no other plugins. The round cannot
// be triggered, so collection_offset delays it until Telegraf has started.
func (f *benchFleet) telegraf(b *testing.B, timeout time.Duration, _ int) (m measurement) {
	b.Helper()
	dir := b.TempDir()
	output := filepath.Join(dir, "points")
	urls := make([]string, len(f.hosts))
	for i, host := range f.hosts {
		urls[i] = "https://" + host + ":9032/v1/systeminfo"
	}
	config := filepath.Join(dir, "telegraf.conf")
	text := fmt.Sprintf(httpInput, output, stack.Quote(urls), timeout, f.dir+"/root.pem", f.dir+"/client.pem", f.dir+"/client_key.pem")
	require.NoError(b, os.WriteFile(config, []byte(text), 0o600))
	p, err := stack.Start(f.tools.Telegraf, []string{"--config", config}, nil)
	require.NoError(b, err)

	// The round begins collection_offset after the agent.
	require.NoError(b, p.Await("Starting Telegraf", 1, rig.Patience))
	start := time.Now().Add(4 * time.Second)
	time.Sleep(3 * time.Second)
	before, peakConnections := cpuTime(b, p.PID()), watchConnections(p.PID())
	// Each server gives a point or an error. Give up a minute after the timeout.
	for inTime := range samplingTicks(time.Minute + timeout) {
		if points, err := os.ReadFile(output); err == nil {
			m.answers = strings.Count(string(points), "\n")
		}
		if !inTime || m.answers+strings.Count(p.Output(), "Error in plugin") >= len(f.hosts) {
			break
		}
	}
	m.wall, m.cpu = time.Since(start), cpuTime(b, p.PID())-before
	m.connections = peakConnections()
	m.peak = rig.Memory(b, p.PID(), "VmHWM:")
	if timeout == noHangTimeout {
		m.addIdle(b, p.PID())
	}
	_, err = p.Stop(4 * rig.Patience) // Telegraf waits for requests in progress
	require.NoError(b, err)
	return m
}
