//go:build linux

package telegraf

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

// soon makes execd start the plugin again after a second.
var soon = []string{`signal = "STDIN"`, "signal = \"STDIN\"\n  restart_delay = \"1s\""}

func TestRestartAfterKill(t *testing.T) {
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{})
	p := r.Telegraf(r.DropIn(r.Block(hosts, ""), soon...))
	r.Points(1, "")
	require.NoError(t, syscall.Kill(child(t, p), syscall.SIGKILL))
	// The round at the start again, although the interval is six hours.
	require.Len(t, r.Points(2, ""), 2)
}

// Trap 12: a program that is missing when execd restarts it is never started again,
// so an upgrade replaces it by renaming.
func TestUpgradeByRename(t *testing.T) {
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{})
	program := filepath.Join(t.TempDir(), "telegraf-qlik-sense-version")
	require.NoError(t, os.Link(r.Tools.Plugin, program))
	p := r.Telegraf(r.DropIn(r.Block(hosts, ""), append(soon, r.Tools.Plugin, program)...))
	r.Points(1, "")

	upgrade := program + ".new"
	require.NoError(t, os.WriteFile(upgrade, []byte("#!/bin/sh\necho 'I! upgraded' >&2\nexec "+r.Tools.Plugin+"\n"), 0o700))
	require.NoError(t, os.Rename(upgrade, program))
	require.NoError(t, syscall.Kill(child(t, p), syscall.SIGTERM))
	r.AwaitLog(p, "I! "+execdLog+"upgraded")
	r.Points(2, "")

	// What the rename avoids.
	require.NoError(t, os.Remove(program))
	require.NoError(t, syscall.Kill(child(t, p), syscall.SIGTERM))
	r.AwaitLog(p, "Process quit with message: error starting process")
}

// Trap 11: this is why the program is installed before the drop-in.
func TestMissingProgramStopsTelegraf(t *testing.T) {
	r := rig.New(t)
	p := r.Telegraf(r.DropIn(r.Block([]string{r.Address(1)}, ""), r.Tools.Plugin, "/nonexistent/telegraf-qlik-sense-version"))
	status, err := p.Wait(rig.Patience)
	require.NoError(t, err)
	require.Equal(t, 1, status)
	require.Contains(t, p.Output(), "no such file or directory")
}

// Trap 16: neither the end of Telegraf nor a reload waits for servers that hang.
func TestStopAndReloadWhileServersHang(t *testing.T) {
	r := rig.New(t)
	servers := make([]simulator.Server, 20)
	const inOrder = 11
	for i := inOrder; i < len(servers); i++ {
		servers[i].Fault = simulator.FaultNoAnswer
	}
	_, hosts := r.Start(servers...)
	// A block has its points when its round ends: those that hang are in another one.
	p := r.Telegraf(r.DropIn(r.Block(hosts[:inOrder], "") + r.Block(hosts[inOrder:], `  timeout = "5m"`)))
	r.Points(inOrder, "result = 'success'")

	started := time.Now()
	require.NoError(t, p.Signal(syscall.SIGHUP))
	require.NoError(t, p.Await("Starting process", 2, rig.Patience))
	require.Less(t, time.Since(started), 5*time.Second, "execd kills what takes longer")
	require.Len(t, r.Points(2*inOrder, "result = 'success'"), 2*inOrder, "the round at the start of the second process")

	started = time.Now()
	status, err := p.Stop(rig.Patience)
	require.NoError(t, err)
	require.Zero(t, status)
	require.Less(t, time.Since(started), 5*time.Second)
	require.Empty(t, r.Points(0, "result != 'success'"), "a server that was cut off has not failed")
}

// Trap 4: what is not understood is refused, with file, line and key, and Telegraf
// goes on without the plugin.
func TestMisspeltSettingIsRefused(t *testing.T) {
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{})
	settings := r.Write("settings.conf", r.Block(hosts, "  time_out = \"5s\""))
	p := r.Telegraf(twoFiles(r, settings))
	r.AwaitLog(p, "E! "+execdLog+settings+":7: inputs.qlik_sense_version.time_out: there is no such setting: did you mean timeout?")
	r.AwaitLog(p, "exited: exit status 1")
}

// Trap 6: a $ stays, and a variable cannot add settings.
func TestVariablesOfTheEnvironment(t *testing.T) {
	r := rig.New(t)
	fleet, hosts := r.Start(simulator.Server{})
	settings := r.Write("settings.conf", r.Block(hosts, `
  # $HOME ${NOT_SET} in a comment does no harm
  [inputs.qlik_sense_version.headers]
    X-Password = "pa$$word $HOME ${SECRET}"
  [inputs.qlik_sense_version.tags]
    environment = "${ENVIRONMENT}"
`))
	value := `PROD" # ]]` + "\n" + `hosts = ["x"]`
	r.Telegraf(twoFiles(r, settings), "SECRET=$1 $$ \"x\"", "ENVIRONMENT="+strings.ReplaceAll(value, "\n", " "))
	points := r.Points(1, "")
	require.Len(t, points, 1)
	require.Equal(t, strings.ReplaceAll(value, "\n", " "), points[0]["environment"])
	require.Equal(t, hosts[0], points[0]["source"])
	require.Equal(t, `pa$$word $HOME $1 $$ "x"`, fleet.LastRequest(0).Header.Get("X-Password"))
}

// In a drop-in Telegraf replaces variables first; a doubled $ leaves one to the
// plugin.
func TestVariablesInADropIn(t *testing.T) {
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{})
	r.Telegraf(r.DropIn(r.Block(hosts, `  [inputs.qlik_sense_version.tags]
    environment = "${ENVIRONMENT}"
    site = "$${SITE}"
`)), "ENVIRONMENT=PROD", `SITE=say "hello"`)
	points := r.Points(1, "")
	require.Equal(t, "PROD", points[0]["environment"])
	require.Equal(t, `say "hello"`, points[0]["site"])
}

func TestCertificatesAreReadAgain(t *testing.T) {
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{})
	dir := t.TempDir()
	require.NoError(t, r.Site.Export(dir))
	p := r.Telegraf(r.DropIn(r.Edit(r.Block(hosts, ""), r.SiteDir, dir), `"6h"`, `"1s"`))
	r.Points(1, "result = 'success'")

	root := filepath.Join(dir, "root.pem")
	require.NoError(t, os.Rename(root, root+".away"))
	failed := r.Points(1, "result = 'configuration_error'")
	require.NotContains(t, failed[0], "response_time", "the network was not asked")
	r.AwaitLog(p, "configuration_error: tls_ca: stat ")

	require.NoError(t, os.Rename(root+".away", root))
	r.AwaitLog(p, "answers again")
	require.NotContains(t, p.Output(), "Restarting in")
}

// inputs.exec starts the program for every round.
func TestInputsExecWithOnce(t *testing.T) {
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{}, simulator.Server{Fault: simulator.Fault401})
	settings := r.Write("settings.conf", r.Block(hosts, ""))
	p := r.Telegraf(`[[inputs.exec]]
  commands = ["` + r.Tools.Plugin + ` --once --config ` + settings + `"]
  timeout = "30s"
  interval = "1s"
  data_format = "influx"
`)
	r.Points(4, "")
	_, err := p.Stop(rig.Patience)
	require.NoError(t, err)
	points := r.ByTag(r.Points(4, "")[:2], "source")
	require.Equal(t, "success", points[hosts[0]]["result"])
	require.Equal(t, "authentication_failed", points[hosts[1]]["result"])
}

// Telegraf's own trial runs: --once ends before an execd plugin has answered, a test
// that waits shows its points (trap 17).
func TestTelegrafTestRun(t *testing.T) {
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{})
	config := r.Write("telegraf.conf", "[agent]\n  omit_hostname = true\n"+r.DropIn(r.Block(hosts, "")))
	p, err := stack.Start(r.Tools.Telegraf, []string{"--config", config, "--test", "--test-wait", "3"}, nil)
	require.NoError(t, err)
	status, err := p.Wait(rig.Patience)
	require.NoError(t, err)
	require.Zero(t, status, p.Output())
	require.Contains(t, p.Output(), "> qlik_sense_version,source="+hosts[0]+" ")
}
