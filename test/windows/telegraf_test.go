//go:build linux

package windows

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

const (
	telegraf = `C:\Program Files\Telegraf\telegraf.exe`
	dropIns  = "Program Files/Telegraf/telegraf.d/"

	execdLog = "[inputs.execd::qlik_sense_version] "
)

// telegrafConf writes points to standard output, where the log is too.
const telegrafConf = `[agent]
  interval = "1h"
  flush_interval = "500ms"
  debug = true
[[outputs.file]]
  files = ["stdout"]
`

// addTelegraf installs Telegraf.
func (c *computer) addTelegraf() {
	c.Helper()
	require.NoError(c, os.MkdirAll(c.path(dropIns), 0o750))
	c.copy(c.Tools.Telegraf, "Program Files/Telegraf/telegraf.exe")
	c.write("Program Files/Telegraf/telegraf.conf", telegrafConf)
}

func withTelegraf(t *testing.T) *computer {
	t.Helper()
	c := withPlugin(t)
	c.addTelegraf()
	return c
}

// startTelegraf starts Telegraf as its service does, with a drop-in.
func (c *computer) startTelegraf(dropIn string) *stack.Process {
	c.Helper()
	c.write(dropIns+"qlik-sense-version.conf", dropIn)
	return c.start(telegraf, "--config", `C:\Program Files\Telegraf\telegraf.conf`, "--config-directory", `C:\Program Files\Telegraf\telegraf.d`)
}

// shipped is a drop-in for Windows without the jitter, which would hold the test up.
func (c *computer) shipped(name string, edits ...string) string {
	c.Helper()
	return c.Edit(c.Read(rig.Root+"/deploy/telegraf.d/windows/"+name), append([]string{`collection_jitter = "5m"`, ""}, edits...)...)
}

// exampleHosts are the hosts in the shipped drop-ins.
const exampleHosts = `"qlik1.example.com", "qlik2.example.com"`

// oneFile returns the drop-in with the settings inside, and copies the site's certificates to the
// folder that it names.
func (c *computer) oneFile(hosts []string, edits ...string) string {
	c.Helper()
	c.copyCertificates("Program Files/Telegraf/qlik-sense")
	return c.shipped("qlik-sense-version.conf", append([]string{exampleHosts, stack.Quote(hosts)}, edits...)...)
}

// The first round comes at the start, although the interval is six hours.
func TestOneFileDropIn(t *testing.T) {
	c := withTelegraf(t)
	_, hosts := c.Start(simulator.Server{}, simulator.Server{Fault: simulator.Fault401})
	p := c.startTelegraf(c.oneFile(hosts))
	c.await(p, "qlik_sense_version,environment=PROD,", 2)
	require.Contains(t, p.Output(), `result="success"`)
	require.Contains(t, p.Output(), `result="authentication_failed"`)
}

func TestTwoFileDropIn(t *testing.T) {
	c := withTelegraf(t)
	_, hosts := c.Start(simulator.Server{})
	path := c.settings("Program Files/Telegraf/qlik-sense", hosts, "")
	require.NoError(t, os.Rename(c.path("Program Files/Telegraf/qlik-sense/settings.toml"), c.path("Program Files/Telegraf/qlik-sense-version.conf")))
	require.Equal(t, `C:\Program Files\Telegraf\qlik-sense\settings.toml`, path)
	p := c.startTelegraf(c.shipped("qlik-sense-version-two-files.conf"))
	c.await(p, `result="success"`, 1)
}

func TestLogLevelsInTelegraf(t *testing.T) {
	c := withTelegraf(t)
	fleet, hosts := c.Start(simulator.Server{})
	p := c.startTelegraf(c.oneFile(hosts, `telegraf-qlik-sense-version.exe'`, `telegraf-qlik-sense-version.exe', '--log-level', 'debug'`, `"6h"`, `"1s"`))
	c.await(p, "I! "+execdLog+hosts[0]+` runs "May 2025 Patch 3 (14.231.8)"`, 1)
	c.await(p, "D! "+execdLog+"Round of polls ended; servers: 1, time: ", 1)
	require.NoError(t, fleet.Set(0, simulator.Server{Fault: simulator.Fault503}))
	c.await(p, "E! "+execdLog+"Error in plugin: "+hosts[0]+": response_status_code_mismatch: ", 1)
	require.NoError(t, fleet.Set(0, simulator.Server{Reply: simulator.Reply("May 2025 Patch 15", "14.231.27")}))
	c.await(p, "I! "+execdLog+hosts[0]+" answers again", 1)
	require.NotContains(t, p.Output(), execdLog+"stderr:", "a line without a level")
}

func TestKillAndRestart(t *testing.T) {
	c := withTelegraf(t)
	_, hosts := c.Start(simulator.Server{})
	p := c.startTelegraf(c.oneFile(hosts, `signal = "STDIN"`, "signal = \"STDIN\"\n  restart_delay = \"1s\""))
	c.await(p, `result="success"`, 1)
	c.mustRun("taskkill", "/f", "/im", "telegraf-qlik-sense-version.exe")
	c.await(p, `result="success"`, 2)
	c.await(p, "Starting process", 2)
}

// Telegraf stops without waiting for hanging servers, and the plugin stops with it.
func TestStopWhileServersHang(t *testing.T) {
	c := withTelegraf(t)
	fleet, hosts := c.Start(simulator.Server{Fault: simulator.FaultNoAnswer})
	p := c.startTelegraf(c.oneFile(hosts, "[inputs.qlik_sense_version.tags]", "timeout = \"30m\"\n  [inputs.qlik_sense_version.tags]"))
	require.Eventually(t, func() bool { return fleet.Requests(0) > 0 }, patience, 20*time.Millisecond)
	status, err := p.Stop(patience)
	require.NoError(t, err)
	require.Zero(t, status)
	require.NotContains(t, p.Output(), "result=", "an interrupted poll is not a failure")
	status, _ = c.run("taskkill", "/f", "/im", "telegraf-qlik-sense-version.exe")
	require.NotZero(t, status, "the plugin was still running")
}

// Telegraf does not start without the program, so the MSI installs the program first and removes it last.
func TestMissingProgramStopsTelegraf(t *testing.T) {
	c := newComputer(t)
	c.addTelegraf()
	p := c.startTelegraf(c.oneFile([]string{c.Address(1)}))
	status, err := p.Wait(patience)
	require.NoError(t, err)
	require.Equal(t, 1, status, p.Output())
}
