package fleet

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/discovery"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/simulator"
)

// siteOf is a simulated site. Node i is qlik<i>.example.com. A proxy leads to all nodes, so that
// they have their usual ports.
type siteOf struct {
	t     *testing.T
	fleet *simulator.Fleet
	proxy *simulator.Proxy
	about []simulator.Server // of the node
}

func name(i int) string { return fmt.Sprintf("qlik%d.example.com", i) }

// node is a node in the list.
func node(i int, roles ...string) simulator.SiteNode {
	return simulator.SiteNode{Name: fmt.Sprint("Node ", i), Host: name(i), Roles: roles}
}

// startSite runs the About services of the nodes 0, 1, ..., and their Repository Services, which
// are down until lists starts them.
func startSite(t *testing.T, about ...simulator.Server) *siteOf {
	t.Helper()
	s := &siteOf{t: t, about: about}
	servers := make([]simulator.Server, 0, 2*len(about))
	for i := range about {
		about[i].Name = name(i)
		about[i].Addr = "127.0.0.1:0"
	}
	servers = append(servers, about...)
	for i := range about {
		servers = append(servers, simulator.Server{Addr: "127.0.0.1:0", Name: name(i), Fault: simulator.FaultDown})
	}
	var err error
	s.fleet, err = simulator.Start(sharedSite.Site, servers...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.fleet.Close()) })
	routes := make(map[string]string)
	for i := range about {
		routes[name(i)+":9032"] = s.fleet.Addr(i)
		routes[name(i)+":4242"] = s.fleet.Addr(len(about) + i)
	}
	s.proxy, err = simulator.StartProxy(routes)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.proxy.Close()) })
	return s
}

// lists sets the list of a node; without nodes its Repository Service is down.
func (s *siteOf) lists(i int, nodes ...simulator.SiteNode) {
	s.t.Helper()
	server := simulator.Server{Name: name(i), Fault: simulator.FaultDown}
	if len(nodes) > 0 {
		server.Fault, server.Repository = "", &simulator.Repository{List: simulator.NodeList(nodes...)}
	}
	require.NoError(s.t, s.fleet.Set(len(s.about)+i, server))
}

func (s *siteOf) settings(discover ...string) Settings {
	settings := settingsFor()
	settings.Discover, settings.DiscoverUser = discover, discovery.DefaultUser
	settings.Poll.Proxy.HTTPProxyURL = s.proxy.URL()
	return settings
}

// show returns a line for each result.
func show(r *Round) (lines []string) {
	for i := range r.Results {
		result := &r.Results[i]
		line := result.Server.Source() + " " + result.Outcome.Result.String()
		if result.Node != nil {
			line += " " + result.Node.Name + " " + strings.Join(result.Node.Roles, ",")
		}
		lines = append(lines, line)
	}
	return lines
}

// siteNotices are the notices about sites since the last call.
func siteNotices(p *Process) []string {
	return slices.DeleteFunc(notices(p), func(line string) bool { return !strings.HasPrefix(line[len("I! "):], "Site ") })
}

func fieldsOf(s *Site) map[string]any {
	values := make(map[string]any)
	for _, f := range SiteFields {
		if value := f.Value(s); value != nil && f.Name != "response_time" {
			values[f.Name] = value
		}
	}
	return values
}

// The life of a site: nodes come and go, the central one moves, there is no list for a while.
func TestSite(t *testing.T) {
	current := runs("May 2025 Patch 15", "14.231.27")
	s := startSite(t, current, current, simulator.Server{Fault: simulator.FaultDown}, current)
	clock := today
	process := NewProcess(func() time.Time { return clock })
	b := newBlock(t, process, s.settings(name(0), name(1)))
	round := func() *Round {
		r := b.Round(t.Context(), nil)
		clock = clock.Add(time.Hour)
		return r
	}

	s.lists(0, node(1, "engine"), node(0, "central", "proxy"), node(2))
	r := round()
	require.Equal(t, []string{
		"qlik0.example.com success Node 0 central,proxy", "qlik1.example.com success Node 1 engine",
		"qlik2.example.com connection_failed Node 2 ",
	}, show(r), "what is long gone shows as not answering")
	require.Equal(t, map[string]any{
		"result": "success", "result_code": 0, "nodes": 3, "answered_by": name(0), "nodes_vanished": 0, "nodes_unusable": 0,
	}, fieldsOf(r.Site))
	require.True(t, r.Site.Complete())
	require.Equal(t, "Node 0", fieldOf(t, &r.Results[0], "node_name"))
	require.Equal(t, []string{"central", "proxy"}, fieldOf(t, &r.Results[0], "node_roles"))
	require.Equal(t, []string{}, fieldOf(t, &r.Results[2], "node_roles"), "known to have none")
	require.Equal(t, []string{`I! Site qlik0.example.com: 3 nodes found, listed by qlik0.example.com: ` +
		`qlik0.example.com ("Node 0"), qlik1.example.com ("Node 1"), qlik2.example.com ("Node 2")`}, siteNotices(process))
	first := r.Results[0].Server

	s.lists(0, node(0, "central", "proxy"), node(2), node(3))
	r = round()
	require.Equal(t, []string{
		"qlik0.example.com success Node 0 central,proxy", "qlik2.example.com connection_failed Node 2 ", "qlik3.example.com success Node 3 ",
	}, show(r))
	require.Same(t, first, r.Results[0].Server, "its log goes on")
	require.Equal(t, 1, fieldsOf(r.Site)["nodes_vanished"])
	require.Equal(t, []string{
		`I! Site qlik0.example.com: new in its list of nodes: qlik3.example.com ("Node 3")`,
		`W! Site qlik0.example.com: no longer in its list of nodes, and polled only where hosts names it: qlik1.example.com ("Node 1")`,
	}, siteNotices(process))

	// The central node moves.
	s.lists(0)
	s.lists(1, node(1, "central"), node(2), node(3))
	for range 2 {
		r = round()
		require.Equal(t, name(0), r.Site.Source().Source(), "always the first")
		require.Equal(t, map[string]any{
			"result": "success", "result_code": 0, "nodes": 3, "answered_by": name(1), "nodes_vanished": 1, "nodes_unusable": 0,
		}, fieldsOf(r.Site))
	}
	require.Len(t, r.Results, 3)
	require.True(t, r.Results[0].Node.Central())
	require.Equal(t, name(1), r.Results[0].Server.Source())
	lines := siteNotices(process)
	require.Len(t, lines, 3, "once each")
	require.Contains(t, lines[0], "W! Site qlik0.example.com: its nodes were listed by qlik1.example.com, because it did not do so itself: connection_failed: ")
	require.Contains(t, lines[1], "I! Site qlik0.example.com: new in its list of nodes: qlik1.example.com")
	require.Contains(t, lines[2], "W! Site qlik0.example.com: no longer in its list of nodes, and polled only where hosts names it: qlik0.example.com")

	// Without a list, the known nodes stay.
	s.lists(1)
	since := clock
	for range 3 {
		r = round()
		require.Equal(t, []string{
			"qlik1.example.com success Node 1 central", "qlik2.example.com connection_failed Node 2 ", "qlik3.example.com success Node 3 ",
		}, show(r))
		require.Equal(t, map[string]any{"result": "connection_failed", "result_code": 3}, fieldsOf(r.Site))
		require.False(t, r.Site.Complete())
		require.Equal(t, since, r.Site.FailedSince)
		require.Contains(t, r.Site.Problem(), "its nodes cannot be listed since 2026-11-24T16:00:00Z: qlik0.example.com: connection_failed: ")
		require.Contains(t, r.Site.Problem(), ". qlik1.example.com: connection_failed: ")
		require.Contains(t, r.Site.Problem(), "(the 3 nodes listed last stay polled)")
	}
	require.Empty(t, siteNotices(process))

	s.lists(0, node(1), node(2), node(3), node(0, "central"))
	r = round()
	require.Empty(t, r.Site.Problem())
	require.Equal(t, []string{
		"I! Site qlik0.example.com: its nodes are listed again, for the first time since 2026-11-24T16:00:00Z",
		"I! Site qlik0.example.com: it lists its nodes itself again",
		`I! Site qlik0.example.com: new in its list of nodes: qlik0.example.com ("Node 0")`,
	}, siteNotices(process))
	require.Equal(t, 0, fieldsOf(r.Site)["nodes_vanished"], "it is back")

	// A later failure has a later start.
	s.lists(0)
	since = clock
	require.Equal(t, since, round().Site.FailedSince)
}

// Before the first list, only hosts are polled; a round that was cut off proves nothing.
func TestSiteNeverListed(t *testing.T) {
	s := startSite(t, runs("May 2025 Patch 15", "14.231.27"))
	settings := s.settings(name(0))
	b := newBlock(t, onDay(today), settings)
	r := b.Round(cancelled(t), nil)
	require.Nil(t, r.Site)
	require.True(t, r.CutOff)
	r = b.Round(t.Context(), nil)
	require.Empty(t, r.Results)
	require.Equal(t, today, r.Site.FailedSince)
	require.Contains(t, r.Site.Problem(), "(no list of them is known from before)")

	settings.Hosts = []string{name(0)}
	r = newBlock(t, onDay(today), settings).Round(t.Context(), nil)
	require.Equal(t, []string{"qlik0.example.com success"}, show(r))
	require.Nil(t, fieldOf(t, &r.Results[0], "node_roles"))
	require.Nil(t, fieldOf(t, &r.Results[0], "node_name"))
}

// The spelling of a name does not matter, and hosts overrides the list.
func TestHostsAndDiscover(t *testing.T) {
	current := runs("May 2025 Patch 15", "14.231.27")
	s := startSite(t, current, current, current)
	s.lists(0, node(0, "central"), node(1), simulator.SiteNode{Name: "short", Host: "QLIK2"})
	settings := s.settings(name(0))
	settings.Hosts = []string{name(2), "https://QLIK1.example.com.:9032/api/about/v1/systeminfo"}
	b := newBlock(t, onDay(today), settings)
	r := b.Round(t.Context(), nil)
	require.Equal(t, []string{
		"qlik2.example.com success", "QLIK1.example.com. connection_failed Node 1 ", "qlik0.example.com success Node 0 central",
		"QLIK2 connection_failed short ",
	}, show(r), "a short name is another one")
	require.Equal(t, "https://QLIK1.example.com.:9032/api/about/v1/systeminfo", r.Results[1].Server.String())

	b.Only(func(s *poll.Server) bool { return s.Source() == name(0) })
	require.Equal(t, []string{"qlik0.example.com success Node 0 central"}, show(b.Round(t.Context(), nil)))
}

func TestUnusableEntries(t *testing.T) {
	s := startSite(t, runs("May 2025 Patch 15", "14.231.27"))
	s.lists(0, node(0, "central"), simulator.SiteNode{Host: "evil.example.com:443"}, simulator.SiteNode{Host: "a b"})
	process := onDay(today)
	b := newBlock(t, process, s.settings(name(0)))
	for range 2 {
		r := b.Round(t.Context(), nil)
		require.Len(t, r.Results, 1)
		require.False(t, r.Site.Complete())
		require.Equal(t, 3, fieldsOf(r.Site)["nodes"])
		require.Equal(t, 2, fieldsOf(r.Site)["nodes_unusable"])
	}
	require.Len(t, siteNotices(process), 2, "the warning comes once, beside the nodes that were found")
}

// In a tie the version of the central node counts, also for hosts.
func TestCentralNodeDecidesTie(t *testing.T) {
	old, current := runs("May 2024 Patch 9", "14.187.14"), runs("May 2025 Patch 15", "14.231.27")
	s := startSite(t, old, current, current, old)
	s.lists(0, node(0, "central"), node(1), node(2))
	settings := s.settings(name(0))
	require.Equal(t, "!==", comparisons(newBlock(t, onDay(today), settings).Round(t.Context(), nil).Results), "no tie")
	settings.Hosts = []string{name(3)}
	results := newBlock(t, onDay(today), settings).Round(t.Context(), nil).Results
	for range 20 { // in whichever order versions are looked at
		compare(results)
		require.Equal(t, "==!!", comparisons(results))
	}
}

// Blocks with the same tags poll a node once; the block with the node in hosts has priority.
func TestBlocksFindSameNode(t *testing.T) {
	current := runs("May 2025 Patch 15", "14.231.27")
	s := startSite(t, current, current, current)
	s.lists(0, node(0, "central"), node(1), node(2))
	s.lists(1, node(1, "central"), node(2))
	process := onDay(today)
	settings := func(tag string, hosts []string, discover ...string) Settings {
		settings := s.settings(discover...)
		settings.Hosts, settings.Tags = hosts, map[string]string{"environment": tag}
		return settings
	}
	finder, second := newBlock(t, process, settings("PROD", nil, name(0))), newBlock(t, process, settings("PROD", nil, name(1)))
	names, other := newBlock(t, process, settings("PROD", []string{name(2)})), newBlock(t, process, settings("TEST", nil, name(0)))
	ShareClaims([]*Block{finder, second, names, other})

	sources := func(b *Block) string {
		results := b.Round(t.Context(), nil).Results
		all := make([]string, 0, len(results))
		for _, r := range results {
			all = append(all, r.Server.Source())
		}
		return strings.Join(all, " ")
	}
	for range 2 {
		require.Equal(t, "qlik0.example.com qlik1.example.com", sources(finder))
		require.Empty(t, sources(second))
		require.Equal(t, "qlik2.example.com", sources(names))
		require.Equal(t, "qlik0.example.com qlik1.example.com qlik2.example.com", sources(other), "its points are others")
	}
	warnings := 0
	for _, line := range siteNotices(process) {
		if strings.HasPrefix(line, "W! ") {
			warnings++
			require.Contains(t, line, "another block with the same tags polls some of its nodes")
		}
	}
	require.Equal(t, 2, warnings, "once for each block")
	require.Equal(t, 2, second.Round(t.Context(), nil).Site.Elsewhere)

	// A node that one block no longer finds is polled by the other.
	s.lists(0, node(0, "central"))
	require.Equal(t, "qlik0.example.com", sources(finder))
	require.Equal(t, "qlik1.example.com", sources(second))
}

// A malicious list can fill neither the log nor the memory.
func TestManyChangingNodes(t *testing.T) {
	s := startSite(t, simulator.Server{})
	process := onDay(today)
	settings := s.settings(name(0))
	settings.Poll.Timeout = time.Minute
	b := newBlock(t, process, settings)
	for n := range 3 {
		nodes := make([]simulator.SiteNode, discovery.MaxNodes)
		for i := range nodes {
			nodes[i].Host = fmt.Sprintf("qlik%d-%d.example.com", n, i)
		}
		s.lists(0, nodes...)
		r := b.Round(t.Context(), nil)
		require.Len(t, r.Results, discovery.MaxNodes)
		require.LessOrEqual(t, len(siteNotices(process)), 2*(maxLines+1))
	}
	require.Len(t, b.nodes.vanished, discovery.MaxNodes)
	require.Len(t, b.claims.owner, discovery.MaxNodes)
}

// Hints for discovered nodes, without a proxy.
func TestDiscoveredNodeHints(t *testing.T) {
	b := newBlock(t, onDay(today), settingsFor("qlik1"))
	const (
		firewall = "x; the node was found through its site: port 9032 needs a firewall rule of its own, on each node"
		dns      = "the site knows its node by this name, which cannot be changed there: let this machine resolve it, by DNS or its hosts file"
	)
	for name, tt := range map[string]struct {
		outcome poll.Outcome
		want    string
	}{
		"dropped": {poll.Outcome{Result: poll.Timeout, Step: poll.StepConnect, Hint: "x"}, firewall},
		"refused": {poll.Outcome{Result: poll.ConnectionFailed, Step: poll.StepConnect, Hint: "x"}, firewall},
		"unknown": {poll.Outcome{Result: poll.DNSError, Step: poll.StepResolve, Hint: "x"}, dns},
		"slow":    {poll.Outcome{Result: poll.Timeout, Step: poll.StepHTTP, Hint: "x"}, "x"},
		"here":    {poll.Outcome{Result: poll.ConnectionFailed, Step: poll.StepConnect, OutOfDescriptors: true, Hint: "x"}, "x"},
	} {
		b.adaptHint(&tt.outcome)
		require.Equal(t, tt.want, tt.outcome.Hint, name)
	}

	// Behind a proxy this machine neither resolves nor connects.
	viaURL, viaSystem := settingsFor("qlik1"), settingsFor("qlik1")
	viaURL.Poll.Proxy.HTTPProxyURL, viaSystem.Poll.Proxy.UseSystemProxy = "http://proxy.example.com", true
	for _, settings := range []Settings{viaURL, viaSystem} {
		for _, outcome := range []poll.Outcome{
			{Result: poll.Timeout, Step: poll.StepConnect, Hint: "x"}, {Result: poll.DNSError, Step: poll.StepResolve, Hint: "x"},
		} {
			newBlock(t, onDay(today), settings).adaptHint(&outcome)
			require.Equal(t, "x", outcome.Hint)
		}
	}

	// In a round: no server listens on port 9032 of the node.
	fleet, hosts := start(t, simulator.Server{Repository: &simulator.Repository{List: simulator.NodeList(simulator.SiteNode{Host: "127.255.255.253"})}})
	settings := settingsFor(fleet.Addr(0))
	settings.Discover, settings.DiscoverUser = hosts, discovery.DefaultUser
	r := newBlock(t, onDay(today), settings).Round(t.Context(), nil)
	require.Len(t, r.Results, 2)
	require.Contains(t, r.Results[1].Outcome.Hint, "port 9032 needs a firewall rule")
}

func TestDiscoverSettings(t *testing.T) {
	settings := settingsFor("qlik1")
	settings.DiscoverUser = "sa_api"
	_, err := New(settings, onDay(today))
	require.ErrorContains(t, err, "discover_user: ")
	settings.Hosts, settings.DiscoverUser = nil, discovery.DefaultUser
	_, err = New(settings, onDay(today))
	require.ErrorContains(t, err, "hosts: name at least one server")

	settings.Discover = []string{"http://qlik1", "qlik2"}
	settings.Poll.Headers = map[string]string{"hdr-usr": "x"}
	process := onDay(today)
	a := newBlock(t, process, settings)
	require.Contains(t, fmt.Sprint(process.Notices()), "Server http://qlik1 is asked without TLS: its token and headers can be read on the way")
	settings.Discover = []string{"QLIK1:14242"}
	duplicates := ShareClaims([]*Block{a, newBlock(t, process, settings)})
	require.Len(t, duplicates, 1)
	require.Equal(t, "discover", duplicates[0].Key)
	settings.Tags = map[string]string{"nodes": "x"}
	_, err = New(settings, process)
	require.ErrorContains(t, err, `"nodes" is the name of a field`)
}

// Asking for the nodes counts as a poll.
func TestListingCountsAsPoll(t *testing.T) {
	s := startSite(t, runs("May 2025 Patch 15", "14.231.27"))
	s.lists(0, node(0, "central"))
	process := onDay(today)
	process.polls = newPolls(1)
	b := newBlock(t, process, s.settings(name(0)))
	require.NoError(t, process.polls.enter(t.Context()))
	rounds := make(chan *Round, 1)
	go func() { rounds <- b.Round(t.Context(), nil) }()
	time.Sleep(100 * time.Millisecond) // time for a request too early
	require.Zero(t, s.fleet.Requests(1))
	process.polls.leave()
	require.Equal(t, []string{"qlik0.example.com success Node 0 central"}, show(<-rounds))
	require.Equal(t, 1, s.fleet.Requests(1))
	require.NoError(t, process.polls.enter(t.Context()), "both gave their place back")

	ctx, cancel := context.WithCancel(t.Context())
	go func() { rounds <- b.Round(ctx, nil) }()
	cancel()
	require.Nil(t, (<-rounds).Site, "it never came to ask")
}
