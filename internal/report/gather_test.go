package report

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/influxdata/telegraf/testutil"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/settings"
	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/plugins/inputs/qlik_sense_version"
	"telegraf-qlik-sense-version/test/stack"
)

func runs(label, build string) simulator.Server {
	return simulator.Server{Reply: simulator.Reply(label, build)}
}

func settled(t *testing.T, text string) []*qlik_sense_version.QlikSenseVersion {
	t.Helper()
	blocks, err := settings.Parse("fleet.conf", text, os.LookupEnv, testutil.Logger{Quiet: true})
	require.NoError(t, err)
	return blocks
}

func TestGather(t *testing.T) {
	r := mixedFleet(t)
	require.Equal(t, Schema, r.Schema)
	require.Equal(t, "telegraf-qlik-sense-version v0.0.0-test", r.Program)
	require.Empty(t, r.Only)
	require.Len(t, r.Catalogs, 1)
	require.Equal(t, "built in", r.Catalogs[0].Name)
	require.Len(t, r.Blocks, 3)
	require.Equal(t, map[string]string{"environment": "PROD"}, r.Blocks[0].Tags)
	require.Equal(t, "May 2024 Patch 10", r.Blocks[0].MinimumRelease)
	require.Empty(t, r.Blocks[1].MinimumRelease)

	s := r.Summary
	require.InDelta(t, 100*4.0/9, *s.CompliantPercent, 1e-9)
	require.Equal(t, Count{ReleaseLabel: "May 2025 Patch 15", Version: "14.231.27", Servers: 2}, s.Versions[0])
	require.Len(t, s.Versions, 8)
	s.CompliantPercent, s.Versions = nil, nil
	require.Equal(t, Summary{
		Servers: 15, Answered: 9, Failed: 6, Compliant: 4, NonCompliant: 3, Unknown: 2, Vulnerable: 3, Exploited: 1, BelowMinimum: 1, Mismatched: 6, OutOfSupport: 3,
	}, s)
	require.Equal(t, 2, r.Status())

	for _, b := range r.Blocks {
		for _, server := range b.Servers {
			require.Equal(t, server.Result == "success", server.Answered(), server.Source)
			require.Equal(t, server.Compliance == "", !server.Answered(), server.Source)
			require.Equal(t, server.Compliance == "unknown", server.Answered() && server.AdvisoryCount == nil, server.Source)
		}
	}
	require.Contains(t, r.Blocks[1].Servers[1].Remark, "announced only")
}

func TestGatherStatusAndPercent(t *testing.T) {
	compliant, vulnerable, unknown := runs("May 2025 Patch 15", "14.231.27"), runs("August 2023 Patch 1", "14.139.5"), runs("November 2026", "14.290.4")
	for name, test := range map[string]struct {
		environment environment
		status      int
		percent     float64 // -1 for none
	}{
		"compliant":     {environment{servers: []simulator.Server{compliant}}, 0, 100},
		"unknown":       {environment{servers: []simulator.Server{compliant, unknown}}, 3, 50},
		"non-compliant": {environment{servers: []simulator.Server{compliant, vulnerable}}, 2, 50},
		"failed":        {environment{servers: []simulator.Server{vulnerable}, hosts: []string{"127.42.2.1"}}, 2, 0},
		"no answer":     {environment{hosts: []string{"127.42.2.1", "127.42.2.2"}}, 3, -1},
	} {
		t.Run(name, func(t *testing.T) {
			test.environment.name = name
			r := gather(t, 42, test.environment)
			require.Equal(t, test.status, r.Status())
			if test.percent < 0 {
				require.Nil(t, r.Summary.CompliantPercent)
				require.NotNil(t, r.Summary.Versions)
				require.NotNil(t, r.Advisories)
				return
			}
			require.InDelta(t, test.percent, *r.Summary.CompliantPercent, 1e-9)
		})
	}
}

// Each server has the fix of its own release, and none where its release has none.
func TestGatherTurnsAdvisoriesRound(t *testing.T) {
	r := mixedFleet(t)
	ids := make([]string, 0, len(r.Advisories))
	affected := make(map[string][]Affected)
	for _, a := range r.Advisories {
		ids = append(ids, a.ID)
		affected[a.ID] = a.Affected
		require.NotEmpty(t, a.Fixed)
		require.NotEmpty(t, a.References)
	}
	require.Equal(t, []string{"CVE-2023-48365", "CVE-2024-36077", "CVE-2024-55579", "CVE-2024-55580"}, ids, "exploited ones first, then by score")
	require.Equal(t, "2025-01-13", r.Advisories[0].ExploitedSince)
	require.Equal(t, []Affected{{0, "127.41.1.4", "August 2023 Patch 2"}}, affected["CVE-2023-48365"], "not Patch 16, which all need")
	require.Equal(t, []Affected{
		{0, "127.41.1.4", "August 2023 Patch 16"}, {1, "127.41.1.9", "May 2024 Patch 10"}, {2, "127.41.1.11", ""},
	}, affected["CVE-2024-55579"])
	named := 0
	for _, b := range r.Blocks {
		for _, s := range b.Servers {
			named += len(s.Advisories)
		}
	}
	require.Equal(t, len(affected["CVE-2023-48365"])+len(affected["CVE-2024-36077"])+len(affected["CVE-2024-55579"])+len(affected["CVE-2024-55580"]), named)
}

func TestGatherSeveralCatalogs(t *testing.T) {
	content, err := os.ReadFile("../catalog/catalog.toml")
	require.NoError(t, err)
	other := filepath.Join(t.TempDir(), "catalog.toml")
	require.NoError(t, os.WriteFile(other, content, 0o600))
	own := "  catalog_file = '" + other + "'"
	vulnerable := func() []simulator.Server { return []simulator.Server{runs("May 2024 Patch 9", "14.187.14")} }
	r := gather(t, 43, environment{name: "A", servers: vulnerable()}, environment{name: "B", more: own, servers: vulnerable()},
		environment{name: "C", more: own, servers: vulnerable()})
	require.Len(t, r.Catalogs, 2)
	require.Equal(t, []string{"built in", other, other}, []string{r.Blocks[0].Catalog, r.Blocks[1].Catalog, r.Blocks[2].Catalog})
	require.Equal(t, "built in", r.Catalogs[0].Name)
	require.Equal(t, other, r.Catalogs[1].Name)
	for _, a := range r.Advisories {
		require.Len(t, a.Affected, 3, "an advisory of two catalogues is one")
	}
}

func TestGatherInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := Gather(ctx, settled(t, stack.Settings([]string{"127.42.2.1"}, world.dir, "")), "", nil)
	require.EqualError(t, err, "interrupted before all servers were asked")
	require.Nil(t, r)
}

func TestLimit(t *testing.T) {
	fleet := func() []*qlik_sense_version.QlikSenseVersion {
		const tags = "  [inputs.qlik_sense_version.tags]\n    a = \"b\""
		return settled(t, stack.Settings([]string{"qlik1.example.com", "qlik2.example.com:4747"}, world.dir, "")+
			stack.Settings([]string{"https://qlik3.example.com/jwt/about?x=secret", "qlik2.example.com"}, world.dir, tags))
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
		left, err := Limit(fleet(), test.only)
		require.NoError(t, err)
		var got [][]string
		for _, block := range left {
			var hosts []string
			for _, s := range block.Servers() {
				hosts = append(hosts, s.String())
			}
			got = append(got, hosts)
		}
		require.Equal(t, test.want, got, "%q", test.only)
	}
	for _, unknown := range []string{"qlik9.example.com", "qlik1", "qlik1.example.com:9033", ""} {
		left, err := Limit(fleet(), []string{"qlik1.example.com", unknown})
		require.EqualError(t, err, "--only "+unknown+": the settings have no such server: write it as in hosts, with or without the port")
		require.Nil(t, left)
	}
}

// A server that is alone is in step with itself: nothing is said of that.
func TestGatherOnly(t *testing.T) {
	servers := []simulator.Server{runs("May 2025 Patch 15", "14.231.27"), runs("May 2025 Patch 3", "14.231.8")}
	hosts := []string{"127.44.1.1", "127.44.1.2"}
	for i := range servers {
		servers[i].Addr = hosts[i] + ":9032"
	}
	fleet, err := simulator.Start(world.site, servers...)
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Skipf("not run, for this machine lacks the address: %v", err)
	}
	require.NoError(t, err)
	defer func() { require.NoError(t, fleet.Close()) }()
	only := []string{hosts[1]}
	blocks, err := Limit(settled(t, stack.Settings(hosts, world.dir, "")), only)
	require.NoError(t, err)
	r, err := Gather(t.Context(), blocks, "", only)
	require.NoError(t, err)
	require.Equal(t, only, r.Only)
	require.Equal(t, 1, r.Summary.Servers)
	require.Equal(t, hosts[1], r.Blocks[0].Servers[0].Source)
	require.Equal(t, "compliant", r.Blocks[0].Servers[0].Compliance)
	require.Nil(t, r.Blocks[0].Servers[0].VersionMismatch)
	require.Zero(t, fleet.Requests(0))
}

func TestGatherSteps(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("secret"), 0o600))
	blocks := settled(t, stack.Settings([]string{"127.42.2.1"}, world.dir, "  token_file = '"+token+"'"))
	require.NoError(t, os.Remove(token))
	unreadable, err := Gather(t.Context(), blocks, "", nil)
	require.NoError(t, err)
	require.Equal(t, "configuration_error", unreadable.Blocks[0].Servers[0].Result)
	require.Equal(t, "settings", unreadable.Blocks[0].Servers[0].Failure.Step)

	r := gather(t, 45, environment{
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
		require.Equal(t, want.String(), s.Failure.Step, s.Source)
		require.NotEmpty(t, s.Failure.Cause)
		require.NotEmpty(t, s.Failure.Hint)
		require.Equal(t, want == poll.StepTLS || want == poll.StepClientCertificate, s.Failure.ServerCertificate != nil, s.Source)
		require.Equal(t, want == poll.StepClientCertificate, s.Failure.ClientCertificate != nil, s.Source)
	}
	require.Equal(t, "CN=QlikClient", r.Blocks[0].Servers[3].Failure.ClientCertificate.Subject)
}
