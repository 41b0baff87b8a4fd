//go:build unix

package poll

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
)

// starve is the environment variable that makes the test program run out of file descriptors. It names the
// server to poll and the site's folder.
const starve = "POLL_TEST_STARVE"

// The limit applies to the process, so the test starts another one.
func TestOutOfDescriptors(t *testing.T) {
	s := newSite(t)
	_, server := s.start(t, simulator.Server{})
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), starve+"="+server.String()+" "+s.dir)
	out, err := child.Output()
	require.NoError(t, err, string(out))
	var outcomes map[string][]Outcome
	require.NoError(t, json.Unmarshal(out, &outcomes), string(out))

	const cause = "this process ran out of file descriptors, its limit is 64"
	for _, name := range []string{"address", "name"} {
		require.Len(t, outcomes[name], 1)
		outcome := outcomes[name][0]
		require.Equal(t, ConnectionFailed, outcome.Result, outcome.Cause)
		require.True(t, outcome.OutOfDescriptors)
		require.Contains(t, outcome.Cause, cause)
		require.Equal(t, descriptorHint, outcome.Hint)
	}
	files := outcomes["files"][0]
	require.Equal(t, ConfigurationError, files.Result)
	require.Contains(t, files.Cause, "root.pem")
	require.Contains(t, files.Cause, cause)
	require.False(t, files.OutOfDescriptors, "a retry in the same round would fail too")

	var answered, refused int
	for _, outcome := range outcomes["many"] {
		switch {
		case outcome.Result == Success:
			answered++
		case outcome.OutOfDescriptors:
			refused++
		default:
			require.Fail(t, outcome.Cause)
		}
	}
	require.Positive(t, answered)
	require.Positive(t, refused)
	require.Equal(t, Success, outcomes["again"][0].Result, outcomes["again"][0].Cause)
}

// starved asks a server with fewer and fewer file descriptors, and prints the outcomes.
func starved(instructions string) error {
	var address, dir string
	if _, err := fmt.Sscan(instructions, &address, &dir); err != nil {
		return err
	}
	server, err := ParseServer(address)
	if err != nil {
		return err
	}
	unknown, err := ParseServer("qlik1.invalid")
	if err != nil {
		return err
	}
	p, err := New((&site{dir: dir}).settings())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	round := p.Round(ctx)

	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: 64}); err != nil {
		return err
	}
	var taken []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		taken = append(taken, f)
	}
	outcomes := map[string][]Outcome{
		"address": {round.Poll(ctx, server)},
		"name":    {round.Poll(ctx, unknown)},
		"files":   {p.Round(ctx).Poll(ctx, server)},
	}

	taken[0].Close() // enough for one connection at a time
	many := make([]Outcome, 64)
	var group sync.WaitGroup
	for i := range many {
		group.Go(func() { many[i] = round.Poll(ctx, server) })
	}
	group.Wait()
	outcomes["many"] = many
	for _, f := range taken[1:] {
		f.Close()
	}
	outcomes["again"] = []Outcome{round.Poll(ctx, server)}
	return json.NewEncoder(os.Stdout).Encode(outcomes)
}

func TestMain(m *testing.M) {
	if instructions := os.Getenv(starve); instructions != "" {
		if err := starved(instructions); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	verifyTestMain(m)
}
