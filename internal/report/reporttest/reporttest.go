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

// At is when all rounds are: the advisories of Catalog are fresh on that day.
var At = time.Date(2026, time.November, 24, 8, 30, 0, 0, time.UTC)

// Program is the program of all reports.
const Program = "telegraf-qlik-sense-version v0.0.0-test"

// Environment is a block with the servers that it asks.
type Environment struct {
	Name    string // value of the tag environment, "" for no tags
	Change  func(*fleet.Settings)
	Servers []Server
	Judge   *judgement.Judge // nil for that by Catalog
	Catalog string           // its name, "" for that of the built-in one
	Weaker  []string         // its entries that are
	Problem string           // of the catalogue that the settings name
	Site    *fleet.Site
}

// Server is a server and how its poll ended.
type Server struct {
	Host      string
	Outcome   poll.Outcome
	OutOfStep bool
	Node      *discovery.Node
}

// Settings are the defaults.
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

// Runs is a server that answers as one of that release and build does.
func Runs(host, label, build string) Server { return Replies(host, simulator.Reply(label, build)) }

// Replies is a server with a reply of its own.
func Replies(host string, reply []byte) Server {
	info, err := systeminfo.Decode(reply)
	if err != nil {
		panic(err)
	}
	return Server{Host: host, Outcome: poll.Outcome{
		Result: poll.Success, Info: info, StatusCode: 200, ResponseTime: 125 * time.Millisecond, CertificateExpiry: At.Add(24 * time.Hour),
	}}
}

// Fails is a server that does not tell its version.
func Fails(host string, outcome poll.Outcome) Server {
	if outcome.ResponseTime == 0 {
		outcome.ResponseTime = 125 * time.Millisecond
	}
	return Server{Host: host, Outcome: outcome}
}

// Differs is a server that is out of step with its block.
func (s Server) Differs() Server {
	s.OutOfStep = true
	return s
}

// IsNode is a server that the list of the nodes of its site has.
func (s Server) IsNode(name string, roles ...string) Server {
	s.Node = &discovery.Node{Name: name, Roles: roles}
	return s
}

// Listed is a site whose nodes were listed by the last of the hosts, which the others did
// not do.
func Listed(nodes int, hosts ...string) *fleet.Site {
	site := Unlisted(hosts...)
	site.Listed, site.FailedSince, site.Nodes = true, time.Time{}, nodes
	site.Attempts[len(hosts)-1].Outcome = poll.Outcome{Result: poll.Success, StatusCode: 200, ResponseTime: 250 * time.Millisecond}
	return site
}

// Unlisted is a site whose nodes none of the hosts listed.
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

// Shows adds certificates to a failure.
func (s Server) Shows(server, client *poll.Certificate) Server {
	s.Outcome.ServerCertificate, s.Outcome.ClientCertificate = server, client
	return s
}

// Catalog returns a copy of the built-in catalogue with fixed days, so that newer data do
// not change what tests compare.
func Catalog() *catalog.Catalog {
	c := *catalog.BuiltIn()
	c.Releases, c.Advisories = slices.Clone(c.Releases), slices.Clone(c.Advisories)
	c.ReleasesAsOf = catalog.DayOf(time.Date(2025, time.November, 22, 0, 0, 0, 0, time.UTC))
	c.AdvisoriesAsOf = catalog.DayOf(time.Date(2026, time.November, 21, 0, 0, 0, 0, time.UTC))
	c.ExploitedAsOf = catalog.DayOf(time.Date(2025, time.August, 25, 0, 0, 0, 0, time.UTC))
	return &c
}

// JudgeBy returns a judge by that catalogue with a change.
func JudgeBy(change func(*catalog.Catalog)) *judgement.Judge {
	c := Catalog()
	change(c)
	return judgement.New(c)
}

// Report is what a round over the environments would come to.
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

// Compliant is a report of one server that is proven compliant, after a change of the
// settings and by a catalogue.
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
		settings.Hosts = []string{"qlik1.example.com"} // none is not allowed
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
