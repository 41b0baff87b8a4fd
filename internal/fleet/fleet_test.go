package fleet

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/internal/simulator/simulatortest"
)

var sharedSite simulatortest.Site

func TestMain(m *testing.M) { sharedSite.Main(m) }

// today is the day of rounds that must not depend on the date: the built-in data are fresh.
var today = time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)

func onDay(day time.Time) *Process { return NewProcess(func() time.Time { return day }) }

// settingsFor returns the defaults, with the certificates of the site.
func settingsFor(hosts ...string) Settings {
	return Settings{
		Hosts:                 hosts,
		MaxConcurrentRequests: 64,
		Poll: poll.Settings{
			Timeout:   5 * time.Second,
			TLSVerify: poll.VerifyFull,
			TLS:       sharedSite.TLS(),
		},
		SameVersion:   true,
		CatalogMaxAge: 180 * 24 * time.Hour,
	}
}

// runs is a server with a version.
func runs(label, build string) simulator.Server {
	return simulator.Server{Reply: simulator.Reply(label, build)}
}

func start(t testing.TB, servers ...simulator.Server) (*simulator.Fleet, []string) {
	t.Helper()
	return sharedSite.Start(t, servers...)
}

func newBlock(t testing.TB, process *Process, settings Settings) *Block {
	t.Helper()
	b, err := New(settings, process)
	require.NoError(t, err)
	return b
}

// cancelled returns a context that has ended: a round with it reads the catalogue, but asks no
// server.
func cancelled(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
