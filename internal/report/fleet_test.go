package report

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/influxdata/telegraf/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/settings"
	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/stack"
)

// world is what all tests share: making a site takes a second.
var world struct {
	site *simulator.Site
	dir  string // with the site's certificates
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
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		os.RemoveAll(dir)
		os.Exit(status)
	}))
}

// environment is a block of a simulated fleet.
type environment struct {
	name    string
	more    string // settings
	servers []simulator.Server
	hosts   []string // others, which are not simulated
}

// gather asks a simulated fleet, servers on 127.N.1.1, 127.N.1.2 and so on, and makes
// what differs from run to run the same: times, durations and ports stay out.
func gather(t *testing.T, network int, environments ...environment) *Report {
	t.Helper()
	var text strings.Builder
	n := 0
	for _, e := range environments {
		hosts := make([]string, 0, len(e.servers)+len(e.hosts))
		for i := range e.servers {
			n++
			hosts = append(hosts, fmt.Sprintf("127.%d.1.%d", network, n))
			e.servers[i].Addr = hosts[i] + ":9032"
		}
		if len(e.servers) > 0 {
			fleet, err := simulator.Start(world.site, e.servers...)
			if errors.Is(err, syscall.EADDRNOTAVAIL) {
				t.Skipf("not run, for this machine lacks the address: %v", err)
			}
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, fleet.Close()) })
		}
		text.WriteString(stack.Settings(append(hosts, e.hosts...), world.dir,
			fmt.Sprintf("%s\n  [inputs.qlik_sense_version.tags]\n    environment = %q\n", e.more, e.name)))
	}
	blocks, err := settings.Parse("fleet.conf", text.String(), os.LookupEnv, testutil.Logger{Quiet: true})
	require.NoError(t, err)
	r, err := Gather(context.Background(), blocks, "telegraf-qlik-sense-version v0.0.0-test", nil)
	require.NoError(t, err)
	withoutVolatile(r)
	return r
}

func withoutVolatile(r *Report) {
	r.AskedAt = time.Date(2026, time.November, 21, 8, 30, 0, 0, time.UTC)
	for i := range r.Catalogs { // so that newer data do not change the golden files
		c := &r.Catalogs[i]
		c.ReleasesAsOf, c.AdvisoriesAsOf, c.ExploitedAsOf = "2025-11-22", "2026-11-21", "2025-08-25"
	}
	for _, b := range r.Blocks {
		for i := range b.Servers {
			s := &b.Servers[i]
			if s.ResponseTime != nil {
				*s.ResponseTime = 0.125
			}
			if s.CertificateExpiry != nil {
				*s.CertificateExpiry = int(math.Copysign(86400, float64(*s.CertificateExpiry)))
			}
			if s.SupportDaysLeft != nil {
				*s.SupportDaysLeft += catalog.DayOf(time.Now()).DaysSince(catalog.DayOf(r.AskedAt))
			}
			if s.Failure == nil {
				continue
			}
			if s.Failure.Step == "name resolution" {
				s.Failure.Cause = "lookup " + s.Source + ": no such host" // without this machine's resolver
			}
			for _, c := range []*Certificate{s.Failure.ServerCertificate, s.Failure.ClientCertificate} {
				if c != nil {
					c.NotBefore = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
					c.NotAfter = time.Date(2031, time.January, 1, 0, 0, 0, 0, time.UTC)
				}
			}
		}
	}
}

// mixedFleet has a server of each kind, in three environments.
func mixedFleet(t *testing.T) *Report {
	t.Helper()
	runs := func(label, build string) simulator.Server {
		return simulator.Server{Reply: simulator.Reply(label, build)}
	}
	return gather(t, 41,
		environment{
			name: "PROD", more: `  minimum_release = "May 2024 Patch 10"`,
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

// The file names of golden files are those of the outputs.
func golden(name string) string { return filepath.Join("testdata", name) }
