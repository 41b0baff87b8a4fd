package main

import (
	"fmt"
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
	"telegraf-qlik-sense-version/internal/feed"
)

func vendorEntry(name, tag, published string) string {
	return fmt.Sprintf(`{"name":%q,"tag_name":%q,"published_at":%q,"draft":false,"prerelease":false}`, name, tag, published+"T12:00:00Z")
}

// vendor answers like GitHub, one entry to a page.
func vendor(t *testing.T, entries ...string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := 0
		fmt.Sscanf(r.URL.Query().Get("page"), "%d", &n)
		if n < len(entries)-1 {
			w.Header().Set("Link", fmt.Sprintf(`<http://%s/releases?page=%d>; rel="next"`, r.Host, n+1))
		}
		io.WriteString(w, "["+entries[n]+"]")
	}))
	t.Cleanup(server.Close)
	return server.URL + "/releases"
}

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

func TestCatalogUpdateFromTheNetwork(t *testing.T) {
	file := copyCatalog(t)
	address := vendor(t,
		vendorEntry("May 2026 Patch 1", "v14.290.4", "2026-06-20"), vendorEntry("May 2026 Initial Release", "v14.290.3", "2026-05-12"))
	p := start(t, "catalog", "update", "--url", address, file)
	p.requireEnd(0)
	require.Empty(t, p.stderr.String())
	require.Contains(t, p.stdout.String(), "May 2026: track 14.290, 2 builds added\n")
	require.Contains(t, p.stdout.String(), file+": 1 change, releases as of 2026-06-20\n")

	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(content), fmt.Sprintf("# Written by \"telegraf-qlik-sense-version catalog update\" on %s from %s.\n",
		catalog.DayOf(time.Now()), address))

	again := start(t, "catalog", "update", file, "--url", address)
	again.requireEnd(0)
	require.Equal(t, file+": nothing new, releases as of 2026-06-20, not written\n", again.stdout.String())
}

// A list from GitHub is of today. Of a mirror or a saved reply nobody knows when it was
// made, but that it was not before its newest entry.
func TestDayOfTheList(t *testing.T) {
	day := func(text string) catalog.Day {
		d, err := time.Parse(time.DateOnly, text)
		require.NoError(t, err)
		return catalog.DayOf(d)
	}
	list := &feed.List{Releases: []catalog.Listed{{Published: day("2026-05-12")}, {Published: day("2026-04-01")}}}
	require.Equal(t, day("2026-11-21"), (&updating{today: day("2026-11-21"), url: feed.URL}).asOf(list))
	require.Equal(t, day("2026-05-12"), (&updating{today: day("2026-11-21"), url: "https://mirror.example.com/list"}).asOf(list))
	require.Equal(t, day("2026-05-12"), (&updating{today: day("2026-11-21"), from: files{"reply.json"}}).asOf(list))
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

func TestCatalogUpdateFails(t *testing.T) {
	limited := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-RateLimit-Remaining", "0")
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(limited.Close)
	may := vendorEntry("May 2026", "v14.290.3", "2026-05-12")
	tests := []struct{ name, address, expected string }{
		{"rate limit", limited.URL, "the limit of requests is used up for now"},
		{"second page broken", vendor(t, may, `{"name"`), ", page 2: is no JSON"},
		{"contradiction in the list", vendor(t, may, vendorEntry("May 2026 Patch 1", "v14.290.3", "2026-05-12")),
			`May 2026 left out: the vendor's list says that "May 2026" is build 14.290.3 and that "May 2026 Patch 1" is build 14.290.3: `},
		{"contradiction with the catalogue", vendor(t, vendorEntry("May 2026", "v14.173.30", "2026-05-12")),
			`May 2026 left out: the vendor's list does not fit the catalogue: release "May 2026": track 14.173 is that of "February 2024" already`},
		{"tomorrow's list", vendor(t, vendorEntry("May 2099", "v14.990.3", "2099-05-12")), "has an entry of 2099-05-12, and today is"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := copyCatalog(t)
			p := start(t, "catalog", "update", "--url", tt.address, file)
			p.requireEnd(1)
			require.Empty(t, p.stdout.String())
			for line := range strings.Lines(p.stderr.String()) {
				require.True(t, strings.HasPrefix(line, "E! "+file+" stays as it was: "), line)
			}
			require.Contains(t, p.stderr.String(), tt.expected)
			requireUntouched(t, file)
		})
	}
}

func TestCatalogUpdateInterrupted(t *testing.T) {
	asked := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	file := copyCatalog(t)
	p := start(t, "catalog", "update", "--url", server.URL, file)
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
	for _, args := range [][]string{{"check", file}, {"update", "--url", "http://127.0.0.1:1", file}} {
		p := start(t, append([]string{"catalog"}, args...)...)
		p.requireEnd(1)
		require.Contains(t, p.stderr.String(), "advisories_as_of: 2062-11-21 is in the future: check it, or the clock of this machine")
	}
}

// A copy of one page that was a part of more is not taken for the whole list.
func TestCatalogUpdateFromAPartOfTheList(t *testing.T) {
	var entries []string
	for patch := 99; patch > 0; patch-- {
		entries = append(entries, vendorEntry(fmt.Sprintf("May 2026 Patch %d", patch), fmt.Sprintf("v14.290.%d", patch+3), "2026-05-12"))
	}
	entries = append(entries, vendorEntry("May 2026", "v14.290.3", "2026-05-12"))
	file := copyCatalog(t)
	p := start(t, "catalog", "update", "--url", vendor(t, strings.Join(entries, ",")), file)
	p.requireEnd(0)
	require.Contains(t, p.stdout.String(), "the list may go on: its last page is full and names no next one\n")
}

// A saved list from standard input, as a pipe hands it over.
func TestCatalogUpdateFromStandardInput(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new.toml")
	p := start(t, "catalog", "update", file, "--from", "-")
	_, err := io.WriteString(p.stdin, "["+vendorEntry("May 2026 Patch 9", "v14.290.13", "2026-11-01")+"]")
	require.NoError(t, err)
	require.NoError(t, p.stdin.Close())
	p.requireEnd(0)
	require.Contains(t, p.stdout.String(), file+": made from the built-in catalogue, ")
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(content), " from standard input.\n")
	c, err := catalog.Load(file)
	require.NoError(t, err)
	require.Len(t, c.Advisories, len(catalog.BuiltIn().Advisories))
}

// A file that is older than the program also gets what the program knows by now.
func TestCatalogUpdateOfAnOldFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "catalog.toml")
	content, err := os.ReadFile(smallCatalog)
	require.NoError(t, err)
	old := strings.Replace(string(content), "advisories_as_of = 2026-11-21", "advisories_as_of = 2025-06-01", 1)
	require.NoError(t, os.WriteFile(file, []byte(old), 0o600))
	p := start(t, "catalog", "update", "--url", vendor(t, vendorEntry("November 2026", "v14.999.3", "2026-11-16")), file)
	p.requireEnd(0)
	require.Contains(t, p.stdout.String(), "CVE-2024-36077: added from the built-in catalogue\n")
	require.Contains(t, p.stdout.String(), "CVE-2023-41265: brought up to date from the built-in catalogue\n")
	require.Contains(t, p.stdout.String(), fmt.Sprintf("advisories as of 2025-06-01 -> %s\n", catalog.BuiltIn().AdvisoriesAsOf))
	require.Contains(t, p.stdout.String(),
		"November 2026: now verified, track 14.999, latest patch unknown -> 0, end of support 2028-11-16 (estimate), 1 build added\n")
	c, err := catalog.Load(file)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(c.Releases), len(catalog.BuiltIn().Releases))
}

// Nobody knows when a reply was saved: it is of the day of its newest entry at least.
func TestCatalogUpdateFromASavedReply(t *testing.T) {
	file := copyCatalog(t)
	reply := filepath.Join(t.TempDir(), "reply.json")
	text := "[" + vendorEntry("November 2025 Patch 3", "v14.254.9", "2026-01-05") + "," + vendorEntry("November 2025", "v14.254.6", "2025-11-05") + "]"
	require.NoError(t, os.WriteFile(reply, []byte(text), 0o600))
	p := start(t, "catalog", "update", "--from", reply, file)
	p.requireEnd(0)
	require.Equal(t, "November 2025: latest patch unknown -> 3, 1 build added\n"+file+": 1 change, releases as of 2026-01-05\n", p.stdout.String())
}

// What the vendor's list has and the program does not take is said, up to a point.
func TestCatalogUpdateReportsOddEntries(t *testing.T) {
	entries := make([]string, 0, 14)
	entries = append(entries, vendorEntry("May 2026", "v14.290.3", "2026-05-12"), `{"name":"x","tag_name":"y","prerelease":true}`)
	for i := range 12 {
		entries = append(entries, vendorEntry(fmt.Sprintf("Desktop %d\n", i), "v14.290.3", "2026-05-12"))
	}
	file := copyCatalog(t)
	p := start(t, "catalog", "update", "--url", vendor(t, entries...), file)
	p.requireEnd(0)
	require.Contains(t, p.stdout.String(), `skipped "Desktop 9\n" (tag "v14.290.3"): the name is no release`+"\n")
	require.NotContains(t, p.stdout.String(), `"Desktop 10`)
	require.Contains(t, p.stdout.String(), "skipped 2 more like these\nskipped 1 of the list: drafts and prereleases\n")
}
