// Package poll asks one Qlik Sense server which version it runs, and says in the
// user's words what went wrong when it does not answer.
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
	maxExcerpt = 4 << 10  // bytes of a reply with another status than 200

	minTimeout = 100 * time.Millisecond
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

// SettingError is a setting that cannot be used, and which one it is.
type SettingError struct {
	Key string
	Err error
}

func (e *SettingError) Error() string { return e.Key + ": " + e.Err.Error() }
func (e *SettingError) Unwrap() error { return e.Err }

// Poller asks the servers of one block.
type Poller struct {
	settings Settings
	proxy    proxyFunc
	tls      *tls.Config // without what comes from files
	files    files
}

// New checks the settings and reads the certificate files once; it needs no
// network. What it finds wrong is joined, each part a *SettingError.
func New(settings Settings) (*Poller, error) {
	return newWith(settings, boundedfile.Read, boundedfile.DefaultLimit)
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
		// They are loaded once in the life of the process: not when it may have no file
		// descriptor left for them. What is wrong with them is told when they are needed.
		_, _ = x509.SystemCertPool()
	}
	if p.proxy, err = settings.Proxy.Proxy(); err != nil {
		return nil, &SettingError{"http_proxy_url", err}
	}
	return p, nil
}

// Round reads the certificates and the token anew, so that a rotated file needs
// no restart. A file that cannot be read makes every poll of this round a
// ConfigurationError, and so does a file system that hangs: Round returns within
// seconds, or when ctx ends.
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
		config.InsecureSkipVerify = true // verifyChain takes its place
		config.VerifyConnection = verifyChain(secrets.roots)
	}
	return &Round{timeout: p.settings.Timeout, proxy: p.proxy, header: header, tls: config}
}

// Round is one round of polls, with the certificates and the token that it was
// started with. It may be used by several goroutines.
type Round struct {
	err     error
	timeout time.Duration
	proxy   proxyFunc
	header  http.Header
	tls     *tls.Config
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
	// This process ran out of file descriptors, which says nothing of the server: ask it
	// again, and fewer at the same time. Go's resolver may need 5 seconds to recover.
	OutOfDescriptors bool
	Step             Step // that failed
	// What had been shown by then, where it has a part in the failure; else nil.
	ServerCertificate, ClientCertificate *Certificate
}

// Poll asks a server for its version. When ctx ends first, the outcome says Timeout although
// the server has had no chance to answer: the caller has to look at ctx.
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

// Ask asks a service of a server, which it parsed, and has read look at the body of a reply
// with status 200. As for ctx, it is like Poll.
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

	seen := progress{service: service}
	start := time.Now()
	outcome := r.ask(httptrace.WithClientTrace(ctx, seen.trace()), server, read, &seen)
	outcome.ResponseTime = time.Since(start)
	seen.addTo(&outcome)
	return outcome
}

func (r *Round) ask(ctx context.Context, server *Server, read func([]byte) error, seen *progress) Outcome {
	service := seen.service
	config := r.tls.Clone()
	config.GetClientCertificate = seen.clientCertificate(config.Certificates)

	// Neither a connection nor a TLS session is kept for the next round: hours pass
	// between them, and a server that is asked anew shows its certificate.
	transport := &http.Transport{
		Proxy: seen.findProxy(r.proxy),
		// The transport keeps the deadline of ctx from its dialer, which would then wait
		// for the first address of a name alone, if that is dead.
		DialContext:            (&net.Dialer{Timeout: r.timeout}).DialContext,
		OnProxyConnectResponse: proxyAnswer,
		TLSClientConfig:        config,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeaders,
	}
	// Ends a connection attempt that goes on after its request was given up.
	defer transport.CloseIdleConnections()

	header := r.header
	if len(service.Header) > 0 {
		header = header.Clone()
		maps.Copy(header, service.Header)
	}
	request := (&http.Request{Method: http.MethodGet, URL: server.url, Header: header, Host: header.Get("Host")}).WithContext(ctx)
	// Not through http.Client: it would follow redirects.
	response, err := transport.RoundTrip(request)
	if err != nil {
		return seen.failure(ctx, err)
	}
	defer response.Body.Close()

	if response.StatusCode != http.StatusOK {
		return service.statusFailure(response)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, service.MaxBody+1))
	if err != nil {
		return service.bodyFailure(ctx, err)
	}
	if int64(len(body)) > service.MaxBody {
		return Outcome{
			Result:     BodyReadError,
			Step:       StepReply,
			StatusCode: response.StatusCode,
			Cause:      fmt.Sprintf("the reply is larger than %d bytes", service.MaxBody),
			Hint:       "this is not the " + service.Name + ": check host, port and path",
		}
	}
	if err := read(body); err != nil {
		return Outcome{
			Result:     InvalidResponse,
			Step:       StepReply,
			StatusCode: response.StatusCode,
			Cause:      err.Error(),
			Hint:       service.ReplyHint(err),
		}
	}
	return Outcome{Result: Success, StatusCode: response.StatusCode}
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
