// Package poll asks one Qlik Sense server which version it runs, and says in the
// user's words what went wrong when it does not answer.
package poll

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/influxdata/telegraf/plugins/common/proxy"
	telegraftls "github.com/influxdata/telegraf/plugins/common/tls"
	"golang.org/x/net/http/httpguts"

	"telegraf-qlik-sense-version/internal/systeminfo"
)

const (
	maxBody    = 1 << 20  // bytes of a reply; real ones have 500
	maxHeaders = 64 << 10 // bytes of a reply's headers
	maxFile    = 1 << 20  // bytes of a certificate or token file

	// A server shows its certificate in full handshakes only: once a day is often
	// enough to see a renewed one.
	maxSession = 24 * time.Hour
)

// Settings is what the servers of a block have in common.
type Settings struct {
	Timeout   time.Duration // for everything that one server may take
	TLS       telegraftls.ClientConfig
	TLSVerify string // VerifyFull or VerifyChain
	Proxy     proxy.HTTPProxy
	TokenFile string
	Headers   map[string]string
}

// Poller asks the servers of one block.
type Poller struct {
	settings   Settings
	proxy      func(*http.Request) (*url.URL, error)
	tls        *tls.Config // of the last round
	generation int         // counts the changes of the certificates
}

// New checks the settings and reads the certificate files once; it needs no
// network. What it finds wrong is joined, each part a *SettingError.
func New(settings Settings) (*Poller, error) {
	var errs []error
	if settings.Timeout <= 0 {
		errs = append(errs, &SettingError{"timeout", errors.New("must be longer than 0, for example \"10s\"")})
	}
	errs = append(errs, checkHeaders(settings.Headers, settings.TokenFile != ""), checkProxy(&settings.Proxy))
	if settings.TokenFile != "" {
		_, err := readToken(settings.TokenFile)
		errs = append(errs, err)
	}

	p := &Poller{settings: settings}
	err := checkTLS(&settings.TLS, settings.TLSVerify)
	if err == nil {
		p.tls, err = loadTLS(&settings.TLS)
	}
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	if p.proxy, err = proxyFor(&settings.Proxy); err != nil {
		return nil, &SettingError{"http_proxy_url", err}
	}
	return p, nil
}

// Round reads the certificates and the token anew, so that a rotated file needs
// no restart. A file that cannot be read makes every poll of this round a
// ConfigurationError.
//
// Rounds of one Poller must not be started at the same time.
func (p *Poller) Round() *Round {
	header := make(http.Header, len(p.settings.Headers)+3)
	header.Set("Accept", "application/json")
	header.Set("User-Agent", "telegraf-qlik-sense-version")
	for name, value := range p.settings.Headers {
		header.Set(name, value)
	}
	if p.settings.TokenFile != "" {
		token, err := readToken(p.settings.TokenFile)
		if err != nil {
			return &Round{err: err}
		}
		header.Set("Authorization", "Bearer "+token)
	}

	config, err := loadTLS(&p.settings.TLS)
	if err != nil {
		return &Round{err: err}
	}
	if !sameCertificates(p.tls, config) {
		p.generation++
	}
	p.tls = config

	return &Round{settings: &p.settings, proxy: p.proxy, header: header, tls: config, generation: p.generation}
}

// Round is one round of polls, with the certificates and the token that it was
// started with. It may be used by several goroutines.
type Round struct {
	err        error
	settings   *Settings
	proxy      func(*http.Request) (*url.URL, error)
	header     http.Header
	tls        *tls.Config
	generation int
}

// Outcome is how the poll of one server ended.
type Outcome struct {
	Result            Result
	Info              *systeminfo.Info // nil unless Result is Success
	StatusCode        int              // 0 where no HTTP status came back
	ResponseTime      time.Duration    // 0 where the network was not asked
	CertificateExpiry time.Time        // zero where the server showed no certificate

	// What happened and what to do about it; "" on success. Neither holds a
	// secret or anything of a reply's body.
	Cause, Hint string
	// The step that failed, and what had been shown by then: nil where it was
	// nothing, and on success.
	Step              Step
	ServerCertificate *x509.Certificate
	ClientCertificate *x509.Certificate // where the server asked for one
}

// Poll asks a server. When ctx ends first, the outcome says Timeout although the
// server has had no chance to answer: the caller has to look at ctx.
func (r *Round) Poll(ctx context.Context, server *Server) Outcome {
	if r.err != nil {
		return Outcome{
			Result: ConfigurationError,
			Step:   StepSettings,
			Cause:  r.err.Error(),
			Hint:   "no restart is needed, the file is read again for every round",
		}
	}

	ctx, cancel := context.WithTimeout(ctx, r.settings.Timeout)
	defer cancel()

	var seen progress
	start := time.Now()
	outcome := r.ask(httptrace.WithClientTrace(ctx, seen.trace()), server, &seen)
	outcome.ResponseTime = time.Since(start)
	outcome.CertificateExpiry = seen.certificateExpiry()
	if outcome.Result != Success {
		outcome.ServerCertificate, outcome.ClientCertificate = seen.certificates()
	}
	if !seen.resumed() {
		server.session.endsBy(start.Add(maxSession), outcome.CertificateExpiry)
	}
	return outcome
}

func (r *Round) ask(ctx context.Context, server *Server, seen *progress) Outcome {
	config := r.tls.Clone()
	config.ClientSessionCache = server.session.cache(r.generation)
	config.GetClientCertificate = seen.clientCertificate(config.Certificates)
	switch {
	case r.settings.TLS.InsecureSkipVerify:
	case r.settings.TLSVerify == VerifyChain:
		config.VerifyConnection = verify(config.RootCAs, "")
	default:
		config.VerifyConnection = verify(config.RootCAs, cmp.Or(config.ServerName, server.Source()))
	}

	// A connection kept open from one round to the next would only be there to
	// be closed: hours pass between them. What a round saves the next is the
	// TLS session.
	transport := &http.Transport{
		Proxy:                  r.proxy,
		OnProxyConnectResponse: proxyAnswer,
		TLSClientConfig:        config,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeaders,
	}
	// Ends a connection attempt that goes on after its request was given up.
	defer transport.CloseIdleConnections()

	request := (&http.Request{Method: http.MethodGet, URL: server.url, Header: r.header, Host: r.header.Get("Host")}).WithContext(ctx)
	// Not through http.Client: it would follow redirects.
	response, err := transport.RoundTrip(request)
	if err != nil {
		return seen.failure(ctx, err)
	}
	defer response.Body.Close()

	if response.StatusCode != http.StatusOK {
		return statusFailure(response)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err != nil {
		return bodyFailure(ctx, err)
	}
	if len(body) > maxBody {
		return Outcome{
			Result:     BodyReadError,
			Step:       StepReply,
			StatusCode: response.StatusCode,
			Cause:      fmt.Sprintf("the reply is larger than %d bytes", maxBody),
			Hint:       "this is not the About service: check host, port and path",
		}
	}
	info, err := systeminfo.Decode(body)
	if err != nil {
		return Outcome{
			Result:     InvalidResponse,
			Step:       StepReply,
			StatusCode: response.StatusCode,
			Cause:      err.Error(),
			Hint:       replyHint(err),
		}
	}
	return Outcome{Result: Success, StatusCode: response.StatusCode, Info: info}
}

func readToken(file string) (string, error) {
	if err := checkFile(file); err != nil {
		return "", &SettingError{"token_file", err}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", &SettingError{"token_file", err}
	}
	token := strings.TrimSpace(strings.TrimPrefix(string(text), "\ufeff"))
	if token == "" || !httpguts.ValidHeaderFieldValue(token) {
		return "", &SettingError{"token_file", fmt.Errorf("%s does not hold one token on one line", file)}
	}
	return token, nil
}

func checkHeaders(headers map[string]string, token bool) error {
	seen := make(map[string]string, len(headers))
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		canonical := http.CanonicalHeaderKey(name)
		other, twice := seen[canonical]
		seen[canonical] = name
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			return &SettingError{"headers", fmt.Errorf("%q is no name of an HTTP header", name)}
		case !httpguts.ValidHeaderFieldValue(headers[name]):
			return &SettingError{"headers", fmt.Errorf("the value of %q holds a control character", name)}
		case twice:
			return &SettingError{"headers", fmt.Errorf("%q and %q are the same header: remove one of them", other, name)}
		case token && canonical == "Authorization":
			return &SettingError{"headers", fmt.Errorf("%q is set by token_file as well: remove one of them", name)}
		case slices.Contains([]string{"Accept-Encoding", "Connection", "Content-Length", "Trailer", "Transfer-Encoding"}, canonical):
			return &SettingError{"headers", fmt.Errorf("%q is for the connection to set: remove it", name)}
		}
	}
	return nil
}
