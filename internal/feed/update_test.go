package feed

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/feed/feedtest"
)

func TestUpdate(t *testing.T) {
	f := startFeeds(t)
	file, _ := builtInFile(t)
	u := f.update(t, file)
	result, err := u.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, `May 2031: new release, track 15.100, latest patch 1
CVE-2031-0001: new, fixed in May 2031 Patch 1, November 2025 Patch 7
CVE-2024-36077: exploited since 2031-06-27
CVE-2023-41266: not in CISA's list; it still counts as exploited
CVE-2023-48365: not in CISA's list; it still counts as exploited
`+file+": 3 changes, releases as of 2031-06-20, advisories as of 2031-06-29, exploited as of 2031-06-28\n", result.String())

	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(content), fmt.Sprintf("on 2031-07-01:\n#   releases from %[1]s/releases\n"+
		"#   advisories from %[1]s/advisories\n#   exploited from %[1]s/exploited\n", f.URL))
	require.Contains(t, string(content), "\n# "+catalog.NVDNotice+"\n")
	require.Contains(t, string(content), "\nschema = 1\nends_with = \"end\"\n")
	require.True(t, strings.HasSuffix(string(content), "\n[end]\n"))
	written, err := catalog.Load(file)
	require.NoError(t, err)
	require.Len(t, written.Releases, len(catalog.BuiltIn().Releases)+1)
	a := advisoryOf(written, "CVE-2031-0001")
	require.True(t, a.Decides() && a.ByMachine())
	require.Equal(t, `Read by machine from the sentence: "This is fixed in May 2031 Patch 1, and November 2025 Patch 7."`, a.Note)

	result, err = u.Run(t.Context())
	require.NoError(t, err)
	require.Contains(t, result.String(), file+": nothing new, releases as of 2031-06-20, ")
	require.True(t, strings.HasSuffix(result.String(), ", not written\n"))
	require.False(t, result.Written)
}

// An update reports the comments that it does not keep.
func TestUpdateReportsLostComments(t *testing.T) {
	u := startFeeds(t).update(t, "")
	var text string
	u.File, text = builtInFile(t)
	require.Contains(t, text, "\n[[advisory]]\n")
	text = "# Mine.\r\n#\n" + strings.Replace(text, "\n[[advisory]]\n", "\n[[advisory]] # don't \"touch\"\n", 1)
	text = strings.Replace(text, "\nsources = [", "\nsources = [\"# none\", # 'one'\n", 1)
	require.NoError(t, os.WriteFile(u.File, []byte(text), 0o600))
	result, err := u.Run(t.Context())
	require.NoError(t, err)
	const why = ": write it into the key note of an entry, or into notes\n"
	require.Contains(t, result.String(), `not kept: the comment "Mine."`+why+
		`not kept: the comment "'one'"`+why+`not kept: the comment "don't \"touch\""`+why+u.File+": ")

	result, err = u.Run(t.Context())
	require.NoError(t, err)
	require.NotContains(t, result.String(), "not kept: ", "not written")
	content, err := os.ReadFile(u.File)
	require.NoError(t, err)
	edited := strings.ReplaceAll(string(content), "\n[[release]]\n", "\n[[release]] # mine\n")
	require.NoError(t, os.WriteFile(u.File, []byte(strings.Replace(edited, "advisories_as_of = 2031-06-29", "advisories_as_of = 2031-06-28", 1)), 0o600))
	result, err = u.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, maxNamed, strings.Count(result.String(), `not kept: the comment "mine"`))
	require.Contains(t, result.String(), fmt.Sprintf("\nnot kept: %d more comments\n", strings.Count(edited, "# mine")-maxNamed))

	require.NoError(t, os.WriteFile(u.File, []byte(strings.Repeat("# mine\n", maxNamed)), 0o600))
	require.Len(t, u.lostComments(), maxNamed, "each is named")

	require.NoError(t, os.WriteFile(u.File, []byte("\ufeff"+string(content)), 0o600))
	require.Empty(t, u.lostComments(), "a byte order mark")
}

// A file that cannot be written is reported before any request.
func TestUnwritableFiles(t *testing.T) {
	f := startFeeds(t)
	for _, part := range Parts {
		f.Set(part, func(http.ResponseWriter, *http.Request) { t.Error("asked") })
	}
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing", "x")
	for file, expected := range map[string]string{
		missing: "a new file cannot be created in " + filepath.Dir(missing) + ": ",
		dir:     "is not a regular file: name one ",
	} {
		_, err := f.update(t, file).Run(t.Context())
		require.ErrorContains(t, err, expected)
		_, err = (&Download{Sources: f.sources(), Bundle: file, Today: day(t, today)}).Run(t.Context())
		require.ErrorContains(t, err, expected)
		require.ErrorContains(t, err, file+" was not written: ")
	}
}

// A new file has the data of the built-in catalogue and the lists.
func TestUpdateCreatesFile(t *testing.T) {
	u := startFeeds(t).update(t, filepath.Join(t.TempDir(), "new.toml"))
	result, err := u.Run(t.Context())
	require.NoError(t, err)
	require.True(t, result.New)
	require.Contains(t, result.String(), u.File+": created from the built-in catalogue, 3 changes, ")
	c, err := catalog.Load(u.File)
	require.NoError(t, err)
	require.Equal(t, catalog.BuiltIn().Advisories[0], c.Advisories[0])
}

func TestExcludedSources(t *testing.T) {
	f := startFeeds(t)
	file, text := builtInFile(t)
	u := f.update(t, file)
	u.LeftOut = map[string]bool{"releases": true, "exploited": true}
	result, err := u.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"CVE-2031-0001: new, fixed in May 2031 Patch 1, November 2025 Patch 7",
		"May 2031: added as announced, because CVE-2031-0001 names it"}, result.Changes)
	require.Equal(t, catalog.BuiltIn().ReleasesAsOf, result.Catalog.ReleasesAsOf)
	require.Equal(t, catalog.BuiltIn().ExploitedAsOf, result.Catalog.ExploitedAsOf)

	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	u.LeftOut["advisories"] = true
	_, err = u.Run(t.Context())
	require.EqualError(t, err, file+" stays as it was: all sources are left out: there is nothing to do")
	requireUnchanged(t, file, text)
}

// closed returns the URL of a port on which nothing listens.
func closed(t *testing.T) string {
	t.Helper()
	f := startFeeds(t)
	f.Close()
	return f.URL
}

// misbehaviours are answers other than a list.
func misbehaviours(t *testing.T) map[string]http.HandlerFunc {
	t.Helper()
	redirect := func(to string) http.HandlerFunc { return feedtest.Answer(http.StatusFound, "", "Location", to) }
	begin := func(w http.ResponseWriter, content string) {
		fmt.Fprint(w, content)
		w.(http.Flusher).Flush()
	}
	return map[string]http.HandlerFunc{
		"no answer":      func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"half an answer": func(w http.ResponseWriter, r *http.Request) { begin(w, `[{"`); <-r.Context().Done() },
		"headers alone":  func(w http.ResponseWriter, r *http.Request) { begin(w, ""); <-r.Context().Done() },
		"cut at once":    func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"cut in the middle": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100000")
			begin(w, "[{")
			panic(http.ErrAbortHandler)
		},
		"cut in chunks": func(w http.ResponseWriter, _ *http.Request) { begin(w, "[{"); panic(http.ErrAbortHandler) },
		"endless redirects": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path+"?x="+r.URL.Query().Get("x")+"x", http.StatusFound)
		},
		"redirect to nowhere":           redirect(""),
		"redirect to a closed port":     redirect(closed(t)),
		"redirect to a file":            redirect("file:///etc/passwd"),
		"redirect to a page":            redirect("/nothing"),
		"unauthorized":                  feedtest.Answer(401, ""),
		"access denied, with a page":    feedtest.Answer(403, "<HTML><HEAD>\n<TITLE>Access Denied</TITLE>"),
		"forbidden by the proxy":        feedtest.Answer(407, "<html>"),
		"not found":                     feedtest.Answer(404, `{"message":"Not Found"}`),
		"too many requests":             feedtest.Answer(429, ""),
		"too many requests, until then": feedtest.Answer(429, "", "Retry-After", "3600"),
		"rate limit of GitHub": feedtest.Answer(403, `{"message":"API rate limit exceeded"}`,
			"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "99999999999999"),
		"unavailable for an hour": feedtest.Answer(503, "", "Retry-After", "3600"),
		"server fault":            feedtest.Answer(500, "<html>"),
		"bad gateway":             feedtest.Answer(502, ""),
		"not modified":            feedtest.Answer(304, ""),
		"no content":              feedtest.Answer(204, ""),
		"odd status":              feedtest.Answer(299, "[]"),
		"web page":                feedtest.Body("<!DOCTYPE html><title>Sign in</title>"),
		"page behind spaces":      feedtest.Body("\ufeff \n<html>"),
		"nothing":                 feedtest.Body(""),
		"spaces":                  feedtest.Body(" \n "),
		"null":                    feedtest.Body("null"),
		"a word":                  feedtest.Body("maintenance"),
		"a number":                feedtest.Body("5"),
		"a message":               feedtest.Body(`{"message":"Moved"}`),
		"an empty object":         feedtest.Body("{}"),
		"an empty list":           feedtest.Body("[]"),
		"UTF-16":                  feedtest.Body("\xff\xfe[\x00"),
		"binary":                  feedtest.Body("\x00\x01\x02\x1f\x8b"),
		"half a list":             feedtest.Body(`[{"name":"May 2031","tag_na`),
		"half an object":          feedtest.Body(`{"format":"NVD_CVE","vulnerabilities":[{"cve"`),
		"nested without end":      feedtest.Body(strings.Repeat("[", 20_000)),
		"objects without end":     feedtest.Body(strings.Repeat(`{"a":`, 20_000)),
		"larger than allowed":     feedtest.Body(strings.Repeat(" ", 21<<20)),
		"a list of another kind":  feedtest.Body(`[{"version":"1"}]`),
		"endless headers":         feedtest.Answer(200, "[]", "X-Padding", strings.Repeat("x", 300<<10)),
		"compressed, and not":     feedtest.Answer(200, "[]", "Content-Encoding", "gzip"),
	}
}

// If one source fails, its part and day stay as they were; the others are updated.
func TestSourcesFailOneByOne(t *testing.T) {
	t.Parallel()
	ways := misbehaviours(t)
	require.GreaterOrEqual(t, len(ways), 33)
	before := catalog.BuiltIn()
	for i, name := range slices.Sorted(maps.Keys(ways)) {
		part, handler := Parts[i%len(Parts)], ways[name] // in turn, because all sources share the client
		t.Run(name+", "+part, func(t *testing.T) {
			t.Parallel()
			f := startFeeds(t)
			f.Set(part, handler)
			file, _ := builtInFile(t)
			u := f.update(t, file)
			if strings.Contains(name, "answer") || name == "headers alone" {
				u.timeout = 3 * time.Second
			}
			result, err := u.Run(t.Context())
			require.Error(t, err)
			require.NotNil(t, result)
			require.NotContains(t, err.Error(), "\x1b")
			messages := strings.Split(err.Error(), "\n")
			for _, line := range messages {
				require.True(t, strings.HasPrefix(line, file+": "), line)
				require.Less(t, len(line), 800)
			}
			require.True(t, strings.HasPrefix(messages[0], file+": "+part+": "+f.URL+"/"+part), messages[0])

			c, err := catalog.Load(file)
			require.NoError(t, err)
			days := map[string][2]catalog.Day{
				"releases":   {before.ReleasesAsOf, c.ReleasesAsOf},
				"advisories": {before.AdvisoriesAsOf, c.AdvisoriesAsOf},
				"exploited":  {before.ExploitedAsOf, c.ExploitedAsOf},
			}
			require.Equal(t, file+": not updated: "+part+" as of "+days[part][0].String(), messages[len(messages)-1])
			for other, d := range days {
				require.Equal(t, other == part, d[0] == d[1], other)
			}
			require.Equal(t, part == "advisories", advisoryOf(c, "CVE-2031-0001") == nil)
			require.Equal(t, part == "exploited", !advisoryOf(c, "CVE-2024-36077").Exploited())
		})
	}
}

func TestAllSourcesFail(t *testing.T) {
	f := startFeeds(t)
	for _, part := range Parts {
		f.Set(part, feedtest.Answer(404, ""))
	}
	file, text := builtInFile(t)
	result, err := f.update(t, file).Run(t.Context())
	require.Nil(t, result)
	messages := strings.Split(err.Error(), "\n")
	require.Len(t, messages, 4)
	for i, part := range Parts {
		require.True(t, strings.HasPrefix(messages[i], file+" stays as it was: "+part+": "+f.URL+"/"+part+", page 1: HTTP status 404 Not Found"), messages[i])
	}
	require.Equal(t, fmt.Sprintf("%s: not updated: releases as of %s, advisories as of %s, exploited as of %s",
		file, catalog.BuiltIn().ReleasesAsOf, catalog.BuiltIn().AdvisoriesAsOf, catalog.BuiltIn().ExploitedAsOf), messages[3])
	requireUnchanged(t, file, text)

	u := f.update(t, filepath.Join(t.TempDir(), "new.toml"))
	_, err = u.Run(t.Context())
	require.ErrorContains(t, err, u.File+" was not created: releases: ")
	require.NoFileExists(t, u.File)
}

func TestUpdateInterrupted(t *testing.T) {
	f := startFeeds(t)
	asked := make(chan struct{})
	f.Set("advisories", func(_ http.ResponseWriter, r *http.Request) { close(asked); <-r.Context().Done() })
	file, text := builtInFile(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	result, err := f.update(t, file).Run(ctx)
	require.Nil(t, result)
	require.EqualError(t, err, file+" stays as it was: interrupted")
	requireUnchanged(t, file, text)
}

// Data dated in the future would suppress every warning of old data.
func TestListsFromFuture(t *testing.T) {
	for part, content := range map[string]string{
		"releases":   "[" + strings.Replace(may2031, "2031-05-12", "2031-07-03", 1) + "]",
		"advisories": string(feedtest.NVDReply("2031-07-03", feedtest.Record("CVE-2031-0001", "2031-06-01", clean))),
		"exploited":  string(feedtest.KEV("2031-07-03", feedtest.KEVEntry("CVE-2023-41265", "Qlik", "Sense", "2023-12-07", "Known"))),
	} {
		f := startFeeds(t)
		f.Set(part, feedtest.Body(content))
		file, _ := builtInFile(t)
		_, err := f.update(t, file).Run(t.Context())
		require.ErrorContains(t, err, part+": "+f.URL+"/"+part+" is dated 2031-07-03, but today is 2031-07-01: check the clock of this machine")
	}
	// Some time zones are a day ahead, but no release can have been published tomorrow.
	tomorrow := day(t, "2031-07-02")
	for s, l := range map[*source]list{
		releases:   &releaseList{releases: []catalog.Listed{{Published: tomorrow}}},
		advisories: &advisoryList{asOf: tomorrow},
		exploited:  &exploitedList{asOf: tomorrow},
	} {
		o := outcome{source: s, answer: &answer{list: l, read: day(t, today)}}
		o.check(day(t, today))
		require.Equal(t, s == releases, o.err != nil, s.part)
	}
	file, text := builtInFile(t)
	u := startFeeds(t).update(t, file)
	u.Today = day(t, "2020-01-01")
	_, err := u.Run(t.Context())
	require.ErrorContains(t, err, "releases_as_of: "+catalog.BuiltIn().ReleasesAsOf.String()+" is in the future: check it, or the clock of this machine")
	requireUnchanged(t, file, text)
}

// The date of the vendor's list is the day of the download or, for a mirror, that of the newest
// entry. The lists of NVD and CISA contain their date.
func TestResponseDay(t *testing.T) {
	list := &releaseList{releases: []catalog.Listed{{Published: day(t, "2026-05-12")}, {Published: day(t, "2026-04-01")}}}
	read := day(t, "2026-11-21")
	require.Equal(t, read, (&answer{list: list, read: read}).asOf(releases))
	require.Equal(t, day(t, "2026-05-12"), (&answer{list: list}).asOf(releases))
	of := &advisoryList{asOf: day(t, "2026-11-20")}
	require.Equal(t, day(t, "2026-11-20"), (&answer{list: of, read: read}).asOf(advisories))
}

// Ten concurrent updates, each with its own advisory and with one source excluded, leave a complete file
// with the data of all of them, and no other files.
func TestConcurrentUpdates(t *testing.T) {
	const updates = 10
	id := func(i int) string { return fmt.Sprintf("CVE-2031-%04d", i) }
	file, _ := builtInFile(t)
	var arrived, group sync.WaitGroup
	arrived.Add(updates)
	for i := range updates {
		f := startFeeds(t)
		f.Set("exploited", feedtest.Answer(404, ""))
		reply := feedtest.Body(string(feedtest.NVDReply("2031-06-29", feedtest.Record(id(i), "2031-06-01", clean))))
		f.Set("advisories", func(w http.ResponseWriter, r *http.Request) {
			arrived.Done()
			arrived.Wait()
			reply(w, r)
		})
		group.Go(func() {
			_, err := f.update(t, file).Run(t.Context())
			if err == nil || !strings.Contains(err.Error(), "exploited as of") {
				t.Error(err)
			}
		})
	}
	group.Wait()
	c, err := catalog.Load(file)
	require.NoError(t, err)
	for i := range updates {
		require.NotNil(t, advisoryOf(c, id(i)), "%s is lost", id(i))
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

// onOneTrack returns entries of n releases, which contradict each other.
func onOneTrack(n int) (entries []string) {
	for i := range n {
		entries = append(entries, fmt.Sprintf(`{"name":"May %d","tag_name":"v15.200.%d","published_at":"2031-05-12T12:00:00Z"}`, 2040+i, i))
	}
	return entries
}

// A wrong entry prevents the update of its own release only.
func TestUpdateSkipsContradictions(t *testing.T) {
	f := startFeeds(t)
	file, _ := builtInFile(t)
	entries := append(onOneTrack(12),
		may2031, may2031Patch1, `{"name":"x","tag_name":"y","prerelease":true}`,
		`{"name":"February 2024 Patch 98","tag_name":"v15.100.9","published_at":"2031-06-20T12:00:00Z"}`,
		`{"name":"November 2030","tag_name":"v15.20.3","published_at":"2031-06-20T12:00:00Z"}`)
	for i := range 12 {
		entries = append(entries, fmt.Sprintf(`{"name":"Desktop %d\n","tag_name":"v15.100.3","published_at":"2031-05-12T12:00:00Z"}`, i))
	}
	f.Set("releases", feedtest.Body("["+strings.Join(entries, ",")+"]"))
	result, err := f.update(t, file).Run(t.Context())
	require.NoError(t, err)
	report := result.String()
	require.Contains(t, report,
		`February 2024 left out: the vendor's list says that "February 2024 Patch 98" is build 15.100.9, but its builds begin with 14.173: `)
	require.Contains(t, report, "November 2030: new release, track 15.20, latest patch 0\n")
	require.Contains(t, report, `skipped "Desktop 9\n" (tag "v15.100.3"): the name is not a release`+"\n")
	require.NotContains(t, report, `"Desktop 10`)
	require.Contains(t, report, "skipped 2 more like these\nskipped 1 of the list: drafts and prereleases\n")
	require.Equal(t, maxNamed, strings.Count(report, " left out: "))
	require.Contains(t, report, "\nleft out 3 more for similar reasons\n")

	f.Set("releases", feedtest.Body("["+strings.Join(append(onOneTrack(maxNamed), may2031), ",")+"]"))
	result, err = f.update(t, file).Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, maxNamed, strings.Count(result.String(), " left out: "))
	require.NotContains(t, result.String(), "more for similar reasons")

	f.Set("releases", feedtest.Body("["+may2031+","+strings.Replace(may2031Patch1, "15.100.4", "15.100.3", 1)+"]"))
	file, _ = builtInFile(t)
	result, err = f.update(t, file).Run(t.Context())
	require.Equal(t, "2031-06-29", result.Catalog.AdvisoriesAsOf.String(), "the others count")
	require.ErrorContains(t, err, file+": releases: "+f.URL+"/releases: nothing in the vendor's list can be used: is it the right list?\n")
	require.ErrorContains(t, err, file+": releases: May 2031 left out: the vendor's list says that ")
}

// A file older than the program also gets the newer built-in data.
func TestUpdateOldFile(t *testing.T) {
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
	u := startFeeds(t).update(t, file)
	u.LeftOut = map[string]bool{"advisories": true, "exploited": true}
	result, err := u.Run(t.Context())
	require.NoError(t, err)
	require.Contains(t, result.Changes, "CVE-2024-36077: added from the built-in catalogue")
	require.Contains(t, result.Changes, "CVE-2023-41265: brought up to date from the built-in catalogue")
	require.Contains(t, result.Changes, fmt.Sprintf("advisories as of 2025-06-01 -> %s", catalog.BuiltIn().AdvisoriesAsOf))
	c, err := catalog.Load(file)
	require.NoError(t, err)
	require.Equal(t, catalog.BuiltIn().Advisories, c.Advisories)
}

// A single full page may be an incomplete list, which causes a remark.
func TestUpdateFromPartialList(t *testing.T) {
	entries := make([]string, 0, perPage)
	for patch := perPage - 1; patch > 0; patch-- {
		entries = append(entries, fmt.Sprintf(`{"name":"May 2031 Patch %d","tag_name":"v15.100.%d","published_at":"2031-05-12T12:00:00Z"}`, patch, patch+3))
	}
	f := startFeeds(t)
	file, _ := builtInFile(t)
	f.Set("releases", feedtest.Body("["+strings.Join(append(entries, may2031), ",")+"]"))
	result, err := f.update(t, file).Run(t.Context())
	require.NoError(t, err)
	require.Contains(t, result.String(), "the list may go on: its last page is full and does not name a next one\n")
}
