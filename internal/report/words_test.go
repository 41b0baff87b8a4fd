package report_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/report/reporttest"
)

func day(daysAgo int) catalog.Day { return catalog.DayOf(reporttest.At.AddDate(0, 0, -daysAgo)) }

// undecided marks the undecided advisories of the catalogue as exploited, or removes them.
func undecided(exploited bool) *judgement.Judge {
	return reporttest.JudgeBy(func(c *catalog.Catalog) {
		kept := c.Advisories[:0]
		for _, a := range c.Advisories {
			if !a.Decides() {
				if !exploited {
					continue
				}
				a.ExploitedSince = day(1)
			}
			kept = append(kept, a)
		}
		c.Advisories = kept
	})
}

func aged(daysAgo int) *judgement.Judge {
	return reporttest.JudgeBy(func(c *catalog.Catalog) { c.AdvisoriesAsOf = day(daysAgo) })
}

func TestVerdict(t *testing.T) {
	const current, vulnerable, ended = "May 2025 Patch 15", "May 2024 Patch 9", "November 2023 Patch 18"
	support := func(s *fleet.Settings) { s.RequireSupport = true }
	none := undecided(false)
	for name, test := range map[string]struct {
		label, build string
		change       func(*fleet.Settings)
		judge        *judgement.Judge
		want         string
	}{
		"compliant":               {current, "", nil, none, "compliant"},
		"undecided":               {current, "", nil, nil, "compliant, 3 undecided"},
		"unsupported":             {ended, "", nil, none, "compliant, unsupported"},
		"unsupported, undecided":  {ended, "", nil, nil, "compliant, unsupported, 3 undecided"},
		"supported":               {current, "", support, none, "compliant"},
		"support required":        {ended, "", support, nil, "not compliant, out of support"},
		"vulnerable":              {vulnerable, "", nil, nil, "not compliant, advisories"},
		"vulnerable, below":       {vulnerable, "", reporttest.AtLeast("May 2025"), nil, "not compliant, advisories, below minimum"},
		"old data":                {current, "", nil, aged(181), "unknown, catalogue too old"},
		"data of the future":      {current, "", nil, aged(-2), "unknown, catalogue dated in the future"},
		"old data, vulnerable":    {vulnerable, "", nil, aged(500), "not compliant, advisories"},
		"not in the catalogue":    {"May 2099", "", nil, nil, "unknown, release unknown"},
		"unreadable":              {"Spring", "", nil, nil, "unknown, release unknown"},
		"contradicts itself":      {"May 2024 Patch 10", "14.231.27", nil, nil, "unknown, label and build differ"},
		"exploited and undecided": {current, "", nil, undecided(true), "unknown, exploited advisory undecided"},
		"end of support unknown": {current, "", support, reporttest.JudgeBy(func(c *catalog.Catalog) {
			for i := range c.Releases {
				c.Releases[i].EndOfSupport = catalog.Day{}
			}
		}), "unknown, end of support unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			server := reporttest.Runs("qlik1.example.com", test.label, test.build)
			r := reporttest.Report(t, reporttest.Environment{Change: test.change, Judge: test.judge, Servers: []reporttest.Server{server}})
			s := r.Blocks[0].Servers[0]
			word, details := s.Verdict()
			require.Equal(t, test.want, strings.Join(append([]string{word}, details...), ", "))
			require.Equal(t, word == "compliant", s.Proven())
		})
	}
}

// Every reason has a text.
func TestVerdictReasons(t *testing.T) {
	r := reporttest.Compliant(t, nil, nil)
	s := r.Blocks[0].Servers[0]
	s.Judgement.Compliance = judgement.Unknown
	for bit := judgement.Reasons(1); bit != 0; bit <<= 1 {
		if len(bit.Names()) == 0 {
			continue
		}
		s.Judgement.Reasons = bit
		_, details := s.Verdict()
		require.Len(t, details, 1, bit.Names())
	}
}

func TestWarnings(t *testing.T) {
	for name, test := range map[string]struct {
		releases, advisories, exploited int // days ago
		want                            []string
	}{
		"fresh": {180, 180, 180, nil},
		"releases": {181, 0, 0, []string{
			"Releases are 181 days old: servers can be further behind than shown."}},
		"advisories": {0, 200, 0, []string{
			"Advisories are 200 days old: servers can be open to newer ones."}},
		"exploited": {0, 0, 456, []string{
			"Data on exploitation are 456 days old: what has been exploited since counts as not exploited."}},
		"all": {364, 365, 366, []string{
			"Releases are 364 days old: servers can be further behind than shown.",
			"Advisories are 365 days old: servers can be open to newer ones.",
			"Data on exploitation are 366 days old: what has been exploited since counts as not exploited."}},
		"tomorrow": {-1, -1, -1, nil},
		"future": {-2, 0, 400, []string{
			"Releases of 2026-11-26 are dated in the future and prove nothing: check the catalogue, or the clock of this machine.",
			"Data on exploitation are 400 days old: what has been exploited since counts as not exploited."}},
	} {
		r := reporttest.Compliant(t, nil, reporttest.JudgeBy(func(c *catalog.Catalog) {
			c.ReleasesAsOf, c.AdvisoriesAsOf, c.ExploitedAsOf = day(test.releases), day(test.advisories), day(test.exploited)
		}))
		require.ElementsMatch(t, test.want, warningsOf(r), name)
	}
	require.Empty(t, new(report.Report).Warnings())
}

// Warnings are about the worst of several catalogues.
func TestWarningsSeveralCatalogs(t *testing.T) {
	servers := []reporttest.Server{reporttest.Runs("qlik1.example.com", "May 2025 Patch 15", "")}
	with := func(name string, ages ...int) reporttest.Environment {
		return reporttest.Environment{Name: name, Catalog: name, Servers: servers, Judge: reporttest.JudgeBy(func(c *catalog.Catalog) {
			c.ReleasesAsOf, c.AdvisoriesAsOf, c.ExploitedAsOf = day(ages[0]), day(ages[1]), day(0)
		})}
	}
	r := reporttest.Report(t, with("A", 300, 300), with("B", 200, 400), with("C", -9, 0))
	require.Len(t, r.Catalogs, 3)
	require.Equal(t, []string{
		"Releases of 2026-12-03 are dated in the future and prove nothing: check the catalogue, or the clock of this machine.",
		"Advisories are 400 days old: servers can be open to newer ones.",
	}, warningsOf(r))
	require.Equal(t, []string{"Wrong date", "Old data"}, []string{r.Warnings()[0].Heading, r.Warnings()[1].Heading})
}

func warningsOf(r *report.Report) []string {
	warnings := r.Warnings()
	texts := make([]string, 0, len(warnings))
	for _, w := range warnings {
		texts = append(texts, w.Text)
	}
	return texts
}

// The undecided advisories of all catalogues are listed without duplicates.
func TestUndecided(t *testing.T) {
	servers := []reporttest.Server{reporttest.Runs("qlik1.example.com", "May 2025 Patch 15", "")}
	own := reporttest.JudgeBy(func(c *catalog.Catalog) {
		c.Advisories = append(c.Advisories, catalog.Advisory{ID: "CVE-2022-9"})
	})
	r := reporttest.Report(t, reporttest.Environment{Name: "A", Servers: servers}, reporttest.Environment{Name: "B", Catalog: "own", Judge: own, Servers: servers})
	ids := make([]string, 0, len(r.Undecided))
	for _, a := range r.Undecided {
		ids = append(ids, a.ID)
	}
	require.Equal(t, []string{"CVE-2021-36761", "CVE-2022-9", "CVE-2025-61138", "CVE-2025-7783"}, ids)
	require.Equal(t, "1 of 1 proven compliant, 3 advisories undecided", r.Blocks[0].Summary.Proven(r.Blocks[0].Round.Judge.Undecided))
	require.Equal(t, "1 of 1 proven compliant, 4 advisories undecided", r.Blocks[1].Summary.Proven(r.Blocks[1].Round.Judge.Undecided))
	require.Equal(t, "1 of 1 proven compliant", r.Blocks[1].Summary.Proven(0))
	require.Equal(t, "1 advisory undecided", report.UndecidedWords(1))
}

func TestSharePercent(t *testing.T) {
	for want, of := range map[string][2]int{
		"100 %": {3, 3}, "99.9 %": {9999, 10000}, "0 %": {0, 5}, "0.1 %": {1, 10000}, "66.7 %": {2, 3}, "40.0 %": {6, 15}, "–": {0, 0},
	} {
		require.Equal(t, want, report.Share(of[0], of[1]))
	}
}
