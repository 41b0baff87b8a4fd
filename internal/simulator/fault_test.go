package simulator

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestFaults tests the error, or the status and the body, that a plain client gets.
func TestFaults(t *testing.T) {
	t.Parallel()
	type want struct {
		err    string // part of the error of the poll; empty: none
		code   int
		kind   string
		body   string
		unseen bool // no request reaches the server
	}
	const html = "text/html; charset=utf-8"
	page := func(text string) string { return "<html><body>" + text + "</body></html>\n" }
	reply := Reply("May 2024", "14.187.4")
	cases := map[Fault]want{
		FaultDown:               {err: "refused", unseen: true},
		FaultReset:              {err: "re", unseen: true}, // see TestReset
		FaultNoHandshake:        {err: "net/http: TLS handshake timeout", unseen: true},
		FaultPlainHTTP:          {err: "server gave HTTP response to HTTPS client", unseen: true},
		FaultExpiredCertificate: {err: "x509: certificate has expired or is not yet valid", unseen: true},
		FaultNoSAN:              {err: "x509: certificate relies on legacy Common Name field", unseen: true},
		FaultForeignCA:          {err: "x509: certificate signed by unknown authority", unseen: true},
		FaultClientRefused:      {err: "remote error: tls: unknown certificate authority", unseen: true},
		FaultRenegotiation:      {err: "local error: tls: no renegotiation"},
		FaultWarningFlood:       {err: "tls: too many ignored records"},
		FaultDamagedRecord:      {err: "local error: tls: bad record MAC"},
		FaultNoAnswer:           {err: "Client.Timeout exceeded while awaiting headers"},
		FaultHugeHeaders:        {err: "server response headers exceeded 65536 bytes"},
		Fault204:                {code: 204},
		Fault302:                {code: 302, kind: html, body: "<a href=\"/login/?target=%2Fv1%2Fsysteminfo\">Found</a>.\n\n"},
		Fault401:                {code: 401, kind: html, body: page("Unauthorized")},
		Fault403:                {code: 403, kind: html, body: page("Forbidden")},
		Fault500:                {code: 500, kind: html, body: page("Authentication error: Restart the browser.")},
		Fault503:                {code: 503, kind: html, body: page("Service Unavailable")},
		FaultHTML:               {code: 200, kind: html, body: loginHTML},
		FaultOtherJSON:          {code: 200, kind: jsonType, body: `{"path":"/","items":[1,2,3]}`},
		FaultBadJSON:            {code: 200, kind: jsonType, body: `{"productName":"Qlik Sense","version":`},
		FaultBrokenOff:          {err: "unexpected EOF", code: 200, kind: jsonType, body: string(reply[:len(reply)/2])},
		FaultSlowDrip:           {err: "Client.Timeout or context cancellation while reading body", code: 200, kind: jsonType, body: "  "},
		FaultHuge:               {code: 200, kind: jsonType}, // see TestHuge
	}
	require.Len(t, cases, len(Faults()))
	for _, fault := range Faults() {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			want, ok := cases[fault]
			require.True(t, ok)
			fleet := startFleet(t, Server{Reply: reply, Fault: fault})
			timeout := 10 * time.Second
			if fault == FaultNoHandshake || fault == FaultNoAnswer || fault == FaultSlowDrip {
				timeout = 1500 * time.Millisecond
			}
			client := newClient(testSite(t).ClientTLS(), timeout)
			code, kind, text, err := get(client, "https://"+fleet.Addr(0)+"/v1/systeminfo")
			if want.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, want.err)
			}
			require.Equal(t, want.code, code)
			require.Equal(t, want.kind, kind)
			switch fault {
			case FaultHuge:
				require.Len(t, text, 1<<20) // the limit of get
			case FaultSlowDrip:
				require.Contains(t, string(text), want.body)
			default:
				require.Equal(t, want.body, string(text))
			}
			require.Equal(t, want.unseen, fleet.Requests(0) == 0)
		})
	}
}

func TestReset(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("other error numbers")
	}
	fleet := startFleet(t, Server{Fault: FaultReset})
	err := fails(newClient(testSite(t).ClientTLS(), 5*time.Second), "https://"+fleet.Addr(0)+"/v1/systeminfo")
	require.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE), "%v", err)
}

// TestHuge checks the size of the answer, and that it is valid JSON, without a network.
func TestHuge(t *testing.T) {
	w := &counter{header: http.Header{}}
	huge(w, nil, nil)
	require.Equal(t, int64(hugeSize), w.n)
	require.True(t, json.Valid(append(w.head, w.tail...)))
	require.Empty(t, w.header.Get("Content-Length"))
}

// counter records the first and the last write.
type counter struct {
	header     http.Header
	n          int64
	head, tail []byte
}

func (w *counter) Header() http.Header { return w.header }
func (*counter) WriteHeader(int)       {}
func (w *counter) Write(p []byte) (int, error) {
	if w.n == 0 {
		w.head = append(w.head, p...)
	}
	w.n += int64(len(p))
	w.tail = append(w.tail[:0], p...)
	return len(p), nil
}

func TestFollowedRedirect(t *testing.T) {
	fleet := startFleet(t, Server{Fault: Fault302})
	client := newClient(testSite(t).ClientTLS(), 5*time.Second)
	client.CheckRedirect = nil
	code, kind, text, err := get(client, "https://"+fleet.Addr(0)+"/v1/systeminfo")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, htmlType, kind)
	require.Equal(t, loginHTML, string(text))
}

func TestClientDisconnects(t *testing.T) {
	for _, fault := range []Fault{FaultNoHandshake, FaultNoAnswer, FaultSlowDrip, FaultHuge, FaultHugeHeaders} {
		fleet := startFleet(t, Server{Fault: fault})
		client := newClient(testSite(t).ClientTLS(), 100*time.Millisecond)
		reply, err := client.Get("https://" + fleet.Addr(0) + "/v1/systeminfo")
		if err == nil {
			_, _ = io.CopyN(io.Discard, reply.Body, 1<<16)
			require.NoError(t, reply.Body.Close())
		}
		n := fleet.nodes[0]
		require.Eventually(t, func() bool {
			n.mu.Lock()
			defer n.mu.Unlock()
			return len(n.conns) == 0
		}, 5*time.Second, time.Millisecond, "%s keeps a connection whose client has gone", fault)
	}
}

func TestParseFault(t *testing.T) {
	for _, fault := range Faults() {
		got, err := ParseFault(string(fault))
		require.NoError(t, err)
		require.Equal(t, fault, got)
		require.NotEmpty(t, fault.Explain())
	}
	got, err := ParseFault("")
	require.NoError(t, err)
	require.Zero(t, got)
	require.Empty(t, got.Explain())
	_, err = ParseFault("No-Answer")
	require.ErrorContains(t, err, `unknown fault "No-Answer", known are down, reset,`)
}
