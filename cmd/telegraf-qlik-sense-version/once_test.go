//go:build linux

package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
)

func TestOnce(t *testing.T) {
	f := startFleet(t, simulator.Server{}, simulator.Server{Fault: simulator.Fault403}, simulator.Server{})
	p := start(t, "--once", "--config", f.config())
	p.requireEnd(0)
	points := strings.Join(p.requirePoints(3), "")
	for _, source := range []string{"source=127.30.0.1 ", "source=127.30.0.2 ", "source=127.30.0.3 "} {
		require.Equal(t, 1, strings.Count(points, source))
	}
	require.Equal(t, 2, strings.Count(points, "result_code=0i"))
	require.Equal(t, 1, strings.Count(points, "result_code=8i"))
	require.Equal(t, 1, f.Requests(0))
}

// No answer from any server is a result, not an error of the program.
func TestOnceWithoutAnswers(t *testing.T) {
	f := startFleet(t, simulator.Server{Fault: simulator.FaultDown}, simulator.Server{Fault: simulator.FaultNoAnswer})
	p := start(t, "--once", "--config", f.config("timeout = '300ms'"))
	p.requireEnd(0)
	points := strings.Join(p.requirePoints(2), "")
	require.Contains(t, points, "result_code=3i")
	require.Contains(t, points, "result_code=4i")
	require.Equal(t, 2, strings.Count(p.stderr.String(), "E! "))
}

// inputs.exec and cron close stdin, which must not end --once.
func TestOnceWithoutStdin(t *testing.T) {
	f := startFleet(t, simulator.Server{})
	p := start(t, "--once", "--config", f.config())
	require.NoError(t, p.stdin.Close())
	p.requireEnd(0)
	p.requirePoints(1)
}

func TestOnceInterrupted(t *testing.T) {
	f := startFleet(t, simulator.Server{}, simulator.Server{}, simulator.Server{Fault: simulator.FaultNoAnswer})
	config := f.config("timeout = '1m'", "max_concurrent_requests = 1")
	for _, name := range []string{"SIGTERM", "SIGINT"} {
		t.Run(name, func(t *testing.T) {
			hanging := f.Requests(2)
			p := start(t, "--once", "--config", config)
			p.eventually(func() bool { return f.Requests(2) > hanging }, "the hanging request")
			p.requireQuickEnd(stopMethods[name], 1)
			require.NotContains(t, strings.Join(p.requirePoints(2), ""), "source=127.30.0.3 ")
			require.Equal(t, "E! interrupted before the round was complete\n", p.stderr.lines()[p.stderr.count()-1])
		})
	}
}

func TestOnceInterruptedWithUnreadOutput(t *testing.T) {
	t.Parallel()
	config := writeConfig(t, t.TempDir(), refusingHosts())
	p := prepare(t, "--once", "--config", config)
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	defer reader.Close()
	defer writer.Close()
	p.cmd.Stdout = writer
	p.start()
	p.awaitFullPipe(p.stderr)
	p.requireQuickEnd(stopMethods["SIGINT"], 1)
}

// With too few file descriptors the program polls fewer servers at once; no healthy server fails.
func TestOnceWithFewFileDescriptors(t *testing.T) {
	t.Parallel()
	const n = 80
	f := startFleet(t, make([]simulator.Server, n)...)
	p := prepare(t, "--once", "--config", f.config("max_concurrent_requests = 80"))
	p.cmd.Args = append([]string{"sh", "-c", `ulimit -n 48; exec "$0" "$@"`, p.cmd.Path}, p.cmd.Args[1:]...)
	p.cmd.Path = "/bin/sh"
	p.start()
	p.requireEnd(0)
	points := p.requirePoints(n)
	require.Equal(t, n, strings.Count(strings.Join(points, ""), `result="success"`))
	require.NotContains(t, p.stderr.String(), "E! ")
	require.Regexp(t, `W! Fewer servers were asked at the same time, because \d+ polls found no file descriptor: raise the limit of open files`, p.stderr.String())
}
