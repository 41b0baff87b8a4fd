//go:build linux

package recipes

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
)

// receiver is somebody's REST endpoint. It keeps what it has acknowledged.
type receiver struct {
	*testing.T
	address string
	server  *http.Server

	mu       sync.Mutex
	status   int // of its answers; 0: it never answers
	shaky    int // of so many requests from now on it turns every second one away
	refused  int
	accepted []request
}

type request struct {
	method, path string
	query        map[string][]string
	header       http.Header
	body         string
}

func (r *fixture) receiver() *receiver {
	r.Helper()
	v := &receiver{T: r.T, address: "127.0.0.1:0", status: http.StatusCreated}
	v.open()
	r.Cleanup(v.shut)
	return v
}

// open lets it listen, always on the same port.
func (v *receiver) open() {
	v.Helper()
	listener, err := net.Listen("tcp", v.address)
	require.NoError(v, err)
	v.address = listener.Addr().String()
	v.server = &http.Server{Handler: v, ReadHeaderTimeout: rig.Patience}
	go v.server.Serve(listener)
}

// shut ends it: connections are refused.
func (v *receiver) shut() { v.server.Close() }

// answer sets the status of its answers from now on; 0 means none at all.
func (v *receiver) answer(status int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.status = status
}

func (v *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	v.mu.Lock()
	status := v.status
	if v.shaky > 0 {
		v.shaky--
		if v.shaky%2 == 0 {
			status = http.StatusServiceUnavailable
		}
	}
	if status/100 == 2 && err == nil {
		v.accepted = append(v.accepted, request{r.Method, r.URL.Path, r.URL.Query(), r.Header, string(body)})
	} else {
		v.refused++
	}
	v.mu.Unlock()
	if status == 0 {
		<-r.Context().Done()
		return
	}
	w.WriteHeader(status)
}

func (v *receiver) got() []request {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]request(nil), v.accepted...)
}

// await waits until it has acknowledged n requests, and gives them.
func (v *receiver) await(n int) []request {
	v.Helper()
	require.Eventually(v, func() bool { return len(v.got()) >= n }, rig.Patience, 10*time.Millisecond)
	requests := v.got()
	require.Len(v, requests, n)
	return requests
}

// awaitRefused waits until it has turned away n requests more.
func (v *receiver) awaitRefused(n int) {
	v.Helper()
	count := func() int {
		v.mu.Lock()
		defer v.mu.Unlock()
		return v.refused
	}
	before := count()
	require.Eventually(v, func() bool { return count() >= before+n }, rig.Patience, 10*time.Millisecond)
}

// decode reads a request's body as one JSON value without members that are not known.
func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var value T
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&value), text)
	require.False(t, decoder.More(), text)
	return value
}
