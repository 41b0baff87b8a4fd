package poll

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/influxdata/telegraf/plugins/common/tls"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/internal/systeminfo"
)

func verifyTestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	label = "February 2024 Patch 1"
	build = "14.173.4"
)

// site is a Qlik Sense site with its certificates as files.
type site struct {
	*simulator.Site
	dir string
}

// Sites are shared, because creating their keys takes a second.
var firstSite, secondSite = sync.OnceValues(simulator.NewSite), sync.OnceValues(simulator.NewSite)

func newSite(t *testing.T) *site {
	t.Helper()
	return export(t, firstSite)
}

func foreignSite(t *testing.T) *site {
	t.Helper()
	return export(t, secondSite)
}

func export(t *testing.T, shared func() (*simulator.Site, error)) *site {
	t.Helper()
	s, err := shared()
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

// start runs a simulated server and returns it with the server to poll.
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

	outcome := newPoller(t, settings).Round(t.Context()).Poll(t.Context(), server)

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

			outcome := newPoller(t, s.settings()).Round(t.Context()).Poll(t.Context(), server)
			require.Equal(t, Success, outcome.Result, outcome.Cause)
			require.Equal(t, want, outcome.Info)
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
		outcome := newPoller(t, settings).Round(t.Context()).Poll(t.Context(), server)
		require.Equal(t, Success, outcome.Result, outcome.Cause)
	}
}

func TestChainRefuses(t *testing.T) {
	s := newSite(t)
	for _, fault := range []simulator.Fault{simulator.FaultForeignCA, simulator.FaultExpiredCertificate} {
		_, server := s.start(t, simulator.Server{Fault: fault})
		settings := s.settings()
		settings.TLSVerify = VerifyChain
		outcome := newPoller(t, settings).Round(t.Context()).Poll(t.Context(), server)
		require.Equal(t, TLSError, outcome.Result)
		require.False(t, outcome.CertificateExpiry.IsZero())
	}
}

func TestInsecureSkipVerify(t *testing.T) {
	s := newSite(t)
	_, server := s.start(t, simulator.Server{Fault: simulator.FaultExpiredCertificate})
	settings := s.settings()
	settings.TLS.InsecureSkipVerify = true
	outcome := newPoller(t, settings).Round(t.Context()).Poll(t.Context(), server)
	require.Equal(t, Success, outcome.Result, outcome.Cause)
	require.True(t, outcome.CertificateExpiry.Before(time.Now()))
}

func TestCancelledRound(t *testing.T) {
	s := newSite(t)
	_, server := s.start(t, simulator.Server{Fault: simulator.FaultNoAnswer})
	settings := s.settings()
	settings.Timeout = time.Minute
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	newPoller(t, settings).Round(t.Context()).Poll(ctx, server) // goleak sees what it leaves behind
	require.ErrorIs(t, ctx.Err(), context.Canceled)
}

func TestResultNames(t *testing.T) {
	names := map[Result]string{
		0: "success", 2: "body_read_error", 3: "connection_failed", 4: "timeout", 5: "dns_error",
		6: "response_status_code_mismatch", 7: "tls_error", 8: "authentication_failed", 9: "invalid_response",
		10: "configuration_error",
	}
	// Reads the constants from the code, so that none is missing here.
	var constants []string
	source, err := parser.ParseFile(token.NewFileSet(), "result.go", nil, 0)
	require.NoError(t, err)
	ast.Inspect(source, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			for _, value := range spec.Values {
				constants = append(constants, value.(*ast.BasicLit).Value)
			}
		}
		return true
	})
	require.Len(t, constants, len(names))
	for _, constant := range constants {
		number, err := strconv.Atoi(constant)
		require.NoError(t, err)
		require.Contains(t, names, Result(number))
	}
	for result := Result(-1); result < 20; result++ {
		name, known := names[result]
		if !known {
			name = fmt.Sprintf("unknown_result_%d", int(result))
		}
		require.Equal(t, name, result.String())
	}
}

func writeFile(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	return file
}
