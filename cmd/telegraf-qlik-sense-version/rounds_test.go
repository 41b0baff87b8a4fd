//go:build linux

package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/settings"
	"telegraf-qlik-sense-version/internal/simulator"
)

func TestRoundAtStartAndForEachNewline(t *testing.T) {
	f := startFleet(t, simulator.Server{}, simulator.Server{Fault: simulator.FaultDown})
	p := start(t, "--config", f.config("[inputs.qlik_sense_version.tags]", "environment = 'PROD'"))
	for round := 1; round <= 3; round++ {
		points := p.requirePoints(2 * round)[2*(round-1):]
		good, bad := points[0], points[1]
		if !strings.Contains(good, "result_code=0i") {
			good, bad = bad, good
		}
		require.Contains(t, good, "qlik_sense_version,environment=PROD,source=127.30.0.1 ")
		require.Contains(t, good, `release_label="February 2024 Patch 1"`)
		require.Contains(t, bad, "qlik_sense_version,environment=PROD,source=127.30.0.2 ")
		require.Contains(t, bad, `result="connection_failed"`)
		require.Equal(t, timestamp(good), timestamp(bad), "all points of a round have its start time")
		require.Equal(t, round, f.Requests(0))
		p.requestRound()
	}
	p.requirePoints(8)
	require.NoError(t, p.stdin.Close())
	p.requireEnd(0)
	require.Equal(t, 8, p.stdout.count())
}

// timestamp returns a point's timestamp, with the space before it.
func timestamp(point string) string { return point[strings.LastIndexByte(point, ' '):] }

func TestNoRoundAtStart(t *testing.T) {
	t.Parallel()
	f := startFleet(t, simulator.Server{})
	p := start(t, "--gather-on-start=false", "--config", f.config())
	time.Sleep(500 * time.Millisecond)
	require.Empty(t, p.stdout.String())
	require.Zero(t, f.Requests(0))
	p.requestRound()
	p.requirePoints(1)
	require.Equal(t, 1, f.Requests(0))
}

func TestSettingsFromEnvironment(t *testing.T) {
	f := startFleet(t, simulator.Server{})
	text, err := os.ReadFile(f.config())
	require.NoError(t, err)
	p := prepare(t)
	p.cmd.Env = append(p.cmd.Env, settings.Variable+"=\n"+string(text))
	p.start()
	p.requirePoints(1)
}

// Anything but newlines on stdin is ignored.
func TestGarbageOnStdin(t *testing.T) {
	f := startFleet(t, simulator.Server{})
	p := start(t, "--gather-on-start=false", "--config", f.config())
	for _, garbage := range [][]byte{
		bytes.Repeat([]byte("x"), 1<<20), bytes.Repeat([]byte{0}, 100_000), []byte("\r\xff\xfe\x04\x1a quit exit"),
	} {
		before := p.stdout.count()
		_, err := p.stdin.Write(garbage)
		require.NoError(t, err)
		require.Equal(t, before, p.stdout.count())
		p.requestRound()
		p.requirePoints(before + 1)
	}
	p.requireEndOfInput()
}

func (p *program) requireEndOfInput() {
	p.Helper()
	require.NoError(p, p.stdin.Close())
	p.requireEnd(0)
}

// Several newlines during a round trigger only one more.
func TestNewlinesDuringRound(t *testing.T) {
	t.Parallel()
	f := startFleet(t, simulator.Server{})
	p := start(t, "--gather-on-start=false", "--config", f.config())
	_, err := io.WriteString(p.stdin, strings.Repeat("\n", 100_000))
	require.NoError(t, err)
	p.eventually(func() bool { return p.stdout.count() > 0 }, "a point")
	last := -1
	p.eventually(func() bool {
		unchanged := last == p.stdout.count()
		last = p.stdout.count()
		time.Sleep(300 * time.Millisecond)
		return unchanged
	}, "the rounds to end")
	require.Less(t, last, 5_000)
	p.requireEndOfInput()
}

func TestLogLines(t *testing.T) {
	f := startFleet(t, simulator.Server{})
	p := start(t, "--config", f.config())
	host := f.Addr(0)
	p.requireLog(`I! ` + host + ` runs "February 2024 Patch 1 (14.173.4)"`)

	p.requestRound()
	p.requirePoints(2)

	require.NoError(t, f.Set(0, simulator.Server{Reply: simulator.Reply("February 2024 Patch 2", "14.173.5")}))
	p.requestRound()
	p.requireLog(`I! ` + host + ` changed from "February 2024 Patch 1 (14.173.4)" to "February 2024 Patch 2 (14.173.5)"`)

	require.NoError(t, f.Set(0, simulator.Server{Fault: simulator.Fault503}))
	for points := 4; points <= 5; points++ {
		p.requestRound()
		p.requirePoints(points)
	}
	require.NoError(t, f.Set(0, simulator.Server{Reply: simulator.Reply("February 2024 Patch 2", "14.173.5")}))
	p.requestRound()
	p.requireLog(`I! ` + host + ` answers again; polls that failed before: 2`)
	p.requirePoints(6)
	p.requireEndOfInput()

	lines := slices.DeleteFunc(p.stderr.lines(), func(line string) bool { return strings.Contains(line, "! Catalogue (") })
	require.Len(t, lines, 5, "%s", p.stderr)
	for _, line := range lines[2:4] {
		require.Regexp(t, `^E! .*`+host+`: response_status_code_mismatch: .*503.*; \S`, line)
	}
}

func TestLogLevels(t *testing.T) {
	f := startFleet(t, simulator.Server{}, simulator.Server{Fault: simulator.FaultDown})
	config := f.config("insecure_skip_verify = true")
	for level, letters := range map[string]string{"error": "E", "warn": "EW", "info": "EIW", "debug": "DEIW", "trace": "DEIW"} {
		t.Run(level, func(t *testing.T) {
			p := start(t, "--once", "--log-level", level, "--config", config)
			p.requireEnd(0)
			for _, letter := range "DEIWT" {
				require.Equal(t, strings.ContainsRune(letters, letter), strings.Contains("\n"+p.stderr.String(), "\n"+string(letter)+"! "),
					"%c in\n%s", letter, p.stderr)
			}
		})
	}
}

// An unreadable certificate fails the round, not the program; a renewed one is used in the next round.
func TestUnreadableCertificateFile(t *testing.T) {
	f := startFleet(t, simulator.Server{}, simulator.Server{})
	p := start(t, "--config", f.config())
	p.requirePoints(2)

	file := filepath.Join(f.dir, "client.pem")
	certificate, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte("truncated certifi"), 0o600))
	p.requestRound()
	for _, point := range p.requirePoints(4)[2:] {
		require.Contains(t, point, `result="configuration_error"`)
		require.Contains(t, point, "result_code=10i")
		require.NotContains(t, point, "response_time")
	}
	require.NoError(t, os.Remove(file))
	p.requestRound()
	for _, point := range p.requirePoints(6)[4:] {
		require.Contains(t, point, "result_code=10i")
	}
	// Reading a FIFO would block.
	require.NoError(t, syscall.Mkfifo(file, 0o600))
	p.requestRound()
	for _, point := range p.requirePoints(8)[6:] {
		require.Contains(t, point, "result_code=10i")
	}

	require.NoError(t, os.Remove(file))
	require.NoError(t, os.WriteFile(file, certificate, 0o600))
	p.requestRound()
	for _, point := range p.requirePoints(10)[8:] {
		require.Contains(t, point, "result_code=0i")
	}
	p.requireEndOfInput()
	require.Equal(t, 6, strings.Count(p.stderr.String(), "E! "))
}
