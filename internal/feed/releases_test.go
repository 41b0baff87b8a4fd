package feed

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/release"
)

func readReleases(pages ...string) (*releaseList, error) {
	contents := make([][]byte, 0, len(pages))
	for _, page := range pages {
		contents = append(contents, []byte(page))
	}
	l, err := parseReleases(contents)
	if err != nil {
		return nil, err
	}
	return l.(*releaseList), nil
}

const (
	may4  = `{"name":"May 2024 Patch 4","tag_name":"v14.187.9","published_at":"2024-08-01T23:30:00-05:00","draft":false,"assets":[{"name":"x"}]}`
	may0  = `{"name":"May 2024 Initial Release","tag_name":"14.187.4","published_at":"2024-05-14T07:00:00Z"}`
	draft = `{"name":null,"tag_name":"untagged","draft":true,"prerelease":false,"published_at":null}`
)

// both is the result of the entries may4 and may0.
func both(t *testing.T) []catalog.Listed {
	t.Helper()
	track := release.Track{Major: 14, Minor: 187}
	return []catalog.Listed{
		{Release: release.Release{Year: 2024, Month: time.May, Patch: 4}, Build: release.Build{Track: track, Number: 9}, Published: day(t, "2024-08-02")},
		{Release: release.Release{Year: 2024, Month: time.May}, Build: release.Build{Track: track, Number: 4}, Published: day(t, "2024-05-14")},
	}
}

func TestReadReleases(t *testing.T) {
	for name, text := range map[string]string{
		"one list":        "[" + may4 + "," + may0 + "]",
		"white space":     "\n [\n" + may4 + "\r\n,\t" + may0 + " ] \n",
		"byte order mark": "\ufeff[" + may4 + "," + may0 + "]",
	} {
		t.Run(name, func(t *testing.T) {
			l, err := readReleases(text)
			require.NoError(t, err)
			require.Equal(t, both(t), l.releases)
			require.Empty(t, l.skipped)
			require.Equal(t, day(t, "2024-08-02"), l.day())
		})
	}
}

func TestReadPagesOfReleases(t *testing.T) {
	l, err := readReleases("["+may4+"]", "["+may0+"]", "[]")
	require.NoError(t, err)
	require.Equal(t, both(t), l.releases)
	_, err = readReleases("["+may4+"]", "["+may0)
	require.EqualError(t, err, "page 2 ends in the middle of the list")
}

func TestReadReleasesSkips(t *testing.T) {
	tests := []struct{ name, entry, expected string }{
		{"draft", draft, `"" (tag "untagged"): is a draft or a prerelease`},
		{"prerelease", `{"name":"May 2024 Patch 5","tag_name":"v14.187.10","published_at":"2024-05-14T07:00:00Z","prerelease":true}`,
			`"May 2024 Patch 5" (tag "v14.187.10"): is a draft or a prerelease`},
		{"name that is no release", `{"name":"Qlik Sense Desktop\u001b[31m\n","tag_name":"v14.187.9","published_at":"2024-05-14T07:00:00Z"}`,
			`"Qlik Sense Desktop\x1b[31m\n" (tag "v14.187.9"): the name is not a release`},
		{"null for a name", `{"name":null,"tag_name":"v14.187.9","published_at":"2024-05-14T07:00:00Z"}`, `"" (tag "v14.187.9"): the name is not a release`},
		{"tag that is no build", `{"name":"May 2024","tag_name":"latest","published_at":"2024-05-14T07:00:00Z"}`,
			`"May 2024" (tag "latest"): the tag is not a build`},
		{"tag with two letters", `{"name":"May 2024","tag_name":"vv14.187.9","published_at":"2024-05-14T07:00:00Z"}`,
			`"May 2024" (tag "vv14.187.9"): the tag is not a build`},
		{"no day", `{"name":"May 2024","tag_name":"v14.187.9"}`, `"May 2024" (tag "v14.187.9"): published_at is not a time`},
		{"null for a day", `{"name":"May 2024","tag_name":"v14.187.9","published_at":null}`, `"May 2024" (tag "v14.187.9"): published_at is not a time`},
		{"the year 0", `{"name":"May 2024","tag_name":"v14.187.9","published_at":"0000-01-01T00:00:00Z"}`,
			`"May 2024" (tag "v14.187.9"): published_at is not a time`},
		{"the first hours of all", `{"name":"May 2024","tag_name":"v14.187.9","published_at":"0001-01-01T01:00:00Z"}`,
			`"May 2024" (tag "v14.187.9"): published_at is not a time`},
		{"odd day", `{"name":"May 2024","tag_name":"v14.187.9","published_at":"yesterday"}`, `"May 2024" (tag "v14.187.9"): published_at is not a time`},
		{"no name", `{"title":"May 2024","tag_name":"v14.187.9"}`, `"" (tag "v14.187.9"): has no name`},
		{"neither name nor tag", `{"title":"May 2024"}`, `"" (tag ""): has no name`},
		{"number for a tag", `{"name":"May 2024","tag_name":14}`, `"May 2024" (tag ""): has a tag_name that is not a string`},
		{"text for a switch", `{"name":"May 2024","tag_name":"v14.187.9","draft":"no"}`,
			`"{\"name\":\"May 2024\",\"tag_name\":\"v14.187.9\",\"draft\":\"no\"}" (tag ""): is not an entry in GitHub's format`},
		{"number", `5`, `"5" (tag ""): is not an entry in GitHub's format`},
		{"list", `[` + may0 + `]`, `is not an entry in GitHub's format`},
		{"long name", `{"name":"` + strings.Repeat("ü", 5000) + `","tag_name":"` + strings.Repeat("1", 5000) + `","published_at":""}`,
			`"` + strings.Repeat("ü", 60) + `..." (tag "` + strings.Repeat("1", 60) + `..."): the name is not a release`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := readReleases("[" + may4 + "," + tt.entry + "," + may0 + "]")
			require.NoError(t, err)
			require.Equal(t, both(t), l.releases)
			require.Len(t, l.skipped, 1)
			require.Contains(t, l.skipped[0].String(), tt.expected)
			require.LessOrEqual(t, len(l.skipped[0].name), 1<<10)
		})
	}
}

func TestReadReleasesRefuses(t *testing.T) {
	tests := []struct{ name, text, expected string }{
		{"nothing", " \n", "is empty"},
		{"web page", "\n<!DOCTYPE html>\x1b<title>Sign in</title>" + strings.Repeat("x", 100000),
			`is a web page, not a list in JSON: perhaps the login page of a proxy; it begins with "<!DOCTYPE html>\x1b<title>Sign in</title>x`},
		{"message", `{"message":"Not Found\u001b","documentation_url":"x"}`, `is not a list but a message: "Not Found\x1b"`},
		{"object", `{"releases":[]}`, `is not a list in JSON: it begins with "{\"releases\":[]}"`},
		{"text", `"May 2024"`, `is not a list in JSON: it begins with "\"May 2024\""`},
		{"null", `null`, `is not a list in JSON: it begins with "null"`},
		{"UTF-16", "\xff\xfe[\x00", `is UTF-16, as Windows PowerShell writes it: keep it in UTF-8, as it was downloaded`},
		{"ends in an entry", "[" + may4 + "," + may0[:40], "ends in the middle of the list"},
		{"ends in a word", "[" + may4[:20], "ends in the middle of the list"},
		{"ends behind an entry", "[" + may4, "ends in the middle of the list"},
		{"ends behind a comma", "[" + may4 + ",", "ends in the middle of the list"},
		{"ends behind the bracket", "[", "ends in the middle of the list"},
		{"no JSON", "[" + may4 + " " + may0 + "]", "is not JSON from byte 133 on: expected comma"},
		{"something behind the list", "[" + may4 + "],", `has more after its end: ","`},
		{"nested without end", "[" + may4 + "," + strings.Repeat("[", 20000), "is not JSON from byte 133 on: invalid character '[' exceeded max depth"},
		{"empty list", "[]", "the list is empty: is it the right one?"},
		{"drafts alone", "[" + draft + "," + draft + "]", "there is nothing usable in the list, 2 skipped: all are drafts or prereleases"},
		{"another format", `[` + draft + `,{"title":"May 2024"},{"title":"May 2025"}]`,
			`there is nothing usable in the list, 3 skipped, for example "" (tag ""): has no name: is it the right list, and has its format changed?`},
		{"odd names alone", `[{"name":"Desktop","tag_name":"v14.187.9"}]`,
			`there is nothing usable in the list, 1 skipped, for example "Desktop" (tag "v14.187.9"): the name is not a release: ` +
				`is it the right list, and has its format changed?`},
		{"too many", "[" + strings.Repeat("{},", 10_000) + "{}]", "has more than 10000 entries: is it the vendor's list?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := readReleases(tt.text)
			require.ErrorContains(t, err, tt.expected)
			require.Less(t, len(err.Error()), 400)
			require.NotContains(t, err.Error(), "\n")
			require.NotContains(t, err.Error(), "\x1b")
		})
	}
}

// A list whose last page is full may be incomplete.
func TestFullPages(t *testing.T) {
	page := func(n int) []byte { return []byte("[" + strings.Repeat(may0+",", n-1) + may0 + "]") }
	for _, tt := range []struct {
		pages   [][]byte
		partial bool
	}{
		{[][]byte{page(99)}, false}, {[][]byte{page(100)}, true}, {[][]byte{page(100), page(100)}, true}, {[][]byte{page(100), page(1)}, false},
	} {
		l, err := parseReleases(tt.pages)
		require.NoError(t, err)
		require.Equal(t, tt.partial, l.(*releaseList).partial)
	}
}

func TestSkippedEntriesNamed(t *testing.T) {
	odd := skipped{reason: "odd"}
	l := &releaseList{skipped: slices.Repeat([]skipped{odd}, maxNamed)}
	require.Len(t, l.notTaken(), maxNamed, "each is named")
	l.skip(odd)
	require.Equal(t, "skipped 1 more like these", l.notTaken()[maxNamed])
}

func FuzzReadReleases(f *testing.F) {
	for _, text := range []string{
		"[" + may4 + "," + may0 + "]", "\ufeff[" + draft + "," + may0 + "]\n",
		"[{}", `{"message":"x"}`, "<html>", "[[[", `[{"name":5,"tag_name":null}]`, "\xff\xfe",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := readReleases(text)
		if err != nil {
			require.Nil(t, l)
			require.NotEmpty(t, err.Error())
			require.NotContains(t, err.Error(), "\n")
			require.Less(t, len(err.Error()), 2000)
			return
		}
		require.NotEmpty(t, l.releases)
		require.False(t, l.day().IsZero())
		for _, entry := range l.releases {
			require.False(t, entry.Release.IsZero())
			build, err := release.ParseBuild(entry.Build.String())
			require.NoError(t, err)
			require.Equal(t, entry.Build, build)
			require.False(t, entry.Published.IsZero())
		}
		for _, s := range l.skipped {
			require.NotContains(t, s.String(), "\n")
			require.NotEmpty(t, s.reason)
		}
	})
}
