package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
)

// may2031 is a list with one release, which the catalogue lacks.
const may2031 = `[{"name":"May 2031","tag_name":"v15.100.3","published_at":"2026-01-20T12:00:00Z"}]`

// builtInText returns the built-in catalogue as a file.
func builtInText(t *testing.T) string {
	t.Helper()
	text, err := catalog.BuiltIn().Encode("")
	require.NoError(t, err)
	return string(text)
}

func copyCatalog(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "catalog.toml")
	require.NoError(t, os.WriteFile(file, []byte(builtInText(t)), 0o600))
	return file
}

// requireUnchanged checks that a failed update changed nothing.
func requireUnchanged(t *testing.T, file string) {
	t.Helper()
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, builtInText(t), string(got))
	entries, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

// onlyReleases returns the options to read only the vendor's list of releases, from an address.
func onlyReleases(address string) []string {
	return []string{"--no-advisories", "--no-exploited", "--releases-url", address}
}

func TestCatalogUpdateFromMirror(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, may2031) }))
	t.Cleanup(server.Close)
	file := copyCatalog(t)
	p := start(t, append([]string{"catalog", "update", file}, onlyReleases(server.URL+"/list?token=secret")...)...)
	p.requireEnd(0)
	require.Empty(t, p.stderr.String())
	require.Contains(t, p.stdout.String(), "May 2031: new release, track 15.100, latest patch 0\n"+file+": 1 change, releases as of ")
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(content), "releases from "+server.URL+"/list\n")
}

// If a source fails, the others are still updated, the exit status is 1, and the last line names what was
// not updated.
func TestCatalogUpdateSourceFails(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/releases" {
			io.WriteString(w, may2031)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(server.Close)
	file := copyCatalog(t)
	p := start(t, "catalog", "update", "--no-exploited", "--releases-url", server.URL+"/releases", "--advisories-url", server.URL+"/x", file)
	p.requireEnd(1)
	require.Contains(t, p.stdout.String(), "May 2031: new release, track 15.100, latest patch 0\n"+file+": 1 change, releases as of ")
	require.Equal(t, "E! "+file+": advisories: "+server.URL+"/x, page 1: HTTP status 404 Not Found: "+
		"there is no list: check the URL; its publisher may have moved it\n"+
		"E! "+file+": not updated: advisories as of "+catalog.BuiltIn().AdvisoriesAsOf.String()+"\n", p.stderr.String())
	c, err := catalog.Load(file)
	require.NoError(t, err)
	require.Len(t, c.Releases, len(catalog.BuiltIn().Releases)+1)
}

// Download through the proxy in the environment, the only one to know the host, then update from the
// bundle.
func TestCatalogDownloadThroughProxy(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Host != "lists.invalid" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		io.WriteString(w, may2031)
	}))
	t.Cleanup(proxy.Close)
	bundle, file := filepath.Join(t.TempDir(), "lists.tar.gz"), copyCatalog(t)
	p := prepare(t, append([]string{"catalog", "download", bundle}, onlyReleases("http://lists.invalid/list")...)...)
	p.cmd.Env = append(p.cmd.Env, "HTTP_PROXY="+proxy.URL)
	p.start()
	p.requireEnd(0)
	require.Equal(t, bundle+": releases as of 2026-01-20 from http://lists.invalid/list\n", p.stdout.String())
	p = start(t, "catalog", "update", "--from", bundle, "--no-advisories", "--no-exploited", file)
	p.requireEnd(0)
	require.Contains(t, p.stdout.String(), "May 2031: new release, track 15.100, latest patch 0\n")
	require.Empty(t, p.stderr.String())
}

func TestCatalogUpdateInterrupted(t *testing.T) {
	requested := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		requested <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	for _, signal := range []os.Signal{os.Interrupt, os.Kill} {
		file := copyCatalog(t)
		p := start(t, append([]string{"catalog", "update", file}, onlyReleases(server.URL)...)...)
		<-requested
		require.NoError(t, p.cmd.Process.Signal(signal))
		if signal == os.Interrupt {
			p.requireEnd(1)
			require.Equal(t, "E! "+file+" stays as it was: interrupted\n", p.stderr.String())
		} else {
			<-p.ended
		}
		requireUnchanged(t, file)
	}
}

// An update that is killed leaves the old file or the new one.
func TestCatalogUpdateKilled(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, may2031) }))
	t.Cleanup(server.Close)
	file := copyCatalog(t)
	old, written := builtInText(t), 0
	// Kill a little later each time, until some updates complete.
	for delay := time.Duration(0); written < 3; delay += 5 * time.Millisecond {
		require.Less(t, delay, time.Minute)
		require.NoError(t, os.WriteFile(file, []byte(old), 0o600))
		p := start(t, append([]string{"catalog", "update", file}, onlyReleases(server.URL)...)...)
		time.Sleep(delay)
		p.cmd.Process.Kill()
		<-p.ended
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		if string(content) != old {
			written++
			c, err := catalog.Load(file)
			require.NoError(t, err)
			require.Len(t, c.Releases, len(catalog.BuiltIn().Releases)+1)
		}
	}
}

// A date in the future, from a wrong clock, would suppress all warnings.
func TestCatalogFromFuture(t *testing.T) {
	file := filepath.Join(t.TempDir(), "catalog.toml")
	text := strings.Replace(builtInText(t), "advisories_as_of = "+catalog.BuiltIn().AdvisoriesAsOf.String(), "advisories_as_of = 2062-11-21", 1)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	for _, args := range [][]string{{"check", file}, append([]string{"update", file}, onlyReleases("http://127.0.0.1:1")...)} {
		p := start(t, append([]string{"catalog"}, args...)...)
		p.requireEnd(1)
		require.Contains(t, p.stderr.String(), "advisories_as_of: 2062-11-21 is in the future: check it, or the clock of this machine")
	}
}
