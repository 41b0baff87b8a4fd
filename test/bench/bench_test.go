//go:build linux

package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

const (
	noHangTimeout   = 2 * time.Minute        // timeout if all servers answer
	someHangTimeout = 5 * time.Second        // if one in ten hangs: the default of inputs.http
	allHangTimeout  = 500 * time.Millisecond // if all hang: there is no answer to miss
)

// BenchmarkRound measures rounds of polls by the plugin, by a bare client (only Go's HTTP client, with
// the plugin's limits) and by Telegraf's own inputs.http. They poll the same simulated servers one
// after the other in the same run, because the machine may be shared: compare the ratios, not the
// times. CPU, memory and connections are those of the polling process only; for inputs.http, of
// Telegraf.
//
//	timeout-s     the setting
//	wall-s        duration of a round; for inputs.http including up to 0.1 s until its points are written
//	cpu-s         CPU time of a round, including the full TLS handshake of every poll
//	peak-MiB      peak resident memory
//	connections   peak number of open connections
//	answers       number of servers that returned a version
//	idle-MiB      resident memory some seconds after the rounds
//	idle-cpu-ms/s CPU time between rounds
func BenchmarkRound(b *testing.B) {
	tools, err := stack.Build(b.Context(), rig.Root, os.Stderr)
	require.NoError(b, err)
	bare := filepath.Join(b.TempDir(), "bareclient")
	build, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", bare, "./bareclient").CombinedOutput()
	require.NoError(b, err, "%s", build)
	for _, servers := range []int{1, 100, 1000, 5000, 10000} {
		b.Run(fmt.Sprintf("servers=%d", servers), func(b *testing.B) {
			f := startFleet(b, tools, servers)
			f.bareClient = bare
			f.bare(b, noHangTimeout, 1) // not measured: the simulator creates its certificates on first use
			b.Run("hanging=none", func(b *testing.B) { f.clients(b, noHangTimeout, 3) })
			if servers >= 10 {
				f.hang(b, 10)
				b.Run("hanging=tenth", func(b *testing.B) { f.clients(b, someHangTimeout, 1) })
			}
			f.hang(b, 1)
			b.Run("hanging=all", func(b *testing.B) { f.clients(b, allHangTimeout, 1) })
		})
	}
}

// clients measures one client after the other. inputs.http makes one round, the others the given number.
func (f *benchFleet) clients(b *testing.B, timeout time.Duration, rounds int) {
	b.Helper()
	for _, client := range []struct {
		name    string
		measure func(b *testing.B, timeout time.Duration, rounds int) measurement
	}{{"plugin", f.plugin}, {"bare", f.bare}, {"http", f.telegraf}} {
		b.Run("client="+client.name, func(b *testing.B) {
			for b.Loop() {
				client.measure(b, timeout, rounds).report(b)
				b.ReportMetric(timeout.Seconds(), "timeout-s")
			}
		})
	}
}

// measurement is the result of one client.
type measurement struct {
	wall, cpu            time.Duration // of a round
	peak, idle           int           // bytes; idle is 0 if not measured
	idleCPU              time.Duration // in idleTime
	connections, answers int
}

// report reports a single run: use -benchtime 1x, and -count for more runs.
func (m measurement) report(b *testing.B) {
	b.Helper()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(m.wall.Seconds(), "wall-s")
	b.ReportMetric(m.cpu.Seconds(), "cpu-s")
	b.ReportMetric(mib(m.peak), "peak-MiB")
	b.ReportMetric(float64(m.connections), "connections")
	b.ReportMetric(float64(m.answers), "answers")
	if m.idle > 0 {
		b.ReportMetric(mib(m.idle), "idle-MiB")
		b.ReportMetric(float64(m.idleCPU.Milliseconds())/idleTime.Seconds(), "idle-cpu-ms/s")
	}
}

func mib(bytes int) float64 { return float64(bytes) / (1 << 20) }
