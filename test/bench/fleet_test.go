//go:build linux

package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

// perProcess is how many servers a simulator has: with a listener and a connection for each,
// 10,000 would be more files than many systems allow one process.
const perProcess = 2500

// benchFleet are simulators in processes of their own.
type benchFleet struct {
	tools      *stack.Tools
	bareClient string
	dir        string // of the site's certificates
	hosts      []string
	simulators []*stack.Process
	fleets     []string // the file of each simulator
}

func startFleet(b *testing.B, tools *stack.Tools, servers int) *benchFleet {
	b.Helper()
	f := &benchFleet{tools: tools, dir: b.TempDir()}
	network, release, err := simulator.ClaimNetwork()
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, release()) })
	for i := range servers {
		f.hosts = append(f.hosts, fmt.Sprintf("127.%d.%d.%d", network, i/250, 1+i%250))
	}
	for n := range slices.Collect(slices.Chunk(f.hosts, perProcess)) {
		f.fleets = append(f.fleets, filepath.Join(b.TempDir(), fmt.Sprintf("fleet%d.toml", n)))
	}
	f.write(b, 0)
	for _, fleet := range f.fleets {
		p, err := stack.Start(tools.Simulator, []string{"--site", f.dir, "--fleet", fleet}, nil)
		require.NoError(b, err)
		b.Cleanup(func() {
			_, err := p.Stop(rig.Patience)
			require.NoError(b, err)
		})
		// One after the other: the first makes the certificates of the site.
		require.NoError(b, p.Await("ready\n", 1, rig.Patience))
		f.simulators = append(f.simulators, p)
	}
	return f
}

// write writes the files of the simulators. One of oneIn servers hangs; 0: none.
func (f *benchFleet) write(b *testing.B, oneIn int) (hanging []int) {
	b.Helper()
	hanging = make([]int, len(f.fleets)) // of each simulator
	texts := make([]strings.Builder, len(f.fleets))
	for i, host := range f.hosts {
		text := &texts[i/perProcess]
		fmt.Fprintf(text, "[[server]]\naddr = %q\n", host+":9032")
		if oneIn > 0 && i%oneIn == oneIn-1 {
			fmt.Fprintf(text, "fault = %q\n", simulator.FaultNoAnswer)
			hanging[i/perProcess]++
		}
	}
	for n, fleet := range f.fleets {
		require.NoError(b, os.WriteFile(fleet, []byte(texts[n].String()), 0o600))
	}
	return hanging
}

// hang lets one of oneIn servers hang. From call to call they can only become more.
func (f *benchFleet) hang(b *testing.B, oneIn int) {
	b.Helper()
	for n, hanging := range f.write(b, oneIn) {
		require.NoError(b, f.simulators[n].Signal(syscall.SIGHUP))
		// The simulator names each server that has changed.
		require.NoError(b, f.simulators[n].Await("fault "+string(simulator.FaultNoAnswer), hanging, rig.Patience))
	}
	time.Sleep(time.Second) // the connections of those that were restarted have ended
}
