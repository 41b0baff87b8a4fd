package feed

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/feed/feedtest"
)

// fetch reads a source from an address without long pauses.
func fetch(t *testing.T, s *source, address string) (*answer, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return s.fetch(ctx, address, day(t, today), time.Millisecond)
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL + "/list?per_page=100"
}

func TestPagesOfReleases(t *testing.T) {
	for name, link := range map[string]string{
		"whole address":    `<http://HOST/releases?per_page=100&page=2>; rel="next", <http://HOST/releases?page=9>; rel="last"`,
		"relative address": `</releases?per_page=100&page=2>; rel=next`,
		"query alone":      `<?per_page=100&page=2>;title="a, <b>; rel=\"x";REL = "next"`,
		"among others":     `<?page=1>; rel="first",<?page=8>; rel="prev" , <?page=2,000>; rel="last next"`,
	} {
		t.Run(name, func(t *testing.T) {
			address := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("User-Agent") != userAgent || r.Header.Get("Accept") != "application/vnd.github+json" || r.Header.Get("Authorization") != "" {
					w.WriteHeader(http.StatusTeapot)
					return
				}
				if !r.URL.Query().Has("page") {
					w.Header().Add("Link", `<?page=7>; rel="up"`)
					w.Header().Add("Link", strings.ReplaceAll(link, "HOST", r.Host))
					io.WriteString(w, "["+may2031Patch1+"]")
					return
				}
				if !strings.HasPrefix(r.URL.Query().Get("page"), "2") {
					w.WriteHeader(http.StatusTeapot)
					return
				}
				io.WriteString(w, "["+may2031+"]")
			})
			a, err := fetch(t, releases, address)
			require.NoError(t, err)
			require.Len(t, a.pages, 2)
			require.Equal(t, labels(t, "May 2031 Patch 1", "May 2031")[0], a.list.(*releaseList).releases[0].Release)
			require.Len(t, a.list.(*releaseList).releases, 2)
			require.True(t, a.read.IsZero(), "a mirror")
			require.Equal(t, redact(address), a.address)
		})
	}
	for name, tt := range map[string]struct{ link, expected string }{
		"on another host": {`<http://example.com/x?token=1>; rel="next"`,
			`the next page is elsewhere, at "http://example.com/x": a mirror has to name its own pages`},
		"no address": {`<:%zz>; rel="next"`, `the address of the next page is not valid: ":%zz"`},
		"endless":    {`<?page=1>; rel="next"`, ": there are more than 50 pages: is it the vendor's list of releases?"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := fetch(t, releases, serve(t, feedtest.Answer(200, "["+may2031+"]", "Link", tt.link)))
			require.ErrorContains(t, err, tt.expected)
		})
	}
	// Megabytes take a while on a busy machine.
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	large := serve(t, feedtest.Answer(200, strings.Repeat(" ", 9<<20)+"["+may2031+"]", "Link", `<?page=1>; rel="next"`))
	_, err := releases.fetch(ctx, large, day(t, today), time.Millisecond)
	require.ErrorContains(t, err, "is larger than 64 MiB")
}

// pagesOfRecords returns a mirror of NVD with few records on each page. total returns the number
// of records at a request.
func pagesOfRecords(t *testing.T, perPage int, total func(request int64) int) (address string, requests *atomic.Int64) {
	t.Helper()
	requests = &atomic.Int64{}
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		start, n := 0, total(requests.Add(1))
		fmt.Sscanf(r.URL.Query().Get("startIndex"), "%d", &start)
		var page []string
		for i := start; i < min(start+perPage, n); i++ {
			page = append(page, `{"cve":`+string(feedtest.Record(fmt.Sprintf("CVE-2031-%04d", n-i), "2031-06-01", clean))+`}`) // the newest first
		}
		fmt.Fprintf(w, `{"startIndex":%d,"totalResults":%d,"format":"NVD_CVE","version":"2.0","timestamp":"2031-06-29T00:00:00","vulnerabilities":[%s]}`,
			start, n, strings.Join(page, ","))
	}), requests
}

func TestPagesOfRecords(t *testing.T) {
	address, requests := pagesOfRecords(t, 3, func(int64) int { return 7 })
	a, err := fetch(t, advisories, address)
	require.NoError(t, err)
	require.EqualValues(t, 3, requests.Load())
	require.Len(t, a.list.(*advisoryList).records, 7)

	// A record is added while the second page is read: all pages are read again.
	address, requests = pagesOfRecords(t, 3, func(request int64) int { return 7 + int(min(request/2, 1)) })
	a, err = fetch(t, advisories, address)
	require.NoError(t, err)
	require.EqualValues(t, 6, requests.Load())
	require.Len(t, a.list.(*advisoryList).records, 8)

	address, _ = pagesOfRecords(t, 3, func(request int64) int { return 7 + int(request) })
	_, err = fetch(t, advisories, address)
	require.EqualError(t, err, redact(address)+": changed while its pages were read: try again")

	always := serve(t, feedtest.Body(string(feedtest.NVDPage("2031-06-29", 0, 5, feedtest.Record("CVE-2031-0001", "2031-06-01", clean)))))
	_, err = fetch(t, advisories, always)
	require.ErrorContains(t, err, "changed while its pages were read", "the first page again and again")
	_, err = fetch(t, advisories, serve(t, feedtest.Body(string(feedtest.NVDPage("2031-06-29", 0, 5)))))
	require.ErrorContains(t, err, "ends in the middle of the list: try again")
}

// Temporary errors are retried, after the time that the server requests.
func TestAttempts(t *testing.T) {
	for name, tt := range map[string]struct {
		refuse   http.HandlerFunc
		attempts int64
	}{
		"server fault":        {feedtest.Answer(500, ""), maxAttempts},
		"too many requests":   {feedtest.Answer(429, ""), maxAttempts},
		"NVD's limit":         {feedtest.Answer(403, ""), maxAttempts},
		"in no time":          {feedtest.Answer(503, "", "Retry-After", "0"), maxAttempts},
		"later than there is": {feedtest.Answer(429, "", "Retry-After", "3600"), 1},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, "{")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, maxAttempts},
		"cut off at once": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, maxAttempts},
		"not found":       {feedtest.Answer(404, ""), 1},
		"web page":        {feedtest.Body("<html>"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int64
			f := startFeeds(t)
			good := f.Handler("advisories")
			f.Set("advisories", func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				tt.refuse(w, r)
			})
			file, _ := builtInFile(t)
			_, err := f.update(t, file).Run(t.Context())
			require.Error(t, err)
			require.Equal(t, tt.attempts, requests.Load())
			if tt.attempts == 1 {
				return
			}
			requests.Store(0)
			f.Set("advisories", func(w http.ResponseWriter, r *http.Request) {
				if requests.Add(1) < maxAttempts {
					tt.refuse(w, r)
					return
				}
				good(w, r)
			})
			_, err = f.update(t, file).Run(t.Context())
			require.NoError(t, err)
		})
	}
}

// answers is a transport without a network.
type answers func() int

func (a answers) RoundTrip(request *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a(), Body: http.NoBody, Request: request}, nil
}

// NVD counts requests over 30 seconds: a client beyond the limit is served after that.
func TestRateLimitPauses(t *testing.T) {
	const window = 30 * time.Second
	u, err := url.Parse("https://example.com/")
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		f := &fetcher{source: advisories, pause: firstPause, client: &http.Client{Transport: answers(func() int {
			if time.Since(start) <= window {
				return http.StatusForbidden
			}
			return http.StatusOK
		})}}
		_, err := f.get(t.Context(), u)
		require.NoError(t, err)

		// A rate limit that lasts too long is reported at once.
		ctx, cancel := context.WithTimeout(t.Context(), firstPause)
		defer cancel()
		start = time.Now()
		_, err = f.get(ctx, u)
		require.ErrorContains(t, err, "too many requests")
		require.Zero(t, time.Since(start))
	})
}

func TestProxyRefuses(t *testing.T) {
	proxy, err := url.Parse(serve(t, feedtest.Answer(http.StatusProxyAuthRequired, "")))
	require.NoError(t, err)
	client := releases.client()
	client.Transport.(*http.Transport).Proxy = http.ProxyURL(proxy)
	_, err = (&fetcher{source: releases, client: client}).get(t.Context(), &url.URL{Scheme: "https", Host: "example.com"})
	require.ErrorContains(t, err, "the proxy answered with HTTP status 407 Proxy Authentication Required: check the network and the proxy")
}

func TestPageLimit(t *testing.T) {
	list := feedtest.KEV("2031-06-28", feedtest.KEVEntry("CVE-2024-36077", "Qlik", "Sense", "2031-06-27", "Unknown"))
	address := serve(t, feedtest.Body(string(list)))
	s := *exploited
	s.maxPage = len(list)
	_, err := fetch(t, &s, address)
	require.NoError(t, err)
	s.maxPage--
	_, err = fetch(t, &s, address)
	require.ErrorContains(t, err, "is larger than ")
}

// A proxy refuses with the same status as NVD.
func TestForbiddenByNVD(t *testing.T) {
	_, err := fetch(t, advisories, serve(t, feedtest.Answer(403, "<html>blocked")))
	require.ErrorContains(t, err, "page 1: HTTP status 403 Forbidden: too many requests, or a proxy refuses them: wait, ")
}

func TestRateLimitEnd(t *testing.T) {
	now := time.Date(2031, 7, 1, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		key, value string
		expected   time.Time
	}{
		"none":             {"X-Other", "1", time.Time{}},
		"seconds":          {"Retry-After", "60", now.Add(time.Minute)},
		"a date":           {"Retry-After", "Tue, 01 Jul 2031 12:30:00 GMT", now.Add(30 * time.Minute)},
		"words":            {"Retry-After", "soon", time.Time{}},
		"GitHub's":         {"X-Ratelimit-Reset", strconv.FormatInt(now.Add(time.Hour).Unix(), 10), now.Add(time.Hour)},
		"in the past":      {"X-Ratelimit-Reset", "1000000000", time.Time{}},
		"that never comes": {"X-Ratelimit-Reset", "99999999999999", time.Time{}},
	} {
		header := http.Header{}
		header.Set(tt.key, tt.value)
		require.True(t, tt.expected.Equal(rateLimitEnd(header, now)), name)
	}
}

func TestStatusMessages(t *testing.T) {
	for _, tt := range []struct {
		handler  http.HandlerFunc
		expected string
	}{
		{feedtest.Answer(403, `{"message":"Resource\u001b not accessible"}`), `HTTP status 403 Forbidden, with the message "Resource\x1b not accessible"`},
		{feedtest.Answer(403, "<HTML><TITLE>Access Denied</TITLE>"),
			`HTTP status 403 Forbidden, with a web page that begins with "<HTML><TITLE>Access Denied</TITLE>": check the URL and the proxy`},
		{feedtest.Answer(404, ""), "HTTP status 404 Not Found: there is no list: check the URL; its publisher may have moved it"},
		{feedtest.Answer(503, "<html>"), "HTTP status 503 Service Unavailable: the server has a problem: try again later"},
		{feedtest.Answer(429, "", "Retry-After", "3600"),
			`wait, carry the lists over from another machine with "catalog download", or name a mirror with --exploited-url`},
		{feedtest.Answer(403, "", "Retry-After", "3600"), "the limit of requests is used up until "},
		{feedtest.Answer(403, "", "X-Ratelimit-Remaining", "0"), "the limit of requests is used up for now: wait, "},
		{feedtest.Answer(300, ""), "HTTP status 300 Multiple Choices without a usable new address: check the URL"},
		{feedtest.Answer(400, "{}"), "HTTP status 400 Bad Request: check the URL"},
		{feedtest.Answer(418, "[]"), "HTTP status 418 I'm a teapot: check the URL"},
		{feedtest.Body(strings.Repeat(" ", 21<<20)), "is larger than 20 MiB: is it CISA's list of exploited vulnerabilities?"},
		{feedtest.Answer(304, ""), "HTTP status 304 Not Modified without a usable new address"},
		{func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path+"x", http.StatusFound) },
			"refused a redirect: there are more than 5 in a row"},
	} {
		address := serve(t, tt.handler)
		_, err := fetch(t, exploited, address)
		require.ErrorContains(t, err, tt.expected)
		require.True(t, strings.HasPrefix(err.Error(), redact(address)+", page 1: "), err)
		require.NotContains(t, err.Error(), "per_page")
	}
}

// CISA's server refuses some programs. The copy on GitHub is read instead, with a remark; a mirror
// chosen by the user has no copy.
func TestCISACatalogCopy(t *testing.T) {
	list := string(feedtest.KEV("2031-06-28", feedtest.KEVEntry("CVE-2024-36077", "Qlik", "Sense", "2031-06-27", "Unknown")))
	denied := serve(t, feedtest.Body("<HTML>\n<TITLE>Access Denied</TITLE>"))
	s := *exploited
	s.url, s.copyURL = serve(t, feedtest.Body(list)), denied
	a, err := s.fetch(t.Context(), "", day(t, today), time.Millisecond)
	require.NoError(t, err, "there is no need of the copy")
	require.Equal(t, redact(s.url), a.address)
	require.Empty(t, a.remarks)

	s.url, s.copyURL = denied, serve(t, feedtest.Body(list))
	a, err = fetch(t, &s, "")
	require.NoError(t, err)
	require.Equal(t, redact(s.copyURL), a.address)
	require.Equal(t, day(t, today), a.read)
	require.Len(t, a.remarks, 1)
	require.Contains(t, a.remarks[0], "was read from its copy at "+redact(s.copyURL)+", because of an error: "+redact(denied)+": is a web page")

	s.url = serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	a, err = s.fetch(ctx, "", day(t, today), time.Millisecond)
	require.NoError(t, err, "silence leaves time for the copy")
	require.Equal(t, redact(s.copyURL), a.address)

	s.url = denied
	_, err = fetch(t, &s, denied+"&mirror")
	require.ErrorContains(t, err, "is a web page")
	s.copyURL = serve(t, feedtest.Answer(404, ""))
	_, err = fetch(t, &s, "")
	require.Len(t, strings.Split(err.Error(), "\n"), 2)
	require.ErrorContains(t, err, "\n"+redact(s.copyURL)+", page 1: HTTP status 404")
}

func TestRedactedSource(t *testing.T) {
	s := *releases
	s.url = serve(t, feedtest.Body("["+may2031+"]"))
	for _, address := range []string{"", s.url} {
		a, err := fetch(t, &s, address)
		require.NoError(t, err)
		require.Equal(t, day(t, today), a.read)
	}

	s = *exploited
	s.url, s.copyURL = closed(t), serve(t, feedtest.Body(string(feedtest.KEV("2031-06-28",
		feedtest.KEVEntry("CVE-2024-36077", "Qlik", "Sense", "2031-06-27", "Unknown")))))
	a, err := fetch(t, &s, s.copyURL)
	require.NoError(t, err)
	require.Equal(t, day(t, today), a.read, "its publisher keeps the copy")
}

// A redirect from https to http is refused.
func TestRedirectsStayEncrypted(t *testing.T) {
	request := func(address string) *http.Request {
		u, err := url.Parse(address)
		require.NoError(t, err)
		return &http.Request{URL: u}
	}
	via := []*http.Request{request("https://api.github.com/a"), request("https://example.com/a")}
	require.NoError(t, releases.checkRedirect(request("https://example.com/b"), via))
	require.EqualError(t, advisories.checkRedirect(request("http://u:p@example.com/b?token=x"), via),
		`refused a redirect: it leads from https to "http://example.com/b": name the new address with --advisories-url if it can be trusted`)
	require.Error(t, releases.checkRedirect(request("ftp://example.com/b"), via))
	require.NoError(t, releases.checkRedirect(request("http://example.com/b"), []*http.Request{request("http://example.com/a")}))

	require.NoError(t, releases.checkRedirect(request("https://example.com/b"), slices.Repeat(via[:1], maxRedirects)))
	require.Error(t, releases.checkRedirect(request("https://example.com/b"), slices.Repeat(via[:1], maxRedirects+1)))

	there := serve(t, feedtest.Body("["+may2031+"]"))
	a, err := fetch(t, releases, serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, there, http.StatusMovedPermanently) }))
	require.NoError(t, err)
	require.Len(t, a.pages, 1)
}

func TestAddresses(t *testing.T) {
	// The query searches the description: a query by product misses records that NVD has not analysed.
	require.Equal(t, "https://services.nvd.nist.gov/rest/json/cves/2.0?keywordSearch=qlik%20sense", advisories.url)
	require.Equal(t, "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json", exploited.url)
	require.Equal(t, "https://raw.githubusercontent.com/cisagov/kev-data/HEAD/known_exploited_vulnerabilities.json", exploited.copyURL)
	require.Equal(t, "https://api.github.com/repos/qlik-download/qlik-sense-server/releases?per_page=100", releases.url)
	for _, address := range []string{"example.com", "ftp://example.com/x", "https://", "://x", "https://example.com:port/"} {
		_, err := fetch(t, releases, address)
		require.EqualError(t, err, "the URL of the vendor's list of releases is not valid: write for example "+releases.url, address)
	}
	_, err := fetch(t, advisories, "https://user:hunter2secret@example.com/x")
	require.ErrorContains(t, err, "the URL of NVD's list of advisories contains a user name")
	require.NotContains(t, err.Error(), "hunter2secret")

	require.Equal(t, "https://api.github.com/repos/qlik-download/qlik-sense-server/releases", redact(releases.url))
	require.Equal(t, "https://example.com/x", redact("https://user:secret@example.com/x?token=secret#secret"))
	require.Equal(t, "the URL", redact("::"))

	_, err = fetch(t, releases, closed(t))
	require.ErrorContains(t, err, "refused")
	require.ErrorContains(t, err, `: check the network and the proxy, or carry the lists over from another machine with "catalog download"`)

	// All addresses are checked before any request and before any file is read.
	u := &Update{Sources: Sources{Mirrors: map[string]string{"exploited": "example.com"}}, File: "missing.toml", Today: catalog.DayOf(time.Now())}
	_, err = u.Run(t.Context())
	require.EqualError(t, err, "missing.toml was not created: the URL of CISA's list of exploited vulnerabilities is not valid: write for example "+exploited.url)
}
