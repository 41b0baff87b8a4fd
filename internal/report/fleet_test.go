package report_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/report/reporttest"
	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/internal/simulator/simulatortest"
)

// sharedSite is the site of all tests. Its folder also holds a catalogue.
var sharedSite simulatortest.Site

func TestMain(m *testing.M) {
	sharedSite.Main(m, func() error { return reporttest.Catalog().Save(catalogFile(), "") })
}

// catalogFile holds reporttest.Catalog.
func catalogFile() string { return filepath.Join(sharedSite.Dir, "catalog.toml") }

// environment is a block of a simulated fleet.
type environment struct {
	name    string
	change  func(*fleet.Settings)
	servers []simulator.Server
	hosts   []string // hosts that are not simulated
}

// settingsFor returns the defaults with the certificates of the site and a catalogue with fixed dates.
func settingsFor(hosts ...string) fleet.Settings {
	settings := reporttest.Settings(hosts...)
	settings.Poll.TLS = sharedSite.TLS()
	settings.CatalogFile = catalogFile()
	return settings
}

func newFleetBlock(t *testing.T, process *fleet.Process, settings fleet.Settings) *fleet.Block {
	t.Helper()
	block, err := fleet.New(settings, process)
	require.NoError(t, err)
	return block
}

// claimNetwork returns a number N, for servers on 127.N.x.y that no other test on this machine
// uses. It skips the test if the machine does not have them.
func claimNetwork(t *testing.T) int {
	t.Helper()
	network, release, err := simulator.ClaimNetwork()
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, release()) })
	return network
}

// gather polls a simulated fleet, with servers on 127.N.1.1, 127.N.1.2 and so on.
func gather(t *testing.T, network int, environments ...environment) *report.Report {
	t.Helper()
	process := fleet.NewProcess(func() time.Time { return reporttest.At })
	blocks := make([]*fleet.Block, 0, len(environments))
	n := 0
	for _, e := range environments {
		hosts := make([]string, 0, len(e.servers)+len(e.hosts))
		for i := range e.servers {
			n++
			hosts = append(hosts, fmt.Sprintf("127.%d.1.%d", network, n))
			e.servers[i].Addr = hosts[i] + ":9032"
		}
		sharedSite.Start(t, e.servers...)
		block := settingsFor(append(hosts, e.hosts...)...)
		block.Tags = map[string]string{"environment": e.name}
		if e.change != nil {
			e.change(&block)
		}
		blocks = append(blocks, newFleetBlock(t, process, block))
	}
	r, err := report.Gather(context.Background(), blocks, reporttest.Program, nil, nil)
	require.NoError(t, err)
	return r
}

// mixedFleet is the fleet of reporttest.Mixed as simulated servers, on 127.N.x.y instead of 127.41.x.y.
func mixedFleet(t *testing.T, network int) *report.Report {
	t.Helper()
	return gather(t, network,
		environment{
			name: "PROD", change: reporttest.AtLeast("May 2024 Patch 10"),
			servers: []simulator.Server{
				runs("May 2025 Patch 15", "14.231.27"),
				runs("May 2025 Patch 15", "14.231.27"),
				runs("May 2025 Patch 3", "14.231.8"), // out of step
				runs("August 2023 Patch 1", "14.139.5"),
				{Fault: simulator.FaultClientRefused},
			},
		},
		environment{
			name: "TEST",
			servers: []simulator.Server{
				runs("November 2025", "14.254.6"),
				runs("November 2026", "14.290.4"),          // unknown
				runs("May 2024 Patch 10", "14.231.27"),     // contradicts itself
				{Reply: []byte(`{"version":"14.187.14"}`)}, // no label
				{Fault: simulator.FaultNoSAN, Name: "qlik-test-5.example.com"},
			},
		},
		environment{
			name: "DEV",
			servers: []simulator.Server{
				runs("May 2022 Patch 18", "14.67.34"), // no patch fixes everything
				{Fault: simulator.Fault503},
				{Fault: simulator.FaultHTML},
			},
			hosts: []string{fmt.Sprintf("127.%d.2.1", network), "qlik9.invalid"},
		},
	)
}
