package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"telegraf-qlik-sense-version/internal/text"
)

const (
	maxRedirects = 5
	maxHeader    = 256 << 10 // bytes
	maxAttempts  = 4

	// GitHub refuses requests without one.
	userAgent = "telegraf-qlik-sense-version"
)

// parseURL parses the URL of the source or of a mirror.
func (s *source) parseURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("the URL of %s is not valid: write for example %s", s.name, s.url)
	case u.User != nil:
		return nil, fmt.Errorf("the URL of %s contains a user name: use a mirror that needs none", s.name)
	}
	return u, nil
}

func (s *source) client() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = maxHeader
	transport.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, response *http.Response) error {
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("the proxy answered with HTTP status %s", status(response.StatusCode))
		}
		return nil
	}
	return &http.Client{Transport: transport, CheckRedirect: s.checkRedirect}
}

// redirectError is a redirect that the program refuses to follow.
type redirectError struct{ reason string }

func (e redirectError) Error() string { return "refused a redirect: " + e.reason }

func (s *source) checkRedirect(to *http.Request, via []*http.Request) error {
	switch {
	case len(via) > maxRedirects:
		return redirectError{fmt.Sprintf("there are more than %d in a row", maxRedirects)}
	case to.URL.Scheme != "https" && via[0].URL.Scheme == "https":
		return redirectError{fmt.Sprintf("it leads from https to %s: name the new address with %s if it can be trusted",
			text.Quote(redact(to.URL.String())), s.option())}
	}
	return nil
}

// reply is a complete answer with status 200.
type reply struct {
	url    *url.URL // after redirects
	header http.Header
	body   []byte
}

// temporaryError is an error after which another attempt may succeed.
type temporaryError struct {
	error
	wait time.Duration // as requested by the server, or 0
}

// get requests a URL, and retries after a temporary error if there is time.
func (f *fetcher) get(ctx context.Context, u *url.URL) (*reply, error) {
	for attempt := 1; ; attempt++ {
		reply, err := f.request(ctx, u)
		temporary, again := errors.AsType[temporaryError](err)
		if !again {
			return reply, err
		}
		wait := max(temporary.wait, time.Duration(attempt)*f.pause)
		if deadline, ok := ctx.Deadline(); attempt == maxAttempts || ok && time.Until(deadline) <= wait {
			return nil, temporary.error
		}
		select {
		case <-ctx.Done():
			return nil, networkError(ctx, ctx.Err())
		case <-time.After(wait):
		}
	}
}

func (f *fetcher) request(ctx context.Context, u *url.URL) (*reply, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", userAgent)
	request.Header.Set("Accept", "application/json")
	for key, value := range f.header {
		request.Header.Set(key, value)
	}
	response, err := f.client.Do(request)
	if err != nil {
		return nil, networkError(ctx, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, int64(f.maxPage)+1))
	switch {
	case response.StatusCode != http.StatusOK:
		return nil, f.statusError(response, body)
	case err != nil:
		return nil, networkError(ctx, err)
	case len(body) > f.maxPage:
		return nil, fmt.Errorf("is larger than %d MiB: is it %s?", f.maxPage>>20, f.name)
	}
	return &reply{response.Request.URL, response.Header, body}, nil
}

// networkError describes a failed request. The caller adds the address.
func networkError(ctx context.Context, err error) error {
	if request, ok := errors.AsType[*url.Error](err); ok {
		err = request.Err
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return errInterrupted
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("there was no complete answer in time: try again, or check the network and the proxy")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return temporaryError{errors.New("the connection broke in the middle of the answer: try again"), 0}
	}
	if _, refused := errors.AsType[redirectError](err); refused {
		return err
	}
	const limit = 300 // the error may repeat what a server sent
	return errors.New(text.Excerpt(err.Error(), limit) + ": check the network and the proxy, or " + carryHint)
}

// carryHint helps on a machine without internet.
const carryHint = `carry the lists over from another machine with "catalog download"`

// statusError says what a status other than 200 means and what to do about it.
func (s *source) statusError(response *http.Response, body []byte) error {
	code := response.StatusCode
	header := response.Header
	switch {
	case isLimit(code, header):
		return s.rateLimitError(header, time.Now())
	case code == http.StatusForbidden && s.forbiddenIsLimit:
		return temporaryError{fmt.Errorf("HTTP status %s: too many requests, or a proxy refuses them: wait, %s, or name a mirror with %s",
			status(code), carryHint, s.option()), 0}
	case code == http.StatusNotFound:
		return errors.New("HTTP status 404 Not Found: there is no list: check the URL; its publisher may have moved it")
	case code >= 300 && code < 400:
		return fmt.Errorf("HTTP status %s without a usable new address: check the URL", status(code))
	case code >= 500:
		return temporaryError{fmt.Errorf("HTTP status %s: the server has a problem: try again later", status(code)), 0}
	}
	var object struct{ Message string }
	if err := json.Unmarshal(body, &object); err == nil && object.Message != "" {
		return fmt.Errorf("HTTP status %s, with the message %s", status(code), text.Quote(object.Message))
	}
	if page := strings.TrimSpace(string(body[:min(len(body), 1<<10)])); strings.HasPrefix(page, "<") {
		return fmt.Errorf("HTTP status %s, with a web page that begins with %s: check the URL and the proxy", status(code), text.Quote(page))
	}
	return fmt.Errorf("HTTP status %s: check the URL", status(code))
}

func status(code int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", code, http.StatusText(code)))
}

// isLimit reports whether the answer means too many requests. Without credentials, GitHub allows
// 60 requests per hour from an IP address, which all users of a proxy share.
func isLimit(code int, header http.Header) bool {
	switch code {
	case http.StatusTooManyRequests:
		return true
	case http.StatusForbidden, http.StatusServiceUnavailable:
		return header.Get("X-Ratelimit-Remaining") == "0" || header.Get("Retry-After") != ""
	}
	return false
}

func (s *source) rateLimitError(header http.Header, now time.Time) error {
	until, wait := "for now", time.Duration(0)
	if at := rateLimitEnd(header, now); !at.IsZero() {
		until, wait = "until "+at.Local().Format("2006-01-02 15:04 MST"), at.Sub(now)
	}
	return temporaryError{fmt.Errorf("the limit of requests is used up %s: wait, %s, or name a mirror with %s", until, carryHint, s.option()), wait}
}

// rateLimitEnd returns when requests are allowed again, zero if unknown.
func rateLimitEnd(header http.Header, now time.Time) time.Time {
	const longest = 7 * 24 * time.Hour // anything later makes no sense
	var at time.Time
	if after := header.Get("Retry-After"); after != "" {
		if seconds, err := strconv.ParseUint(after, 10, 31); err == nil {
			at = now.Add(time.Duration(seconds) * time.Second)
		} else if date, err := http.ParseTime(after); err == nil {
			at = date
		}
	} else if reset, err := strconv.ParseInt(header.Get("X-Ratelimit-Reset"), 10, 64); err == nil {
		at = time.Unix(reset, 0)
	}
	if at.Before(now) || at.After(now.Add(longest)) {
		return time.Time{}
	}
	return at
}
