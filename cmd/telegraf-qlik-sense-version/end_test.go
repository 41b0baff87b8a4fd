//go:build linux

package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-qlik-sense-version/internal/simulator"
)

// stopMethods are the ways to end the program.
var stopMethods = map[string]func(p *program) error{
	"end of input": func(p *program) error { return p.stdin.Close() },
	"SIGTERM":      func(p *program) error { return p.cmd.Process.Signal(syscall.SIGTERM) },
	"SIGINT":       func(p *program) error { return p.cmd.Process.Signal(syscall.SIGINT) },
}

// requireQuickEnd ends the program and checks its status and that it ends in time.
func (p *program) requireQuickEnd(end func(*program) error, status int) {
	p.Helper()
	begin := time.Now()
	require.NoError(p, end(p))
	p.requireEnd(status)
	took := time.Since(begin)
	p.Logf("ended after %s", took)
	require.Less(p, took, quickEndLimit)
}

func TestEndBetweenRounds(t *testing.T) {
	f := startFleet(t, simulator.Server{})
	for name, end := range stopMethods {
		t.Run(name, func(t *testing.T) {
			for range 4 {
				p := start(t, "--config", f.config())
				p.requirePoints(1)
				p.requireQuickEnd(end, 0)
				p.requirePoints(1)
			}
		})
	}
}

// Answers before the end are written; interrupted polls have no point.
func TestEndDuringRound(t *testing.T) {
	f := startFleet(t,
		simulator.Server{Fault: simulator.FaultNoHandshake},
		simulator.Server{Fault: simulator.FaultSlowDrip},
		simulator.Server{},
		simulator.Server{Fault: simulator.Fault503},
		simulator.Server{Fault: simulator.FaultNoAnswer},
	)
	// Two servers hang; the others are polled one after the other.
	config := f.config("timeout = '1m'", "max_concurrent_requests = 3")
	for name, end := range stopMethods {
		t.Run(name, func(t *testing.T) {
			hanging := f.Requests(4)
			p := start(t, "--log-level", "debug", "--config", config)
			p.eventually(func() bool { return f.Requests(4) > hanging }, "the hanging request")
			require.Zero(t, p.stdout.count(), "points come when the round ends")
			p.requireQuickEnd(end, 0)
			points := p.requirePoints(2)
			require.Contains(t, points[0], "source=127.30.0.3 ")
			require.NotContains(t, points[0], "version_mismatch", "versions are not compared in an incomplete round")
			require.Contains(t, points[1], "source=127.30.0.4 ")
			require.Equal(t, 1, strings.Count(p.stderr.String(), "E! "), "%s", p.stderr)
			require.Contains(t, p.stderr.String(), "D! Round of polls ended; servers: 5", "the round did not end cleanly")
		})
	}
}

// refusingHosts returns addresses at which nothing listens, enough to fill a pipe with points and another
// with log lines.
func refusingHosts() []string {
	hosts := make([]string, 0, 1000)
	for i := range cap(hosts) {
		hosts = append(hosts, fmt.Sprintf("127.31.%d.%d:1", i/250, i%250+1))
	}
	return hosts
}

// The program ends even if nobody reads its output.
func TestEndWithUnreadOutput(t *testing.T) {
	t.Parallel()
	config := writeConfig(t, t.TempDir(), refusingHosts())
	for _, tt := range []struct{ unread, end string }{
		{"stdout", "end of input"},
		{"stdout", "SIGTERM"},
		{"stdout", "SIGINT"},
		{"stderr", "end of input"},
		{"stderr", "SIGTERM"},
		{"both", "end of input"},
		{"both", "SIGTERM"},
	} {
		t.Run(tt.unread+", "+tt.end, func(t *testing.T) {
			t.Parallel()
			p := prepare(t, "--config", config)
			reader, writer, err := os.Pipe()
			require.NoError(t, err)
			defer reader.Close()
			defer writer.Close()
			other := p.stderr // stops growing when the program blocks
			if tt.unread != "stderr" {
				p.cmd.Stdout = writer
			}
			if tt.unread != "stdout" {
				p.cmd.Stderr = writer
				other = p.stdout
			}
			p.start()
			if tt.unread == "both" {
				p.eventually(func() bool { return unreadBytes(t, reader) > 40<<10 }, "the full pipe")
			} else {
				p.awaitFullPipe(other)
			}
			p.requireQuickEnd(stopMethods[tt.end], 0)
		})
	}
}

// The end of the program must not truncate a line that is longer than an atomic write: Telegraf would take
// the truncated line for a point.
func TestEndDoesNotTearLines(t *testing.T) {
	t.Parallel()
	value := strings.Repeat("x ", 499) + "x"
	config := writeConfig(t, t.TempDir(), refusingHosts(), "[inputs.qlik_sense_version.tags]", fmt.Sprintf(
		"a = '%[1]s'\nb = '%[1]s'\nc = '%[1]s'\nd = '%[1]s'\ne = '%[1]s'\nf = '%[1]s'", value))
	all := maps.Clone(stopMethods)
	all["SIGKILL"] = func(p *program) error { return p.cmd.Process.Kill() }
	for name, end := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := prepare(t, "--config", config)
			reader, writer, err := os.Pipe()
			require.NoError(t, err)
			defer reader.Close()
			p.cmd.Stdout = writer
			p.start()
			require.NoError(t, writer.Close())
			p.eventually(func() bool { return strings.Contains(p.stderr.String(), "E! ") }, "the first point")
			p.awaitFullPipe(p.stderr)
			require.NoError(t, end(p))
			<-p.ended
			rest, err := io.ReadAll(reader)
			require.NoError(t, err)
			require.NotEmpty(t, rest)
			for line := range strings.Lines(string(rest)) {
				require.Greater(t, len(line), 9000)
				require.Regexp(t, `^qlik_sense_version,\S.* \d{19}\n$`, line)
			}
		})
	}
}

// unreadBytes returns the number of unread bytes in a pipe.
func unreadBytes(t *testing.T, pipe *os.File) int {
	t.Helper()
	n, err := unix.IoctlGetInt(int(pipe.Fd()), unix.TIOCINQ)
	require.NoError(t, err)
	return n
}

// awaitFullPipe waits until o stops growing because the program blocks on its other, full pipe.
func (p *program) awaitFullPipe(o *output) {
	p.Helper()
	last := 0
	p.eventually(func() bool {
		before := last
		last = o.count()
		time.Sleep(200 * time.Millisecond)
		return before > 0 && last == before
	}, "the program to block")
	require.Less(p, last, len(refusingHosts()), "the pipe is not full")
}

// The settings file is a FIFO without a writer.
func TestEndWhileSettingsBlock(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "qlik.conf")
	require.NoError(t, syscall.Mkfifo(config, 0o600))
	p := start(t, "--config", config)
	var writer *os.File
	p.eventually(func() bool {
		var err error
		writer, err = os.OpenFile(config, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		return err == nil
	}, "the program to open its settings")
	defer writer.Close()
	p.requireQuickEnd(stopMethods["SIGTERM"], 0)
}

// The program ends when its stdout is closed.
func TestStdoutClosed(t *testing.T) {
	f := startFleet(t, simulator.Server{})
	p := prepare(t, "--config", f.config())
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	p.cmd.Stdout = writer
	p.start()
	require.NoError(t, writer.Close())
	p.requireLog(`I! ` + f.Addr(0) + ` runs "February 2024 Patch 1 (14.173.4)"`)
	require.NoError(t, reader.Close())
	p.requestRound()
	select {
	case <-p.ended:
	case <-time.After(patience):
		require.FailNow(t, "the program still runs")
	}
}

func TestStdoutFull(t *testing.T) {
	f := startFleet(t, simulator.Server{})
	for _, tt := range []struct {
		args   []string
		status int
	}{
		{nil, 1},
		{[]string{"--once"}, 1},
		{[]string{"check", "--output", "nagios"}, 3},
	} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		require.NoError(t, err)
		defer full.Close()
		p := prepare(t, append(tt.args, "--config", f.config())...)
		p.cmd.Stdout = full
		p.start()
		p.requireEnd(tt.status)
		require.Contains(t, p.stderr.String(), "E! ", tt.args)
	}
}
