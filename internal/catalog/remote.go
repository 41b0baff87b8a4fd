package catalog

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"telegraf-qlik-sense-version/internal/text"
)

const (
	// fetchLimit is what one Fetch may take, everything included.
	fetchLimit       = 30 * time.Second
	maxReplyHeader   = 64 << 10 // bytes
	maxETag          = 1 << 10  // bytes of one that is remembered
	remoteUserAgent  = "telegraf-qlik-sense-version"
	exampleRemoteURL = "https://web.example.com/qlik-sense-catalog.toml"
)

// CheckURL says what keeps an address from being that of a Remote. It does not repeat the
// address, in which there may be a password.
func CheckURL(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme == "" || u.Scheme == "https" && u.Hostname() == "":
		return errors.New("is no URL: write for example " + exampleRemoteURL)
	case u.Scheme != "https":
		return errors.New("must begin with https://: whoever changes the data on their way can make servers compliant")
	case u.User != nil:
		return errors.New("has a user name in it: name a server that gives the file without one")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("has a ? or a # in it: name a URL without, for it stands in log lines and reports")
	}
	return nil
}

// Remote is a catalogue on a web server. It must not be used by two at the same time.
type Remote struct {
	url    string
	client *http.Client
	etag   string // of what was read last, "" where there is none
	sum    [sha256.Size]byte
}

// NewRemote returns the catalogue at a URL that CheckURL finds in order. The server's
// certificate has to lead to one of the roots, nil for those of the system.
//
// Nothing is sent that concerns Qlik Sense servers: no client certificate, token or header.
// The proxy is that of the environment.
func NewRemote(address string, roots *x509.CertPool) *Remote {
	return &Remote{url: address, client: &http.Client{
		Timeout: fetchLimit,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment,
			// So that each address of a name has its share of the time, not the first alone.
			DialContext:            (&net.Dialer{Timeout: fetchLimit}).DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			DisableKeepAlives:      true, // it is asked once an hour
			DisableCompression:     true, // so that the bounds are those of what was sent
			MaxResponseHeaderBytes: maxReplyHeader,
		},
		// Whoever can redirect could lead to http, or to a server that nobody chose.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// URL is where the catalogue is.
func (r *Remote) URL() string { return r.url }

// Fetch asks for the catalogue, reads and checks it. It returns nil where it is as it was at
// the last Fetch that succeeded, also for a server that knows no ETag. The error says what to do; it does not name the URL.
func (r *Remote) Fetch(ctx context.Context) (*Catalog, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", remoteUserAgent)
	if r.etag != "" {
		request.Header.Set("If-None-Match", r.etag)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return nil, fetchError(err)
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusNotModified && r.etag != "":
		return nil, nil //nolint:nilnil // said above
	case response.StatusCode != http.StatusOK:
		return nil, fetchStatusError(response)
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, MaxSize+1))
	switch {
	case err != nil:
		return nil, fetchError(err)
	case len(content) > MaxSize:
		return nil, fmt.Errorf("is larger than %d bytes: is it a catalogue?", MaxSize)
	case strings.HasPrefix(strings.TrimSpace(string(content[:min(len(content), 1<<10)])), "<"):
		return nil, errors.New("is a web page and no catalogue: check the URL and the proxy")
	}
	sum := sha256.Sum256(content)
	if sum == r.sum {
		r.remember(response)
		return nil, nil //nolint:nilnil // said above
	}
	c, err := Parse(content)
	if err == nil && c.EndsWith == "" {
		err = errors.New(`ends_with: is missing, without which nothing tells whether all of it arrived: ` +
			`write ends_with = "end" below schema and [end] as the last line`)
	}
	if err != nil {
		const most = 1 << 10
		return nil, fmt.Errorf(`%s: "telegraf-qlik-sense-version catalog check FILE" shows all of it where the file is`,
			text.Excerpt(strings.ReplaceAll(err.Error(), "\n", "; "), most))
	}
	r.sum = sum
	r.remember(response)
	return c, nil
}

// remember keeps the ETag of what was read.
func (r *Remote) remember(response *http.Response) {
	if r.etag = response.Header.Get("ETag"); len(r.etag) > maxETag {
		r.etag = ""
	}
}

func fetchError(err error) error {
	if request, ok := errors.AsType[*url.Error](err); ok {
		if request.Timeout() {
			return fmt.Errorf("there was no complete answer within %s: check the server, the network and the proxy", fetchLimit)
		}
		err = request.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("there was no complete answer within %s: check the server, the network and the proxy", fetchLimit)
	}
	const most = 300 // it may repeat what a server sent
	what := text.Excerpt(err.Error(), most)
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return errors.New(what + ": its certificate has to be valid for that name by the roots of the system, tls_ca does not count here")
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the answer broke off: check the server and the proxy")
	}
	return errors.New(what + ": check the URL, the server, the network and the proxy")
}

func fetchStatusError(response *http.Response) error {
	code := response.StatusCode
	status := strings.TrimSpace(fmt.Sprintf("HTTP status %d %s", code, http.StatusText(code)))
	switch {
	case code >= 300 && code < 400 && code != http.StatusNotModified:
		if to, err := response.Location(); err == nil {
			status += " to " + text.Quote((&url.URL{Scheme: to.Scheme, Host: to.Host, Path: to.Path}).String())
		}
		return errors.New(status + ": redirects are not followed: write the final address in catalog_url")
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return errors.New(status + ": the server must give the file without credentials, for none are sent")
	case code == http.StatusNotFound:
		return errors.New(status + ": check the URL, and whether the file is there")
	}
	return errors.New(status + ": look at that server")
}
