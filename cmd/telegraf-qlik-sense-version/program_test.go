package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/settings"
	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/stack"
)

// patience is the timeout for what is immediate on an idle machine.
const patience = 20 * time.Second

// quickEndLimit is the time in which the program must end: a second, and more for a busy machine.
const quickEndLimit = 3 * time.Second

// raceOptions stop the race detector from sleeping for a second at the end of each process.
const raceOptions = "atexit_sleep_ms=0"

// program is a run of the real program.
type program struct {
	*testing.T
	cmd            *exec.Cmd
	stdin          io.WriteCloser
	stdout, stderr *output
	ended          chan struct{}
}

// output collects what a process writes.
type output struct{ stack.Output }

func (o *output) lines() []string {
	return slices.Collect(strings.Lines(o.String()))
}

func (o *output) count() int { return strings.Count(o.String(), "\n") }

// prepare returns the program without starting it.
func prepare(t *testing.T, args ...string) *program {
	t.Helper()
	path, err := exec.LookPath(programName)
	require.NoError(t, err)
	p := &program{T: t, cmd: exec.Command(path, args...), stdout: &output{}, stderr: &output{}, ended: make(chan struct{})}
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if name != settings.Variable && !strings.HasSuffix(strings.ToLower(name), "_proxy") {
			p.cmd.Env = append(p.cmd.Env, variable)
		}
	}
	p.cmd.Env = append(p.cmd.Env, "GORACE="+raceOptions)
	p.stdin, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	return p
}

func (p *program) start() {
	p.Helper()
	require.NoError(p, p.cmd.Start())
	go func() {
		p.cmd.Wait()
		close(p.ended)
	}()
	p.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.ended
		p.checkOutput()
	})
}

func start(t *testing.T, args ...string) *program {
	t.Helper()
	p := prepare(t, args...)
	p.start()
	return p
}

// checkOutput checks every run of the program: only points on stdout, and only lines that
// Telegraf can log on stderr.
func (p *program) checkOutput() {
	p.Helper()
	if len(p.cmd.Args) > 1 && !strings.HasPrefix(p.cmd.Args[1], "-") {
		return
	}
	for line := range strings.Lines(p.stdout.String()) {
		require.Regexp(p, `^qlik_sense_version,\S.* \d{19}\n$`, line)
	}
	for line := range strings.Lines(p.stderr.String()) {
		require.Regexp(p, `^[EWIDT]! .*\n$`, line)
		require.LessOrEqual(p, len(line), 8<<10)
	}
	require.NotContains(p, p.stdout.String()+p.stderr.String(), secret)
}

// requestRound triggers a round as Telegraf does.
func (p *program) requestRound() {
	p.Helper()
	_, err := io.WriteString(p.stdin, "\n")
	require.NoError(p, err)
}

// requirePoints waits until there are n points and returns them.
func (p *program) requirePoints(n int) []string {
	p.Helper()
	p.eventually(func() bool { return p.stdout.count() >= n }, "points")
	require.Equal(p, n, p.stdout.count())
	return p.stdout.lines()
}

// requireLog waits for a log line.
func (p *program) requireLog(line string) {
	p.Helper()
	p.eventually(func() bool { return strings.Contains("\n"+p.stderr.String(), "\n"+line+"\n") }, "log line: "+line)
}

func (p *program) eventually(condition func() bool, what string) {
	p.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			require.FailNow(p, "timed out waiting for "+what, "stdout:\n%s\nstderr:\n%s", p.stdout, p.stderr)
		}
	}
}

// requireEnd waits for the end of the program.
func (p *program) requireEnd(status int) {
	p.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		require.FailNow(p, "the program does not end", "stdout:\n%s\nstderr:\n%s", p.stdout, p.stderr)
	}
	require.Equal(p, status, p.cmd.ProcessState.ExitCode(), "stderr:\n%s", p.stderr)
}

// secret must not be in the output.
const secret = "hunter2secret"

// sharedSite is the Qlik Sense site of all tests, because creating its keys takes a second.
var sharedSite = sync.OnceValues(simulator.NewSite)

// testFleet is a simulated fleet and a folder with its certificates.
type testFleet struct {
	*simulator.Fleet
	t   *testing.T
	dir string
	n   int
}

// startFleet starts servers, each at its own address.
func startFleet(t *testing.T, servers ...simulator.Server) *testFleet {
	t.Helper()
	site, err := sharedSite()
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, site.Export(dir))
	for i := range servers {
		servers[i].Addr = fmt.Sprintf("127.30.0.%d:0", i+1)
		if servers[i].Reply == nil {
			servers[i].Reply = simulator.Reply("February 2024 Patch 1", "14.173.4")
		}
	}
	fleet, err := simulator.Start(site, servers...)
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := fleet.Close(); !errors.Is(err, os.ErrClosed) {
			require.NoError(t, err)
		}
	})
	return &testFleet{fleet, t, dir, len(servers)}
}

// config writes a settings file with one block for all servers.
func (f *testFleet) config(more ...string) string {
	f.t.Helper()
	hosts := make([]string, 0, f.n)
	for i := range f.n {
		hosts = append(hosts, f.Addr(i))
	}
	return writeConfig(f.t, f.dir, hosts, append([]string{
		fmt.Sprintf("tls_ca = '%s/root.pem'", f.dir),
		fmt.Sprintf("tls_cert = '%s/client.pem'", f.dir),
		fmt.Sprintf("tls_key = '%s/client_key.pem'", f.dir),
		"catalog_max_age = '36500d'", // so that the built-in data prove compliance on any day
	}, more...)...)
}

func writeConfig(t *testing.T, dir string, hosts []string, more ...string) string {
	t.Helper()
	file := filepath.Join(dir, "qlik.conf")
	text := fmt.Sprintf("[[inputs.qlik_sense_version]]\nhosts = [\"%s\"]\n%s\n", strings.Join(hosts, `", "`), strings.Join(more, "\n"))
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}
