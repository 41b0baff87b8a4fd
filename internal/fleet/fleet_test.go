package fleet

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

	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/simulator"
)

// world is what all tests share: making a site takes a second.
var world struct {
	site *simulator.Site
	dir  string // with the site's certificates
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "fleet-")
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

// today is the day of rounds that must not depend on the day of the test: the built-in
// data are fresh on it.
var today = time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)

func onDay(day time.Time) *Process { return NewProcess(func() time.Time { return day }) }

// settingsFor are the defaults, with the certificates of the site.
func settingsFor(hosts ...string) Settings {
	return Settings{
		Hosts:                 hosts,
		MaxConcurrentRequests: 64,
		Poll: poll.Settings{
			Timeout:   5 * time.Second,
			TLSVerify: poll.VerifyFull,
			TLS: telegraftls.ClientConfig{
				TLSCA:   filepath.Join(world.dir, "root.pem"),
				TLSCert: filepath.Join(world.dir, "client.pem"),
				TLSKey:  filepath.Join(world.dir, "client_key.pem"),
			},
		},
		SameVersion:   true,
		CatalogMaxAge: 180 * 24 * time.Hour,
	}
}

// runs is a server with a version.
func runs(label, build string) simulator.Server {
	return simulator.Server{Reply: simulator.Reply(label, build)}
}

// start runs simulated servers until the test ends, on 127.0.0.1, 127.0.0.2 and so on,
// and returns their addresses.
func start(t testing.TB, servers ...simulator.Server) (*simulator.Fleet, []string) {
	t.Helper()
	for i := range servers {
		servers[i].Addr = fmt.Sprintf("127.0.0.%d:0", i+1)
	}
	fleet, err := simulator.Start(world.site, servers...)
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Skipf("not run, for this machine has only one loopback address: %v", err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, fleet.Close()) })
	hosts := make([]string, len(servers))
	for i := range hosts {
		hosts[i] = fleet.Addr(i)
	}
	return fleet, hosts
}

func newBlock(t testing.TB, process *Process, settings Settings) *Block {
	t.Helper()
	b, err := New(settings, process)
	require.NoError(t, err)
	return b
}

// cancelled is a context that has ended: a round with it reads the catalogue and asks
// nobody.
func cancelled(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
