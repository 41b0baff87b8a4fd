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

// plugin is a running plugin, triggered as by Telegraf.
type plugin struct {
	*stack.Process
	r     *rig.Rig
	stdin io.WriteCloser
	read  int // length of the output of earlier rounds
}

// startPlugin starts the plugin with settings, without a first round. wrap returns the command that
// runs it, in a namespace for example.
func startPlugin(r *rig.Rig, wrap func(args ...string) []string, settings string) *plugin {
	r.Helper()
	args := wrap(r.Tools.Plugin, "--gather-on-start=false", "--config", r.Write("qlik.conf", settings))
	process, stdin, err := stack.StartWithInput(args[0], args[1:], nil)
	require.NoError(r, err)
	r.Cleanup(func() {
		stdin.Close()
		status, err := process.Wait(rig.Patience)
		require.NoError(r, err)
		require.Zero(r, status, process.Output())
	})
	return &plugin{Process: process, r: r, stdin: stdin}
}

// point matches a point and its source and result.
var point = regexp.MustCompile(`(?m)^qlik_sense_version,\S*\bsource=([^, ]+).*[ ,]result="(\w+)"`)

// requestRound triggers a round.
func (p *plugin) requestRound() {
	p.r.Helper()
	_, err := io.WriteString(p.stdin, "\n")
	require.NoError(p.r, err)
}

// awaitResults waits for the points of a round of n servers. It returns the results by source and the
// output of the round.
func (p *plugin) awaitResults(n int) (results map[string]string, output string) {
	p.r.Helper()
	earlier := len(point.FindAllString(p.Output()[:p.read], -1))
	require.NoError(p.r, p.Await("qlik_sense_version,", earlier+n, rig.Patience))
	output = p.Output()[p.read:]
	p.read += strings.LastIndex(output, "\n") + 1
	results = make(map[string]string, n)
	for _, match := range point.FindAllStringSubmatch(output, -1) {
		require.NotContains(p.r, results, match[1], "two points of a server in a round")
		results[match[1]] = match[2]
	}
	require.Len(p.r, results, n, output)
	return results, output
}

// round triggers a round and waits for its results.
func (p *plugin) round(n int) (results map[string]string, output string) {
	p.r.Helper()
	p.requestRound()
	return p.awaitResults(n)
}

// requireRound triggers a round that must have these results, by source.
func (p *plugin) requireRound(expected map[string]string) (output string) {
	p.r.Helper()
	results, output := p.round(len(expected))
	require.Equal(p.r, expected, results, output)
	return output
}

// await waits for a text in the output.
func (p *plugin) await(text string) {
	p.r.Helper()
	require.NoError(p.r, p.Await(text, 1, rig.Patience))
}

// sameResult returns a map with the same result for every source.
func sameResult(sources []string, result string) map[string]string {
	results := make(map[string]string, len(sources))
	for _, source := range sources {
		results[source] = result
	}
	return results
}
