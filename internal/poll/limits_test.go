package poll

import (
	"bytes"
	"compress/gzip"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/telegraf/plugins/common/proxy"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
)

// pollHandler polls a server without TLS.
func pollHandler(t *testing.T, handler http.HandlerFunc) Outcome {
	t.Helper()
	backend := httptest.NewServer(handler)
	t.Cleanup(backend.Close)
	server, err := ParseServer(backend.URL)
	require.NoError(t, err)
	return newPoller(t, Settings{Timeout: 10 * time.Second, TLSVerify: VerifyFull}).Round(t.Context()).Poll(t.Context(), server)
}

func TestLimits(t *testing.T) {
	reply := simulator.Reply(label, build)

	t.Run("headers beyond 64 KiB", func(t *testing.T) {
		outcome := pollHandler(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Padding", strings.Repeat("x", 100<<10))
			w.Write(reply)
		})
		require.Equal(t, BodyReadError, outcome.Result, outcome.Cause)
	})
	t.Run("a body beyond the limit is not read to its end", func(t *testing.T) {
		outcome := pollHandler(t, func(w http.ResponseWriter, r *http.Request) {
			w.Write(bytes.Repeat([]byte{' '}, int(about.MaxBody)+1))
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
		require.Equal(t, BodyReadError, outcome.Result, outcome.Cause)
		require.Contains(t, outcome.Cause, "larger than 1048576 bytes")
	})
	t.Run("a body of the limit is read", func(t *testing.T) {
		outcome := pollHandler(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Write(append(bytes.Repeat([]byte{' '}, int(about.MaxBody)-len(reply)), reply...))
		})
		require.Equal(t, Success, outcome.Result, outcome.Cause)
	})
	t.Run("a compressed body is not expanded", func(t *testing.T) {
		outcome := pollHandler(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") != "" {
				w.WriteHeader(http.StatusTeapot) // must not be requested
				return
			}
			w.Header().Set("Content-Encoding", "gzip")
			packer := gzip.NewWriter(w)
			packer.Write(reply)
			packer.Close()
		})
		require.Equal(t, InvalidResponse, outcome.Result, outcome.Cause)
	})
}

func TestServiceClosesWithoutReply(t *testing.T) {
	hangUp := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.Close()
		}
	}
	outcome := pollHandler(t, hangUp)
	require.Equal(t, ConnectionFailed, outcome.Result, outcome.Cause)
	require.Contains(t, outcome.Cause, "closed the connection without a reply")
}

func TestInvalidHeaders(t *testing.T) {
	for want, headers := range map[string]map[string]string{
		`headers: "X-A" and "x-a" are the same header: remove one of them`: {"X-A": "1", "x-a": "2"},
		`headers: "accept-encoding" is set by the HTTP client: remove it`:  {"accept-encoding": "gzip"},
	} {
		_, err := New(Settings{Timeout: time.Second, TLSVerify: VerifyFull, Headers: headers})
		require.EqualError(t, err, want)
	}
}

func TestTLSProxyIsRefused(t *testing.T) {
	settings := Settings{Timeout: time.Second, TLSVerify: VerifyFull, Proxy: proxy.HTTPProxy{HTTPProxyURL: "https://proxy.example.com"}}
	_, err := New(settings)
	require.EqualError(t, err, "http_proxy_url: "+errTLSProxy.Error())
}

// http.ProxyFromEnvironment reads the environment only once in a process, so the tests replace
// it.
func TestSystemProxy(t *testing.T) {
	server, err := ParseServer("qlik1.invalid")
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		find  proxyFunc
		cause string
	}{
		"by https": {
			http.ProxyURL(&url.URL{Scheme: "https", User: url.UserPassword("user", "secret"), Host: "proxy.example.com"}),
			"the proxy https://proxy.example.com did not open the connection: " + errTLSProxy.Error(),
		},
		"no URL": {
			func(*http.Request) (*url.URL, error) {
				return nil, errors.New(`invalid proxy address "user:secret@proxy"`)
			},
			"the proxy of the system did not open the connection: its address (HTTPS_PROXY, HTTP_PROXY) is not a URL",
		},
	} {
		t.Run(name, func(t *testing.T) {
			round := newPoller(t, Settings{Timeout: 10 * time.Second, TLSVerify: VerifyFull}).Round(t.Context())
			round.proxy = tt.find
			outcome := round.Poll(t.Context(), server)
			require.Equal(t, ConnectionFailed, outcome.Result)
			require.Equal(t, StepConnect, outcome.Step)
			require.Equal(t, tt.cause, outcome.Cause)
			require.Contains(t, outcome.Hint, "use_system_proxy")
		})
	}
}
