//go:build linux

package reliability

import (
	"io"
	"regexp"
	"strings"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

// agent is the real program, asked for rounds as Telegraf does.
type agent struct {
	*stack.Process
	r     *rig.Rig
	stdin io.WriteCloser
	read  int // bytes of the output that earlier rounds wrote
}

// startAgent starts the program by a command that runs it, with settings; no round yet.
func startAgent(r *rig.Rig, command func(args ...string) []string, settings string) *agent {
	r.Helper()
	args := command(r.Tools.Plugin, "--gather-on-start=false", "--config", r.Write("qlik.conf", settings))
	process, stdin, err := stack.StartWithInput(args[0], args[1:], nil)
	require.NoError(r, err)
	r.Cleanup(func() {
		stdin.Close()
		status, err := process.Wait(rig.Patience)
		require.NoError(r, err)
		require.Zero(r, status, process.Output())
	})
	return &agent{Process: process, r: r, stdin: stdin}
}

// point has the source and the result of a point.
var point = regexp.MustCompile(`(?m)^qlik_sense_version,\S*\bsource=([^, ]+).*[ ,]result="(\w+)"`)

// prompt asks for a round.
func (a *agent) prompt() {
	a.r.Helper()
	_, err := io.WriteString(a.stdin, "\n")
	require.NoError(a.r, err)
}

// results waits for the points of a round, n servers, and gives their results by source and
// what the round wrote.
func (a *agent) results(n int) (results map[string]string, output string) {
	a.r.Helper()
	earlier := len(point.FindAllString(a.Output()[:a.read], -1))
	require.NoError(a.r, a.Await("qlik_sense_version,", earlier+n, rig.Patience))
	output = a.Output()[a.read:]
	a.read += strings.LastIndex(output, "\n") + 1
	results = make(map[string]string, n)
	for _, match := range point.FindAllStringSubmatch(output, -1) {
		require.NotContains(a.r, results, match[1], "two points of a server in a round")
		results[match[1]] = match[2]
	}
	require.Len(a.r, results, n, output)
	return results, output
}

// round asks for a round and waits for it.
func (a *agent) round(n int) (results map[string]string, output string) {
	a.r.Helper()
	a.prompt()
	return a.results(n)
}

// require asks for a round in which all of these results come, by source.
func (a *agent) require(expected map[string]string) (output string) {
	a.r.Helper()
	results, output := a.round(len(expected))
	require.Equal(a.r, expected, results, output)
	return output
}

// await waits for a text that the program writes.
func (a *agent) await(text string) {
	a.r.Helper()
	require.NoError(a.r, a.Await(text, 1, rig.Patience))
}

// all is the same result for every source.
func all(sources []string, result string) map[string]string {
	results := make(map[string]string, len(sources))
	for _, source := range sources {
		results[source] = result
	}
	return results
}
