package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
)

// may2031 is a list of one release, which no catalogue knows for years.
const may2031 = `[{"name":"May 2031","tag_name":"v15.100.3","published_at":"2026-01-20T12:00:00Z"}]`

// builtInText is a file with the built-in catalogue, which has nothing more for it.
func builtInText(t *testing.T) string {
	t.Helper()
	text, err := catalog.BuiltIn().Encode("a file of somebody's own")
	require.NoError(t, err)
	return string(text)
}

func copyCatalog(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "catalog.toml")
	require.NoError(t, os.WriteFile(file, []byte(builtInText(t)), 0o600))
	return file
}

// requireUntouched checks that a failed update has left nothing behind.
func requireUntouched(t *testing.T, file string) {
	t.Helper()
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, builtInText(t), string(got))
	entries, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

func TestCatalogUpdateFromAMirror(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, may2031) }))
	t.Cleanup(server.Close)
	file := copyCatalog(t)
	p := start(t, "catalog", "update", "--releases-url", server.URL+"/list?token=secret", file)
	p.requireEnd(0)
	require.Empty(t, p.stderr.String())
	require.Contains(t, p.stdout.String(), "May 2031: new release, track 15.100, latest patch 0\n"+file+": 1 change, releases as of ")
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(content), " from "+server.URL+"/list.\n")
}

func TestCatalogUpdateInterrupted(t *testing.T) {
	asked := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	file := copyCatalog(t)
	p := start(t, "catalog", "update", "--releases-url", server.URL, file)
	<-asked
	require.NoError(t, p.cmd.Process.Signal(os.Interrupt))
	p.requireEnd(1)
	require.Contains(t, p.stderr.String(), " stays as it was: ")
	require.Contains(t, p.stderr.String(), "interrupted\n")
	requireUntouched(t, file)
}

// A day in the future, as a wrong clock leaves it, would silence every warning for good.
func TestCatalogOfTheFuture(t *testing.T) {
	file := filepath.Join(t.TempDir(), "catalog.toml")
	text := strings.Replace(builtInText(t), "advisories_as_of = "+catalog.BuiltIn().AdvisoriesAsOf.String(), "advisories_as_of = 2062-11-21", 1)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	for _, args := range [][]string{{"check", file}, {"update", "--releases-url", "http://127.0.0.1:1", file}} {
		p := start(t, append([]string{"catalog"}, args...)...)
		p.requireEnd(1)
		require.Contains(t, p.stderr.String(), "advisories_as_of: 2062-11-21 is in the future: check it, or the clock of this machine")
	}
}
