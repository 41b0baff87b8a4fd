//go:build linux

package reliability

import (
	"bufio"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/plugins/parsers/influx"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
)

var (
	roundCount  = flag.Int("rounds", 6, "how many rounds TestChangingFaults makes")
	serverCount = flag.Int("servers", 100, "how many servers it polls")
)

// TestChangingFaults polls servers of which one in five changes before each round: it fails in another
// way, or recovers. Every round must have exactly one correct point per server, and the plugin's memory,
// descriptors and threads must not grow.
//
//	go test ./test/reliability -run TestChangingFaults -v -timeout 3h -args -rounds 300 -servers 1000
func TestChangingFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Logf("-seed %d", *seed)
	random := rand.New(rand.NewPCG(*seed, 0))
	r := rig.New(t)
	servers := make([]simulator.Server, *serverCount)
	fleet, hosts := r.Start(servers...)
	byHost := make(map[string]*simulator.Server, len(hosts))
	for i, host := range hosts {
		byHost[host] = &servers[i]
	}
	faults := simulator.Faults()

	plugin := exec.Command(r.Tools.Plugin, "--gather-on-start=false", "--config", r.Write("settings.conf", r.Block(hosts, `  timeout = "2s"`)))
	stdin, err := plugin.StdinPipe()
	require.NoError(t, err)
	stdout, err := plugin.StdoutPipe()
	require.NoError(t, err)
	log, err := os.Create(t.TempDir() + "/log")
	require.NoError(t, err)
	defer log.Close()
	plugin.Stderr = log
	require.NoError(t, plugin.Start())
	watchdog := time.AfterFunc(2*rig.Patience, func() { _ = plugin.Process.Kill() })
	defer watchdog.Stop()
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 64<<10) // the longest line allowed
	parser := &influx.Parser{}
	require.NoError(t, parser.Init())

	usage := &usageLog{pid: plugin.Process.Pid, begun: time.Now()}
	polls, starved, failed := 0, 0, 0
	for range *roundCount {
		for i := range servers {
			if random.IntN(5) > 0 {
				continue
			}
			fault := simulator.Fault("")
			if random.IntN(4) == 0 { // so that one in four fails
				fault = faults[random.IntN(len(faults))]
			}
			servers[i].Fault = fault
			require.NoError(t, fleet.Set(i, servers[i]))
		}
		_, err := stdin.Write([]byte("\n"))
		require.NoError(t, err)
		watchdog.Reset(2 * rig.Patience)
		seen := make(map[string]bool, len(hosts))
		for range hosts {
			require.True(t, lines.Scan(), "%d points of %d: %v", len(seen), len(hosts), lines.Err())
			point, err := parser.ParseLine(lines.Text())
			require.NoError(t, err, lines.Text())
			host := tag(point, "source")
			require.NotContains(t, seen, host, "two points in one round")
			seen[host] = true
			if requirePoint(t, *byHost[host], point.Fields()) {
				starved++
			}
			if byHost[host].Fault != "" {
				failed++
			}
			polls++
		}
		usage.record(t)
	}
	require.NoError(t, stdin.Close())
	require.False(t, lines.Scan(), "unexpected line: %s", lines.Text())
	require.NoError(t, plugin.Wait())

	t.Logf("%d polls, %d of servers with a fault, %d timeouts of others on a busy machine", polls, failed, starved)
	for _, line := range usage.table() {
		t.Log(line)
	}
	require.LessOrEqual(t, starved*20, polls)
	quarter := (len(usage.samples) + 3) / 4
	requireNoGrowth(t, minimum(usage.samples[:quarter]), minimum(usage.samples[len(usage.samples)-quarter:]))
}

func tag(point telegraf.Metric, key string) string {
	value, _ := point.GetTag(key)
	return value
}
