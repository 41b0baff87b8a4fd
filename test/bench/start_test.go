//go:build linux

package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

// BenchmarkFirstPoint measures the time from the start of a Telegraf with the shipped drop-in to the
// first point in InfluxDB. flush_interval is 0.1 s here; a longer one adds its difference.
//
//	first-s   time to the first point
func BenchmarkFirstPoint(b *testing.B) {
	tools, err := stack.Build(b.Context(), rig.Root, os.Stderr)
	require.NoError(b, err)
	db, err := stack.StartInfluxDB(tools.InfluxDB, b.TempDir())
	require.NoError(b, err)
	b.Cleanup(func() { _, err := db.Stop(rig.Patience); require.NoError(b, err) })
	f := startFleet(b, tools, 1000)
	for _, servers := range []int{1, 100, 1000} {
		dropIn, err := tools.DropIn(stack.Settings(f.hosts[:servers], f.dir, stack.NoMaxAge))
		require.NoError(b, err)
		runs := 0
		b.Run(fmt.Sprintf("servers=%d", servers), func(b *testing.B) {
			for b.Loop() {
				runs++
				database := fmt.Sprintf("first%d_%d", servers, runs)
				start := time.Now()
				p, err := tools.StartTelegraf(b.TempDir(), dropIn, db, database)
				require.NoError(b, err)
				_, err = db.Await(database, "SELECT version FROM qlik_sense_version LIMIT 1", rig.Patience,
					func(s []stack.Series) bool { return len(s) > 0 })
				require.NoError(b, err, p.Output())
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(time.Since(start).Seconds(), "first-s")
				_, err = p.Stop(rig.Patience)
				require.NoError(b, err)
			}
		})
	}
}

// BenchmarkSize reports the size of the programs, unpacked.
func BenchmarkSize(b *testing.B) {
	tools, err := stack.Build(b.Context(), rig.Root, os.Stderr)
	require.NoError(b, err)
	program := filepath.Join(b.TempDir(), "plugin")
	for _, goos := range []string{"linux", "windows"} {
		require.NoError(b, stack.BuildPlugin(b.Context(), rig.Root, goos, program))
		size(b, "program=plugin/os="+goos, program)
	}
	size(b, "program=telegraf/os=linux", tools.Telegraf)
}

func size(b *testing.B, name, program string) {
	b.Helper()
	b.Run(name, func(b *testing.B) {
		info, err := os.Stat(program)
		require.NoError(b, err)
		for b.Loop() {
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(info.Size())/(1<<20), "size-MiB")
		}
	})
}
