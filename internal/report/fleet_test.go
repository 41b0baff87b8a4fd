package report_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	telegraftls "github.com/influxdata/telegraf/plugins/common/tls"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/report/reporttest"
	"telegraf-qlik-sense-version/internal/simulator"
)

// world is shared by all tests, because making the certificates of a site takes a second.
var world struct {
	site *simulator.Site
	dir  string // with the site's certificates and a catalogue
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "report-")
	if err != nil {
		panic(err)
	}
	world.dir = dir
	if world.site, err = simulator.NewSite(); err != nil {
		panic(err)
	}
	if err := world.site.Export(dir); err != nil {
		panic(err)
	}
	if err := reporttest.Catalog().Save(catalogFile(), ""); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		os.RemoveAll(dir)
		os.Exit(status)
	}))
}

// catalogFile holds reporttest.Catalog.
func catalogFile() string { return filepath.Join(world.dir, "catalog.toml") }

// environment is a block of a simulated fleet.
type environment struct {
	name    string
	change  func(*fleet.Settings)
	servers []simulator.Server
	hosts   []string // others, which are not simulated
}

// settingsFor returns the defaults with the certificates of the site and a catalogue with fixed dates.
func settingsFor(hosts ...string) fleet.Settings {
	settings := reporttest.Settings(hosts...)
	settings.Poll.TLS = telegraftls.ClientConfig{
		TLSCA:   filepath.Join(world.dir, "root.pem"),
		TLSCert: filepath.Join(world.dir, "client.pem"),
		TLSKey:  filepath.Join(world.dir, "client_key.pem"),
	}
	settings.CatalogFile = catalogFile()
	return settings
}

func newFleetBlock(t *testing.T, process *fleet.Process, settings fleet.Settings) *fleet.Block {
	t.Helper()
	block, err := fleet.New(settings, process)
	require.NoError(t, err)
	return block
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
		if len(e.servers) > 0 {
			simulated, err := simulator.Start(world.site, e.servers...)
			if errors.Is(err, syscall.EADDRNOTAVAIL) {
				t.Skipf("not run, for this machine lacks the address: %v", err)
			}
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, simulated.Close()) })
		}
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

// mixedFleet is the fleet of reporttest.Mixed as simulated servers.
func mixedFleet(t *testing.T) *report.Report {
	t.Helper()
	return gather(t, 41,
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
				runs("November 2026", "14.290.4"),          // not judged
				runs("May 2024 Patch 10", "14.231.27"),     // contradicts itself
				{Reply: []byte(`{"version":"14.187.14"}`)}, // no label
				{Fault: simulator.FaultNoSAN, Name: "qlik-test-5.example.com"},
			},
		},
		environment{
			name: "DEV",
			servers: []simulator.Server{
				runs("May 2022 Patch 18", "14.67.34"), // no patch closes all
				{Fault: simulator.Fault503},
				{Fault: simulator.FaultHTML},
			},
			hosts: []string{"127.41.2.1", "qlik9.invalid"},
		},
	)
}
