package fleet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/poll"
)

// webServer serves a catalogue.
type webServer struct {
	*httptest.Server
	requests atomic.Int64
	handler  atomic.Pointer[http.HandlerFunc]
}

// serve starts a web server that requests client certificates, and fails the test if it gets
// one, or a header of the settings.
func serve(t *testing.T, handler http.HandlerFunc) *webServer {
	t.Helper()
	s := &webServer{}
	s.set(handler)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		if len(r.TLS.PeerCertificates) > 0 || r.Header.Get("Authorization")+r.Header.Get("Hdr-Usr") != "" {
			t.Errorf("sent to the web server: %v, %d certificates", r.Header, len(r.TLS.PeerCertificates))
		}
		(*s.handler.Load())(w, r)
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *webServer) set(handler http.HandlerFunc) { s.handler.Store(&handler) }

func (s *webServer) address() string { return s.URL + "/our%20catalog.toml" }

func (s *webServer) roots() *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return roots
}

// catalogText is a catalogue with this newest patch of May 2024.
func catalogText(t *testing.T, patch int, change func(*catalog.Catalog)) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "catalog.toml")
	writeCatalogue(t, file, 0, 0, func(c *catalog.Catalog) {
		for i := range c.Releases {
			if c.Releases[i].Label.String() == "May 2024" {
				c.Releases[i].LatestPatch = &patch
			}
		}
		if change != nil {
			change(c)
		}
	})
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}

// withETag answers with a text and its ETag, or with 304.
func withETag(text, etag string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", etag)
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(w, text)
	}
}

func respond(code int, text string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		fmt.Fprint(w, text)
	}
}

// site is a block with the catalogue of a web server.
type site struct {
	*testing.T
	*clock
	process *Process
	block   *Block
}

func newSite(t *testing.T, web *webServer) *site {
	t.Helper()
	_, hosts := start(t, runs("May 2024 Patch 1", "14.187.5"))
	s := &site{T: t, clock: &clock{today}}
	s.process = s.clock.process()
	s.process.roots = web.roots()
	settings := settingsFor(hosts...)
	settings.CatalogURL = web.address()
	settings.Poll.Headers = map[string]string{"hdr-usr": "monitoring"}
	s.block = newBlock(t, s.process, settings)
	require.Empty(t, notices(s.process), "nothing is known before the first round")
	require.Zero(t, web.requests.Load(), "the start needs no network")
	return s
}

// round runs a round, moves the clock on by an hour and returns what was logged.
func (s *site) round(behind int) (*Round, string) {
	s.Helper()
	round := s.block.Round(s.Context(), nil)
	require.Equal(s, behind, fieldOf(s.T, &round.Results[0], "patches_behind"))
	s.now = s.now.Add(askEvery)
	return round, strings.Join(notices(s.process), "\n")
}

// builtInBehind is patches_behind according to the built-in data.
func builtInBehind(t *testing.T) int {
	t.Helper()
	for _, r := range catalog.BuiltIn().Releases {
		if r.Label.String() == "May 2024" {
			return *r.LatestPatch - 1
		}
	}
	panic("no May 2024")
}

func TestCatalogueFromWebServer(t *testing.T) {
	web := serve(t, withETag(catalogText(t, 30, nil), `"1"`))
	s := newSite(t, web)

	round, lines := s.round(29)
	require.Equal(t, web.address(), round.Catalog)
	require.Empty(t, round.Problem)
	require.Equal(t, "I! Catalogue ("+web.address()+"): releases of 2026-11-24, advisories of 2026-11-24, known exploitation of 2026-11-24", lines)
	_, lines = s.round(29)
	require.Empty(t, lines, "304")
	require.EqualValues(t, 2, web.requests.Load())

	web.set(withETag(catalogText(t, 31, nil), `"2"`))
	_, lines = s.round(30)
	require.Contains(t, lines, "I! Catalogue ("+web.address())

	web.set(respond(http.StatusInternalServerError, "broken"))
	round, lines = s.round(30)
	require.Equal(t, "W! Catalogue ("+web.address()+"): cannot be read: HTTP status 500 Internal Server Error: check that server. "+
		"Meanwhile servers are judged by what was read before: advisories of 2026-11-24, 0 days old", lines)
	require.Equal(t, web.address(), round.Catalog)
	require.Equal(t, web.address()+": HTTP status 500 Internal Server Error: check that server", round.Problem)
	_, lines = s.round(30)
	require.Empty(t, lines, "logged once")

	web.set(withETag(catalogText(t, 31, nil), `"2"`))
	require.Eventually(t, func() bool {
		// No round waits for a server that failed.
		round, lines = s.round(30)
		return lines != ""
	}, 10*time.Second, 20*time.Millisecond)
	require.Empty(t, round.Problem)
	require.Equal(t, "I! Catalogue ("+web.address()+"): can be read again", lines)
}

func TestOldCatalogueFromWebServer(t *testing.T) {
	web := serve(t, respond(200, catalogText(t, 30, func(c *catalog.Catalog) { c.ReleasesAsOf = catalog.DayOf(today.AddDate(0, 0, -181)) })))
	_, lines := newSite(t, web).round(29)
	require.Contains(t, lines, "W! Catalogue ("+web.address()+"): its list of releases is 181 days old, so patches_behind may be too low: "+
		`bring it up to date with "telegraf-qlik-sense-version catalog update FILE", on the machine that puts the file at `+web.address())
}

// An unchanged catalogue is not new, even from a server without ETags.
func TestWebServerWithoutETags(t *testing.T) {
	web := serve(t, respond(200, catalogText(t, 30, nil)))
	s := newSite(t, web)
	round, lines := s.round(29)
	require.Contains(t, lines, "I! Catalogue ("+web.address())
	judge := round.Judge
	round, lines = s.round(29)
	require.Empty(t, lines)
	require.Same(t, judge, round.Judge)
	web.set(respond(200, catalogText(t, 31, nil)))
	_, lines = s.round(30)
	require.Contains(t, lines, "I! Catalogue ("+web.address())
	require.EqualValues(t, 3, web.requests.Load())
}

// Only the ETag of a valid catalogue is sent back, and only up to a certain length.
func TestETagCache(t *testing.T) {
	var asked []string
	answer := func(text, etag string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.Header.Get("If-None-Match"))
			w.Header().Set("ETag", etag)
			fmt.Fprint(w, text)
		}
	}
	good, newer := catalogText(t, 30, nil), catalogText(t, 31, nil)
	web := serve(t, answer("", ""))
	remote := catalog.NewRemote(web.address(), web.roots())
	long := `"` + strings.Repeat("x", 2<<10) + `"`
	for _, one := range []struct {
		text, etag string
		changed    bool
	}{{"<html>", `"0"`, false}, {good, `"1"`, true}, {"<html>", `"2"`, false}, {good, `"3"`, false}, {newer, long, true}, {newer, `"5"`, false}} {
		web.set(answer(one.text, one.etag))
		c, err := remote.Fetch(t.Context())
		require.Equal(t, one.text == "<html>", err != nil)
		require.Equal(t, one.changed, c != nil)
	}
	require.Equal(t, []string{"", "", `"1"`, `"1"`, `"3"`, ""}, asked)
}

// If a web server misbehaves, the built-in data are used, and one line says why.
func TestWebServerMisbehaves(t *testing.T) {
	whole := catalogText(t, 30, nil)
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		cause   string
	}{
		{"not found", respond(404, "none"), "HTTP status 404 Not Found: check the URL, and whether the file is there"},
		{"forbidden", respond(403, "no"), "HTTP status 403 Forbidden: the server must give the file without credentials: none are sent"},
		{"not modified, unasked", respond(304, ""), "HTTP status 304 Not Modified: check that server"},
		{"web page", respond(200, "\n<!DOCTYPE html><title>Log in</title>"), "is a web page, not a catalogue: check the URL and the proxy"},
		{"redirect to http", respond(302, "", "Location", "http://web.example.com/catalog.toml?key=hunter2secret"),
			`HTTP status 302 Found to "http://web.example.com/catalog.toml": redirects are not followed: write the final address in catalog_url`},
		{"cut off", respond(200, whole[:strings.LastIndex(whole, "[[advisory]]")]), "the file was cut off"},
		{"cut off without announcement", respond(200, strings.Replace(whole[:strings.LastIndex(whole, "[[advisory]]")], "ends_with = \"end\"\n", "", 1)),
			"ends_with: is missing, so nothing tells whether the file is complete"},
		{"shorter than its length", respond(200, whole[:1000], "Content-Length", "5000"), "the answer broke off: check the server and the proxy"},
		{"too large", respond(200, whole+strings.Repeat("#", catalog.MaxSize)), "is larger than 1048576 bytes: is it a catalogue?"},
		{"decides nothing", respond(200, "schema = 1\nends_with = \"end\"\n[end]\n"), "releases_as_of: is missing"},
		{"large header", respond(200, whole, "X-Large", strings.Repeat("x", 128<<10)), "header"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			web := serve(t, tt.handler)
			s := newSite(t, web)
			round, lines := s.round(builtInBehind(t))
			require.Equal(t, BuiltIn, round.Catalog)
			require.Contains(t, round.Problem, tt.cause)
			require.Contains(t, lines, "W! Catalogue ("+web.address()+"): cannot be read: "+strings.SplitN(tt.cause, "header", 2)[0])
			require.Contains(t, lines, ". Meanwhile servers are judged by what is built into this program: advisories of ")
			require.Equal(t, 1, strings.Count(lines, "cannot be read"))
			require.NotContains(t, lines, "hunter2secret")
		})
	}

	t.Run("certificate", func(t *testing.T) {
		web := serve(t, withETag(whole, ""))
		s := newSite(t, web)
		s.block.catalog.remote = catalog.NewRemote(web.address(), nil)
		_, lines := s.round(builtInBehind(t))
		require.Contains(t, lines, "chain to a root of the system: tls_ca does not apply here")
		require.Zero(t, web.requests.Load())
	})

	t.Run("old TLS", func(t *testing.T) {
		web := serve(t, withETag(whole, ""))
		web.TLS.MinVersion, web.TLS.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		_, lines := newSite(t, web).round(builtInBehind(t))
		require.Contains(t, lines, "protocol version")
		require.Zero(t, web.requests.Load())
	})
}

// A web server that hangs delays only one round, and only briefly.
func TestWebServerHangs(t *testing.T) {
	wakes := make(chan struct{})
	web := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-wakes:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(wakes) })
	s := newSite(t, web)
	s.block.catalog.wait = 20 * time.Millisecond
	round, lines := s.round(builtInBehind(t))
	require.Equal(t, web.address()+": there was no complete answer within 20ms", round.Problem)
	require.Contains(t, lines, "W! Catalogue ("+web.address()+"): there was no complete answer within 20ms: check that server and the network. Meanwhile ")
	for range 3 {
		_, lines = s.round(builtInBehind(t))
		require.Empty(t, lines, "logged once")
	}
	require.EqualValues(t, 1, web.requests.Load(), "one fetch at a time")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.block.AwaitCatalog(ctx)
}

// After a failure, a web server no longer delays rounds.
func TestNoWaitAfterFailure(t *testing.T) {
	web := serve(t, respond(http.StatusInternalServerError, ""))
	s := newSite(t, web)
	s.round(builtInBehind(t))
	wakes := make(chan struct{})
	t.Cleanup(func() { close(wakes) })
	web.set(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-wakes:
		case <-r.Context().Done():
		}
	})
	s.block.catalog.wait = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s.block.Round(ctx, nil)
	require.NoError(t, ctx.Err(), "the round has waited")
}

// All blocks of a process share the catalogue.
func TestBlocksShareCatalogue(t *testing.T) {
	web := serve(t, withETag(catalogText(t, 30, nil), `"1"`))
	process := onDay(today)
	process.roots = web.roots()
	_, hosts := start(t, runs("May 2024 Patch 1", "14.187.5"))
	blocks := make([]*Block, 30)
	for i := range blocks {
		settings := settingsFor(hosts...)
		settings.CatalogURL = web.address()
		settings.Tags = map[string]string{"environment": strconv.Itoa(i)}
		blocks[i] = newBlock(t, process, settings)
	}
	rounds := make([]*Round, len(blocks))
	for range 2 {
		var running sync.WaitGroup
		for i, b := range blocks {
			running.Go(func() {
				b.AwaitCatalog(t.Context())
				rounds[i] = b.Round(t.Context(), nil)
			})
		}
		running.Wait()
		for _, round := range rounds {
			require.Same(t, rounds[0].Judge, round.Judge)
			require.Equal(t, web.address(), round.Catalog)
		}
	}
	require.EqualValues(t, 1, web.requests.Load(), "within an hour")
	require.Len(t, notices(process), 1, "logged once for all blocks")
}

// Overlapping rounds use the same catalogue.
func TestOverlappingRounds(t *testing.T) {
	web := serve(t, withETag(catalogText(t, 30, nil), `"1"`))
	s := newSite(t, web)
	c := s.block.catalog
	c.begin()
	first := c.current(t.Context(), catalog.DayOf(today), 180)
	c.begin()
	c.end()
	s.now = s.now.Add(askEvery - 1)
	newer, err := catalog.Parse([]byte(catalogText(t, 31, nil)))
	require.NoError(t, err)
	c.pending = newLoadedCatalog(newer)
	require.Same(t, first.Judge, c.current(t.Context(), catalog.DayOf(today), 180).Judge)
	s.now = s.now.Add(1)
	require.NotSame(t, first.Judge, c.current(t.Context(), catalog.DayOf(today), 180).Judge, "not without end")
	c.end()
}

// The web server's administrator could make servers compliant: that is logged, once.
func TestWeakerEntries(t *testing.T) {
	weaker := func(c *catalog.Catalog) {
		for i := range c.Advisories {
			if c.Advisories[i].ID == "CVE-2024-55579" {
				c.Advisories[i].Dismissed = "not for us"
			}
		}
	}
	const sentence = `CVE-2024-55579 is dismissed: "not for us"`
	web := serve(t, withETag(catalogText(t, 30, weaker), `"1"`))
	s := newSite(t, web)
	round, lines := s.round(29)
	require.Equal(t, []string{sentence}, round.Weaker)
	require.Contains(t, lines, "W! Catalogue ("+web.address()+"): weaker than what is built into this program: "+sentence)
	web.set(withETag(catalogText(t, 31, weaker), `"2"`))
	round, lines = s.round(30)
	require.Equal(t, []string{sentence}, round.Weaker)
	require.NotContains(t, lines, sentence)
}

func TestMinimumReleaseWithCatalogueURL(t *testing.T) {
	web := serve(t, withETag(catalogText(t, 30, nil), ""))
	process := onDay(today)
	process.roots = web.roots()
	settings := settingsFor("127.0.0.1:1")
	settings.CatalogURL, settings.MinimumRelease = web.address(), "July 2024"
	b := newBlock(t, process, settings)
	require.Empty(t, notices(process))
	b.Round(t.Context(), nil)
	require.Contains(t, strings.Join(notices(process), "\n"), `has no release "July 2024"`)
	b.Round(t.Context(), nil)
	require.Empty(t, notices(process))
}

func TestCatalogURLIsChecked(t *testing.T) {
	settings := settingsFor("qlik1.example.com")
	settings.CatalogURL = "http://web.example.com/catalog.toml"
	_, err := New(settings, onDay(today))
	var setting *poll.SettingError
	require.ErrorAs(t, err, &setting)
	require.Equal(t, "catalog_url", setting.Key)
}
