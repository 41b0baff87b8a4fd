package feed

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// serve gives the address of a list that a handler answers for.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL + "/releases?per_page=100"
}

func page(r *http.Request) int {
	n, err := strconv.Atoi(r.URL.Query().Get("page"))
	if err != nil {
		return 1
	}
	return n
}

func TestFetch(t *testing.T) {
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
					io.WriteString(w, "["+may4+"]")
					return
				}
				io.WriteString(w, "["+draft+","+may0+"]")
			})
			l, err := FetchReleases(t.Context(), address)
			require.NoError(t, err)
			require.Equal(t, both(t), l.Releases)
			require.Len(t, l.Skipped, 1)
		})
	}
}

func TestFetchRefuses(t *testing.T) {
	reset := time.Now().Add(30 * time.Minute)
	until := " until " + reset.Local().Format("2006-01-02 15:04 MST") + ": wait,"
	answer := func(code int, text string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
			io.WriteString(w, text)
		}
	}
	tests := []struct {
		name     string
		handler  http.HandlerFunc
		expected string
	}{
		{"rate limit", answer(403, `{"message":"API rate limit exceeded for 1.2.3.4"}`,
			"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", strconv.FormatInt(reset.Unix(), 10)), "page 1: the limit of requests is used up" + until},
		{"rate limit by the new status", answer(429, "", "X-RateLimit-Remaining", "0"), "the limit of requests is used up for now: wait,"},
		{"rate limit that never ends", answer(403, "", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "99999999999999"), "used up for now"},
		{"secondary limit", answer(403, "", "Retry-After", reset.UTC().Format(http.TimeFormat)), until},
		{"secondary limit in seconds", answer(429, "", "Retry-After", "60"), "the limit of requests is used up until 20"},
		{"forbidden", answer(403, `{"message":"Resource\u001b not accessible"}`), `HTTP status 403 Forbidden, with the message "Resource\x1b not accessible"`},
		{"not found", answer(404, `{"message":"Not Found"}`), "HTTP status 404 Not Found: there is no list: check the URL"},
		{"server fault", answer(503, "<html>"), "HTTP status 503 Service Unavailable: the fault is there: try again later"},
		{"odd status", answer(299, "[]"), "HTTP status 299: check the URL"},
		{"teapot", answer(418, "[]"), "HTTP status 418 I'm a teapot: check the URL"},
		{"not modified", answer(304, ""), "HTTP status 304 Not Modified without a usable new address"},
		{"redirect to nowhere", answer(302, ""), "302"},
		{"web page", answer(200, "<html><title>Sign in</title>"), "page 1: is a web page, not a list in JSON"},
		{"message with status 200", answer(200, `{"message":"Moved"}`), `is no list but a message: "Moved"`},
		{"nothing", answer(200, ""), "page 1: is empty"},
		{"empty list", answer(200, "[]"), "/releases: the list is empty: is it the right one?"},
		{"changed format", answer(200, `[{"version":"1"}]`), "there is nothing usable in the list, 1 skipped"},
		{"half a list", answer(200, "["+may4+","), "page 1: ends in the middle of the list: try again"},
		{"too large", answer(200, strings.Repeat(" ", 10<<20)+"[]"), "page 1: is larger than 10 MiB: is it the vendor's list?"},
		{"next page on another host", answer(200, "["+may4+"]", "Link", `<http://example.com/x?token=1>; rel="next"`),
			`the next page is elsewhere, at "http://example.com/x": a mirror has to name its own pages`},
		{"next page by another scheme", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "<https://"+r.Host+`/>; rel="next"`)
			io.WriteString(w, "["+may4+"]")
		}, "the next page is elsewhere"},
		{"next page that is no address", answer(200, "["+may4+"]", "Link", `<:%zz>; rel="next"`), `the address of the next page is none: ":%zz"`},
		{"second page missing", func(w http.ResponseWriter, r *http.Request) {
			if page(r) == 2 {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			w.Header().Set("Link", `<?page=2>; rel="next"`)
			io.WriteString(w, "["+may4+"]")
		}, "page 2: HTTP status 502 Bad Gateway"},
		{"connection cut", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100000")
			io.WriteString(w, "["+may4)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, "page 1: the connection broke in the middle of the answer: try again"},
		{"connection cut at once", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF: check the network and the proxy"},
		{"endless redirects", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path+"x", http.StatusFound) },
			"refused a redirect: there are more than 5 in a row"},
		{"endless headers", answer(200, "[]", "X-Padding", strings.Repeat("x", 300<<10)), "page 1: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			address := serve(t, tt.handler)
			l, err := FetchReleases(t.Context(), address)
			require.Nil(t, l)
			require.ErrorContains(t, err, tt.expected)
			require.True(t, strings.HasPrefix(err.Error(), Place(address)), err)
			require.Less(t, len(err.Error()), 600)
			require.NotContains(t, err.Error(), "\x1b")
			require.NotContains(t, err.Error(), "per_page")
		})
	}
}

func TestFetchEndlessPages(t *testing.T) {
	asked := 0
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("Link", fmt.Sprintf(`<?page=%d>; rel="next"`, page(r)+1))
		io.WriteString(w, "["+may4+"]")
	})
	_, err := FetchReleases(t.Context(), address)
	require.ErrorContains(t, err, "there are more than 50 pages: is it the vendor's list?")
	require.Equal(t, 50, asked)
}

func TestFetchEndlessEntries(t *testing.T) {
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", fmt.Sprintf(`<?page=%d>; rel="next"`, page(r)+1))
		io.WriteString(w, "["+strings.Repeat("{},", 5999)+"{}]")
	})
	_, err := FetchReleases(t.Context(), address)
	require.ErrorContains(t, err, "page 2: has more than 10000 entries")
}

func TestFetchFollowsARedirectToAnotherHost(t *testing.T) {
	there := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if page(r) == 1 {
			w.Header().Set("Link", `</releases?page=2>; rel="next"`)
			io.WriteString(w, "["+may4+"]")
			return
		}
		io.WriteString(w, "["+may0+"]")
	})
	here := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, there, http.StatusMovedPermanently) })
	l, err := FetchReleases(t.Context(), here)
	require.NoError(t, err)
	require.Equal(t, both(t), l.Releases)
}

// An answer by https does not lead to one that anybody on the way may have written.
func TestRedirectsStayEncrypted(t *testing.T) {
	request := func(address string) *http.Request {
		u, err := url.Parse(address)
		require.NoError(t, err)
		return &http.Request{URL: u}
	}
	via := []*http.Request{request("https://api.github.com/a"), request("https://example.com/a")}
	require.NoError(t, releases.checkRedirect(request("https://example.com/b"), via))
	require.EqualError(t, releases.checkRedirect(request("http://u:p@example.com/b?token=x"), via),
		`refused a redirect: it leads from https to "http://example.com/b": ask for the new address with --releases-url if it can be trusted`)
	require.Error(t, releases.checkRedirect(request("ftp://example.com/b"), via))
	require.NoError(t, releases.checkRedirect(request("http://example.com/b"), []*http.Request{request("http://example.com/a")}))
}

func TestFetchDeadline(t *testing.T) {
	for name, begin := range map[string]string{"no answer": "", "half an answer": "[" + may4 + ","} {
		t.Run(name, func(t *testing.T) {
			address := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if begin != "" {
					io.WriteString(w, begin)
					w.(http.Flusher).Flush()
				}
				<-r.Context().Done()
			})
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			start := time.Now()
			_, err := FetchReleases(ctx, address)
			require.ErrorContains(t, err, "page 1: there was no complete answer in time")
			require.Less(t, time.Since(start), 10*time.Second)

			ctx, cancel = context.WithCancel(t.Context())
			time.AfterFunc(50*time.Millisecond, cancel)
			_, err = FetchReleases(ctx, address)
			require.ErrorContains(t, err, "page 1: interrupted")
		})
	}
}

func TestFetchAddress(t *testing.T) {
	for _, address := range []string{"", "example.com", "ftp://example.com/x", "https://", "://x", "https://example.com:port/"} {
		_, err := FetchReleases(t.Context(), address)
		require.EqualError(t, err, "the URL of the vendor's list is none: write for example "+ReleasesURL, address)
	}
	_, err := FetchReleases(t.Context(), "https://user:hunter2secret@example.com/x")
	require.ErrorContains(t, err, "has a user name in it")
	require.NotContains(t, err.Error(), "hunter2secret")

	require.Equal(t, "https://api.github.com/repos/qlik-download/qlik-sense-server/releases", Place(ReleasesURL))
	require.Equal(t, "https://example.com/x", Place("https://user:secret@example.com/x?token=secret#secret"))
	require.Equal(t, "the URL", Place("::"))

	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err = FetchReleases(t.Context(), server.URL)
	require.ErrorContains(t, err, "connection refused: check the network and the proxy, or read the list elsewhere and hand it over with --from FILE")
}
