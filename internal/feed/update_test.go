package feed

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
)

// The entries here are of a day that no data of the built-in catalogue reach.
const (
	may2031       = `{"name":"May 2031 Initial Release","tag_name":"v15.100.3","published_at":"2031-05-12T12:00:00Z"}`
	may2031Patch1 = `{"name":"May 2031 Patch 1","tag_name":"v15.100.4","published_at":"2031-06-20T12:00:00Z"}`
)

// pages serves a list like GitHub, one entry to a page, and returns its address.
func pages(t *testing.T, entries ...string) string {
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

// update returns an update of a file, as of a day on which the entries above are known.
func update(t *testing.T, file string) *Update {
	t.Helper()
	return &Update{File: file, Today: day(t, "2031-07-01")}
}

// builtInFile is the built-in catalogue in a file, to which an update adds nothing of it.
func builtInFile(t *testing.T) (file, text string) {
	t.Helper()
	content, err := catalog.BuiltIn().Encode("a file of somebody's own")
	require.NoError(t, err)
	file = filepath.Join(t.TempDir(), "catalog.toml")
	require.NoError(t, os.WriteFile(file, content, 0o600))
	return file, string(content)
}

// requireUntouched checks that a failed update has left nothing behind.
func requireUntouched(t *testing.T, file, text string) {
	t.Helper()
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, text, string(got))
	entries, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

func TestUpdateFromTheNetwork(t *testing.T) {
	file, _ := builtInFile(t)
	u := update(t, file)
	u.ReleasesURL = pages(t, may2031Patch1, may2031)
	result, err := u.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, "May 2031: new release, track 15.100, latest patch 1\n"+file+": 1 change, releases as of 2031-06-20\n", result.String())

	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(content), "# Written by \"telegraf-qlik-sense-version catalog update\" on 2031-07-01 from "+u.ReleasesURL+".\n")
	require.Contains(t, string(content), "\nschema = 1\nends_with = \"end\"\n")
	require.True(t, strings.HasSuffix(string(content), "\n[end]\n"))
	written, err := catalog.Load(file)
	require.NoError(t, err)
	require.Len(t, written.Releases, len(catalog.BuiltIn().Releases)+1)

	result, err = u.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, file+": nothing new, releases as of 2031-06-20, not written\n", result.String())
	require.False(t, result.Written)
}

// A list from GitHub is of today. Of a mirror or a saved reply nobody knows when it was
// made, but that it was not before its newest entry.
func TestDayOfTheList(t *testing.T) {
	list := &ReleaseList{Releases: []catalog.Listed{{Published: day(t, "2026-05-12")}, {Published: day(t, "2026-04-01")}}}
	today := day(t, "2026-11-21")
	require.Equal(t, today, (&Update{Today: today}).asOf(list))
	require.Equal(t, today, (&Update{Today: today, ReleasesURL: ReleasesURL}).asOf(list))
	require.Equal(t, day(t, "2026-05-12"), (&Update{Today: today, ReleasesURL: "https://mirror.example.com/list"}).asOf(list))
	require.Equal(t, day(t, "2026-05-12"), (&Update{Today: today, From: []string{"reply.json"}}).asOf(list))
}

func TestUpdateFails(t *testing.T) {
	limited := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-RateLimit-Remaining", "0")
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(limited.Close)
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(silent.Close)
	twice := strings.Replace(may2031Patch1, "15.100.4", "15.100.3", 1)
	tests := []struct{ name, address, expected string }{
		{"rate limit", limited.URL, "the limit of requests is used up for now"},
		{"no answer", silent.URL, "page 1: there was no complete answer in time"},
		{"second page broken", pages(t, may2031, `{"name"`), ", page 2: is no JSON"},
		{"nothing but contradictions", pages(t, may2031, twice), "nothing in the vendor's list can be taken: is it the right list?\n"},
		{"the contradiction", pages(t, may2031, twice), `stays as it was: May 2031 left out: the vendor's list says that "May 2031" is build 15.100.3 and that `},
		{"tomorrow's list", pages(t, strings.Replace(may2031, "2031-05-12", "2031-07-03", 1)), "has an entry of 2031-07-03, and today is 2031-07-01"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file, text := builtInFile(t)
			u := update(t, file)
			u.ReleasesURL = tt.address
			if tt.address == silent.URL {
				u.timeout = 50 * time.Millisecond
			}
			result, err := u.Run(t.Context())
			require.Nil(t, result)
			require.ErrorContains(t, err, tt.expected)
			for line := range strings.Lines(err.Error()) {
				require.True(t, strings.HasPrefix(line, file+" stays as it was: "), line)
			}
			requireUntouched(t, file, text)
		})
	}

	u := update(t, filepath.Join(t.TempDir(), "new.toml"))
	u.From = []string{"missing.json"}
	_, err := u.Run(t.Context())
	require.ErrorContains(t, err, u.File+" was not made: open missing.json: ")
	require.NoFileExists(t, u.File)
}

// A wrong entry keeps its own release from being updated, and no other.
func TestUpdateLeavesContradictionsOut(t *testing.T) {
	file, _ := builtInFile(t)
	u := update(t, file)
	u.ReleasesURL = pages(t,
		may2031, may2031Patch1,
		`{"name":"February 2024 Patch 98","tag_name":"v15.100.9","published_at":"2031-06-20T12:00:00Z"}`,
		`{"name":"May 2032","tag_name":"v15.99.3","published_at":"2031-06-20T12:00:00Z"}`,
		`{"name":"November 2032","tag_name":"v15.98.3","published_at":"2031-06-20T12:00:00Z"}`,
		`{"name":"November 2030","tag_name":"v15.20.3","published_at":"2031-06-20T12:00:00Z"}`,
	)
	before := catalog.BuiltIn()
	result, err := u.Run(t.Context())
	require.NoError(t, err)
	report := result.String()
	require.Contains(t, report,
		`February 2024 left out: the vendor's list says that "February 2024 Patch 98" is build 15.100.9, but its builds begin with 14.173: `)
	require.Equal(t, 4, strings.Count(report, " left out: "), report)
	require.Contains(t, report, "November 2030: new release, track 15.20, latest patch 0\n")
	require.Contains(t, report, file+": 1 change, releases as of 2031-06-20\n")

	written, err := catalog.Load(file)
	require.NoError(t, err)
	require.Equal(t, before.Releases, written.Releases[:len(before.Releases)], "what was left out keeps what the file had")
	require.Len(t, written.Releases, len(before.Releases)+1)
}

// A day in the future, as a wrong clock leaves it, would silence every warning for good.
func TestUpdateOfACatalogOfTheFuture(t *testing.T) {
	file, _ := builtInFile(t)
	u := update(t, file)
	u.Today = day(t, "2020-01-01")
	_, err := u.Run(t.Context())
	require.ErrorContains(t, err, "releases_as_of: "+catalog.BuiltIn().ReleasesAsOf.String()+" is in the future: check it, or the clock of this machine")
}

// A copy of one page that was a part of more is not taken for the whole list.
func TestUpdateFromAPartOfTheList(t *testing.T) {
	entries := make([]string, 0, perPage)
	for patch := perPage - 1; patch > 0; patch-- {
		entries = append(entries, fmt.Sprintf(`{"name":"May 2031 Patch %d","tag_name":"v15.100.%d","published_at":"2031-05-12T12:00:00Z"}`, patch, patch+3))
	}
	file, _ := builtInFile(t)
	u := update(t, file)
	u.ReleasesURL = pages(t, strings.Join(append(entries, may2031), ","))
	result, err := u.Run(t.Context())
	require.NoError(t, err)
	require.Contains(t, result.String(), "the list may go on: its last page is full and names no next one\n")
}

// A new file is made of what the program knows and of a list, here from standard input.
func TestUpdateMakesAFile(t *testing.T) {
	u := update(t, filepath.Join(t.TempDir(), "new.toml"))
	u.From, u.Stdin = []string{Stdin}, strings.NewReader("["+may2031+"]")
	result, err := u.Run(t.Context())
	require.NoError(t, err)
	require.True(t, result.New)
	require.Contains(t, result.String(), u.File+": made from the built-in catalogue, 1 change, ")
	content, err := os.ReadFile(u.File)
	require.NoError(t, err)
	require.Contains(t, string(content), " from standard input.\n")
	c, err := catalog.Load(u.File)
	require.NoError(t, err)
	require.Equal(t, catalog.BuiltIn().Advisories, c.Advisories)
}

// A file that is older than the program also gets what the program knows by now.
func TestUpdateOfAnOldFile(t *testing.T) {
	old := *catalog.BuiltIn()
	old.Advisories = nil
	for _, a := range catalog.BuiltIn().Advisories {
		switch a.ID {
		case "CVE-2024-36077":
			continue
		case "CVE-2023-41265":
			a.Summary = "older words"
		}
		if !a.Published.After(day(t, "2025-06-01")) {
			old.Advisories = append(old.Advisories, a)
		}
	}
	old.ReleasesAsOf, old.AdvisoriesAsOf = catalog.BuiltIn().AdvisoriesAsOf, day(t, "2025-06-01")
	file := filepath.Join(t.TempDir(), "catalog.toml")
	require.NoError(t, old.Save(file, ""))

	u := update(t, file)
	u.ReleasesURL = pages(t, may2031)
	result, err := u.Run(t.Context())
	require.NoError(t, err)
	require.Contains(t, result.Changes, "CVE-2024-36077: added from the built-in catalogue")
	require.Contains(t, result.Changes, "CVE-2023-41265: brought up to date from the built-in catalogue")
	require.Contains(t, result.Changes, fmt.Sprintf("advisories as of 2025-06-01 -> %s", catalog.BuiltIn().AdvisoriesAsOf))
	c, err := catalog.Load(file)
	require.NoError(t, err)
	require.Equal(t, catalog.BuiltIn().Advisories, c.Advisories)
}

// What the vendor's list has and the program does not take is named, up to a point.
func TestUpdateReportsOddEntries(t *testing.T) {
	entries := []string{may2031, `{"name":"x","tag_name":"y","prerelease":true}`}
	for i := range 12 {
		entries = append(entries, fmt.Sprintf(`{"name":"Desktop %d\n","tag_name":"v15.100.3","published_at":"2031-05-12T12:00:00Z"}`, i))
	}
	for year := 2040; year < 2052; year++ { // on one track
		entries = append(entries, fmt.Sprintf(`{"name":"May %d","tag_name":"v15.200.%d","published_at":"2031-05-12T12:00:00Z"}`, year, year))
	}
	file, _ := builtInFile(t)
	u := update(t, file)
	u.ReleasesURL = pages(t, entries...)
	result, err := u.Run(t.Context())
	require.NoError(t, err)
	report := result.String()
	require.Contains(t, report, `skipped "Desktop 9\n" (tag "v15.100.3"): the name is no release`+"\n")
	require.NotContains(t, report, `"Desktop 10`)
	require.Contains(t, report, "skipped 2 more like these\nskipped 1 of the list: drafts and prereleases\n")
	require.Equal(t, maxNamed, strings.Count(report, " left out: "))
	require.Contains(t, report, "\nleft out 2 more for such reasons\n")
}
