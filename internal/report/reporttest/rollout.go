package reporttest

import (
	"slices"
	"testing"
	"time"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/report"
)

// Waves are the environments of Rollout, in the order of the rollout.
var Waves = []string{"DEV", "TEST", "PROD"}

// Rollout is a fleet of three environments after that many of Waves were upgraded as planned.
func Rollout(t testing.TB, waves int) *report.Report {
	t.Helper()
	type server struct{ host, runs, install string }
	environments := make([]Environment, 0, len(Waves))
	for i, servers := range [][]server{
		{{"qlik-dev-1.example.com", "May 2024 Patch 9", "May 2024 Patch 10"}, {"qlik-dev-2.example.com", "May 2022 Patch 18", "May 2026 Patch 2"}},
		{{"qlik-test-1.example.com", "August 2023 Patch 1", "August 2023 Patch 16"}, {"qlik-test-2.example.com", "May 2025 Patch 15", "May 2025 Patch 15"}},
		{{"qlik-prod-1.example.com", "May 2024 Patch 9", "May 2024 Patch 12"}, {"qlik-prod-2.example.com", "November 2023 Patch 18", "May 2026 Patch 2"}},
	} {
		e := Environment{Name: Waves[i]}
		if e.Name == "PROD" {
			e.Change = AtLeast("May 2024 Patch 12")
		}
		for _, s := range servers {
			label := s.runs
			if i < waves {
				label = s.install
			}
			e.Servers = append(e.Servers, Runs(s.host, label, ""))
		}
		environments = append(environments, e)
	}
	r := Report(t, environments...)
	r.AskedAt = At.AddDate(0, 0, waves)
	return r
}

// Changes are two reports of one fleet, with every kind of change between them.
func Changes(t testing.TB) (before, after *report.Report) {
	t.Helper()
	silent := func(host string) Server {
		return Fails(host, poll.Outcome{Result: poll.Timeout, Step: poll.StepConnect, Cause: "no connection in time", Hint: "check the firewalls"})
	}
	runs := func(host, label string) Server { return Runs(host, label, "") }
	without := func(id string) func(*catalog.Catalog) {
		return func(c *catalog.Catalog) {
			c.Advisories[slices.IndexFunc(c.Advisories, func(a catalog.Advisory) bool { return a.ID == id })].Dismissed = "not reachable"
			c.AdvisoriesAsOf = catalog.DayOf(At.AddDate(0, -1, 0))
		}
	}
	tooOld := JudgeBy(func(c *catalog.Catalog) { c.AdvisoriesAsOf = catalog.DayOf(At.AddDate(-1, 0, 0)) })
	before = Report(t,
		Environment{Name: "PROD", Change: AtLeast("November 2023"), Judge: JudgeBy(without("CVE-2024-55580")), Servers: []Server{
			runs("fixed.example.com", "May 2024 Patch 9"),
			runs("partly.example.com", "August 2023 Patch 1"),
			runs("downgraded.example.com", "May 2025 Patch 15"),
			runs("opened.example.com", "May 2024 Patch 10"),
			runs("data.example.com", "May 2024 Patch 9"),
			runs("other.example.com", "Spring"),
			runs("dark.example.com", "May 2025 Patch 15"),
			silent("back.example.com"),
			silent("silent.example.com"),
			runs("vanished.example.com", "May 2024 Patch 9"),
			runs("unchanged.example.com", "May 2025 Patch 15"),
		}},
		Environment{Name: "TEST", Servers: []Server{
			runs("policy.example.com", "May 2024 Patch 12"), runs("closed.example.com", "August 2023 Patch 1"), runs("unreadable.example.com", "May 2025 Patch 15"),
		}},
		Environment{Name: "DEV", Judge: tooOld, Servers: []Server{runs("proven.example.com", "May 2025 Patch 15")}},
		Environment{Name: "SITE", Site: Listed(2, "node1.example.com"), Servers: []Server{
			runs("node1.example.com", "May 2025 Patch 15"), runs("node2.example.com", "May 2025 Patch 15"),
		}},
	)
	before.AskedAt = time.Date(2026, time.October, 24, 8, 30, 0, 0, time.UTC)
	after = Report(t,
		Environment{Name: "PROD", Change: AtLeast("November 2023"), Servers: []Server{
			runs("fixed.example.com", "May 2024 Patch 12"),
			runs("partly.example.com", "August 2023 Patch 14"),
			runs("downgraded.example.com", "May 2025 Patch 3"),
			runs("opened.example.com", "May 2024 Patch 9"),
			runs("data.example.com", "May 2024 Patch 9"),
			runs("other.example.com", "Autumn"),
			silent("dark.example.com"),
			runs("back.example.com", "May 2025 Patch 15"),
			silent("silent.example.com"),
			runs("unchanged.example.com", "May 2025 Patch 15"),
			runs("new.example.com", "May 2025 Patch 15"),
		}},
		Environment{Name: "TEST", Change: AtLeast("May 2025"), Judge: JudgeBy(without("CVE-2023-48365")), Servers: []Server{
			runs("policy.example.com", "May 2024 Patch 12"), runs("closed.example.com", "August 2023 Patch 1"), runs("unreadable.example.com", "Summer"),
		}},
		Environment{Name: "DEV", Servers: []Server{runs("proven.example.com", "May 2025 Patch 15")}},
		Environment{Name: "SITE", Site: Unlisted("node1.example.com"), Servers: []Server{runs("node1.example.com", "May 2025 Patch 15")}},
	)
	return before, after
}
