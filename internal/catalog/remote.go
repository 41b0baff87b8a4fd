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
	// fetchLimit bounds the time of one Fetch.
	fetchLimit       = 30 * time.Second
	maxReplyHeader   = 64 << 10 // bytes
	maxETag          = 1 << 10  // bytes
	remoteUserAgent  = "telegraf-qlik-sense-version"
	exampleRemoteURL = "https://web.example.com/qlik-sense-catalog.toml"
)

// CheckURL returns why an address cannot be that of a Remote, nil if it can. The error does not
// repeat the address, which may contain a password.
func CheckURL(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme == "" || u.Scheme == "https" && u.Hostname() == "":
		return errors.New("is not a URL: write for example " + exampleRemoteURL)
	case u.Scheme != "https":
		return errors.New("must begin with https://: otherwise somebody on the way could change the data and make servers compliant")
	case u.User != nil:
		return errors.New("contains a user name: use a server that needs none")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("contains a ? or a #: use a URL without them, because log lines and reports show it")
	}
	return nil
}

// Remote is a catalogue on a web server. It is not safe for concurrent use.
type Remote struct {
	url    string
	client *http.Client
	etag   string            // of the last catalogue read, "" for none
	sum    [sha256.Size]byte // of its content
}

// NewRemote returns the catalogue at a URL that passed CheckURL. The server's certificate must
// chain to one of the roots, nil for those of the system.
//
// Requests carry no credentials: no client certificate, token or header meant for Qlik Sense
// servers. The proxy comes from the environment.
func NewRemote(address string, roots *x509.CertPool) *Remote {
	return &Remote{url: address, client: &http.Client{
		Timeout: fetchLimit,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment,
			// With a timeout the dialer divides the time among the addresses of a name.
			DialContext:            (&net.Dialer{Timeout: fetchLimit}).DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			DisableKeepAlives:      true, // it is asked once an hour
			DisableCompression:     true, // so that the bounds apply to what was sent
			MaxResponseHeaderBytes: maxReplyHeader,
		},
		// A redirect could lead to http, or to a server that nobody configured.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// URL returns the address of the catalogue.
func (r *Remote) URL() string { return r.url }

// Fetch downloads and checks the catalogue. It returns nil if the catalogue has not changed since
// the last successful Fetch, with or without an ETag. The error says what to do but does not name
// the URL.
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
		return nil, nil //nolint:nilnil // as documented
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
		return nil, errors.New("is a web page, not a catalogue: check the URL and the proxy")
	}
	sum := sha256.Sum256(content)
	if sum == r.sum {
		r.remember(response)
		return nil, nil //nolint:nilnil // as documented
	}
	c, err := Parse(content)
	if err == nil && c.EndsWith == "" {
		err = errors.New(`ends_with: is missing, so nothing tells whether the file is complete: ` +
			`write ends_with = "end" below schema and [end] as the last line`)
	}
	if err != nil {
		const limit = 1 << 10
		return nil, fmt.Errorf(`%s: run "telegraf-qlik-sense-version catalog check FILE" on that server to see all of it`,
			text.Excerpt(strings.ReplaceAll(err.Error(), "\n", "; "), limit))
	}
	r.sum = sum
	r.remember(response)
	return c, nil
}

// remember stores the ETag of the response.
func (r *Remote) remember(response *http.Response) {
	if r.etag = response.Header.Get("ETag"); len(r.etag) > maxETag {
		r.etag = ""
	}
}

func fetchError(err error) error {
	if request, ok := errors.AsType[*url.Error](err); ok {
		err = request.Err
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return fmt.Errorf("there was no complete answer within %s: check the server, the network and the proxy", fetchLimit)
	}
	const limit = 300 // it may repeat what a server sent
	what := text.Excerpt(err.Error(), limit)
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return errors.New(what + ": its certificate must be valid for that name and chain to a root of the system: tls_ca does not apply here")
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
		return errors.New(status + ": the server must give the file without credentials: none are sent")
	case code == http.StatusNotFound:
		return errors.New(status + ": check the URL, and whether the file is there")
	}
	return errors.New(status + ": check that server")
}
