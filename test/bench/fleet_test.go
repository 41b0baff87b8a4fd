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

// serversPerProcess limits the servers of a simulator: with a listener and a connection each, 10,000
// would exceed the open files that many systems allow a process.
const serversPerProcess = 2500

// benchFleet is a fleet of servers simulated by other processes.
type benchFleet struct {
	tools      *stack.Tools
	bareClient string
	dir        string // of the site's certificates
	hosts      []string
	simulators []*stack.Process
	fleetFiles []string // of each simulator
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
	for n := range slices.Collect(slices.Chunk(f.hosts, serversPerProcess)) {
		f.fleetFiles = append(f.fleetFiles, filepath.Join(b.TempDir(), fmt.Sprintf("fleet%d.toml", n)))
	}
	f.writeFleetFiles(b, 0)
	for _, fleet := range f.fleetFiles {
		p, err := stack.Start(tools.Simulator, []string{"--site", f.dir, "--fleet", fleet}, nil)
		require.NoError(b, err)
		b.Cleanup(func() {
			_, err := p.Stop(rig.Patience)
			require.NoError(b, err)
		})
		// Wait for each: the first one creates the site's certificates.
		require.NoError(b, p.Await("ready\n", 1, rig.Patience))
		f.simulators = append(f.simulators, p)
	}
	return f
}

// writeFleetFiles writes the fleet files. One in oneIn servers hangs; 0 means none. It returns the number
// of hanging servers of each simulator.
func (f *benchFleet) writeFleetFiles(b *testing.B, oneIn int) (hanging []int) {
	b.Helper()
	hanging = make([]int, len(f.fleetFiles))
	texts := make([]strings.Builder, len(f.fleetFiles))
	for i, host := range f.hosts {
		text := &texts[i/serversPerProcess]
		fmt.Fprintf(text, "[[server]]\naddr = %q\n", host+":9032")
		if oneIn > 0 && i%oneIn == oneIn-1 {
			fmt.Fprintf(text, "fault = %q\n", simulator.FaultNoAnswer)
			hanging[i/serversPerProcess]++
		}
	}
	for n, fleet := range f.fleetFiles {
		require.NoError(b, os.WriteFile(fleet, []byte(texts[n].String()), 0o600))
	}
	return hanging
}

// hang makes one in oneIn servers hang. Each call must add to those of the call before.
func (f *benchFleet) hang(b *testing.B, oneIn int) {
	b.Helper()
	for n, hanging := range f.writeFleetFiles(b, oneIn) {
		require.NoError(b, f.simulators[n].Signal(syscall.SIGHUP))
		// The simulator names each server that has changed.
		require.NoError(b, f.simulators[n].Await("fault "+string(simulator.FaultNoAnswer), hanging, rig.Patience))
	}
	time.Sleep(time.Second) // until the connections of restarted servers have ended
}
