package simulator

import (
	"crypto/tls"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

var sharedSite = sync.OnceValues(NewSite)

func testSite(t *testing.T) *Site {
	t.Helper()
	site, err := sharedSite()
	require.NoError(t, err)
	return site
}

// startFleet runs servers until the test ends; those without an address get one.
func startFleet(t *testing.T, servers ...Server) *Fleet {
	t.Helper()
	for i := range servers {
		if servers[i].Addr == "" {
			servers[i].Addr = "127.0.0.1:0"
		}
	}
	fleet, err := Start(testSite(t), servers...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, fleet.Close()) })
	return fleet
}

// newClient is a plain client with a new connection for each request. Handshakes have their own
// timeout, because net/http continues them after that of the request.
func newClient(settings *tls.Config, timeout time.Duration) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			TLSClientConfig:        settings,
			TLSHandshakeTimeout:    timeout / 2,
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: 64 << 10,
		},
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// fails returns the error of a request.
func fails(client *http.Client, url string) error {
	_, _, _, err := get(client, url) //nolint:dogsled // this is why there is fails
	return err
}

// get returns the status, the type and at most a megabyte of the body.
func get(client *http.Client, url string) (code int, contentType string, text []byte, err error) {
	reply, err := client.Get(url)
	if err != nil {
		return 0, "", nil, err
	}
	defer reply.Body.Close()
	text, err = io.ReadAll(io.LimitReader(reply.Body, 1<<20))
	return reply.StatusCode, reply.Header.Get("Content-Type"), text, err
}
