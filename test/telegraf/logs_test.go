//go:build linux

package telegraf

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

const execdLog = "[inputs.execd::qlik_sense_version] "

// Each line keeps its level in Telegraf's log, debug lines included.
func TestLogLevels(t *testing.T) {
	r := rig.New(t)
	fleet, hosts := r.Start(simulator.Server{})
	p := r.Telegraf(r.DropIn(r.Block(hosts, "  insecure_skip_verify = true"),
		r.Tools.Plugin+"'", r.Tools.Plugin+"', '--log-level', 'debug'", `"6h"`, `"1s"`))

	r.AwaitLog(p, "W! "+execdLog+"Setting insecure_skip_verify accepts any server")
	r.AwaitLog(p, "I! "+execdLog+hosts[0]+` runs "May 2025 Patch 3 (14.231.8)"`)
	r.AwaitLog(p, "D! "+execdLog+"Round of polls ended; servers: 1, time: ")

	require.NoError(t, fleet.Set(0, simulator.Server{Fault: simulator.Fault503}))
	r.AwaitLog(p, "E! "+execdLog+"Error in plugin: "+hosts[0]+
		": response_status_code_mismatch: the server answered with HTTP status 503 Service Unavailable; the server is up but ")
	require.NoError(t, fleet.Set(0, simulator.Server{Reply: simulator.Reply("May 2025 Patch 15", "14.231.27")}))
	r.AwaitLog(p, "I! "+execdLog+hosts[0]+" answers again; polls that failed before: ")
	r.AwaitLog(p, "I! "+execdLog+hosts[0]+` changed from "May 2025 Patch 3 (14.231.8)" to "May 2025 Patch 15 (14.231.27)"`)
	require.NotContains(t, p.Output(), execdLog+"stderr:", "a line without a level")
}

// So do the lines about the catalogue and about versions that cannot be judged.
func TestJudgementLogLevels(t *testing.T) {
	r := rig.New(t)
	fleet, hosts := r.Start(simulator.Server{Reply: simulator.Reply("May 2024 Patch 10", "14.231.27")})
	catalogue := r.Write("catalog.toml", `schema = 1
releases_as_of = 2024-12-31
advisories_as_of = 2024-12-31
exploited_as_of = 2024-12-31
[[release]]
label = "May 2024"
track = "14.187"
latest_patch = 12
latest_patch_as_of = 2024-12-31
verified = true
sources = ["a test"]
[[release]]
label = "May 2025"
track = "14.231"
verified = true
sources = ["a test"]
[[advisory]]
id = "CVE-2024-0001"
summary = "a test"
published = 2024-06-01
fixed = ["May 2024 Patch 9"]
verified = true
references = ["a test"]
`)
	p := r.Telegraf(r.DropIn(r.Block(hosts, "  catalog_file = '"+catalogue+"'"), `"6h"`, `"1s"`))
	r.AwaitLog(p, "I! "+execdLog+"Catalogue ("+catalogue+"): releases of 2024-12-31, advisories of 2024-12-31, known exploitation of 2024-12-31")
	r.AwaitLog(p, "W! "+execdLog+"Catalogue ("+catalogue+"): its list of releases is ")
	r.AwaitLog(p, "W! "+execdLog+"Catalogue ("+catalogue+"): its advisories are ")
	r.AwaitLog(p, "W! "+execdLog+hosts[0]+` is not judged: the release label says "May 2024 Patch 10", but build 14.231.27 belongs to "May 2025"`)
	require.Equal(t, "unknown", r.Points(1, "")[0]["compliance"])

	require.NoError(t, fleet.Set(0, simulator.Server{Reply: simulator.Reply("May 2024 Patch 10", "14.187.15")}))
	point := r.Points(1, "compliance = 'compliant'")[0]
	require.Equal(t, json.Number("2"), point["patches_behind"], "by latest_patch of catalog_file")
}

func TestDebugIsSilentByDefault(t *testing.T) {
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{})
	p := r.Telegraf(r.DropIn(r.Block(hosts, ""), `"6h"`, `"1s"`))
	r.Points(2, "") // the first round has ended, which debug would log
	require.NotContains(t, p.Output(), "D! "+execdLog+"Round of polls ended")
}

// execd stops reading stderr at a line of 64 KiB: the plugin would hang once the pipe is full.
func TestLongLogLinesAreCut(t *testing.T) {
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{})
	long := strings.Repeat("x", 200<<10) // bytes
	settings := r.Write("settings.conf", r.Block(hosts, "  "+long+" = 1\n  misspelt = 2"))
	p := r.Telegraf(r.Edit(twoFileDropIn(r, settings), restartSoon...))
	r.AwaitLog(p, "inputs.qlik_sense_version.xxxx")
	// execd went on reading: the next line, and the end of the process.
	r.AwaitLog(p, "E! "+execdLog+settings+":8: inputs.qlik_sense_version.misspelt: there is no such setting")
	r.AwaitLog(p, "Restarting in 1s")
	for line := range strings.Lines(p.Output()) {
		require.Less(t, len(line), 9<<10)
	}
}

// Until Telegraf's logger is set up, it keeps every line in memory, also those below the log
// level.
func TestMemoryDoesNotGrowWithLogLines(t *testing.T) {
	r := rig.New(t)
	// Nothing listens on these addresses: each makes a line in every round.
	hosts := make([]string, 250)
	for i := range hosts {
		hosts[i] = r.Address(i + 1)
	}
	p := r.Telegraf(r.DropIn(r.Block(hosts, ""), `"6h"`, `"20ms"`))
	r.AwaitLog(p, "Starting process")
	plugin := pluginPID(t, p)

	require.NoError(t, p.Await("connection_failed", 5_000, rig.Patience))
	before := rig.Memory(t, plugin, "VmRSS:")
	require.NoError(t, p.Await("connection_failed", 65_000, 2*rig.Patience))
	growth := rig.Memory(t, plugin, "VmRSS:") - before
	// 60,000 lines kept would be about 30 MB.
	require.Less(t, growth, 8<<20, "growth in bytes over 60,000 log lines")
}

// pluginPID returns the process ID of the plugin that Telegraf started.
func pluginPID(t *testing.T, telegraf *stack.Process) int {
	t.Helper()
	pid, err := telegraf.Child(rig.Patience)
	require.NoError(t, err)
	return pid
}
