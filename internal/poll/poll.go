// Package poll asks one Qlik Sense server which version it runs. If that fails, it explains
// the cause to an administrator, and what to do.
package poll

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"time"

	"github.com/influxdata/telegraf/plugins/common/proxy"
	telegraftls "github.com/influxdata/telegraf/plugins/common/tls"
	"golang.org/x/net/http/httpguts"

	"telegraf-qlik-sense-version/internal/boundedfile"
	"telegraf-qlik-sense-version/internal/systeminfo"
)

const (
	maxHeaders = 64 << 10 // bytes of a reply's headers
	maxExcerpt = 4 << 10  // bytes of a reply with a status other than 200

	minTimeout = 100 * time.Millisecond
)

// Settings are the settings of a block that concern single polls.
type Settings struct {
	Timeout   time.Duration // of a whole poll
	TLS       telegraftls.ClientConfig
	TLSVerify string // VerifyFull or VerifyChain
	Proxy     proxy.HTTPProxy
	TokenFile string
	Headers   map[string]string
}

// SettingError is an invalid setting.
type SettingError struct {
	Key string
	Err error
}

func (e *SettingError) Error() string { return e.Key + ": " + e.Err.Error() }
func (e *SettingError) Unwrap() error { return e.Err }

// SettingErrors returns the parts of an error that joins *SettingErrors. A part of another
// type gets no Key.
func SettingErrors(err error) []*SettingError {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		errs := joined.Unwrap()
		parts := make([]*SettingError, 0, len(errs))
		for _, err := range errs {
			parts = append(parts, SettingErrors(err)...)
		}
		return parts
	}
	if e, ok := errors.AsType[*SettingError](err); ok {
		return []*SettingError{e}
	}
	if err != nil {
		return []*SettingError{{Err: err}}
	}
	return nil
}

// Poller asks the servers of one block.
type Poller struct {
	settings Settings
	proxy    proxyFunc
	tls      *tls.Config // without what comes from files
	files    files
}

// New checks the settings and reads the certificate files once; it needs no network. The
// error joins *SettingErrors.
func New(settings Settings) (*Poller, error) {
	return newWith(settings, boundedfile.Read, 0)
}

func newWith(settings Settings, read func(string, int64) ([]byte, error), limit time.Duration) (*Poller, error) {
	var errs []error
	if settings.Timeout < minTimeout {
		errs = append(errs, &SettingError{"timeout", fmt.Errorf("must be %s or longer, for example \"10s\"", minTimeout)})
	}
	errs = append(errs, checkHeaders(settings.Headers, settings.TokenFile != ""), checkProxy(&settings.Proxy),
		checkTLS(&settings.TLS, settings.TLSVerify))

	p := &Poller{settings: settings}
	p.files.settings, p.files.read, p.files.limiter.Limit = &p.settings, read, limit
	var err error
	if p.tls, err = tlsConfig(&settings.TLS); err != nil {
		errs = append(errs, err)
	}
	if _, err := p.files.load(context.Background()); err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if settings.TLS.TLSCA == "" {
		// Go loads the roots of the system once per process: do it while there are file
		// descriptors. Errors are reported when the roots are used.
		_, _ = x509.SystemCertPool()
	}
	if p.proxy, err = settings.Proxy.Proxy(); err != nil {
		return nil, &SettingError{"http_proxy_url", err}
	}
	return p, nil
}

// Round reads the certificates and the token again, so that a rotated file needs no restart.
// If a file cannot be read, every poll of this round is a ConfigurationError. The same applies if a
// file system hangs: Round returns within seconds, or when ctx ends.
func (p *Poller) Round(ctx context.Context) *Round {
	secrets, err := p.files.load(ctx)
	if err != nil {
		return &Round{err: err}
	}
	header := make(http.Header, len(p.settings.Headers)+3)
	header.Set("Accept", "application/json")
	header.Set("User-Agent", "telegraf-qlik-sense-version")
	for name, value := range p.settings.Headers {
		header.Set(name, value)
	}
	if secrets.token != "" {
		header.Set("Authorization", "Bearer "+secrets.token)
	}
	config := p.tls.Clone()
	config.RootCAs, config.Certificates = secrets.roots, secrets.client
	if p.settings.TLSVerify == VerifyChain {
		config.InsecureSkipVerify = true // replaced by verifyChain
		config.VerifyConnection = verifyChain(secrets.roots)
	}
	return &Round{timeout: p.settings.Timeout, proxy: p.proxy, header: header, tls: config}
}

// Round is one round of polls with the same certificates and token. It is safe for concurrent
// use.
type Round struct {
	err     error
	timeout time.Duration
	proxy   proxyFunc
	header  http.Header
	tls     *tls.Config
}

// Outcome is the outcome of the poll of one server.
type Outcome struct {
	Result            Result
	Info              *systeminfo.Info // nil unless Result is Success
	StatusCode        int              // 0 without an HTTP reply
	ResponseTime      time.Duration    // 0 if the network was not used
	CertificateExpiry time.Time        // zero if the server sent no certificate

	// What happened and what to do about it; "" on success. They contain no secrets and
	// nothing of the body of a reply.
	Cause, Hint string
	// OutOfDescriptors means that this process ran out of file descriptors. The server may be
	// fine: ask it again, and fewer at the same time. Go's resolver may need 5 seconds to
	// recover.
	OutOfDescriptors bool
	Step             Step // that failed
	// The certificates of a failed handshake, nil if not exchanged or irrelevant.
	ServerCertificate, ClientCertificate *Certificate
}

// Poll asks a server for its version. If ctx ends first, the Result is Timeout although the
// server may be fine: the caller has to check ctx.
func (r *Round) Poll(ctx context.Context, server *Server) Outcome {
	var info *systeminfo.Info
	outcome := r.Ask(ctx, &about, server, func(body []byte) (err error) {
		info, err = systeminfo.Decode(body)
		return err
	})
	if outcome.Result == Success {
		outcome.Info = info
	}
	return outcome
}

// Ask asks a service of a server that this service parsed. read gets the body of a reply with
// status 200. If ctx ends first, it returns what Poll returns.
func (r *Round) Ask(ctx context.Context, service *Service, server *Server, read func(body []byte) error) Outcome {
	if r.err != nil {
		return Outcome{
			Result: ConfigurationError,
			Step:   StepSettings,
			Cause:  strings.ReplaceAll(r.err.Error(), "\n", "; "),
			Hint:   "no restart is needed, the file is read again for every round",
		}
	}

	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()

	p := progress{service: service}
	start := time.Now()
	outcome := r.ask(httptrace.WithClientTrace(ctx, p.trace()), server, read, &p)
	outcome.ResponseTime = time.Since(start)
	p.addTo(&outcome)
	return outcome
}

func (r *Round) ask(ctx context.Context, server *Server, read func([]byte) error, p *progress) Outcome {
	service := p.service
	config := r.tls.Clone()
	config.GetClientCertificate = p.clientCertificate(config.Certificates)
	config.VerifyConnection = p.serverCertificate(config.VerifyConnection)

	// No connection or TLS session is kept for the next round, hours later: in a full handshake,
	// the server sends its certificate.
	transport := &http.Transport{
		Proxy: p.findProxy(r.proxy),
		// The transport does not pass the deadline of ctx on. Without a timeout of its own, the
		// dialer would spend all of the time on the first address of a name, even a dead one.
		DialContext:            (&net.Dialer{Timeout: r.timeout}).DialContext,
		OnProxyConnectResponse: proxyAnswer,
		TLSClientConfig:        config,
		DisableKeepAlives:      true, // net/http would log what a server sends after its reply
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeaders,
	}
	// A connection attempt, with its TLS handshake, may go on after its request was cancelled.
	defer transport.CloseIdleConnections()

	header := r.header
	if len(service.Header) > 0 {
		header = header.Clone()
		maps.Copy(header, service.Header)
	}
	request := (&http.Request{Method: http.MethodGet, URL: server.url, Header: header, Host: header.Get("Host")}).WithContext(ctx)
	// Not through http.Client, which follows redirects.
	response, err := transport.RoundTrip(request)
	if err != nil {
		return p.failure(ctx, err)
	}
	defer response.Body.Close()

	outcome := service.read(ctx, response, read)
	outcome.StatusCode = response.StatusCode
	return outcome
}

func (s *Service) read(ctx context.Context, response *http.Response, read func([]byte) error) Outcome {
	if response.StatusCode != http.StatusOK {
		return s.statusFailure(response)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, s.MaxBody+1))
	if err != nil {
		return s.bodyFailure(ctx, err)
	}
	if int64(len(body)) > s.MaxBody {
		return Outcome{
			Result: BodyReadError,
			Step:   StepReply,
			Cause:  fmt.Sprintf("the reply is larger than %d bytes", s.MaxBody),
			Hint:   "this is not the " + s.Name + ": check host, port and path",
		}
	}
	if err := read(body); err != nil {
		return Outcome{Result: InvalidResponse, Step: StepReply, Cause: err.Error(), Hint: s.ReplyHint(err)}
	}
	return Outcome{Result: Success}
}

func checkHeaders(headers map[string]string, token bool) error {
	seen := make(map[string]string, len(headers))
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		canonical := http.CanonicalHeaderKey(name)
		other, twice := seen[canonical]
		seen[canonical] = name
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			return &SettingError{"headers", fmt.Errorf("%q is not a valid name of an HTTP header", name)}
		case !httpguts.ValidHeaderFieldValue(headers[name]):
			return &SettingError{"headers", fmt.Errorf("the value of %q contains a control character", name)}
		case twice:
			return &SettingError{"headers", fmt.Errorf("%q and %q are the same header: remove one of them", other, name)}
		case token && canonical == "Authorization":
			return &SettingError{"headers", fmt.Errorf("%q is set by token_file as well: remove one of them", name)}
		case slices.Contains([]string{"Accept-Encoding", "Connection", "Content-Length", "Trailer", "Transfer-Encoding"}, canonical):
			return &SettingError{"headers", fmt.Errorf("%q is set by the HTTP client: remove it", name)}
		}
	}
	return nil
}
