// Package simulatortest shares a simulated Qlik Sense site among the tests of a package,
// because creating its keys takes a second.
package simulatortest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/influxdata/telegraf/plugins/common/tls"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"telegraf-qlik-sense-version/internal/simulator"
)

// Site is a site and a folder with its root.pem, client.pem and client_key.pem.
type Site struct {
	*simulator.Site
	Dir string
}

// Main creates the site, calls prepare, runs the tests of a package and ends the process. A
// leaked goroutine is a failure.
func (s *Site) Main(m *testing.M, prepare ...func() error) {
	var err error
	if s.Dir, err = os.MkdirTemp("", "site-"); err != nil {
		panic(err)
	}
	if s.Site, err = simulator.NewSite(); err != nil {
		panic(err)
	}
	if err := s.Export(s.Dir); err != nil {
		panic(err)
	}
	for _, f := range prepare {
		if err := f(); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		os.RemoveAll(s.Dir) //nolint:errcheck // a leftover folder does no harm
		os.Exit(status)
	}))
}

// TLS are the settings of a client of the site.
func (s *Site) TLS() tls.ClientConfig {
	return tls.ClientConfig{
		TLSCA:   filepath.Join(s.Dir, "root.pem"),
		TLSCert: filepath.Join(s.Dir, "client.pem"),
		TLSKey:  filepath.Join(s.Dir, "client_key.pem"),
	}
}

// Start runs servers until the test ends, by default on 127.0.0.1, 127.0.0.2 and so on, and
// returns their addresses. It skips the test if the machine does not have them.
func (s *Site) Start(tb testing.TB, servers ...simulator.Server) (*simulator.Fleet, []string) {
	tb.Helper()
	for i := range servers {
		if servers[i].Addr == "" {
			servers[i].Addr = fmt.Sprintf("127.0.0.%d:0", i+1)
		}
	}
	fleet, err := simulator.Start(s.Site, servers...)
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		tb.Skipf("not run, because this machine lacks the address: %v", err)
	}
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, fleet.Close()) })
	addresses := make([]string, len(servers))
	for i := range servers {
		addresses[i] = fleet.Addr(i)
	}
	return fleet, addresses
}
