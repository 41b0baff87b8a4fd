package poll

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
)

// listen accepts one connection after another, passes each to serve, and then reads until the
// other side closes it. ended gets the error of the last read, nil at the end of the stream.
func listen(t *testing.T, serve func(net.Conn)) (address string, ended <-chan error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	errs := make(chan error, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serve(conn)
			conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			_, err = io.Copy(io.Discard, conn)
			conn.Close()
			errs <- err
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-done
	})
	return listener.Addr().String(), errs
}

// answer answers a request and sends more after the reply.
func answer(conn net.Conn, more string) {
	if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
		reply := simulator.Reply(label, build)
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s%s", len(reply), reply, more)
	}
}

func TestConnectionClosed(t *testing.T) {
	for name, tt := range map[string]struct {
		scheme string
		serve  func(net.Conn, context.CancelFunc)
		result Result
	}{
		"answered":                   {"http", func(conn net.Conn, _ context.CancelFunc) { answer(conn, "") }, Success},
		"cut off in a TLS handshake": {"https", func(_ net.Conn, cutOff context.CancelFunc) { cutOff() }, Timeout},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			address, ended := listen(t, func(conn net.Conn) { tt.serve(conn, cancel) })
			server, err := ParseServer(tt.scheme + "://" + address)
			require.NoError(t, err)
			outcome := newPoller(t, Settings{Timeout: time.Minute, TLSVerify: VerifyFull}).Round(ctx).Poll(ctx, server)
			require.Equal(t, tt.result, outcome.Result, outcome.Cause)
			require.NotErrorIs(t, <-ended, os.ErrDeadlineExceeded)
		})
	}
}

// The package net/http writes what it reads from an idle connection to the standard log.
func TestBytesAfterReplyNotLogged(t *testing.T) {
	var logged bytes.Buffer
	log.SetOutput(&logged)
	defer log.SetOutput(os.Stderr)
	address, ended := listen(t, func(conn net.Conn) { answer(conn, "secret") })
	server, err := ParseServer("http://" + address)
	require.NoError(t, err)
	round := newPoller(t, Settings{Timeout: 5 * time.Second, TLSVerify: VerifyFull}).Round(t.Context())
	for range 20 { // whether it reads them before the connection is closed is a matter of chance
		outcome := round.Poll(t.Context(), server)
		require.Equal(t, Success, outcome.Result, outcome.Cause)
		<-ended
	}
	require.Empty(t, logged.String())
}
