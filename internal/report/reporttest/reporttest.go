// Package reporttest makes reports for tests, in memory and on a fixed day.
package reporttest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/discovery"
	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/internal/systeminfo"
)

// At is the time of all rounds, when the advisories of Catalog are fresh.
var At = time.Date(2026, time.November, 24, 8, 30, 0, 0, time.UTC)

// Program is the name and version of the program in all reports.
const Program = "telegraf-qlik-sense-version v0.0.0-test"

// Environment is a block with its servers.
type Environment struct {
	Name    string // value of the tag environment, "" for no tags
	Change  func(*fleet.Settings)
	Servers []Server
	Judge   *judgement.Judge // nil to judge by Catalog()
	Catalog string           // name of the catalogue, "" for the built-in one
	Weaker  []string         // sentences about its weaker entries
	Problem string           // why the catalogue of the settings was not used, "" if it was
	Site    *fleet.Site
}

// Server is a server and the outcome of its poll.
type Server struct {
	Host      string
	Outcome   poll.Outcome
	OutOfStep bool
	Node      *discovery.Node
}

// Settings are the default settings.
func Settings(hosts ...string) fleet.Settings {
	return fleet.Settings{
		Hosts: hosts, MaxConcurrentRequests: 64, SameVersion: true, CatalogMaxAge: 180 * 24 * time.Hour,
		Poll: poll.Settings{Timeout: 5 * time.Second, TLSVerify: poll.VerifyFull},
	}
}

// AtLeast sets a minimum release.
func AtLeast(minimum string) func(*fleet.Settings) {
	return func(s *fleet.Settings) { s.MinimumRelease = minimum }
}

// Runs is a server that reports a release and a build.
func Runs(host, label, build string) Server { return Replies(host, simulator.Reply(label, build)) }

// Replies is a server with a given reply.
func Replies(host string, reply []byte) Server {
	info, err := systeminfo.Decode(reply)
	if err != nil {
		panic(err)
	}
	return Server{Host: host, Outcome: poll.Outcome{
		Result: poll.Success, Info: info, StatusCode: 200, ResponseTime: 125 * time.Millisecond, CertificateExpiry: At.Add(24 * time.Hour),
	}}
}

// Fails is a server whose poll fails.
func Fails(host string, outcome poll.Outcome) Server {
	if outcome.ResponseTime == 0 {
		outcome.ResponseTime = 125 * time.Millisecond
	}
	return Server{Host: host, Outcome: outcome}
}

// Differs makes the server out of step with its block.
func (s Server) Differs() Server {
	s.OutOfStep = true
	return s
}

// IsNode makes the server a discovered node.
func (s Server) IsNode(name string, roles ...string) Server {
	s.Node = &discovery.Node{Name: name, Roles: roles}
	return s
}

// Listed is a site whose nodes were listed by the last of the hosts, after the others failed to.
func Listed(nodes int, hosts ...string) *fleet.Site {
	site := Unlisted(hosts...)
	site.Listed, site.FailedSince, site.Nodes = true, time.Time{}, nodes
	site.Attempts[len(hosts)-1].Outcome = poll.Outcome{Result: poll.Success, StatusCode: 200, ResponseTime: 250 * time.Millisecond}
	return site
}

// Unlisted is a site whose nodes could not be listed by any of the hosts.
func Unlisted(hosts ...string) *fleet.Site {
	site := &fleet.Site{FailedSince: At}
	for _, host := range hosts {
		server, err := poll.ParseServer(host)
		if err != nil {
			panic(err)
		}
		site.Attempts = append(site.Attempts, discovery.Attempt{Server: server, Outcome: poll.Outcome{
			Result: poll.AuthenticationFailed, Step: poll.StepHTTP, StatusCode: 401, ResponseTime: 125 * time.Millisecond,
			Cause: "the server answered with HTTP status 401 Unauthorized", Hint: "check discover_user",
		}})
	}
	return site
}

// Catalog returns a copy of the built-in catalogue with fixed dates, so that the age of the data does
// not depend on the last update.
func Catalog() *catalog.Catalog {
	c := *catalog.BuiltIn()
	c.Releases, c.Advisories = slices.Clone(c.Releases), slices.Clone(c.Advisories)
	c.ReleasesAsOf = catalog.DayOf(time.Date(2025, time.November, 22, 0, 0, 0, 0, time.UTC))
	c.AdvisoriesAsOf = catalog.DayOf(time.Date(2026, time.November, 21, 0, 0, 0, 0, time.UTC))
	c.ExploitedAsOf = catalog.DayOf(time.Date(2025, time.August, 25, 0, 0, 0, 0, time.UTC))
	return &c
}

// JudgeBy returns a judge by that catalogue after a change.
func JudgeBy(change func(*catalog.Catalog)) *judgement.Judge {
	c := Catalog()
	change(c)
	return judgement.New(c)
}

// Report is the report of one round over the environments.
func Report(t testing.TB, environments ...Environment) *report.Report {
	t.Helper()
	process := fleet.NewProcess(func() time.Time { return At })
	rounds := make([]*fleet.Round, len(environments))
	for i := range environments {
		rounds[i] = environments[i].round(t, process)
	}
	r := report.New(Program, nil, rounds)
	r.Origin = report.Origin{
		Machine: "monitoring.example.com", Account: "telegraf",
		Settings: []report.File{{Name: "/etc/telegraf/telegraf.d/qlik-sense-version.conf", SHA256: strings.Repeat("0123456789abcdef", 4)}},
	}
	return r
}

// Compliant is a report of one server that is proven compliant by the default settings and the
// built-in catalogue; change and judge may be nil.
func Compliant(t testing.TB, change func(*fleet.Settings), judge *judgement.Judge) *report.Report {
	t.Helper()
	return Report(t, Environment{
		Name: "PROD", Change: change, Judge: judge, Servers: []Server{Runs("qlik1.example.com", "May 2025 Patch 15", "14.231.27")},
	})
}

func (e *Environment) round(t testing.TB, process *fleet.Process) *fleet.Round {
	t.Helper()
	hosts := make([]string, 0, len(e.Servers))
	for i := range e.Servers {
		hosts = append(hosts, e.Servers[i].Host)
	}
	settings := Settings(hosts...)
	if len(hosts) == 0 {
		settings.Hosts = []string{"qlik1.example.com"} // a block without servers is refused
	}
	if e.Name != "" {
		settings.Tags = map[string]string{"environment": e.Name}
	}
	if e.Change != nil {
		e.Change(&settings)
	}
	block, err := fleet.New(settings, process)
	require.NoError(t, err)

	round := &fleet.Round{Block: block, Start: At, Results: make([]fleet.Result, len(e.Servers))}
	round.Site = e.Site
	round.Basis = fleet.Basis{Judge: e.Judge, Catalog: e.Catalog, Weaker: e.Weaker, Problem: e.Problem}
	if e.Judge == nil {
		round.Judge = judgement.New(Catalog())
	}
	if e.Catalog == "" {
		round.Catalog = fleet.BuiltIn
	}
	policy := block.Policy()
	for i := range e.Servers {
		result := &round.Results[i]
		*result = fleet.Result{Round: round, Server: block.Servers()[i], Node: e.Servers[i].Node, Outcome: e.Servers[i].Outcome}
		info := result.Outcome.Info
		if info == nil {
			continue
		}
		result.Judgement = round.Judge.Judge(info.ReleaseLabel, info.Version, &policy, round.Day())
		switch {
		case !settings.SameVersion:
		case e.Servers[i].OutOfStep:
			result.Comparison = fleet.Different
		default:
			result.Comparison = fleet.Same
		}
	}
	return round
}
