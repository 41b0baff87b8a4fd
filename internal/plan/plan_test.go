package plan_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/golden"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/plan"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/report/reporttest"
)

func parse(t testing.TB, label string) release.Release {
	t.Helper()
	r, err := release.Parse(label)
	require.NoError(t, err)
	return r
}

func planOf(t testing.TB, r *report.Report, options plan.Options) *plan.Plan {
	t.Helper()
	p, err := plan.New(r, options)
	require.NoError(t, err)
	return p
}

func rowsOf(p *plan.Plan) (rows []*plan.Row) {
	for _, wave := range p.Waves {
		rows = append(rows, wave.Rows...)
	}
	return rows
}

// text is a plan with one line for each server.
func text(p *plan.Plan) string {
	var b strings.Builder
	for _, wave := range p.Waves {
		fmt.Fprintf(&b, "%s\n", p.Title(wave))
		for _, row := range wave.Rows {
			fmt.Fprintf(&b, "  %s: %s, %s -> %s [%s] closes %d; %s\n",
				row.Server.Server.Source(), row.Action, row.Runs(), row.Do(), row.Effort(), len(row.Closes()), strings.Join(row.Why(), ", "))
		}
	}
	return b.String()
}

// requireSupported changes the settings of a block.
func requireSupport(s *fleet.Settings) { s.RequireSupport = true }

func environments() []reporttest.Environment {
	return []reporttest.Environment{
		{Name: "PROD", Change: reporttest.AtLeast("May 2024 Patch 20"), Servers: []reporttest.Server{
			reporttest.Runs("prod1", "May 2024 Patch 9", "14.187.14"),   // vulnerable, and below the minimum
			reporttest.Runs("prod2", "May 2024 Patch 15", ""),           // only below the minimum
			reporttest.Runs("prod3", "August 2023 Patch 1", "14.139.5"), // below the minimum, needs an upgrade
			reporttest.Runs("prod4", "May 2025 Patch 15", "14.231.27"),  // compliant
			reporttest.Runs("prod5", "Custom build 7", "99.1.2"),        // cannot be judged
			reporttest.Fails("prod6", poll.Outcome{Result: poll.Timeout, Cause: "no answer within 5s"}),
		}},
		{Name: "DEV", Servers: []reporttest.Server{
			reporttest.Runs("dev1", "May 2024 Patch 9", "14.187.14"),   // needs the lowest patch that fixes everything
			reporttest.Runs("dev2", "August 2023 Patch 1", "14.139.5"), // exploited
			reporttest.Runs("dev3", "November 2021", ""),               // needs an upgrade
		}},
		{Name: "LAB", Change: requireSupport, Servers: []reporttest.Server{
			reporttest.Runs("lab1", "May 2023 Patch 18", ""), // out of support
		}},
		{Servers: []reporttest.Server{reporttest.Runs("other1", "May 2024 Patch 9", "14.187.14")}},
	}
}

func TestPlan(t *testing.T) {
	r := reporttest.Report(t, environments()...)
	p := planOf(t, r, plan.Options{Waves: []string{"DEV", "PROD"}})
	golden.Require(t, "testdata/plan.txt", text(p)+"\n"+strings.Join(p.Lines(), "\n")+"\n\n"+strings.Join(p.Warnings, "\n")+"\n")

	for _, w := range p.Waves {
		todo := len(w.Todo())
		for i, row := range w.Rows {
			require.Equal(t, i >= todo, row.Action == plan.Nothing, row.Server.Server.Source())
		}
	}

	// Without waves there is one list, ordered by urgency.
	p = planOf(t, r, plan.Options{})
	require.Len(t, p.Waves, 1)
	require.Equal(t, "All servers", p.Title(p.Waves[0]))
	require.Len(t, p.Waves[0].Rows, r.Summary.Servers)
	require.Positive(t, p.Waves[0].Rows[0].Server.Exploited())
}

func TestTargetAppliesToUpgradesOnly(t *testing.T) {
	r := reporttest.Report(t, environments()...)
	target := parse(t, "May 2025 Patch 14")
	upgrades := 0
	for _, row := range rowsOf(planOf(t, r, plan.Options{Target: target})) {
		switch row.Action {
		case plan.Upgrade:
			upgrades++
			require.Equal(t, target, row.Target, row.Server.Server.Source())
		case plan.Patch:
			require.Equal(t, row.Server.Judgement.Release.Initial(), row.Target.Initial())
		case plan.FindOut, plan.Nothing:
			require.True(t, row.Target.IsZero())
		}
	}
	require.Positive(t, upgrades)
}

// An upgrade to a patch counts as many releases as one to its initial release.
func TestReleasesBetween(t *testing.T) {
	r := reporttest.Report(t, reporttest.Environment{Name: "DEV", Change: reporttest.AtLeast("November 2025"), Servers: []reporttest.Server{
		reporttest.Runs("dev1", "May 2025 Patch 15", ""),
	}})
	effort := func(target string) string {
		return planOf(t, r, plan.Options{Target: parse(t, target)}).Waves[0].Rows[0].Effort()
	}
	require.Equal(t, "upgrade over 1 release", effort("November 2025"))
	require.Equal(t, "upgrade over 1 release", effort("November 2025 Patch 1"))
}

func TestRefused(t *testing.T) {
	r := reporttest.Report(t, environments()...)
	for name, one := range map[string]struct {
		options plan.Options
		problem string
	}{
		"open itself": {plan.Options{Target: parse(t, "May 2024 Patch 9")},
			`^--target May 2024 Patch 9 is itself open to CVE-2024-55579, CVE-2024-55580.*: choose`},
		"not known": {plan.Options{Target: parse(t, "May 2031")}, `^--target May 2031: release "May 2031" is not in the catalogue: bring`},
		"below a minimum": {plan.Options{Target: parse(t, "May 2024 Patch 18")},
			`^--target May 2024 Patch 18 is below the minimum_release May 2024 Patch 20 of a block: choose`},
		"a wave twice":        {plan.Options{Waves: []string{"DEV", "PROD", "DEV"}}, `^--waves: DEV is named twice: name each wave once$`},
		"a wave with no name": {plan.Options{Waves: []string{"DEV", ""}}, `^--waves: a name is missing`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := plan.New(r, one.options)
			require.Error(t, err)
			require.Regexp(t, one.problem, err.Error())
		})
	}
	// Support matters only in blocks that require it.
	target := plan.Options{Target: parse(t, "May 2023 Patch 18")}
	_, err := plan.New(reporttest.Report(t, environments()[2]), target)
	require.ErrorContains(t, err, "is out of support, and a block sets require_support")
}

func TestWarnings(t *testing.T) {
	old := reporttest.JudgeBy(func(c *catalog.Catalog) { c.AdvisoriesAsOf = catalog.DayOf(reporttest.At.AddDate(0, 0, -200)) })
	servers := []reporttest.Server{reporttest.Runs("dev1", "May 2024 Patch 9", "14.187.14")}
	p := planOf(t, reporttest.Report(t, reporttest.Environment{Name: "DEV", Judge: old, Servers: servers}), plan.Options{Waves: []string{"DEV", "QA"}})
	require.Contains(t, strings.Join(p.Warnings, "\n"), "older than catalog_max_age allows (180 days): what this plan installs may be open to newer ones")
	require.Equal(t, `Wave 2: no server has the tag environment = "QA": check how it is written.`, p.Warnings[len(p.Warnings)-1])
	require.Len(t, p.Waves, 1)
	require.Equal(t, plan.Patch, p.Waves[0].Rows[0].Action, "it is planned despite the warnings")

	undecided := reporttest.JudgeBy(func(c *catalog.Catalog) {
		c.Advisories = append(c.Advisories, catalog.Advisory{ID: "CVE-2027-1", ReadBy: catalog.Machine, ExploitedSince: c.AdvisoriesAsOf})
	})
	p = planOf(t, reporttest.Report(t, reporttest.Environment{Name: "DEV", Judge: undecided, Servers: servers}), plan.Options{})
	require.Contains(t, strings.Join(p.Warnings, "\n"), "CVE-2027-1 is known to be exploited and undecided")
}

// A target that the catalogue does not confirm comes with a warning.
func TestUnconfirmedTargets(t *testing.T) {
	target := func(label string) string {
		return strings.Join(planOf(t, reporttest.Mixed(t), plan.Options{Target: parse(t, label)}).Warnings, "\n")
	}
	require.Contains(t, target("May 2025 Patch 99"), "May 2025 Patch 99 is newer than any patch known of its release: make sure that it exists")
	require.Contains(t, target("May 2024 Patch 10"), "May 2024 Patch 10 has been out of support since 2026-05-15, according to the catalogue.")
	require.NotContains(t, target("May 2025 Patch 15"), "May 2025 Patch 15 is")
	minimum := reporttest.Report(t, reporttest.Environment{
		Name: "PROD", Change: reporttest.AtLeast("May 2024 Patch 99"), Judge: newestUnsafe(t), Servers: []reporttest.Server{
			reporttest.Runs("qlik1.example.com", "May 2026 Patch 2", ""), // for which no release is safe
			reporttest.Runs("qlik2.example.com", "May 2024 Patch 9", "14.187.14"),
		},
	})
	require.Contains(t, strings.Join(planOf(t, minimum, plan.Options{}).Warnings, "\n"), "May 2024 Patch 99 is newer than any patch known of its release")
}

// A line names what the changes to one target achieve on any of its servers.
func TestEffectOnServersOfTwoBlocks(t *testing.T) {
	environment := func(name string) reporttest.Environment {
		return reporttest.Environment{Name: name, Servers: []reporttest.Server{reporttest.Runs(name, "May 2024 Patch 9", "14.187.14")}}
	}
	for _, withMinimum := range []int{0, 1} {
		environments := []reporttest.Environment{environment("A"), environment("B")}
		environments[withMinimum].Change = reporttest.AtLeast("May 2024 Patch 10")
		lines := strings.Join(planOf(t, reporttest.Report(t, environments...), plan.Options{}).Lines(), "\n")
		require.Regexp(t, `2 .*to May 2024 Patch 10 closes CVE-.* and meets the minimum release`, lines)
	}
}

// Warnings name the sites with servers that the plan cannot know.
func TestIncompleteSites(t *testing.T) {
	warnings := strings.Join(planOf(t, reporttest.Sites(t), plan.Options{}).Warnings, "\n")
	require.Equal(t, 2, strings.Count(warnings, "some of its servers are missing here. The nodes of the site could not be listed"), warnings)
	require.Contains(t, warnings, "Site qlik4.example.com: ")
	require.NotContains(t, warnings, "qlik1.example.com")
}

// Whatever servers run and users choose, a target is affected by no advisory, not below the minimum, newer
// than the current version, and makes the server compliant by the data of that day.
func TestTargetsAreSafe(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	releases := reporttest.Catalog().Releases
	anyRelease := func() release.Release {
		r := releases[random.IntN(len(releases))].Label
		r.Patch = random.IntN(30)
		return r
	}
	installed := 0
	for range 60 {
		all := make([]reporttest.Environment, 0, 3)
		for _, name := range []string{"DEV", "TEST", "PROD"} {
			e := reporttest.Environment{Name: name, Change: func(s *fleet.Settings) { s.RequireSupport = random.IntN(3) == 0 }}
			if random.IntN(2) == 0 {
				minimum, change := anyRelease().String(), e.Change
				e.Change = func(s *fleet.Settings) { change(s); s.MinimumRelease = minimum }
			}
			for i := range 12 {
				e.Servers = append(e.Servers, reporttest.Runs(fmt.Sprintf("%s%d", strings.ToLower(name), i), anyRelease().String(), ""))
			}
			all = append(all, e)
		}
		r := reporttest.Report(t, all...)
		options := plan.Options{Waves: []string{"TEST", "PROD"}}
		if random.IntN(2) == 0 {
			options.Target = anyRelease()
		}
		p, err := plan.New(r, options)
		if err != nil {
			require.ErrorContains(t, err, "--target")
			continue
		}
		require.Len(t, rowsOf(p), r.Summary.Servers, "each server once")
		requireRight(t, p)
		for _, row := range rowsOf(p) {
			runs, name := row.Server.Judgement.Release, row.Server.Server.Source()
			require.Equal(t, row.Server.Proven(), row.Action == plan.Nothing, name)
			if row.Target.IsZero() {
				continue
			}
			installed++
			policy := row.Server.Round.Block.Policy()
			after := row.Server.Round.Judge.Judge(row.Target.String(), "", &policy, row.Server.Round.Day())
			require.Equal(t, judgement.Compliant, after.Compliance, "%s runs %s, to %s: %v", name, runs, row.Target, after.Reasons.Names())
			require.Empty(t, after.Verdict.Advisories)
			require.Positive(t, row.Target.Compare(runs), "%s runs %s, to %s", name, runs, row.Target)
			if row.Action == plan.Patch {
				require.Equal(t, runs.Initial(), row.Target.Initial())
				for patch := runs.Patch + 1; patch < row.Target.Patch; patch++ {
					lower := runs
					lower.Patch = patch
					before := row.Server.Round.Judge.Judge(lower.String(), "", &policy, row.Server.Round.Day())
					require.NotEqual(t, judgement.Compliant, before.Compliance, "%s: %s would do as well as %s", name, lower, row.Target)
				}
			} else {
				require.Positive(t, row.Releases)
			}
		}
		require.True(t, slices.IsSortedFunc(p.Waves, func(a, b *plan.Wave) int { return (a.Number+2)%3 - (b.Number+2)%3 }), "DEV, in no wave, is last")
	}
	require.Greater(t, installed, 500, "the test has plans to check")
}

// requireRight checks the candidate releases of each server: each is compliant, the patch below it is not,
// and the planned target is one of them.
func requireRight(t *testing.T, p *plan.Plan) {
	t.Helper()
	lowest := make(map[*report.Block][]release.Release)
	for _, b := range p.Report.Blocks {
		lowest[b] = plan.Lowest(b)
	}
	for _, row := range rowsOf(p) {
		policy := row.Server.Round.Block.Policy()
		compliance := func(r release.Release) judgement.Compliance {
			return row.Server.Round.Judge.Judge(r.String(), "", &policy, row.Server.Round.Day()).Compliance
		}
		runs := row.Server.Judgement.Release
		planned := row.Target.IsZero() || row.Target == p.Options.Target // which need not be supported
		initial := make(map[release.Release]bool)
		for _, one := range row.WillDo(lowest[row.Server.Block]) {
			require.False(t, initial[one.Initial()], "each release is named once, %s", one)
			initial[one.Initial()] = true
			require.Equal(t, parse(t, one.String()), one)
			require.Positive(t, one.Compare(runs), "%s for %s", one, runs)
			require.Equal(t, judgement.Compliant, compliance(one), "%s for %s", one, runs)
			planned = planned || one.Initial() == row.Target.Initial() && one.Patch <= row.Target.Patch
			if one.Initial() != runs.Initial() && one.Patch > 0 {
				one.Patch--
				require.NotEqual(t, judgement.Compliant, compliance(one), "%s for %s", one, runs)
			}
		}
		require.True(t, planned, "%s for %s", row.Target, runs)
	}
}

// A server that only needs a patch has one candidate per release.
func TestPatchOfSupportedRelease(t *testing.T) {
	p := planOf(t, reporttest.Report(t, reporttest.Environment{Name: "DEV", Change: reporttest.AtLeast("May 2025 Patch 7"), Servers: []reporttest.Server{
		reporttest.Runs("dev1", "May 2025 Patch 3", ""),
	}}), plan.Options{})
	require.Equal(t, "May 2025 Patch 7", rowsOf(p)[0].Do())
	requireRight(t, p)
}

// newestUnsafe judges by data in which the newest release has an advisory without a fix.
func newestUnsafe(t *testing.T) *judgement.Judge {
	newest := parse(t, "May 2026")
	return reporttest.JudgeBy(func(c *catalog.Catalog) {
		c.Advisories = append(c.Advisories, catalog.Advisory{
			ID: "CVE-2027-2", Verified: true, Published: c.AdvisoriesAsOf, CVSS: 9.1, AffectedFrom: &newest, Fixed: []release.Release{parse(t, "November 2026")},
		})
	})
}

// A plan never downgrades, neither to the chosen target nor to a release with fewer advisories.
func TestNoSafeRelease(t *testing.T) {
	judge := newestUnsafe(t)
	r := reporttest.Report(t, reporttest.Environment{Name: "DEV", Judge: judge, Servers: []reporttest.Server{reporttest.Runs("dev1", "May 2026 Patch 2", "")}})
	for _, options := range []plan.Options{{}, {Target: parse(t, "May 2025 Patch 15")}} {
		p := planOf(t, r, options)
		row := rowsOf(p)[0]
		require.Equal(t, plan.Upgrade, row.Action)
		require.Equal(t, "no safe release known", row.Do())
		require.Empty(t, row.Closes())
		require.Empty(t, row.Effort())
		require.Equal(t, []string{"All servers: 1 server with no safe release known"}, p.Lines())
	}
}

// Boundaries: support lasts until the end of its last day, advisories are fresh on the last day of their age, and a
// release counts only once it is known.
func TestBoundaries(t *testing.T) {
	today := catalog.DayOf(reporttest.At)
	day := func(days int) catalog.Day { return catalog.DayOf(reporttest.At.AddDate(0, 0, days)) }
	planned := func(change func(newest *catalog.Release, c *catalog.Catalog)) *plan.Plan {
		judge := reporttest.JudgeBy(func(c *catalog.Catalog) {
			c.AdvisoriesAsOf = today
			newest := &c.Releases[slices.IndexFunc(c.Releases, func(r catalog.Release) bool { return r.Label == parse(t, "May 2026") })]
			change(newest, c)
		})
		return planOf(t, reporttest.Report(t, reporttest.Environment{Name: "PROD", Judge: judge, Servers: []reporttest.Server{
			reporttest.Runs("qlik1.example.com", "November 2021", ""),
		}}), plan.Options{})
	}
	target := func(change func(newest *catalog.Release)) string {
		return planned(func(newest *catalog.Release, _ *catalog.Catalog) { change(newest) }).Waves[0].Rows[0].Target.Initial().String()
	}
	require.Equal(t, "May 2026", target(func(r *catalog.Release) { r.EndOfSupport = today }))
	require.NotContains(t, strings.Join(planned(func(r *catalog.Release, _ *catalog.Catalog) { r.EndOfSupport = today }).Warnings, "\n"), "out of support")
	require.NotEqual(t, "May 2026", target(func(r *catalog.Release) { r.EndOfSupport = day(-1) }))
	require.NotEqual(t, "May 2026", target(func(r *catalog.Release) { r.EndOfSupport = catalog.Day{} }))
	require.NotEqual(t, "May 2026", target(func(r *catalog.Release) { r.Verified = false }))

	old := func(days int) string {
		return strings.Join(planned(func(_ *catalog.Release, c *catalog.Catalog) { c.AdvisoriesAsOf = day(-days) }).Warnings, "\n")
	}
	require.NotContains(t, old(180), "older than catalog_max_age")
	require.Contains(t, old(181), "older than catalog_max_age")

	soon := func(days int) []string {
		judge := reporttest.JudgeBy(func(c *catalog.Catalog) {
			for i := range c.Releases {
				if c.Releases[i].Label == parse(t, "May 2024") {
					c.Releases[i].EndOfSupport = day(days)
				}
			}
		})
		p := planOf(t, reporttest.Report(t, reporttest.Environment{Name: "PROD", Judge: judge, Servers: []reporttest.Server{
			reporttest.Runs("qlik1.example.com", "May 2024 Patch 9", "14.187.14"),
		}}), plan.Options{})
		return rowsOf(p)[0].Why()
	}
	require.Contains(t, soon(180), "support ends in 180 days")
	require.NotContains(t, strings.Join(soon(181), " "), "support ends")
	require.Contains(t, soon(0), "support ends today")
	require.Contains(t, soon(-1), "support ended 1 day ago")
}
