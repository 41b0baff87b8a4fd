package poll

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
)

// startProxy starts an HTTP proxy that connects to target for any name, and records the names.
func startProxy(t *testing.T, target string) (address string, asked *[]string) {
	t.Helper()
	asked = new([]string)
	through := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.Host)
		if r.Method != http.MethodConnect || r.Header.Get("Proxy-Authorization") == "" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		upstream, err := net.Dial("tcp", target)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		client, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		// After Hijack: what the client sends next must not end up in the server's buffer.
		fmt.Fprint(client, "HTTP/1.1 200 OK\r\n\r\n")
		relay(client, upstream)
	})}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go through.Serve(listener)
	t.Cleanup(func() { through.Close() })
	return listener.Addr().String(), asked
}

func TestProxy(t *testing.T) {
	s := newSite(t)
	_, server := s.start(t, simulator.Server{})
	address, asked := startProxy(t, server.HostPort())

	settings := s.settings()
	settings.Proxy.HTTPProxyURL = "http://user:secret@" + address
	outcome := newPoller(t, settings).Round(t.Context()).Poll(t.Context(), server)
	require.Equal(t, Success, outcome.Result, outcome.Cause)
	require.Equal(t, []string{server.HostPort()}, *asked)

	settings.Proxy.HTTPProxyURL = "http://" + address
	outcome = newPoller(t, settings).Round(t.Context()).Poll(t.Context(), server)
	require.Equal(t, ConnectionFailed, outcome.Result)
	require.Equal(t, "the proxy http://"+address+" did not open the connection: it answered with HTTP status 407 Proxy Authentication Required", outcome.Cause)
	require.Contains(t, outcome.Hint, "http_proxy_url")
}

// Requests and the check of the certificate use the ASCII form of the name.
func TestInternationalName(t *testing.T) {
	s := newSite(t)
	_, target := s.start(t, simulator.Server{Name: "xn--bcher-kva.example"})
	address, asked := startProxy(t, target.HostPort())
	settings := s.settings()
	settings.Proxy.HTTPProxyURL = "http://user:secret@" + address
	p := newPoller(t, settings)
	for _, name := range []string{"bücher.example", "BÜCHER.example", "xn--bcher-kva.example", "bücher.example."} {
		server, err := ParseServer(name)
		require.NoError(t, err)
		outcome := p.Round(t.Context()).Poll(t.Context(), server)
		require.Equal(t, Success, outcome.Result, outcome.Cause)
		require.Equal(t, name, server.Source())
	}
	require.Equal(t, []string{"xn--bcher-kva.example:9032", "xn--bcher-kva.example:9032", "xn--bcher-kva.example:9032", "xn--bcher-kva.example.:9032"}, *asked)

	server, err := ParseServer("büchern.example")
	require.NoError(t, err)
	outcome := p.Round(t.Context()).Poll(t.Context(), server)
	require.Equal(t, TLSError, outcome.Result)
}

// Hints for a failure of the proxy must not blame the server.
func TestProxyFailures(t *testing.T) {
	for name, tt := range map[string]struct {
		url    string // of the proxy; %s is the address of one that answers with reply
		reply  string
		result Result
		step   Step
		cause  string
	}{
		"SOCKS proxy that may not connect": {
			"socks5://user:secret@%s", "\x05\x00\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00",
			ConnectionFailed, StepConnect, "the proxy socks5://%s did not open the connection: socks connect tcp %s->qlik1.invalid:9032",
		},
		"SOCKS proxy whose connection is refused": {
			"socks5://%s", "\x05\x00\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00",
			ConnectionFailed, StepConnect, "connection refused",
		},
		"SOCKS proxy that wants a password": {
			"socks5://%s", "\x05\xff",
			ConnectionFailed, StepConnect, "the proxy socks5://%s did not open the connection: socks connect",
		},
		"SOCKS proxy that hangs up": {
			"socks5://%s", "",
			ConnectionFailed, StepConnect, "the proxy socks5://%s did not open the connection: socks connect",
		},
		"HTTP proxy that hangs up": {
			"http://user:secret@%s", "", ConnectionFailed, StepConnect, "the proxy http://%s did not open the connection: it did not answer as a proxy does",
		},
		"HTTP proxy that repeats the password": {
			"http://user:secret@%s", "HTTP/1.1 403 user:secret\r\n\r\n",
			ConnectionFailed, StepConnect, "the proxy http://%s did not open the connection: it answered with HTTP status 403 Forbidden",
		},
		"name of the proxy": {
			"http://user:secret@proxy.invalid:3128", "", DNSError, StepResolve,
			"the proxy http://proxy.invalid:3128 did not open the connection: lookup proxy.invalid",
		},
		"name of the SOCKS proxy": {
			"socks5://user:secret@proxy.invalid:1080", "", DNSError, StepResolve,
			"the proxy socks5://proxy.invalid:1080 did not open the connection: lookup proxy.invalid",
		},
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer listener.Close()
			go func() {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				conn.Write([]byte(tt.reply))
				conn.(*net.TCPConn).CloseWrite()
				io.Copy(io.Discard, conn)
			}()
			address := listener.Addr().String()
			server, err := ParseServer("qlik1.invalid")
			require.NoError(t, err)
			settings := Settings{Timeout: 10 * time.Second, TLSVerify: VerifyFull}
			settings.Proxy.HTTPProxyURL = strings.ReplaceAll(tt.url, "%s", address)

			outcome := newPoller(t, settings).Round(t.Context()).Poll(t.Context(), server)

			require.Equal(t, tt.result.String(), outcome.Result.String(), outcome.Cause)
			require.Equal(t, tt.step.String(), outcome.Step.String())
			require.Contains(t, outcome.Cause, strings.ReplaceAll(tt.cause, "%s", address))
			require.Contains(t, outcome.Hint, "http_proxy_url")
			require.NotContains(t, outcome.Cause+outcome.Hint, "secret")
		})
	}
}

func TestProxyTimeout(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // never accepts
	require.NoError(t, err)
	defer listener.Close()
	server, err := ParseServer("qlik1.invalid")
	require.NoError(t, err)
	settings := Settings{Timeout: 300 * time.Millisecond, TLSVerify: VerifyFull}
	settings.Proxy.HTTPProxyURL = "socks5://" + listener.Addr().String()
	outcome := newPoller(t, settings).Round(t.Context()).Poll(t.Context(), server)
	require.Equal(t, Timeout, outcome.Result)
	require.Equal(t, "the proxy socks5://"+listener.Addr().String()+" did not open the connection in time", outcome.Cause)
}

func relay(a, b net.Conn) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		copyAndClose(a, b)
	}()
	copyAndClose(b, a)
	<-done
}

func copyAndClose(dst, src net.Conn) {
	buffer := make([]byte, 4096)
	for {
		n, err := src.Read(buffer)
		if n > 0 {
			dst.Write(buffer[:n])
		}
		if err != nil {
			dst.Close()
			return
		}
	}
}
