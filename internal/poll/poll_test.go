package poll

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/telegraf/plugins/common/proxy"
	"github.com/influxdata/telegraf/plugins/common/tls"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/internal/systeminfo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	label = "February 2024 Patch 1"
	build = "14.173.4"
)

// site is a Qlik Sense site with its certificates as files.
type site struct {
	*simulator.Site
	dir string
}

func newSite(t *testing.T) *site {
	t.Helper()
	s, err := simulator.NewSite()
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, s.Export(dir))
	return &site{Site: s, dir: dir}
}

func (s *site) settings() Settings {
	return Settings{
		Timeout:   5 * time.Second,
		TLSVerify: VerifyFull,
		TLS: tls.ClientConfig{
			TLSCA:   filepath.Join(s.dir, "root.pem"),
			TLSCert: filepath.Join(s.dir, "client.pem"),
			TLSKey:  filepath.Join(s.dir, "client_key.pem"),
		},
	}
}

// start runs one simulated server and gives it as the poller sees it.
func (s *site) start(t *testing.T, server simulator.Server) (*simulator.Fleet, *Server) {
	t.Helper()
	if server.Addr == "" {
		server.Addr = "127.0.0.1:0"
	}
	if server.Reply == nil {
		server.Reply = simulator.Reply(label, build)
	}
	fleet, err := simulator.Start(s.Site, server)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, fleet.Close()) })
	host := fleet.Addr(0)
	if server.Plain {
		host = "http://" + host
	}
	target, err := ParseServer(host)
	require.NoError(t, err)
	return fleet, target
}

func newPoller(t *testing.T, settings Settings) *Poller {
	t.Helper()
	p, err := New(settings)
	require.NoError(t, err)
	return p
}

func TestSuccess(t *testing.T) {
	s := newSite(t)
	fleet, server := s.start(t, simulator.Server{})
	settings := s.settings()
	settings.Headers = map[string]string{"x-qlik-user": "monitoring", "Host": "qlik.example.com"}

	outcome := newPoller(t, settings).Round().Poll(t.Context(), server)

	require.Equal(t, Success, outcome.Result, outcome.Cause)
	require.Empty(t, outcome.Cause+outcome.Hint)
	require.Equal(t, label, outcome.Info.ReleaseLabel)
	require.Equal(t, build, outcome.Info.Version)
	require.Equal(t, http.StatusOK, outcome.StatusCode)
	require.Positive(t, outcome.ResponseTime)
	require.True(t, outcome.CertificateExpiry.After(time.Now()))

	request := fleet.LastRequest(0)
	require.Equal(t, "/v1/systeminfo", request.Path)
	require.Equal(t, http.MethodGet, request.Method)
	require.Equal(t, "monitoring", request.Header.Get("X-Qlik-User"))
	require.Equal(t, "qlik.example.com", request.Host)
	require.Equal(t, "application/json", request.Header.Get("Accept"))
	require.NotEmpty(t, request.ClientCN)
}

func TestSamples(t *testing.T) {
	s := newSite(t)
	for _, name := range simulator.Samples() {
		t.Run(name, func(t *testing.T) {
			reply, err := simulator.Sample(name)
			require.NoError(t, err)
			_, server := s.start(t, simulator.Server{Reply: reply})
			want, err := systeminfo.Decode(reply)
			require.NoError(t, err)

			outcome := newPoller(t, s.settings()).Round().Poll(t.Context(), server)
			require.Equal(t, Success, outcome.Result, outcome.Cause)
			require.Equal(t, want, outcome.Info)
		})
	}
}

// TestFaults holds the whole mapping from what can go wrong to what the user is
// told. It fails when the simulator learns a fault that is not listed.
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
		simulator.FaultDown:        {long, ConnectionFailed, 0, "connection refused", "nothing listens there", true},
		simulator.FaultReset:       {long, ConnectionFailed, 0, "during the TLS handshake", "check that this port", true},
		simulator.FaultNoHandshake: {short, Timeout, 0, "the TLS handshake did not end in time", "check that this port", true},
		simulator.FaultPlainHTTP:   {long, TLSError, 0, "does not look like a TLS handshake", "this port does not speak TLS", true},
		simulator.FaultExpiredCertificate: {
			long, TLSError, 0, "certificate has expired or is not yet valid", "renew the certificate on the server", false,
		},
		simulator.FaultNoSAN:         {long, TLSError, 0, "", `set tls_verify = "chain"`, false},
		simulator.FaultForeignCA:     {long, TLSError, 0, "unknown authority", "set tls_ca to the root.pem", false},
		simulator.FaultClientRefused: {long, TLSError, 0, "", "use client.pem of the server's own site", false},
		simulator.FaultNoAnswer:      {short, Timeout, 0, "did not begin in time", "raise timeout", false},
		simulator.FaultHugeHeaders:   {long, BodyReadError, 0, "headers of the reply broke off or were too large", "look at the About service", false},
		simulator.Fault204:           {long, StatusMismatch, 204, "HTTP status 204 No Content", "check host, port and path", false},
		simulator.Fault302:           {long, AuthenticationFailed, 302, "HTTP status 302 Found", "a redirect leads to a login page", false},
		simulator.Fault401:           {long, AuthenticationFailed, 401, "HTTP status 401 Unauthorized", "wants a login", false},
		simulator.Fault403:           {long, AuthenticationFailed, 403, "HTTP status 403 Forbidden", "wants a login", false},
		simulator.Fault500:           {long, StatusMismatch, 500, "HTTP status 500 Internal Server Error", "About service is not ready", false},
		simulator.Fault503:           {long, StatusMismatch, 503, "HTTP status 503 Service Unavailable", "About service is not ready", false},
		simulator.FaultHTML:          {long, InvalidResponse, 200, "web page", "login page", false},
		simulator.FaultOtherJSON:     {long, InvalidResponse, 200, "neither version nor releaseLabel", "another service", false},
		simulator.FaultBadJSON:       {long, InvalidResponse, 200, "not a JSON object", "another service", false},
		simulator.FaultBrokenOff:     {long, BodyReadError, 200, "the reply broke off", "look at the About service", false},
		simulator.FaultSlowDrip:      {short, Timeout, 200, "did not end in time", "raise timeout", false},
		simulator.FaultHuge:          {long, BodyReadError, 200, "larger than 1048576 bytes", "not the About service", false},
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

			outcome := newPoller(t, settings).Round().Poll(t.Context(), server)

			require.Equal(t, tt.result.String(), outcome.Result.String(), outcome.Cause)
			require.Equal(t, tt.status, outcome.StatusCode)
			require.Contains(t, outcome.Cause, tt.cause)
			require.Contains(t, outcome.Hint, tt.hint)
			require.NotEmpty(t, outcome.Cause)
			require.Nil(t, outcome.Info)
			require.Positive(t, outcome.ResponseTime)
			require.Equal(t, tt.noCert, outcome.CertificateExpiry.IsZero())
			if fault == simulator.FaultExpiredCertificate {
				require.True(t, outcome.CertificateExpiry.Before(time.Now()))
			}
		})
	}
}

func TestOtherFailures(t *testing.T) {
	s, foreign := newSite(t), newSite(t)
	tests := []struct {
		name     string
		server   simulator.Server
		settings func(*Settings)
		host     string // in place of the server's own
		result   Result
		status   int
		cause    string
		hint     string
	}{
		{
			name:     "no tls_ca",
			settings: func(c *Settings) { c.TLS.TLSCA = "" },
			result:   TLSError, cause: "unknown authority", hint: "set tls_ca",
		},
		{
			name:     "no client certificate",
			settings: func(c *Settings) { c.TLS.TLSCert, c.TLS.TLSKey = "", "" },
			result:   TLSError, hint: "set tls_cert and tls_key",
		},
		{
			name: "client certificate of another site",
			settings: func(c *Settings) {
				c.TLS.TLSCert, c.TLS.TLSKey = filepath.Join(foreign.dir, "client.pem"), filepath.Join(foreign.dir, "client_key.pem")
			},
			result: TLSError, hint: "use client.pem of the server's own site",
		},
		{
			name:     "other name in the certificate",
			settings: func(c *Settings) { c.TLS.ServerName = "qlik9.example.com" },
			result:   TLSError, cause: "qlik9.example.com", hint: "write the host as the certificate names it",
		},
		{
			name: "unknown name", host: "qlik1.invalid",
			result: DNSError, cause: "lookup qlik1.invalid", hint: "check the spelling",
		},
		{
			name: "wrong path", host: "https://%s/v2/systeminfo",
			result: StatusMismatch, status: 404, cause: "404", hint: "the path is /v1/systeminfo on port 9032",
		},
		{
			name: "virtual proxy without its header", server: simulator.Server{Header: http.Header{"Hdr-Usr": {"x"}}, NoClientCert: true},
			result: AuthenticationFailed, status: 403, hint: "token_file or headers",
		},
		{
			name:     "proxy that is not there",
			settings: func(c *Settings) { c.Proxy = proxy.HTTPProxy{HTTPProxyURL: "http://user:secret@127.0.0.1:1"} },
			result:   ConnectionFailed, cause: "refused", hint: "the proxy did not open the connection",
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

			outcome := newPoller(t, settings).Round().Poll(t.Context(), server)

			require.Equal(t, tt.result.String(), outcome.Result.String(), outcome.Cause)
			require.Equal(t, tt.status, outcome.StatusCode)
			require.Contains(t, outcome.Cause, tt.cause)
			require.Contains(t, outcome.Hint, tt.hint)
			require.NotContains(t, outcome.Cause+outcome.Hint, "secret")
		})
	}
}

func TestChainAcceptsOtherNames(t *testing.T) {
	s := newSite(t)
	for _, fault := range []simulator.Fault{"", simulator.FaultNoSAN} {
		_, server := s.start(t, simulator.Server{Fault: fault})
		settings := s.settings()
		settings.TLSVerify = VerifyChain
		settings.TLS.ServerName = "qlik9.example.com"
		p := newPoller(t, settings)
		for range 2 { // the second connection is a resumed one
			outcome := p.Round().Poll(t.Context(), server)
			require.Equal(t, Success, outcome.Result, outcome.Cause)
		}
	}
}

func TestChainRefuses(t *testing.T) {
	s := newSite(t)
	for _, fault := range []simulator.Fault{simulator.FaultForeignCA, simulator.FaultExpiredCertificate} {
		_, server := s.start(t, simulator.Server{Fault: fault})
		settings := s.settings()
		settings.TLSVerify = VerifyChain
		outcome := newPoller(t, settings).Round().Poll(t.Context(), server)
		require.Equal(t, TLSError, outcome.Result)
		require.False(t, outcome.CertificateExpiry.IsZero())
	}
}

func TestInsecureSkipVerify(t *testing.T) {
	s := newSite(t)
	_, server := s.start(t, simulator.Server{Fault: simulator.FaultExpiredCertificate})
	settings := s.settings()
	settings.TLS.InsecureSkipVerify = true
	outcome := newPoller(t, settings).Round().Poll(t.Context(), server)
	require.Equal(t, Success, outcome.Result, outcome.Cause)
	require.True(t, outcome.CertificateExpiry.Before(time.Now()))
}

func TestSessionsAreResumed(t *testing.T) {
	s := newSite(t)
	fleet, server := s.start(t, simulator.Server{})
	settings := s.settings()
	p := newPoller(t, settings)

	require.Equal(t, Success, p.Round().Poll(t.Context(), server).Result)
	require.False(t, fleet.LastRequest(0).Resumed)
	require.Equal(t, Success, p.Round().Poll(t.Context(), server).Result)
	require.True(t, fleet.LastRequest(0).Resumed)

	// A server that was restarted does not know the session any more.
	require.NoError(t, fleet.Set(0, simulator.Server{Reply: simulator.Reply("May 2024", "14.187.4")}))
	outcome := p.Round().Poll(t.Context(), server)
	require.Equal(t, Success, outcome.Result, outcome.Cause)
	require.Equal(t, "May 2024", outcome.Info.ReleaseLabel)
	require.False(t, fleet.LastRequest(0).Resumed)
}

// A session must not outlive the trust that it was made with: after the site's
// root has been exchanged, a server with a certificate of the old root is refused.
func TestRotatedCertificates(t *testing.T) {
	old, renewed := newSite(t), newSite(t)
	fleet, server := old.start(t, simulator.Server{})
	p := newPoller(t, old.settings())
	require.Equal(t, Success, p.Round().Poll(t.Context(), server).Result)

	require.NoError(t, renewed.Export(old.dir))
	outcome := p.Round().Poll(t.Context(), server)
	require.Equal(t, TLSError, outcome.Result)
	require.Equal(t, 1, fleet.Requests(0))

	fleet, server = renewed.start(t, simulator.Server{})
	require.Equal(t, Success, p.Round().Poll(t.Context(), server).Result)
	require.Equal(t, 1, fleet.Requests(0))
}

func TestUnreadableFilesInARound(t *testing.T) {
	s := newSite(t)
	fleet, server := s.start(t, simulator.Server{})
	settings := s.settings()
	settings.TokenFile = filepath.Join(s.dir, "token")
	require.NoError(t, os.WriteFile(settings.TokenFile, []byte("first\r\n"), 0o600))
	p := newPoller(t, settings)

	require.Equal(t, Success, p.Round().Poll(t.Context(), server).Result)
	require.Equal(t, "Bearer first", fleet.LastRequest(0).Header.Get("Authorization"))

	require.NoError(t, os.WriteFile(settings.TokenFile, []byte("\ufeffsecond"), 0o600))
	require.Equal(t, Success, p.Round().Poll(t.Context(), server).Result)
	require.Equal(t, "Bearer second", fleet.LastRequest(0).Header.Get("Authorization"))

	for _, file := range []string{"token", "root.pem", "client.pem", "client_key.pem"} {
		path := filepath.Join(s.dir, file)
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, broken := range []func(){
			func() { require.NoError(t, os.WriteFile(path, nil, 0o600)) },
			func() { require.NoError(t, os.Remove(path)) },
		} {
			broken()
			outcome := p.Round().Poll(t.Context(), server)
			require.Equal(t, ConfigurationError, outcome.Result, file)
			require.Contains(t, outcome.Cause, file)
			require.NotContains(t, outcome.Cause, "%!")
			require.Zero(t, outcome.ResponseTime)
		}
		require.NoError(t, os.WriteFile(path, content, 0o600))
		require.Equal(t, Success, p.Round().Poll(t.Context(), server).Result, file)
	}
}

func TestCancelledRoundEndsAtOnce(t *testing.T) {
	s := newSite(t)
	_, server := s.start(t, simulator.Server{Fault: simulator.FaultNoAnswer})
	settings := s.settings()
	settings.Timeout = time.Minute
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	newPoller(t, settings).Round().Poll(ctx, server) // goleak sees what it leaves behind
	require.ErrorIs(t, ctx.Err(), context.Canceled)
}

func TestReplyThatIsNotHTTP(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.Write([]byte("220 mail.example.com <password>\r\n\r\n"))
			conn.Close()
		}
	}()
	server, err := ParseServer("http://" + listener.Addr().String())
	require.NoError(t, err)
	outcome := newPoller(t, Settings{Timeout: 5 * time.Second, TLSVerify: VerifyFull}).Round().Poll(t.Context(), server)
	require.Equal(t, InvalidResponse, outcome.Result, outcome.Cause)
	require.NotContains(t, outcome.Cause+outcome.Hint, "password")
}

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
		w.WriteHeader(http.StatusOK)
		client, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
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

func TestEveryResultHasItsName(t *testing.T) {
	names := map[Result]string{
		0: "success", 2: "body_read_error", 3: "connection_failed", 4: "timeout", 5: "dns_error",
		6: "response_status_code_mismatch", 7: "tls_error", 8: "authentication_failed", 9: "invalid_response",
		10: "configuration_error",
	}
	for result := Result(-1); result < 20; result++ {
		if name, ok := names[result]; ok {
			require.Equal(t, name, result.String())
		} else {
			require.Panics(t, func() { _ = result.String() })
		}
	}
}
