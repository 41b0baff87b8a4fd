//go:build linux

package telegraf

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

// restartSoon edits a drop-in so that execd restarts the plugin after one second.
var restartSoon = []string{`signal = "STDIN"`, "signal = \"STDIN\"\n  restart_delay = \"1s\""}

func TestRestartAfterKill(t *testing.T) {
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{})
	p := r.Telegraf(r.DropIn(r.Block(hosts, ""), restartSoon...))
	r.Points(1, "")
	require.NoError(t, syscall.Kill(pluginPID(t, p), syscall.SIGKILL))
	// The new process polls when it starts, although the interval is six hours.
	require.Len(t, r.Points(2, ""), 2)
}

// execd gives up if the program is missing when it restarts it, so an upgrade has to replace the
// file by renaming.
func TestUpgradeByRename(t *testing.T) {
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{})
	program := filepath.Join(t.TempDir(), "telegraf-qlik-sense-version")
	require.NoError(t, os.Link(r.Tools.Plugin, program))
	p := r.Telegraf(r.DropIn(r.Block(hosts, ""), append(restartSoon, r.Tools.Plugin, program)...))
	r.Points(1, "")

	upgrade := program + ".new"
	require.NoError(t, os.WriteFile(upgrade, []byte("#!/bin/sh\necho 'I! upgraded' >&2\nexec "+r.Tools.Plugin+"\n"), 0o700))
	require.NoError(t, os.Rename(upgrade, program))
	require.NoError(t, syscall.Kill(pluginPID(t, p), syscall.SIGTERM))
	r.AwaitLog(p, "I! "+execdLog+"upgraded")
	r.Points(2, "")

	// Without the rename: the program is missing for a moment.
	require.NoError(t, os.Remove(program))
	require.NoError(t, syscall.Kill(pluginPID(t, p), syscall.SIGTERM))
	r.AwaitLog(p, "Process quit with message: error starting process")
}

// Telegraf exits if the program of a drop-in is missing, so the program is installed first.
func TestMissingProgramStopsTelegraf(t *testing.T) {
	r := rig.New(t)
	p := r.Telegraf(r.DropIn(r.Block([]string{r.Address(1)}, ""), r.Tools.Plugin, "/nonexistent/telegraf-qlik-sense-version"))
	status, err := p.Wait(rig.Patience)
	require.NoError(t, err)
	require.Equal(t, 1, status)
	require.Contains(t, p.Output(), "no such file or directory")
}

// Neither the stop nor a reload of Telegraf waits for servers that hang.
func TestStopAndReloadWhileServersHang(t *testing.T) {
	r := rig.New(t)
	servers := make([]simulator.Server, 20)
	const answering = 11
	for i := answering; i < len(servers); i++ {
		servers[i].Fault = simulator.FaultNoAnswer
	}
	_, hosts := r.Start(servers...)
	// A block's points are written when its round ends, so the servers that hang have their own.
	p := r.Telegraf(r.DropIn(r.Block(hosts[:answering], "") + r.Block(hosts[answering:], `  timeout = "5m"`)))
	r.Points(answering, "result = 'success'")

	started := time.Now()
	require.NoError(t, p.Signal(syscall.SIGHUP))
	require.NoError(t, p.Await("Starting process", 2, rig.Patience))
	require.Less(t, time.Since(started), 5*time.Second, "execd kills a process that takes longer")
	require.Len(t, r.Points(2*answering, "result = 'success'"), 2*answering, "the round at the start of the second process")

	started = time.Now()
	status, err := p.Stop(rig.Patience)
	require.NoError(t, err)
	require.Zero(t, status)
	require.Less(t, time.Since(started), 5*time.Second)
	require.Empty(t, r.Points(0, "result != 'success'"), "an interrupted poll is not a failed one")
}

// The plugin refuses an unknown key, naming file, line and key; Telegraf keeps running without
// the plugin.
func TestMisspeltSettingIsRefused(t *testing.T) {
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{})
	settings := r.Write("settings.conf", r.Block(hosts, "  time_out = \"5s\""))
	p := r.Telegraf(twoFileDropIn(r, settings))
	r.AwaitLog(p, "E! "+execdLog+settings+":7: inputs.qlik_sense_version.time_out: there is no such setting: did you mean timeout?")
	r.AwaitLog(p, "exited: exit status 1")
}

// A $ without braces stays as it is, and the value of a variable cannot add settings.
func TestEnvironmentVariables(t *testing.T) {
	r := rig.New(t)
	fleet, hosts := r.Start(simulator.Server{})
	settings := r.Write("settings.conf", r.Block(hosts, `
  # $HOME ${NOT_SET} in a comment does no harm
  [inputs.qlik_sense_version.headers]
    X-Password = "pa$$word $HOME ${SECRET}"
  [inputs.qlik_sense_version.tags]
    environment = "${ENVIRONMENT}"
`))
	value := `PROD" # ]] hosts = ["x"]`
	r.Telegraf(twoFileDropIn(r, settings), "SECRET=$1 $$ \"x\"", "ENVIRONMENT="+value)
	points := r.Points(1, "")
	require.Len(t, points, 1)
	require.Equal(t, value, points[0]["environment"])
	require.Equal(t, hosts[0], points[0]["source"])
	require.Equal(t, `pa$$word $HOME $1 $$ "x"`, fleet.LastRequest(0).Header.Get("X-Password"))
}

// Telegraf replaces the variables of a drop-in before the plugin reads it; $$ leaves a $ for
// the plugin.
func TestEnvironmentVariablesInDropIn(t *testing.T) {
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
	require.NotContains(t, failed[0], "response_time", "no request was sent")
	r.AwaitLog(p, "configuration_error: tls_ca: stat ")

	require.NoError(t, os.Rename(root+".away", root))
	r.AwaitLog(p, "answers again")
	require.NotContains(t, p.Output(), "Restarting in")
}

// inputs.exec starts the program anew for each round.
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

// "telegraf --once" ends before an execd plugin has answered; --test with --test-wait shows its
// points.
func TestTelegrafTestWait(t *testing.T) {
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
