package html

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/report/reporttest"
)

// The share is of all servers: those that do not answer or are unknown are not proven.
func TestHTMLCompliantShare(t *testing.T) {
	compliant := reporttest.Runs("qlik1.example.com", "May 2025 Patch 15", "14.231.27")
	vulnerable := reporttest.Runs("qlik2.example.com", "May 2024 Patch 9", "14.187.14")
	unknown := reporttest.Runs("qlik3.example.com", "November 2026", "14.290.4")
	silent := reporttest.Fails("qlik4.example.com", poll.Outcome{Result: poll.Timeout, Step: poll.StepConnect})
	decided := reporttest.JudgeBy(func(c *catalog.Catalog) {
		c.Advisories = slices.DeleteFunc(c.Advisories, func(a catalog.Advisory) bool { return !a.Decides() })
	})
	for _, test := range []struct {
		servers []reporttest.Server
		judge   *judgement.Judge
		wanted  []string
	}{
		{[]reporttest.Server{compliant}, decided, []string{
			"Proven compliant: 1 of 1 server (100 %).", "Proven compliant100 %1 of 1", "1 of 1 proven compliant; 1 answered."}},
		{[]reporttest.Server{compliant}, nil, []string{"Proven compliant: 1 of 1 server (100 %), 3 advisories undecided.",
			"Proven compliant100 %1 of 1; 3 advisories undecided", "1 of 1 proven compliant, 3 advisories undecided; 1 answered."}},
		{[]reporttest.Server{compliant, vulnerable, unknown, silent}, decided, []string{
			"Proven compliant: 1 of 4 servers (25.0 %). 1 is not compliant, 1 is unknown and 1 did not answer.",
			"Proven compliant25.0 %1 of 4; 33.3 % of those that answered", "proven compliant125.0 %", "not compliant125.0 %",
			"1 of 4 proven compliant; 3 answered.",
		}},
	} {
		text := pageText(t, reporttest.Report(t, reporttest.Environment{Servers: test.servers, Judge: test.judge}))
		for _, sentence := range test.wanted {
			require.Contains(t, text, sentence)
		}
	}
}

// Each result comes with its qualifiers or reasons.
func TestHTMLResult(t *testing.T) {
	for _, test := range []struct {
		server reporttest.Server
		change func(*fleet.Settings)
		want   string
	}{
		{reporttest.Runs("a", "May 2025 Patch 15", ""), nil, "compliant, 3 undecided"},
		{reporttest.Runs("a", "November 2023 Patch 18", ""), nil, "compliant, unsupported, 3 undecided"},
		{reporttest.Runs("a", "November 2023 Patch 18", ""), func(s *fleet.Settings) { s.RequireSupport = true }, "not compliant: out of support"},
		{reporttest.Runs("a", "May 2024 Patch 9", ""), reporttest.AtLeast("May 2025"), "not compliant: advisories, below minimum"},
		{reporttest.Runs("a", "May 2025 Patch 15", ""), func(s *fleet.Settings) { s.CatalogMaxAge = 48 * time.Hour }, "unknown: catalogue too old"},
		{reporttest.Runs("a", "Spring", ""), nil, "unknown: release unknown"},
		{reporttest.Fails("a", poll.Outcome{Result: poll.Timeout}), nil, "did not answer timeout"},
	} {
		r := reporttest.Report(t, reporttest.Environment{Change: test.change, Servers: []reporttest.Server{test.server}})
		row := having(parse(t, render(t, r)), "data-server")[0]
		require.Equal(t, test.want, textOf(elements(row, "td")[0]))
	}
}

func TestHTMLExposure(t *testing.T) {
	r := reporttest.Report(t, reporttest.Environment{Servers: []reporttest.Server{
		reporttest.Runs("a", "August 2023 Patch 1", ""), reporttest.Runs("b", "May 2025 Patch 15", ""),
	}})
	rows := having(parse(t, render(t, r)), "data-server")
	require.Contains(t, textOf(rows[0]), "exposed 1,105 days")
	require.NotContains(t, textOf(rows[1]), "exposed")
}

func TestHTMLUndecided(t *testing.T) {
	change := func(since catalog.Day) *report.Report {
		return reporttest.Compliant(t, nil, reporttest.JudgeBy(func(c *catalog.Catalog) {
			c.Advisories = []catalog.Advisory{
				{ID: "CVE-2027-1", Summary: "Nobody knows", References: []string{"https://example.com/1"}},
				{ID: "CVE-2027-2", Summary: "Nobody knows either", ExploitedSince: since},
			}
		}))
	}
	document := parse(t, render(t, change(catalog.Day{})))
	require.Equal(t, []string{"CVE-2027-1", "CVE-2027-2"}, values(document, "data-undecided"))
	text := textOf(document)
	for _, want := range []string{"Undecided advisories: nobody can map them to releases yet", "Nobody knows", "https://example.com/1",
		"compliant, 2 undecided"} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, text, "Exploited and undecided.")

	text = pageText(t, change(catalog.DayOf(reporttest.At)))
	require.Contains(t, text, "Exploited and undecided. CVE-2027-2 is known to be exploited, and nobody can map it to releases yet: ")
	require.Contains(t, text, `until somebody decides it: below id = "CVE-2027-2" in a catalogue of your own`)
	require.Contains(t, text, "unknown: exploited advisory undecided")

	read := func(c *catalog.Catalog) {
		c.Advisories = []catalog.Advisory{
			{ID: "CVE-2027-1", Summary: "Nobody knows", ReadBy: catalog.Machine, Note: "No list was found."}, {ID: "CVE-2027-3", Dismissed: "Not reachable here"},
			{ID: "CVE-2027-4", ReadBy: catalog.Machine, Note: "Read in a sentence.", Verified: true, Fixed: []release.Release{{Year: 2099, Month: time.May}}},
		}
	}
	document = parse(t, render(t, reporttest.Compliant(t, nil, reporttest.JudgeBy(read))))
	require.Equal(t, []string{"CVE-2027-3"}, values(document, "data-dismissed"))
	for _, want := range []string{"No list was found.", "Dismissed advisories: they decide nothing", "Not reachable here",
		"machine, not reviewed by a person: Read in a sentence.", catalog.NVDNotice} {
		require.Contains(t, textOf(document), want)
	}

	text = pageText(t, reporttest.Compliant(t, nil, reporttest.JudgeBy(func(c *catalog.Catalog) { c.Advisories = nil })))
	require.NotContains(t, text, "Undecided advisories")
	require.NotContains(t, text, "advisories undecided")
}

// Nothing is said about versions out of step if versions were not compared.
func TestHTMLOutOfStep(t *testing.T) {
	servers := []reporttest.Server{
		reporttest.Runs("qlik1.example.com", "May 2025 Patch 15", "14.231.27"), reporttest.Runs("qlik2.example.com", "May 2025 Patch 3", "14.231.8").Differs(),
	}
	apart := func(s *fleet.Settings) { s.SameVersion = false }
	compared := pageText(t, reporttest.Report(t, reporttest.Environment{Servers: servers}))
	require.Contains(t, compared, "Usual version: May 2025 Patch 15.")
	require.Contains(t, compared, "Out of step1differ from the usual")

	text := pageText(t, reporttest.Report(t, reporttest.Environment{Servers: servers, Change: apart}))
	require.NotContains(t, text, "out of step")
	require.Contains(t, text, "Out of step–not asked for")

	text = pageText(t, reporttest.Report(t,
		reporttest.Environment{Name: "A", Servers: servers, Change: apart}, reporttest.Environment{Name: "B", Servers: servers}))
	require.Contains(t, text, "Out of step1differ from the usual")
}

func TestHTMLAgeOfData(t *testing.T) {
	today := catalog.DayOf(reporttest.At)
	for daysAgo, want := range map[int]string{
		0: "0 days old", 1: "1 day old", 180: "180 days old", 181: "181 days oldold More than 180 days old.",
		-1: "1 day after this report", -2: "2 days after this reportin the future Proves nothing: ",
	} {
		day := catalog.DayOf(reporttest.At.AddDate(0, 0, -daysAgo))
		for part, set := range map[string]func(*catalog.Catalog){
			"Releases":             func(c *catalog.Catalog) { c.ReleasesAsOf = day },
			"Advisories":           func(c *catalog.Catalog) { c.AdvisoriesAsOf = day },
			"Data on exploitation": func(c *catalog.Catalog) { c.ExploitedAsOf = day },
		} {
			r := reporttest.Compliant(t, nil, reporttest.JudgeBy(func(c *catalog.Catalog) {
				c.ReleasesAsOf, c.AdvisoriesAsOf, c.ExploitedAsOf = today, today, today
				set(c)
			}))
			document := parse(t, render(t, r))
			require.Contains(t, textOf(document), day.String()+want)
			var notices string
			for _, n := range elements(document, "section") {
				if class, _ := attribute(n, "class"); class == "notices" {
					notices = textOf(n)
				}
			}
			switch {
			case daysAgo > catalog.OldAfter:
				require.Contains(t, notices, "Old data. "+part+" are 181 days old: ")
			case daysAgo < -1:
				require.Contains(t, notices, "Wrong date. "+part+" of 2026-11-26 are dated in the future and prove nothing: ")
			default:
				require.Empty(t, notices, "%s of %d days ago", part, daysAgo)
			}
		}
	}
}

func TestHTMLPolicy(t *testing.T) {
	text := pageText(t, reporttest.Compliant(t, func(s *fleet.Settings) { s.MinimumRelease, s.RequireSupport = "May 2025 Patch 3", true }, nil))
	require.Contains(t, text, "Minimum release: May 2025 Patch 3. Support is required.")
	text = pageText(t, reporttest.Compliant(t, nil, nil))
	require.Contains(t, text, "No minimum release is set.")
	require.NotContains(t, text, "Support is required.")
}
