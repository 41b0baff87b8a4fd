//go:build linux

package recipes

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
)

// endpoint is the REST endpoint of a CMDB, a chat or another service. It keeps the requests that it
// has accepted.
type endpoint struct {
	*testing.T
	address string
	server  *http.Server

	mu       sync.Mutex
	status   int // of its replies; 0: it never replies
	flaky    int // number of further requests of which it refuses every second one
	refused  int
	requests []request // accepted ones
}

type request struct {
	method, path string
	query        map[string][]string
	header       http.Header
	body         string
}

func (r *fixture) startEndpoint() *endpoint {
	r.Helper()
	e := &endpoint{T: r.T, address: "127.0.0.1:0", status: http.StatusCreated}
	e.listen()
	r.Cleanup(e.close)
	return e
}

// listen starts the server, always on the same port.
func (e *endpoint) listen() {
	e.Helper()
	listener, err := net.Listen("tcp", e.address)
	require.NoError(e, err)
	e.address = listener.Addr().String()
	e.server = &http.Server{Handler: e, ReadHeaderTimeout: rig.Patience}
	go e.server.Serve(listener)
}

// close stops the server: connections are refused.
func (e *endpoint) close() { e.server.Close() }

// answer sets the status of its replies from now on; with 0 it never replies.
func (e *endpoint) answer(status int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.status = status
}

// refuseAlternately makes it refuse every second one of the next n requests.
func (e *endpoint) refuseAlternately(n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.flaky = n
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	e.mu.Lock()
	status := e.status
	if e.flaky > 0 {
		e.flaky--
		if e.flaky%2 == 0 {
			status = http.StatusServiceUnavailable
		}
	}
	if status/100 == 2 && err == nil {
		e.requests = append(e.requests, request{r.Method, r.URL.Path, r.URL.Query(), r.Header, string(body)})
	} else {
		e.refused++
	}
	e.mu.Unlock()
	if status == 0 {
		<-r.Context().Done()
		return
	}
	w.WriteHeader(status)
}

// accepted returns the requests accepted so far.
func (e *endpoint) accepted() []request {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.requests)
}

// await waits until it has accepted n requests, and returns them.
func (e *endpoint) await(n int) []request {
	e.Helper()
	require.Eventually(e, func() bool { return len(e.accepted()) >= n }, rig.Patience, 10*time.Millisecond)
	requests := e.accepted()
	require.Len(e, requests, n)
	return requests
}

// awaitRefused waits until it has refused n more requests.
func (e *endpoint) awaitRefused(n int) {
	e.Helper()
	count := func() int {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.refused
	}
	before := count()
	require.Eventually(e, func() bool { return count() >= before+n }, rig.Patience, 10*time.Millisecond)
}

// decode reads a request's body, which must be one JSON value without unknown members.
func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var value T
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&value), text)
	require.False(t, decoder.More(), text)
	return value
}
