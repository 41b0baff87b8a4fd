package report_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/fleet"
	_ "telegraf-qlik-sense-version/internal/golden" // takes -update, as the packages below do
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/report/reporttest"
	"telegraf-qlik-sense-version/internal/simulator"
)

func runs(label, build string) simulator.Server {
	return simulator.Server{Reply: simulator.Reply(label, build)}
}

func settled(t *testing.T, settings ...fleet.Settings) []*fleet.Block {
	t.Helper()
	process := fleet.NewProcess(func() time.Time { return reporttest.At })
	blocks := make([]*fleet.Block, 0, len(settings))
	for _, s := range settings {
		blocks = append(blocks, newFleetBlock(t, process, s))
	}
	return blocks
}

// The report of a simulated fleet equals the one that the tests of the formats use.
func TestGather(t *testing.T) {
	network := claimNetwork(t)
	got, want := mixedFleet(t, network), reporttest.Mixed(t)
	inMixed := strings.NewReplacer(fmt.Sprintf("127.%d.", network), "127.41.")
	require.Equal(t, want.Summary, got.Summary)
	require.Len(t, got.Catalogs, 1)
	require.Equal(t, catalogFile(), got.Catalogs[0].Name)
	got.Catalogs[0].Name = fleet.BuiltIn
	require.Equal(t, want.Catalogs, got.Catalogs)
	for i := range got.Undecided {
		require.Equal(t, catalogFile(), got.Undecided[i].Catalog)
		got.Undecided[i].Catalog = fleet.BuiltIn
	}
	require.Equal(t, want.Undecided, got.Undecided)
	require.Equal(t, want.AskedAt, got.AskedAt)
	require.Equal(t, want.Program, got.Program)
	require.Len(t, got.Blocks, len(want.Blocks))
	for i := range got.Blocks {
		a, b := want.Blocks[i], got.Blocks[i]
		require.Equal(t, a.Tags(), b.Tags())
		require.Equal(t, a.Summary, b.Summary)
		require.Len(t, b.Servers, len(a.Servers))
		for j := range b.Servers {
			requireSame(t, a.Servers[j], b.Servers[j], inMixed)
		}
	}
	require.Equal(t, fmt.Sprint(affected(want)), inMixed.Replace(fmt.Sprint(affected(got))))
}

// requireSame compares two servers. addresses translates the addresses of got into those of want.
func requireSame(t *testing.T, want, got *report.Server, addresses *strings.Replacer) {
	t.Helper()
	require.Equal(t, want.Server.String(), addresses.Replace(got.Server.String()))
	for _, f := range fleet.Fields {
		a, b := f.Value(want.Result), f.Value(got.Result)
		if f.Name == "response_time" || f.Name == "certificate_expiry" {
			require.Equal(t, a == nil, b == nil, "%s of %s", f.Name, got.Server)
			continue
		}
		require.Equal(t, a, b, "%s of %s", f.Name, got.Server)
	}
	require.Equal(t, want.Judgement.Remark, got.Judgement.Remark)
	a, b := want.Outcome, got.Outcome
	for _, pair := range [][2]*poll.Certificate{{a.ServerCertificate, b.ServerCertificate}, {a.ClientCertificate, b.ClientCertificate}} {
		require.Equal(t, pair[0] == nil, pair[1] == nil, got.Server)
		if pair[0] != nil {
			require.Equal(t, []any{pair[0].Subject, len(pair[0].Names), pair[0].Issuer}, []any{addresses.Replace(pair[1].Subject), len(pair[1].Names), pair[1].Issuer})
		}
	}
	require.Equal(t, []string{a.Step.String(), a.Hint}, []string{b.Step.String(), b.Hint})
	// The cause depends on the resolver and the operating system of this machine.
	if a.Step != poll.StepResolve && (a.Step != poll.StepConnect || runtime.GOOS != "windows") {
		require.Equal(t, a.Cause, addresses.Replace(b.Cause))
	}
}

// affected are the servers and fixes of each advisory, in words.
func affected(r *report.Report) map[string][]string {
	all := make(map[string][]string)
	for _, a := range r.Advisories {
		for _, affected := range a.Affected {
			fix := "none"
			if !affected.FixedIn.IsZero() {
				fix = affected.FixedIn.String()
			}
			all[a.ID] = append(all[a.ID], fmt.Sprintf("%d %s %s", affected.Server.Block.Index, affected.Server.Server.Source(), fix))
		}
	}
	return all
}

// A site with unknown nodes is not proven, whatever its known nodes answer.
func TestSitesInTheStatus(t *testing.T) {
	compliant := reporttest.Runs("qlik1.example.com", "May 2025 Patch 15", "14.231.27")
	vulnerable := reporttest.Runs("qlik1.example.com", "May 2024", "14.187.4")
	unusable := reporttest.Listed(1, "qlik1.example.com")
	unusable.Unusable = 1
	for name, tt := range map[string]struct {
		server reporttest.Server
		site   *fleet.Site
		want   int
	}{
		"listed":                 {compliant, reporttest.Listed(1, "qlik1.example.com"), 0},
		"listed by another":      {compliant, reporttest.Listed(1, "qlik2.example.com", "qlik1.example.com"), 0},
		"not listed":             {compliant, reporttest.Unlisted("qlik1.example.com"), 3},
		"not all can be asked":   {compliant, unusable, 3},
		"not listed, vulnerable": {vulnerable, reporttest.Unlisted("qlik1.example.com"), 2},
	} {
		r := reporttest.Report(t, reporttest.Environment{Servers: []reporttest.Server{tt.server}, Site: tt.site})
		require.Equal(t, tt.want, r.Status(), name)
		r.Only = []string{"qlik1.example.com"}
		require.Equal(t, map[bool]int{true: 2, false: 0}[tt.want == 2], r.Status(), "a limited report claims nothing of sites: %s", name)
	}
}

// Discovered nodes can be named with --only; a name that no site has is an error.
func TestOnlyFoundNodes(t *testing.T) {
	network := claimNetwork(t)
	host := func(n int) string { return fmt.Sprintf("127.%d.0.%d", network, n) }
	repository := &simulator.Repository{List: simulator.NodeList(simulator.SiteNode{Host: host(1)}, simulator.SiteNode{Host: host(2)})}
	simulated, _ := sharedSite.Start(t,
		simulator.Server{Addr: host(1) + ":9032", Reply: simulator.Reply("May 2025 Patch 15", "14.231.27"), Repository: repository},
		simulator.Server{Addr: host(2) + ":9032", Reply: simulator.Reply("May 2025 Patch 15", "14.231.27")},
		simulator.Server{Addr: host(3) + ":9032", Fault: simulator.FaultDown},
	)
	gather := func(only string, discover ...string) (*report.Report, error) {
		settings := make([]fleet.Settings, len(discover))
		for i := range settings {
			settings[i] = settingsFor()
			settings[i].Discover, settings[i].DiscoverUser = discover[i:i+1], `INTERNAL\sa_api`
			settings[i].Tags = map[string]string{"site": discover[i]}
		}
		blocks, err := report.Limit(settled(t, settings...), []string{only})
		require.NoError(t, err)
		return report.Gather(t.Context(), blocks, "", []string{only}, nil)
	}
	r, err := gather(host(2), host(1)+":9032", host(3)+":9032")
	require.NoError(t, err)
	require.Equal(t, []int{1, 1}, []int{r.Summary.Servers, len(r.Blocks)}, "the other block is left out")
	require.Equal(t, 1, simulated.Requests(1))
	_, err = gather(host(9), host(1)+":9032")
	require.EqualError(t, err, "--only "+host(9)+": neither the settings nor their sites have such a server: write it as in hosts or as the site has it")
	_, err = gather(host(9), host(3)+":9032")
	require.ErrorContains(t, err, "as the site has it; site "+host(3)+":9032: its nodes cannot be listed since ", "it may be one of these")
}

func TestSummary(t *testing.T) {
	r := reporttest.Mixed(t)
	s := r.Summary
	require.Equal(t, report.Version{Label: "May 2025 Patch 15", Build: "14.231.27", Servers: 2}, s.Versions[0])
	require.Len(t, s.Versions, 8)
	s.Versions = nil
	require.Equal(t, report.Summary{
		Counts:       report.Counts{Servers: 15, Answered: 9, Failed: 6, Compliant: 4, NonCompliant: 3, Unknown: 2, Vulnerable: 3, Exploited: 1},
		BelowMinimum: 1, Mismatched: 5, OutOfSupport: 3,
	}, s)
	require.Equal(t, []int{3, 1, 0}, []int{r.Blocks[0].Summary.Compliant, r.Blocks[1].Summary.Compliant, r.Blocks[2].Summary.Compliant})
	require.Equal(t, []int{5, 5, 5}, []int{r.Blocks[0].Summary.Servers, r.Blocks[1].Summary.Servers, r.Blocks[2].Summary.Servers})
	require.Equal(t, 2, r.Status())

	proven := 0
	for server := range r.Servers() {
		if server.Proven() {
			require.True(t, server.Answered(), server.Server)
			proven++
		}
	}
	require.Equal(t, s.Compliant, proven)
}

// Green means proven compliant: no answer and unknown are not, and neither is an empty fleet.
func TestStatus(t *testing.T) {
	compliant := reporttest.Runs("qlik1.example.com", "May 2025 Patch 15", "14.231.27")
	vulnerable := reporttest.Runs("qlik2.example.com", "August 2023 Patch 1", "14.139.5")
	unknown := reporttest.Runs("qlik3.example.com", "November 2026", "14.290.4")
	silent := reporttest.Fails("qlik4.example.com", poll.Outcome{Result: poll.Timeout, Step: poll.StepConnect})
	for name, test := range map[string]struct {
		servers []reporttest.Server
		status  int
	}{
		"compliant":              {[]reporttest.Server{compliant}, 0},
		"unknown":                {[]reporttest.Server{compliant, unknown}, 3},
		"silent":                 {[]reporttest.Server{compliant, silent}, 3},
		"only silent":            {[]reporttest.Server{silent}, 3},
		"not compliant":          {[]reporttest.Server{compliant, vulnerable}, 2},
		"not compliant, unknown": {[]reporttest.Server{unknown, vulnerable}, 2},
		"not compliant, silent":  {[]reporttest.Server{vulnerable, silent}, 2},
		"no server":              {nil, 3},
	} {
		require.Equal(t, test.status, reporttest.Report(t, reporttest.Environment{Servers: test.servers}).Status(), name)
	}
	require.Equal(t, 3, new(report.Report).Status())
}

// Each server has the fix of its own release, if there is one.
func TestAffectedServers(t *testing.T) {
	r := reporttest.Mixed(t)
	ids := make([]string, 0, len(r.Advisories))
	for _, a := range r.Advisories {
		ids = append(ids, a.ID)
	}
	require.Equal(t, []string{"CVE-2023-48365", "CVE-2024-36077", "CVE-2024-55579", "CVE-2024-55580"}, ids, "exploited ones first, then by score")
	all := affected(r)
	require.Equal(t, []string{"0 127.41.1.4 August 2023 Patch 2"}, all["CVE-2023-48365"], "not Patch 16, which fixes all advisories")
	require.Equal(t, []string{"0 127.41.1.4 August 2023 Patch 16", "1 127.41.1.9 May 2024 Patch 10", "2 127.41.1.11 none"}, all["CVE-2024-55579"])
	applying := 0
	for s := range r.Servers() {
		applying += len(s.Applying())
		fix, found := s.Fix()
		if s.Judgement.Verdict != nil {
			require.Equal(t, s.Judgement.Verdict.FixedIn != "", found)
		}
		if found {
			require.Equal(t, s.Judgement.Verdict.FixedIn, fix.String())
		}
	}
	require.Equal(t, applying, len(all["CVE-2023-48365"])+len(all["CVE-2024-36077"])+len(all["CVE-2024-55579"])+len(all["CVE-2024-55580"]))
}

func TestGatherSeveralCatalogs(t *testing.T) {
	other := filepath.Join(t.TempDir(), "catalog.toml")
	require.NoError(t, reporttest.Catalog().Save(other, ""))
	own := func(s *fleet.Settings) { s.CatalogFile = other }
	vulnerable := func() []simulator.Server { return []simulator.Server{runs("May 2024 Patch 9", "14.187.14")} }
	r := gather(t, claimNetwork(t), environment{name: "A", servers: vulnerable()}, environment{name: "B", change: own, servers: vulnerable()},
		environment{name: "C", change: own, servers: vulnerable()})
	require.Equal(t, []string{catalogFile(), other, other}, []string{r.Blocks[0].Round.Catalog, r.Blocks[1].Round.Catalog, r.Blocks[2].Round.Catalog})
	require.Len(t, r.Catalogs, 2)
	require.Equal(t, []string{catalogFile(), other}, []string{r.Catalogs[0].Name, r.Catalogs[1].Name})
	for _, a := range r.Advisories {
		require.Len(t, a.Affected, 3, "an advisory in two catalogues is listed once")
	}
}

func TestGatherInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := report.Gather(ctx, settled(t, settingsFor("127.42.2.1")), "", nil, nil)
	require.EqualError(t, err, "interrupted before all servers were asked")
	require.Nil(t, r)
}

func TestLimit(t *testing.T) {
	blocks := func() []*fleet.Block {
		second := settingsFor("https://qlik3.example.com/jwt/about?x=secret", "qlik2.example.com")
		second.Tags = map[string]string{"a": "b"}
		return settled(t, settingsFor("qlik1.example.com", "qlik2.example.com:4747"), second)
	}
	for _, test := range []struct {
		only []string
		want [][]string
	}{
		{nil, [][]string{{"qlik1.example.com", "qlik2.example.com:4747"}, {"https://qlik3.example.com/jwt/about", "qlik2.example.com"}}},
		{[]string{"qlik1.example.com"}, [][]string{{"qlik1.example.com"}}},
		{[]string{"QLIK1.Example.COM", "qlik1.example.com"}, [][]string{{"qlik1.example.com"}}},
		{[]string{"qlik2.example.com"}, [][]string{{"qlik2.example.com:4747"}, {"qlik2.example.com"}}},
		{[]string{"qlik1.example.com:9032"}, [][]string{{"qlik1.example.com"}}},
		{[]string{"qlik2.example.com:4747"}, [][]string{{"qlik2.example.com:4747"}}},
		{[]string{"qlik3.example.com"}, [][]string{{"https://qlik3.example.com/jwt/about"}}},
		{[]string{"https://qlik3.example.com/jwt/about", "qlik1.example.com"}, [][]string{{"qlik1.example.com"}, {"https://qlik3.example.com/jwt/about"}}},
	} {
		left, err := report.Limit(blocks(), test.only)
		require.NoError(t, err)
		got := make([][]string, 0, len(left))
		for _, block := range left {
			hosts := make([]string, 0, len(block.Servers()))
			for _, s := range block.Servers() {
				hosts = append(hosts, s.String())
			}
			got = append(got, hosts)
		}
		require.Equal(t, test.want, got, "%q", test.only)
	}
	for _, unknown := range []string{"qlik9.example.com", "qlik1", "qlik1.example.com:9033", ""} {
		left, err := report.Limit(blocks(), []string{"qlik1.example.com", unknown})
		require.EqualError(t, err, "--only "+unknown+": the settings have no such server: write it as in hosts, with or without the port")
		require.Nil(t, left)
	}
}

// The versions of a limited report are not compared.
func TestGatherOnly(t *testing.T) {
	servers := []simulator.Server{runs("May 2025 Patch 15", "14.231.27"), runs("May 2025 Patch 3", "14.231.8")}
	simulated, hosts := sharedSite.Start(t, servers...)
	only := []string{hosts[1]}
	blocks, err := report.Limit(settled(t, settingsFor(hosts...)), only)
	require.NoError(t, err)
	r, err := report.Gather(t.Context(), blocks, "", only, nil)
	require.NoError(t, err)
	require.Equal(t, only, r.Only)
	require.Equal(t, 1, r.Summary.Servers)
	require.Equal(t, hosts[1], r.Blocks[0].Servers[0].Server.String())
	require.True(t, r.Blocks[0].Servers[0].Proven())
	require.Equal(t, fleet.NotCompared, r.Blocks[0].Servers[0].Comparison)
	require.Nil(t, r.Blocks[0].Usual())
	require.Zero(t, simulated.Requests(0))
}

func TestGatherSteps(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("secret"), 0o600))
	withToken := settingsFor("127.42.2.1")
	withToken.Poll.TokenFile = token
	blocks := settled(t, withToken)
	require.NoError(t, os.Remove(token))
	unreadable, err := report.Gather(t.Context(), blocks, "", nil, nil)
	require.NoError(t, err)
	require.Equal(t, poll.ConfigurationError, unreadable.Blocks[0].Servers[0].Outcome.Result)
	require.Equal(t, poll.StepSettings, unreadable.Blocks[0].Servers[0].Outcome.Step)

	r := gather(t, claimNetwork(t), environment{
		servers: []simulator.Server{
			{Fault: simulator.FaultDown}, {Fault: simulator.FaultNoSAN}, {Fault: simulator.FaultExpiredCertificate}, {Fault: simulator.FaultClientRefused},
			{Fault: simulator.Fault503}, {Fault: simulator.Fault401}, {Fault: simulator.FaultHTML}, {Fault: simulator.FaultBrokenOff},
		},
		hosts: []string{"qlik9.invalid"}, name: "steps",
	})
	for i, want := range []poll.Step{
		poll.StepConnect, poll.StepTLS, poll.StepTLS, poll.StepClientCertificate, poll.StepHTTP, poll.StepHTTP, poll.StepReply, poll.StepReply, poll.StepResolve,
	} {
		s := r.Blocks[0].Servers[i]
		require.Equal(t, want.String(), s.Outcome.Step.String(), s.Server)
		require.NotEmpty(t, s.Outcome.Cause)
		require.NotEmpty(t, s.Outcome.Hint)
		require.Equal(t, want == poll.StepTLS || want == poll.StepClientCertificate, s.Outcome.ServerCertificate != nil, s.Server)
		require.Equal(t, want == poll.StepClientCertificate, s.Outcome.ClientCertificate != nil, s.Server)
	}
	require.Equal(t, "CN=QlikClient", r.Blocks[0].Servers[3].Outcome.ClientCertificate.Subject)
}
