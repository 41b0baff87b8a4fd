package table

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	pretty "github.com/jedib0t/go-pretty/v6/text"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/golden"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/report/reporttest"
	"telegraf-qlik-sense-version/internal/terminal"
)

func tableOf(t *testing.T, r *report.Report, options terminal.Options) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, Write(&out, r, options))
	return out.String()
}

// colours matches the escape sequences that the table may have.
var colours = regexp.MustCompile("\x1b\\[(0|1|2|31|32|33)m")

// requireFits checks the width of every line, and that every character is safe for a terminal.
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
	r := reporttest.Mixed(t)
	wide := tableOf(t, r, terminal.Options{})
	golden.Require(t, "testdata/report.txt", wide)
	requireFits(t, wide, 100)
	require.Equal(t, wide, tableOf(t, r, terminal.Options{Width: 100}))
	narrow := tableOf(t, r, terminal.Options{Width: 80})
	golden.Require(t, "testdata/report-80.txt", narrow)
	requireFits(t, narrow, 80)
	coloured := tableOf(t, r, terminal.Options{Colour: true})
	golden.Require(t, "testdata/report-colour.txt", coloured)
	require.Equal(t, wide, colours.ReplaceAllString(coloured, ""), "colours only repeat what the text says")

	for columns := 20; columns <= 200; columns += 3 {
		requireFits(t, tableOf(t, r, terminal.Options{Width: columns}), columns)
	}
	require.Equal(t, tableOf(t, r, terminal.Options{Width: 20}), tableOf(t, r, terminal.Options{Width: -5}))
}

func TestSites(t *testing.T) {
	r := reporttest.Sites(t)
	golden.Require(t, "testdata/sites.txt", tableOf(t, r, terminal.Options{Width: 132}))
}

// Only the option enables colours, whatever the state or the environment of the library.
func TestColourOption(t *testing.T) {
	r := reporttest.Large(t, 40)
	defer pretty.EnableColors()
	pretty.DisableColors()
	coloured := tableOf(t, r, terminal.Options{Colour: true})
	require.Contains(t, coloured, "\x1b[32mcompliant,\x1b[0m")
	require.Contains(t, coloured, "\x1b[31mtls_error\x1b[0m")
	require.Contains(t, coloured, "\x1b[33mnot compliant:\x1b[0m")
	pretty.EnableColors()
	require.Equal(t, coloured, tableOf(t, r, terminal.Options{Colour: true}))
	require.NotContains(t, tableOf(t, r, terminal.Options{}), "\x1b")
}

func TestTableLargeFleet(t *testing.T) {
	r := reporttest.Large(t, 2000)
	table := tableOf(t, r, terminal.Options{Width: 120})
	requireFits(t, table, 120)
	require.Equal(t, 10, strings.Count(table, "\nSERVER "))
	for s := range r.Servers() {
		require.Contains(t, table, "\n"+s.Server.Source()+" ")
	}
	require.Equal(t, 200, strings.Count(table, "step: TLS\n"))
	require.Contains(t, strings.Join(strings.Fields(table), " "),
		"2000 servers, 1800 answered, proven compliant: 94 of 2000 (4.7 %, 5.2 % of those that answered), 3 advisories undecided, ")
	requireFits(t, tableOf(t, r, terminal.Options{Width: 64}), 64)
}

func TestTableEmpty(t *testing.T) {
	empty := tableOf(t, &report.Report{}, terminal.Options{})
	requireFits(t, empty, 100)
	require.True(t, strings.HasSuffix(empty, "\n\n0 servers: nothing is proven\n"), empty)
	noServers := tableOf(t, reporttest.Report(t, reporttest.Environment{}), terminal.Options{})
	require.Contains(t, noServers, "\nno tags: 0 of 0 proven compliant, 3 advisories undecided\nno servers\n")
	require.True(t, strings.HasSuffix(noServers, "\n\n0 servers: nothing is proven\n"), noServers)
}

// full is a writer that fails like a full disk.
type full struct{ err error }

func (f full) Write([]byte) (int, error) { return 0, f.err }

func TestWriteError(t *testing.T) {
	broken := errors.New("no space left")
	require.ErrorIs(t, Write(full{broken}, reporttest.Large(t, 10), terminal.Options{}), broken)
}

func TestHostile(t *testing.T) {
	for _, s := range reporttest.Texts {
		r := reporttest.Hostile(t, func(string) string { return s })
		for _, columns := range []int{20, 72, 100} {
			table := tableOf(t, r, terminal.Options{Width: columns})
			requireFits(t, table, columns)
			coloured := tableOf(t, r, terminal.Options{Width: columns, Colour: true})
			require.Equal(t, table, colours.ReplaceAllString(coloured, ""))
		}
	}
}

func TestTableFitsWidth(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for range 40 {
		columns := 20 + random.IntN(181)
		requireFits(t, tableOf(t, reporttest.Hostile(t, reporttest.Mixture(random)), terminal.Options{Width: columns}), columns)
	}
}

// A long name is wrapped, never truncated, so that similar names stay distinguishable.
func TestLongNames(t *testing.T) {
	long := strings.Repeat("a-long-part.", 12) + "example.com"
	r := reporttest.Report(t, reporttest.Environment{Servers: []reporttest.Server{
		reporttest.Fails(long, poll.Outcome{Result: poll.Timeout, Step: poll.StepConnect}),
	}})
	for _, columns := range []int{30, 72, 100} {
		table := tableOf(t, r, terminal.Options{Width: columns})
		name := strings.NewReplacer("\n", "", " ", "", "timeout", "").Replace(table)
		require.Contains(t, name, long)
		requireFits(t, table, columns)
	}
}

func TestHeadings(t *testing.T) {
	change := func(tags map[string]string, minimum string, support bool) func(*fleet.Settings) {
		return func(s *fleet.Settings) { s.Tags, s.MinimumRelease, s.RequireSupport = tags, minimum, support }
	}
	server := []reporttest.Server{reporttest.Runs("qlik1.example.com", "May 2025 Patch 15", "")}
	r := reporttest.Report(t,
		reporttest.Environment{Change: change(map[string]string{"site": "Zurich West", "environment": "PROD"}, "May 2024", false), Servers: server},
		reporttest.Environment{Change: change(map[string]string{"a": "b c=d"}, "", true), Servers: server, Catalog: "/etc/c.toml"},
	)
	r.Only = []string{"qlik1", "qlik2:9032"}
	table := tableOf(t, r, terminal.Options{Width: 130})
	require.Contains(t, table, "Asked 2026-11-24 08:30 UTC by "+reporttest.Program+"\nOnly qlik1, qlik2:9032\n")
	require.Contains(t, table, "\nenvironment=PROD site=\"Zurich West\", minimum May 2024, catalogue built in: "+
		"1 of 1 proven compliant, 3 advisories undecided\n")
	require.Contains(t, table, "\na=\"b c=d\", support required, catalogue /etc/c.toml: 1 of 1 proven compliant, 3 advisories undecided\n")
}

// Old or future data and undecided advisories are reported.
func TestData(t *testing.T) {
	day := func(daysAgo int) catalog.Day { return catalog.DayOf(reporttest.At.AddDate(0, 0, -daysAgo)) }
	for name, test := range map[string]struct {
		change        func(*catalog.Catalog)
		wanted, never []string
	}{
		"fresh": {
			func(c *catalog.Catalog) {
				c.ReleasesAsOf, c.AdvisoriesAsOf, c.ExploitedAsOf = day(180), day(180), day(180)
			},
			[]string{"built in: releases of 2026-05-28, advisories of 2026-05-28, known exploitation of 2026-05-28\n"}, []string{"old", "future"},
		},
		"old": {
			func(c *catalog.Catalog) {
				c.ReleasesAsOf, c.AdvisoriesAsOf, c.ExploitedAsOf = day(181), day(182), day(183)
			},
			[]string{
				"releases of 2026-05-27 (181 days old), advisories of 2026-05-26 (182 days old), known exploitation of 2026-05-25 (183 days old)\n",
				"\nReleases are 181 days old: ", "\nAdvisories are 182 days old: ", "\nData on exploitation are 183 days old: ",
				"unknown: catalogue too old", "proven compliant: 0 of 1 (0 %)",
			}, []string{"future"},
		},
		"of the future": {
			func(c *catalog.Catalog) { c.ReleasesAsOf, c.AdvisoriesAsOf, c.ExploitedAsOf = day(0), day(-30), day(0) },
			[]string{"advisories of 2026-12-24 (in the future),", "\nAdvisories of 2026-12-24 are dated in the future and prove nothing: ",
				"unknown: catalogue dated in the future", "proven compliant: 0 of 1 (0 %)"}, []string{"days old"},
		},
		"undecided": {
			func(c *catalog.Catalog) {
				c.Advisories = append(c.Advisories[:1:1], catalog.Advisory{
					ID: "CVE-2027-1", Summary: "Nobody knows", References: []string{"https://example.com/1", "https://example.com/2"},
				}, catalog.Advisory{ID: "CVE-2027-2", ExploitedSince: day(1)})
			},
			[]string{"\nUndecided advisories, which nobody can map to releases yet\nCVE-2027-1\n  Nobody knows\n  https://example.com/1\n" +
				"CVE-2027-2 (exploited: no server is proven compliant)\n  to decide it: below id = \"CVE-2027-2\" in a catalogue of your own", "2 advisories undecided",
				"unknown: exploited advisory undecided", "\n" + catalog.NVDNotice + "\n"}, []string{"Dismissed"},
		},
		"dismissed, and read by machine": {
			func(c *catalog.Catalog) {
				c.Advisories = append(c.Advisories[:1:1], catalog.Advisory{ID: "CVE-2027-1", Dismissed: "not reachable"}, catalog.Advisory{
					ID: "CVE-2027-3", ReadBy: catalog.Machine, Verified: true, Fixed: []release.Release{{Year: 2027, Month: time.May}},
				})
			},
			[]string{"\nDismissed advisories, which decide nothing\nCVE-2027-1: not reachable\n", "\nRead by machine, not reviewed by a person: CVE-2027-3\n"},
			[]string{"ndecided", "compliant, "},
		},
		"none undecided": {
			func(c *catalog.Catalog) { c.Advisories = c.Advisories[:1:1] }, []string{"proven compliant: 1 of 1 (100 %), 0 vulnerable"}, []string{"ndecided"},
		},
	} {
		table := tableOf(t, reporttest.Compliant(t, nil, reporttest.JudgeBy(test.change)), terminal.Options{Width: 200})
		for _, text := range test.wanted {
			require.Contains(t, table, text, name)
		}
		for _, text := range test.never {
			require.NotContains(t, table, text, name)
		}
	}
}

func TestRow(t *testing.T) {
	atLeast := reporttest.AtLeast("May 2024 Patch 10")
	none := reporttest.JudgeBy(func(c *catalog.Catalog) { c.Advisories = c.Advisories[:1:1] })
	for _, test := range []struct {
		server reporttest.Server
		change func(*fleet.Settings)
		judge  *judgement.Judge
		want   string
	}{
		{reporttest.Runs("a", "November 2026", "14.290.4"), nil, nil, "a|November 2026|14.290.4|?|?||?|unknown: release unknown"},
		{reporttest.Runs("a", "May 2025 Patch 3", "14.231.8"), nil, nil, "a|May 2025 Patch 3|14.231.8|12|0||169 d|compliant, 3 undecided"},
		{reporttest.Runs("a", "May 2025 Patch 3", "14.231.8"), nil, none, "a|May 2025 Patch 3|14.231.8|12|0||169 d|compliant"},
		{reporttest.Runs("a", "November 2023 Patch 18", ""), nil, none, "a|November 2023 Patch 18||0|0||ended 359 d|compliant, unsupported"},
		{reporttest.Runs("a", "May 2022 Patch 18", "14.67.34"), nil, nil,
			"a|May 2022 Patch 18|14.67.34|0|2|May 2026 Patch 2|ended 907 d|not compliant: advisories"},
		{reporttest.Runs("a", "August 2023 Patch 1", "14.139.5").Differs(), atLeast, nil,
			"a|August 2023 Patch 1|14.139.5|16|4, 1 exploited|May 2026 Patch 2|ended 452 d|not compliant: advisories, below minimum, out of step"},
		{reporttest.Runs("a", "November 2023 Patch 18", ""), atLeast, nil, "a|November 2023 Patch 18||0|0|May 2026 Patch 2|ended 359 d|not compliant: below minimum"},
		{reporttest.Runs("a", "November 2023 Patch 18", "").Differs(), func(s *fleet.Settings) { s.SameVersion, s.RequireSupport = false, true }, nil,
			"a|November 2023 Patch 18||0|0|May 2026 Patch 2|ended 359 d|not compliant: out of support"},
		{reporttest.Fails("a", poll.Outcome{Result: poll.DNSError}), atLeast, nil, "a|||||||dns_error"},
	} {
		r := reporttest.Report(t, reporttest.Environment{Change: test.change, Judge: test.judge, Servers: []reporttest.Server{test.server}})
		texts := make([]string, 0, len(serverColumns))
		for _, c := range row(r.Blocks[0].Servers[0]) {
			texts = append(texts, strings.ReplaceAll(c.String(), nbsp, " "))
		}
		require.Equal(t, test.want, strings.Join(texts, "|"))
	}
}

// nbsp is what the terminal package writes as a blank.
const nbsp = "\u00a0"

// The share of all servers comes first, then the share of those that answered.
func TestSummary(t *testing.T) {
	for want, s := range map[string]report.Summary{
		"1 server, 1 answered, proven compliant: 1 of 1 (100 %), 0 vulnerable, 1 version": {
			Counts: report.Counts{Servers: 1, Answered: 1, Compliant: 1}, Versions: make([]report.Version, 1)},
		"30 servers, 0 answered, proven compliant: 0 of 30 (0 %), 0 vulnerable, 0 versions": {Counts: report.Counts{Servers: 30, Failed: 30}},
		"30 servers, 15 answered, proven compliant: 12 of 30 (40.0 %, 80.0 % of those that answered), 1 vulnerable (1 to known exploits), 2 versions": {
			Counts: report.Counts{Servers: 30, Answered: 15, Failed: 15, Compliant: 12, Vulnerable: 1, Exploited: 1}, Versions: make([]report.Version, 2)},
	} {
		require.Equal(t, want, strings.ReplaceAll(summary(&report.Report{Summary: s}), nbsp, " "))
	}
}
