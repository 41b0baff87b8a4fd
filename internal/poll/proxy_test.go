package poll

import (
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
)

func TestThroughAProxy(t *testing.T) {
	s := newSite(t)
	_, server := s.start(t, simulator.Server{})
	var connects int
	target := server.url.Host
	through := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connects++
		if r.Method != http.MethodConnect || r.Host != target || r.Header.Get("Proxy-Authorization") == "" {
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
		// Only now: what the client sends next must not end in the server's buffer.
		fmt.Fprint(client, "HTTP/1.1 200 OK\r\n\r\n")
		relay(client, upstream)
	})}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go through.Serve(listener)
	defer through.Close()

	settings := s.settings()
	settings.Proxy.HTTPProxyURL = "http://user:secret@" + listener.Addr().String()
	outcome := newPoller(t, settings).Round().Poll(t.Context(), server)
	require.Equal(t, Success, outcome.Result, outcome.Cause)
	require.Equal(t, 1, connects)

	settings.Proxy.HTTPProxyURL = "http://" + listener.Addr().String()
	outcome = newPoller(t, settings).Round().Poll(t.Context(), server)
	require.Equal(t, ConnectionFailed, outcome.Result)
	require.Contains(t, outcome.Cause, "Proxy Authentication Required")
	require.Contains(t, outcome.Hint, "proxy")
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
