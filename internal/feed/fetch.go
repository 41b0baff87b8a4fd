package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"telegraf-qlik-sense-version/internal/text"
)

// URL is where GitHub gives the list.
const URL = "https://api.github.com/repos/qlik-download/qlik-sense-server/releases?per_page=100"

const (
	perPage      = 100 // GitHub's most
	maxPages     = 50
	maxPage      = 10 << 20 // bytes
	maxRedirects = 5
	maxHeader    = 256 << 10 // bytes

	// GitHub refuses those who do not say who they are.
	userAgent = "telegraf-qlik-sense-version"
)

// Fetch reads the list from GitHub's REST API, or from a mirror of it, page after page,
// until ctx ends it. What the environment says of proxies
// holds. No credentials are used.
func Fetch(ctx context.Context, address string) (*List, error) {
	u, err := checkURL(address)
	if err != nil {
		return nil, err
	}
	client := newClient()
	defer client.CloseIdleConnections()

	l := &List{}
	for page := 1; u != nil; page++ {
		if page > maxPages {
			return nil, fmt.Errorf("%s: there are more than %d pages: is it the vendor's list?", Place(address), maxPages)
		}
		if u, err = l.fetch(ctx, client, u); err != nil {
			return nil, fmt.Errorf("%s, page %d: %w", Place(address), page, err)
		}
	}
	if err := l.usable(); err != nil {
		return nil, fmt.Errorf("%s: %w", Place(address), err)
	}
	return l, nil
}

// Place is an address without what may be secret in it.
func Place(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "the URL"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

func checkURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("the URL of the vendor's list is none: write for example %s", URL)
	case u.User != nil:
		return nil, errors.New("the URL of the vendor's list has a user name in it: " +
			"name a mirror that needs none, or save the list with another program")
	}
	return u, nil
}

func newClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = maxHeader
	transport.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, response *http.Response) error {
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("the proxy answered with HTTP status %s", status(response.StatusCode))
		}
		return nil
	}
	return &http.Client{Transport: transport, CheckRedirect: checkRedirect}
}

// redirectError is what the program and not the network refuses.
type redirectError struct{ reason string }

func (e redirectError) Error() string { return "refused a redirect: " + e.reason }

func checkRedirect(to *http.Request, via []*http.Request) error {
	switch {
	case len(via) > maxRedirects:
		return redirectError{fmt.Sprintf("there are more than %d in a row", maxRedirects)}
	case to.URL.Scheme != "https" && via[0].URL.Scheme == "https":
		return redirectError{fmt.Sprintf("it leads from https to %s: ask for the new address with --url if it can be trusted", text.Quote(Place(to.URL.String())))}
	}
	return nil
}

// fetch adds a page and gives the address of the next one, nil behind the last.
func (l *List) fetch(ctx context.Context, client *http.Client, u *url.URL) (*url.URL, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", userAgent)
	request.Header.Set("Accept", "application/vnd.github+json")
	request.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	response, err := client.Do(request)
	if err != nil {
		return nil, networkError(ctx, err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, maxPage+1))
	if response.StatusCode != http.StatusOK {
		return nil, statusError(response, content)
	}
	switch {
	case err != nil:
		return nil, networkError(ctx, err)
	case len(content) > maxPage:
		return nil, fmt.Errorf("is larger than %d MiB: is it the vendor's list?", maxPage>>20)
	}
	before := len(l.Releases) + len(l.Skipped)
	if err := l.parse(content); errors.Is(err, errTruncated) {
		return nil, fmt.Errorf("%w: try again", err)
	} else if err != nil {
		return nil, err
	}
	next, err := nextPage(response)
	l.Partial = next == nil && len(l.Releases)+len(l.Skipped)-before == perPage
	return next, err
}

// networkError says what happened to a request without its address, which stands in
// front already.
func networkError(ctx context.Context, err error) error {
	var asked *url.Error
	if errors.As(err, &asked) {
		err = asked.Err
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return errors.New("interrupted")
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("there was no complete answer in time: try again, or check the network and the proxy")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the connection broke in the middle of the answer: try again")
	}
	var refused redirectError
	if errors.As(err, &refused) {
		return err
	}
	// It may repeat what a server sent.
	const most = 300
	return errors.New(text.Excerpt(err.Error(), most) + ": check the network and the proxy, or read the list elsewhere and hand it over with --from FILE")
}
