package poll

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/telegraf/plugins/common/proxy"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
)

// TestFaults tests the cause and the hint for every fault of the simulator.
func TestFaults(t *testing.T) {
	short := 400 * time.Millisecond
	long := 20 * time.Second
	tests := map[simulator.Fault]struct {
		timeout time.Duration
		result  Result
		status  int
		cause   string
		hint    string
		noCert  bool // the server's certificate was not seen
	}{
		simulator.FaultDown: {long, ConnectionFailed, 0, "refused", "nothing listens there", true},
		// The reset may arrive before the client knows that it is connected.
		simulator.FaultReset:       {long, ConnectionFailed, 0, "", "check that ", true},
		simulator.FaultNoHandshake: {short, Timeout, 0, "the TLS handshake did not end in time", "check that this port", true},
		simulator.FaultPlainHTTP:   {long, TLSError, 0, "does not look like a TLS handshake", "this port does not speak TLS", true},
		simulator.FaultExpiredCertificate: {
			long, TLSError, 0, "certificate has expired or is not yet valid", "renew the certificate on the server", false,
		},
		simulator.FaultNoSAN:         {long, TLSError, 0, "", `set tls_verify = "chain"`, false},
		simulator.FaultForeignCA:     {long, TLSError, 0, "unknown authority", "set tls_ca to the root.pem", false},
		simulator.FaultClientRefused: {long, TLSError, 0, "", "use client.pem of the server's own site", false},
		simulator.FaultRenegotiation: {
			long, TLSError, 0, "the server wants to renegotiate TLS", `set tls_renegotiation_method = "once", or "freely"`, false,
		},
		simulator.FaultWarningFlood:  {long, TLSError, 0, "this machine closed the TLS connection: tls: too many ignored records", "damaged on the way", false},
		simulator.FaultDamagedRecord: {long, TLSError, 0, "this machine closed the TLS connection: tls: bad record MAC", "damaged on the way", false},
		simulator.FaultNoAnswer:      {short, Timeout, 0, "the request was sent, but no reply began in time", "raise timeout", false},
		simulator.FaultHugeHeaders:   {long, BodyReadError, 0, "headers of the reply broke off or were too large", "look at the About service", false},
		simulator.Fault204:           {long, StatusMismatch, 204, "HTTP status 204 No Content", "check host, port and path", false},
		simulator.Fault302:           {long, AuthenticationFailed, 302, "HTTP status 302 Found", "a redirect leads to a login page", false},
		simulator.Fault401:           {long, AuthenticationFailed, 401, "HTTP status 401 Unauthorized", "requires a login", false},
		simulator.Fault403:           {long, AuthenticationFailed, 403, "HTTP status 403 Forbidden", "requires a login", false},
		simulator.Fault500:           {long, StatusMismatch, 500, "HTTP status 500 Internal Server Error", "look at the Qlik Sense services", false},
		simulator.Fault503:           {long, StatusMismatch, 503, "HTTP status 503 Service Unavailable", "About service is not ready", false},
		simulator.FaultHTML:          {long, InvalidResponse, 200, "web page", "login page", false},
		simulator.FaultOtherJSON:     {long, InvalidResponse, 200, "neither version nor releaseLabel", "another service", false},
		simulator.FaultBadJSON:       {long, InvalidResponse, 200, "not a JSON object", "another service", false},
		simulator.FaultBrokenOff:     {long, BodyReadError, 200, "the reply broke off", "look at the About service", false},
		simulator.FaultSlowDrip:      {short, Timeout, 200, "did not end in time", "raise timeout", false},
		simulator.FaultHuge:          {long, BodyReadError, 200, "larger than 1048576 bytes", "not the About service", false},
	}
	steps := map[simulator.Fault]Step{
		simulator.FaultDown: StepConnect, simulator.FaultReset: StepTLS,
		simulator.FaultNoHandshake: StepTLS, simulator.FaultPlainHTTP: StepTLS, simulator.FaultExpiredCertificate: StepTLS,
		simulator.FaultNoSAN: StepTLS, simulator.FaultForeignCA: StepTLS,
		simulator.FaultRenegotiation: StepTLS, simulator.FaultWarningFlood: StepTLS, simulator.FaultDamagedRecord: StepTLS,
		simulator.FaultClientRefused: StepClientCertificate,
		simulator.FaultNoAnswer:      StepHTTP, simulator.Fault204: StepHTTP, simulator.Fault302: StepHTTP, simulator.Fault401: StepHTTP,
		simulator.Fault403: StepHTTP, simulator.Fault500: StepHTTP, simulator.Fault503: StepHTTP,
		simulator.FaultHugeHeaders: StepReply, simulator.FaultHTML: StepReply, simulator.FaultOtherJSON: StepReply,
		simulator.FaultBadJSON: StepReply, simulator.FaultBrokenOff: StepReply, simulator.FaultSlowDrip: StepReply,
		simulator.FaultHuge: StepReply,
	}
	t.Parallel()
	s := newSite(t)
	for _, fault := range simulator.Faults() {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			tt, known := tests[fault]
			require.True(t, known, "no expectation for this fault")
			_, server := s.start(t, simulator.Server{Fault: fault})
			settings := s.settings()
			settings.Timeout = tt.timeout

			outcome := newPoller(t, settings).Round(t.Context()).Poll(t.Context(), server)

			require.Equal(t, tt.result.String(), outcome.Result.String(), outcome.Cause)
			require.Equal(t, tt.status, outcome.StatusCode)
			require.Contains(t, outcome.Cause, tt.cause)
			require.Contains(t, outcome.Hint, tt.hint)
			require.NotEmpty(t, outcome.Cause)
			require.Nil(t, outcome.Info)
			require.Positive(t, outcome.ResponseTime)
			require.Equal(t, tt.noCert, outcome.CertificateExpiry.IsZero())
			if fault == simulator.FaultReset && outcome.Step == StepConnect {
				outcome.Step = StepTLS // whichever it was
			}
			require.Equal(t, steps[fault].String(), outcome.Step.String())
			shown := outcome.Step == StepTLS || outcome.Step == StepClientCertificate
			require.Equal(t, shown && !tt.noCert, outcome.ServerCertificate != nil, "where it has a part in the failure")
			if fault == simulator.FaultExpiredCertificate {
				require.True(t, outcome.CertificateExpiry.Before(time.Now()))
			}
		})
	}
}

func TestOtherFailures(t *testing.T) {
	s, foreign := newSite(t), foreignSite(t)
	tests := []struct {
		name     string
		server   simulator.Server
		settings func(*Settings)
		host     string // replaces the server's own
		result   Result
		status   int
		cause    string
		hint     string
		step     Step
	}{
		{
			name:     "no tls_ca",
			settings: func(c *Settings) { c.TLS.TLSCA = "" },
			result:   TLSError, cause: "unknown authority", hint: "set tls_ca", step: StepTLS,
		},
		{
			name:     "no client certificate",
			settings: func(c *Settings) { c.TLS.TLSCert, c.TLS.TLSKey = "", "" },
			result:   TLSError, hint: "set tls_cert and tls_key", step: StepClientCertificate,
		},
		{
			name: "client certificate of another site",
			settings: func(c *Settings) {
				c.TLS.TLSCert, c.TLS.TLSKey = filepath.Join(foreign.dir, "client.pem"), filepath.Join(foreign.dir, "client_key.pem")
			},
			result: TLSError, hint: "use client.pem of the server's own site", step: StepClientCertificate,
		},
		{
			name:     "other name in the certificate",
			settings: func(c *Settings) { c.TLS.ServerName = "qlik9.example.com" },
			result:   TLSError, cause: "qlik9.example.com", hint: "write the host as the certificate names it", step: StepTLS,
		},
		{
			name: "unknown name", host: "qlik1.invalid",
			result: DNSError, cause: "lookup qlik1.invalid", hint: "check the spelling", step: StepResolve,
		},
		{
			name: "wrong path", host: "https://%s/v2/systeminfo",
			result: StatusMismatch, status: 404, cause: "404", hint: "the path is /v1/systeminfo on port 9032", step: StepHTTP,
		},
		{
			name: "virtual proxy without its header", server: simulator.Server{Header: http.Header{"Hdr-Usr": {"x"}}, NoClientCert: true},
			result: AuthenticationFailed, status: 403, hint: "token_file or headers", step: StepHTTP,
		},
		{
			name:     "proxy that is not there",
			settings: func(c *Settings) { c.Proxy = proxy.HTTPProxy{HTTPProxyURL: "http://user:secret@127.0.0.1:1"} },
			result:   ConnectionFailed, cause: "the proxy http://127.0.0.1:1 did not open the connection: proxyconnect tcp: dial tcp 127.0.0.1:1",
			hint: "http_proxy_url", step: StepConnect,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, server := s.start(t, tt.server)
			if tt.host != "" {
				var err error
				server, err = ParseServer(strings.Replace(tt.host, "%s", server.label, 1))
				require.NoError(t, err)
			}
			settings := s.settings()
			if tt.settings != nil {
				tt.settings(&settings)
			}

			outcome := newPoller(t, settings).Round(t.Context()).Poll(t.Context(), server)

			require.Equal(t, tt.result.String(), outcome.Result.String(), outcome.Cause)
			require.Equal(t, tt.status, outcome.StatusCode)
			require.Contains(t, outcome.Cause, tt.cause)
			require.Contains(t, outcome.Hint, tt.hint)
			require.NotContains(t, outcome.Cause+outcome.Hint, "secret")
			require.Equal(t, tt.step.String(), outcome.Step.String())
			require.Equal(t, tt.step == StepClientCertificate && settings.TLS.TLSCert != "", outcome.ClientCertificate != nil &&
				outcome.Step == StepClientCertificate, "what was shown to the server")
		})
	}
}

func TestReplyNotHTTP(t *testing.T) {
	for name, waits := range map[string]bool{"speaks at once": false, "answers the request": true} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer listener.Close()
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					if waits {
						conn.Read(make([]byte, 4096))
					}
					conn.Write([]byte("220 mail.example.com <password>\r\n\r\n"))
					conn.Close()
				}
			}()
			server, err := ParseServer("http://" + listener.Addr().String())
			require.NoError(t, err)
			for range 20 {
				outcome := newPoller(t, Settings{Timeout: 5 * time.Second, TLSVerify: VerifyFull}).Round(t.Context()).Poll(t.Context(), server)
				require.Equal(t, InvalidResponse, outcome.Result, outcome.Cause)
				require.Equal(t, "the reply is not HTTP", outcome.Cause)
			}
		})
	}
}

// Errors of crypto/tls and net/http that only a server that violates the TLS protocol causes.
func TestBrokenTLS(t *testing.T) {
	wrapped := func(op, text string) error {
		return fmt.Errorf("net/http: HTTP/1.x transport connection broken: %w", &net.OpError{Op: op, Err: errors.New(text)})
	}
	const hint = "damaged on the way"
	for name, tt := range map[string]struct {
		step Step // that was reached
		err  error
		want Outcome
	}{
		"damaged record in the handshake": {
			StepTLS, wrapped("local error", "tls: bad record MAC"),
			Outcome{Result: TLSError, Step: StepTLS, Cause: "this machine closed the TLS connection: tls: bad record MAC", Hint: hint},
		},
		"too many tickets": {
			StepHTTP, fmt.Errorf("net/http: failed: %w", errors.New("tls: too many non-advancing records")),
			Outcome{Result: TLSError, Step: StepTLS, Cause: "this machine closed the TLS connection: tls: too many non-advancing records", Hint: hint},
		},
		"too many tickets within the headers": {
			StepReply, errors.New("tls: too many non-advancing records"),
			Outcome{Result: TLSError, Step: StepTLS, Cause: "this machine closed the TLS connection: tls: too many non-advancing records", Hint: hint},
		},
		"the server complains of a damaged record": {
			StepHTTP, wrapped("remote error", "tls: bad record MAC"),
			Outcome{Result: TLSError, Step: StepTLS, Cause: "remote error: tls: bad record MAC", Hint: "compare the TLS settings"},
		},
		"the server refuses the certificate": {
			StepHTTP, wrapped("remote error", "tls: certificate required"),
			Outcome{Result: TLSError, Step: StepClientCertificate, Cause: "remote error: tls: certificate required", Hint: "set tls_cert and tls_key"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			seen := progress{service: &about, step: tt.step, requested: true, version: tls.VersionTLS13}
			got := seen.failure(t.Context(), tt.err)
			require.Contains(t, got.Hint, tt.want.Hint)
			got.Hint = tt.want.Hint
			require.Equal(t, tt.want, got)
		})
	}
	got := about.bodyFailure(t.Context(), wrapped("local error", "tls: bad record MAC"))
	require.Equal(t, []any{TLSError, StepTLS}, []any{got.Result, got.Step})
}

// On a busy machine the timeout may pass before the connection starts.
func TestTimeoutBeforeFirstStep(t *testing.T) {
	server, err := ParseServer("qlik1.invalid")
	require.NoError(t, err)
	round := newPoller(t, Settings{Timeout: time.Second, TLSVerify: VerifyFull}).Round(t.Context())
	round.timeout = time.Nanosecond
	outcome := round.Poll(t.Context(), server)
	require.Equal(t, Timeout, outcome.Result)
	require.Equal(t, StepConnect, outcome.Step)
	require.Equal(t, "the time was up before the connection was started", outcome.Cause)
	require.NotContains(t, outcome.Hint, "DNS")
}
