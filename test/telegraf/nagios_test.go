//go:build linux

package telegraf

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"os/user"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
)

// Telegraf reads the Nagios output with the block that docs/nagios.md gives.
func TestNagios(t *testing.T) {
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{Reply: simulator.Reply("August 2023 Patch 1", "14.139.5")}, simulator.Server{Fault: simulator.Fault401})
	settings := r.Write("settings.conf", r.Block(hosts, ""))
	block := regexp.MustCompile("(?s)```toml\n(.*?)```").FindStringSubmatch(r.Read(rig.Root + "/docs/nagios.md"))
	require.Len(t, block, 2)
	r.Telegraf(r.Edit(block[1], "/usr/bin/telegraf-qlik-sense-version ", r.Tools.Plugin+" ",
		"/etc/telegraf/telegraf.d/qlik-sense-version.conf", settings, `"6h"`, `"1s"`))

	state := r.Await(1, "SELECT * FROM nagios_state")[0]
	require.Equal(t, json.Number("2"), state["state"])
	require.Contains(t, state["service_output"], "QLIK SENSE CRITICAL: 0 of 2 proven compliant")
	require.Contains(t, state["service_output"], hosts[0]+": open to known exploited CVE-2023-")
	perfdata := r.ByTag(r.Await(8, fmt.Sprintf("SELECT * FROM nagios WHERE time = '%s'", state["time"])), "perfdata")
	for name, want := range map[string]json.Number{"servers": "2", "proven": "0", "exploited": "1", "no_answer": "1"} {
		require.Equal(t, want, perfdata[name]["value"], name)
	}
	require.Equal(t, json.Number("30"), perfdata["certificate_days_left"]["warning_lt"])
}

// Icinga accepts the shipped file together with the services that its last comment gives as examples.
func TestIcinga(t *testing.T) {
	icinga, err := exec.LookPath("icinga2")
	if err != nil {
		t.Skip("icinga2 is not installed: apt-get install --no-install-recommends icinga2-bin")
	}
	r := rig.New(t)
	shipped := r.Read(rig.Root + "/deploy/icinga2/qlik-sense-version.conf")
	_, examples, found := strings.Cut(shipped, "\n/* One service for the whole fleet")
	require.True(t, found)
	var services strings.Builder
	for line := range strings.Lines(examples) {
		if code, found := strings.CutPrefix(line, " * "); found && !strings.HasPrefix(code, "Or one") {
			services.WriteString(code)
		}
	}
	require.Contains(t, services.String(), "apply Service")
	current, err := user.Current()
	require.NoError(t, err)
	dir := t.TempDir()
	config := r.Write("icinga2.conf", "include <itl>\n"+shipped+services.String()+`
object Host "monitoring.example.com" { check_command = "dummy" }
object Host "qlik1.example.com" {
  check_command = "dummy"
  vars.qlik_sense = true
}
`)
	args := strings.Fields("daemon -C -c " + config + " -DRunAsUser=" + current.Username + " -DRunAsGroup=" + current.Username)
	for _, name := range []string{"DataDir", "LogDir", "CacheDir", "SpoolDir", "InitRunDir"} {
		args = append(args, "-D"+name+"="+dir)
	}
	out, err := exec.CommandContext(t.Context(), icinga, args...).CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "Instantiated 2 Services")
}
