package poll

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/telegraf/plugins/common/proxy"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
)

// pollHandler asks a server without TLS that answers as the handler does.
func pollHandler(t *testing.T, handler http.HandlerFunc) Outcome {
	t.Helper()
	backend := httptest.NewServer(handler)
	t.Cleanup(backend.Close)
	server, err := ParseServer(backend.URL)
	require.NoError(t, err)
	return newPoller(t, Settings{Timeout: 10 * time.Second, TLSVerify: VerifyFull}).Round().Poll(t.Context(), server)
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
			w.Write(bytes.Repeat([]byte{' '}, maxBody+1))
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
		require.Equal(t, BodyReadError, outcome.Result, outcome.Cause)
		require.Contains(t, outcome.Cause, "larger than 1048576 bytes")
	})
	t.Run("a body of the limit is read", func(t *testing.T) {
		outcome := pollHandler(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Write(append(bytes.Repeat([]byte{' '}, maxBody-len(reply)), reply...))
		})
		require.Equal(t, Success, outcome.Result, outcome.Cause)
	})
	t.Run("a compressed body is not expanded", func(t *testing.T) {
		outcome := pollHandler(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") != "" {
				w.WriteHeader(http.StatusTeapot) // nobody should ask for it
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

// A session must not lend a new client certificate the rights of the old one.
func TestClientCertificateIsSwitched(t *testing.T) {
	s, foreign := newSite(t), newSite(t)
	_, server := s.start(t, simulator.Server{})
	p := newPoller(t, s.settings())
	require.Equal(t, Success, p.Round().Poll(t.Context(), server).Result)

	other := t.TempDir()
	require.NoError(t, foreign.Export(other))
	for _, file := range []string{"client.pem", "client_key.pem"} {
		require.NoError(t, os.Rename(filepath.Join(other, file), filepath.Join(s.dir, file)))
	}
	outcome := p.Round().Poll(t.Context(), server)
	require.Equal(t, TLSError, outcome.Result)
	require.Contains(t, outcome.Hint, "use client.pem of the server's own site")
}

// After a day the server has to show its certificate again.
func TestSessionEnds(t *testing.T) {
	s := newSite(t)
	fleet, server := s.start(t, simulator.Server{})
	p := newPoller(t, s.settings())
	for _, resumed := range []bool{false, true, true} {
		require.Equal(t, Success, p.Round().Poll(t.Context(), server).Result)
		require.Equal(t, resumed, fleet.LastRequest(0).Resumed)
		require.WithinDuration(t, time.Now().Add(maxSession), server.session.end, time.Minute)
	}
	server.session.end = time.Now().Add(-time.Second)
	require.Equal(t, Success, p.Round().Poll(t.Context(), server).Result)
	require.False(t, fleet.LastRequest(0).Resumed)

	server.session.endsBy(time.Now().Add(time.Hour), time.Now().Add(time.Minute))
	require.WithinDuration(t, time.Now().Add(time.Minute), server.session.end, time.Second, "the earlier of the two counts")
}

func TestServiceThatClosesWithoutAReply(t *testing.T) {
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

func TestHeadersThatAreRefused(t *testing.T) {
	for want, headers := range map[string]map[string]string{
		`headers: "X-A" and "x-a" are the same header: remove one of them`:   {"X-A": "1", "x-a": "2"},
		`headers: "accept-encoding" is for the connection to set: remove it`: {"accept-encoding": "gzip"},
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

func TestTLSProxyOfTheSystemIsRefused(t *testing.T) {
	// http.ProxyFromEnvironment reads the environment once in a process.
	find, err := proxyFor(&proxy.HTTPProxy{HTTPProxyURL: "https://proxy.example.com"})
	require.NoError(t, err)
	_, err = find(&http.Request{})
	require.ErrorIs(t, err, errTLSProxy)
}
