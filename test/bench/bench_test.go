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
	patient   = 2 * time.Minute        // the timeout where all servers answer
	usual     = 5 * time.Second        // where one in ten hangs: that of inputs.http by default
	impatient = 500 * time.Millisecond // where all hang, and no answer can be lost by it
)

// BenchmarkRound measures rounds of polls by the plugin, by a bare client (Go's HTTP
// client, bounded as the plugin is, and nothing else) and by Telegraf's own inputs.http
// over the same simulated servers, one after the other in the same run: the machine may be
// shared, so the ratios count and not the times. CPU, memory and connections are those of the
// polling process alone: of the plugin, of the bare client, and of the Telegraf that runs
// inputs.http.
//
//	timeout-s     the setting
//	wall-s        the time that a round takes; of inputs.http with up to 0.1 s until its points are written
//	cpu-s         CPU of a round; with full TLS handshakes, as all are
//	peak-MiB      the highest resident memory
//	connections   the most that were open at once
//	answers       servers whose version the client got
//	idle-MiB      resident memory some seconds after the rounds
//	idle-cpu-ms/s what the program does between rounds
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
			f.bare(b, patient, 1) // the simulator makes its certificates now
			b.Run("hanging=none", func(b *testing.B) { f.clients(b, patient, 3) })
			if servers >= 10 {
				f.hang(b, 10)
				b.Run("hanging=tenth", func(b *testing.B) { f.clients(b, usual, 1) })
			}
			f.hang(b, 1)
			b.Run("hanging=all", func(b *testing.B) { f.clients(b, impatient, 1) })
		})
	}
}

// clients measures one client after the other, the plugin and the bare client in some rounds.
func (f *benchFleet) clients(b *testing.B, timeout time.Duration, rounds int) {
	b.Helper()
	for _, client := range []struct {
		name    string
		measure func(b *testing.B, timeout time.Duration, rounds int) measured
	}{{"plugin", f.plugin}, {"bare", f.bare}, {"http", f.telegraf}} {
		b.Run("client="+client.name, func(b *testing.B) {
			for b.Loop() {
				client.measure(b, timeout, rounds).report(b)
				b.ReportMetric(timeout.Seconds(), "timeout-s")
			}
		})
	}
}

// measured is what one client took.
type measured struct {
	wall, cpu            time.Duration // of a round
	peak, idle           int           // bytes; idle 0: not measured
	idleCPU              time.Duration // in idleTime
	connections, answers int
}

// report reports one run: the benchmarks are to run with -benchtime 1x, and -count for more.
func (m measured) report(b *testing.B) {
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
