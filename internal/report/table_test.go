package report

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode"

	pretty "github.com/jedib0t/go-pretty/v6/text"
	"github.com/stretchr/testify/require"
)

func tableOf(t *testing.T, r *Report, options TableOptions) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, r.WriteTable(&out, options))
	return out.String()
}

// colours are the sequences that the table may hold.
var colours = regexp.MustCompile("\x1b\\[(0|1|2|31|32|33)m")

// requireFits holds every line against the width, and every character against what
// may reach a terminal.
func requireFits(t *testing.T, shown string, columns int) {
	t.Helper()
	require.True(t, strings.HasSuffix(shown, "\n"))
	for line := range strings.Lines(shown) {
		line = strings.TrimSuffix(line, "\n")
		if size := max(pretty.StringWidth(line), pretty.StringWidthWithoutEscSequences(line)); size > columns || strings.HasSuffix(line, " ") {
			t.Fatalf("%d columns wide in a terminal of %d: %q", size, columns, line)
		}
		for _, r := range line {
			if !unicode.IsPrint(r) || unicode.Is(unicode.Variation_Selector, r) {
				t.Fatalf("%U in %q", r, line)
			}
		}
	}
}

func TestTable(t *testing.T) {
	r := mixedFleet(t)
	before := copyOf(t, r)
	wide := tableOf(t, r, TableOptions{})
	requireGolden(t, "report.txt", []byte(wide))
	requireFits(t, wide, 100)
	require.Equal(t, wide, tableOf(t, r, TableOptions{Width: 100}))
	narrow := tableOf(t, r, TableOptions{Width: 72})
	requireGolden(t, "report-72.txt", []byte(narrow))
	requireFits(t, narrow, 72)
	coloured := tableOf(t, r, TableOptions{Colour: true})
	requireGolden(t, "report-colour.txt", []byte(coloured))
	require.Equal(t, wide, colours.ReplaceAllString(coloured, ""), "colours say nothing that the text does not")
	require.Equal(t, before, copyOf(t, r))

	for columns := 20; columns <= 200; columns += 3 {
		requireFits(t, tableOf(t, r, TableOptions{Width: columns}), columns)
	}
	require.Equal(t, tableOf(t, r, TableOptions{Width: 20}), tableOf(t, r, TableOptions{Width: -5}))
}

// The switch of the library must not decide, nor its idea of the environment.
func TestTableColourIsTheOptions(t *testing.T) {
	r := hugeFleet()
	defer pretty.EnableColors()
	pretty.DisableColors()
	coloured := tableOf(t, r, TableOptions{Colour: true})
	require.Contains(t, coloured, "\x1b[32mcompliant\x1b[0m")
	require.Contains(t, coloured, "\x1b[31mtimeout\x1b[0m")
	require.Contains(t, coloured, "\x1b[33mnot compliant\x1b[0m")
	pretty.EnableColors()
	require.Equal(t, coloured, tableOf(t, r, TableOptions{Colour: true}))
	require.NotContains(t, tableOf(t, r, TableOptions{}), "\x1b")
}

func TestTableOfHugeFleet(t *testing.T) {
	r := hugeFleet()
	shown := tableOf(t, r, TableOptions{})
	requireFits(t, shown, 100)
	require.Equal(t, 20, strings.Count(shown, "\nSERVER "))
	for _, b := range r.Blocks {
		for _, s := range b.Servers {
			require.Contains(t, shown, "\n"+s.Source+" ")
		}
	}
	require.Equal(t, 200, strings.Count(shown, "step: connection\n"))
	require.True(t, strings.HasSuffix(shown, "\n\n2000 servers, 1800 answered, 88.9 % of them compliant, 200 vulnerable, 1 version\n"), shown[len(shown)-200:])
	requireFits(t, tableOf(t, r, TableOptions{Width: 64}), 64)
}

func TestTableEmpty(t *testing.T) {
	for _, r := range []*Report{{}, {Blocks: []Block{{}}}} {
		shown := tableOf(t, r, TableOptions{})
		requireFits(t, shown, 100)
		require.True(t, strings.HasSuffix(shown, "\n\n0 servers, 0 answered, none to judge, 0 vulnerable, 0 versions\n"), shown)
	}
	require.Contains(t, tableOf(t, &Report{Blocks: []Block{{}}}, TableOptions{}), "\nno tags\nno servers\n")
}

// full is a disk that takes nothing more.
type full struct{ err error }

func (f full) Write([]byte) (int, error) { return 0, f.err }

func TestTableTellsWriteErrors(t *testing.T) {
	broken := errors.New("no space left")
	require.ErrorIs(t, hugeFleet().WriteTable(full{broken}, TableOptions{}), broken)
	require.ErrorIs(t, hugeFleet().WriteCSV(full{broken}), broken)
	require.ErrorIs(t, hugeFleet().WriteJSON(full{broken}), broken)
}

func TestTableHostile(t *testing.T) {
	for _, s := range hostile {
		r := hostileReport(s)
		for _, columns := range []int{20, 72, 100} {
			shown := tableOf(t, r, TableOptions{Width: columns})
			requireFits(t, shown, columns)
			coloured := tableOf(t, r, TableOptions{Width: columns, Colour: true})
			require.Equal(t, shown, colours.ReplaceAllString(coloured, ""))
		}
	}
}

func TestTableFitsAnyWidth(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for range 40 {
		columns := 20 + random.IntN(181)
		requireFits(t, tableOf(t, randomReport(random), TableOptions{Width: columns}), columns)
	}
}

// A long name is wrapped, never cut: two that differ in the middle stay two.
func TestTableKeepsLongNames(t *testing.T) {
	long := strings.Repeat("a-long-part.", 12) + "example.com"
	r := &Report{Blocks: []Block{{Servers: []Server{{Source: long, Host: long, Failure: &Failure{}}}}}}
	for _, columns := range []int{30, 72, 100} {
		shown := tableOf(t, r, TableOptions{Width: columns})
		name := strings.NewReplacer("\n", "", " ", "", "timeout", "").Replace(shown)
		require.Contains(t, name, long)
		requireFits(t, shown, columns)
	}
}

func TestTableHeadings(t *testing.T) {
	r := &Report{
		Program: "program v1", AskedAt: time.Date(2026, 11, 21, 9, 30, 0, 0, time.FixedZone("", 3600)), Only: []string{"qlik1", "qlik2:9032"},
		Catalogs: []Catalog{{Name: "built in", ReleasesAsOf: "2026-05-25", AdvisoriesAsOf: "2026-05-24", ExploitedAsOf: "unknown"}, {Name: "/etc/c.toml"}},
		Blocks: []Block{
			{Tags: map[string]string{"site": "Zurich West", "environment": "PROD"}, Catalog: "built in", MinimumRelease: "May 2024"},
			{Tags: map[string]string{"a": "b c=d"}, Catalog: "/etc/c.toml"},
		},
	}
	shown := tableOf(t, r, TableOptions{Width: 120})
	require.Contains(t, shown, "Asked 2026-11-21 08:30 UTC by program v1\nOnly qlik1, qlik2:9032\n")
	require.Contains(t, shown, "\nenvironment=PROD site=\"Zurich West\", minimum May 2024, catalogue built in\n")
	require.Contains(t, shown, "\na=\"b c=d\", catalogue /etc/c.toml\n")
	require.Contains(t, shown, "releases of 2026-05-25, advisories of 2026-05-24 (181 days old), known exploitation of unknown\n")
	require.NotContains(t, shown, "With old releases")
	require.Contains(t, shown, "\nWith old advisories servers may be open to newer ones.\n")
}

func TestRow(t *testing.T) {
	number := func(n int) *int { return &n }
	empty, patch := "", "August 2023 Patch 16"
	applies := []string{"CVE-1"}
	for _, test := range []struct {
		server Server
		want   string
	}{
		{Server{Compliance: "unknown", ReleaseLabel: "November 2026", Version: "14.290.4"}, "|November 2026|14.290.4|?|?||?|unknown"},
		{Server{Compliance: "compliant", AdvisoryCount: number(0), PatchesBehind: number(12), SupportDaysLeft: number(0), FixedIn: &empty},
			"|||12|0||0 d|compliant"},
		{Server{Compliance: "non_compliant", Advisories: applies, AdvisoryCount: number(1), ExploitedAdvisoryCount: number(0), FixedIn: &empty,
			SupportDaysLeft: number(-1)}, "|||?|1|no patch: upgrade|ended 1 d|not compliant"},
		{Server{Compliance: "non_compliant", Advisories: applies, AdvisoryCount: number(4), ExploitedAdvisoryCount: number(1), FixedIn: &patch,
			BelowMinimum: number(1), VersionMismatch: number(1)}, "|||?|4, 1 exploited|August 2023 Patch 16|?|not compliant, below minimum, out of step"},
		{Server{Compliance: "non_compliant", Advisories: applies, AdvisoryCount: number(1)}, "|||?|1|?|?|not compliant"},
		{Server{Compliance: "non_compliant", AdvisoryCount: number(0), BelowMinimum: number(1), VersionMismatch: number(0), FixedIn: &empty},
			"|||?|0||?|not compliant, below minimum"},
		{Server{Compliance: "fine"}, "|||?|?||?|unknown"},
		{Server{Result: "dns_error", Failure: &Failure{}}, "|||||||dns_error"},
	} {
		texts := make([]string, 0, len(wideColumns))
		for _, c := range test.server.row() {
			texts = append(texts, strings.ReplaceAll(c.joined(), string(nbsp), " "))
		}
		require.Equal(t, test.want, strings.Join(texts, "|"))
	}
}

func TestSentence(t *testing.T) {
	for want, s := range map[string]Summary{
		"1 server, 1 answered, 100 % of them compliant, 0 vulnerable, 1 version": {
			Servers: 1, Answered: 1, Compliant: 1, Versions: make([]Count, 1)},
		"3000 servers, 3000 answered, 99.9 % of them compliant, 1 vulnerable (1 to known exploits), 2 versions": {
			Servers: 3000, Answered: 3000, Compliant: 2999, Vulnerable: 1, Exploited: 1, Versions: make([]Count, 2)},
	} {
		require.Equal(t, want, strings.ReplaceAll(s.sentence(), string(nbsp), " "))
	}
}

func TestWrap(t *testing.T) {
	for _, test := range []struct {
		text    string
		columns int
		want    []string
	}{
		{"", 10, []string{""}},
		{"  a   b  ", 10, []string{"a b"}},
		{"one two three", 7, []string{"one two", "three"}},
		{"qlik1.example.com", 10, []string{"qlik1.", "example.", "com"}},
		{"response_status_code_mismatch", 15, []string{"response_", "status_code_", "mismatch"}},
		{"abcdefgh", 3, []string{"abc", "def", "gh"}},
		{"x abcdefgh y", 4, []string{"x", "abcd", "efgh", "y"}},
		{"漢字漢字", 3, []string{"漢", "字", "漢", "字"}},
		{"May\u00a02025 Patch\u00a015", 9, []string{"May 2025", "Patch 15"}},
		{"Patch\u00a0100", 6, []string{"Patch", "100"}},
		{"e\u0301\u0302\u0303\u0304 e\u0301", 20, []string{"e\u0301\u0302 e\u0301"}},
		{"a\tb\x1bc\u202ed", 20, []string{"a b c\ufffdd"}},
	} {
		require.Equal(t, test.want, wrap(test.text, test.columns), "%q in %d", test.text, test.columns)
	}
}

func TestShorten(t *testing.T) {
	for _, test := range []struct {
		text    string
		columns int
		want    string
	}{
		{"", 10, ""},
		{"  a \t b  ", 10, "a b"},
		{"one two three", 13, "one two three"},
		{"one two three", 12, "one two t..."},
		{"one two three", 11, "one two..."},
		{"abcdefgh", 7, "abcd..."},
		{"漢字 漢字", 8, "漢字..."},
		{"\u00a0 May\u00a02025 \u00a0 Patch\u00a015", 20, "May 2025 Patch 15"},
		{"a" + strings.Repeat(" ", 100), 1, "a"},
	} {
		require.Equal(t, test.want, shorten(test.text, test.columns), "%q in %d", test.text, test.columns)
	}
}

// A catalogue may hold a text of hundreds of kilobytes. What is allocated for it must not
// grow with the square of its length.
func TestLongTexts(t *testing.T) {
	allocated := func(f func()) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	for name, text := range map[string]string{
		"short words":  strings.Repeat("ab ", 100_000),
		"joined words": strings.Repeat("ab\u00a0", 100_000),
		"one word":     strings.Repeat("x", 300_000),
		"parted names": strings.Repeat("ab.", 100_000),
	} {
		t.Run(name, func(t *testing.T) {
			for _, columns := range []int{60, 1_000, 2 * len(text)} {
				require.Less(t, allocated(func() { wrap(text, columns) }), uint64(20*len(text)), "wrapped to %d columns", columns)
				require.Less(t, allocated(func() { shorten(text, columns) }), uint64(20*len(text)), "cut to %d columns", columns)
			}
		})
	}
}
