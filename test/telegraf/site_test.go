//go:build linux

package telegraf

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

// site is a simulated site. Node n has the address r.Address(n).
type site struct {
	*rig.Rig
	repositories *simulator.Fleet // Repository Services of the nodes 1 and 2
}

// startRepositories prepares the Repository Services of the nodes 1 and 2. They are down until
// setNodes is called.
func startRepositories(r *rig.Rig) *site {
	r.Helper()
	down := make([]simulator.Server, 2)
	for i := range down {
		down[i] = simulator.Server{Addr: r.Address(i+1) + ":4242", Fault: simulator.FaultDown}
	}
	fleet, err := simulator.Start(r.Site, down...)
	require.NoError(r, err)
	r.Cleanup(func() { require.NoError(r, fleet.Close()) })
	return &site{r, fleet}
}

// setNodes sets the nodes that the Repository Service of a node lists. Without nodes it is down.
func (s *site) setNodes(node, central int, nodes ...int) {
	s.Helper()
	server := simulator.Server{Fault: simulator.FaultDown}
	if len(nodes) > 0 {
		list := make([]simulator.SiteNode, len(nodes))
		for i, n := range nodes {
			list[i] = simulator.SiteNode{Name: fmt.Sprint("Node ", n), Host: s.Address(n), Roles: []string{"engine"}}
			if n == central {
				list[i].Roles = append(list[i].Roles, "central")
			}
		}
		server.Fault, server.Repository = "", &simulator.Repository{List: simulator.NodeList(list...)}
	}
	require.NoError(s, s.repositories.Set(node-1, server))
}

// sitePoints waits until the database holds n points of qlik_sense_site that satisfy the condition.
func (s *site) sitePoints(n int, where string) []rig.Row {
	s.Helper()
	statement := "SELECT * FROM qlik_sense_site"
	if where != "" {
		statement += " WHERE " + where
	}
	return s.Await(n, statement)
}

// sourcesAt returns the sources of the points with a timestamp.
func (s *site) sourcesAt(timestamp any) (sources []string) {
	for _, p := range s.Points(0, "") {
		if p["time"] == timestamp {
			sources = append(sources, p["source"].(string))
		}
	}
	return sources
}

func (s *site) addresses(nodes ...int) (all []string) {
	for _, n := range nodes {
		all = append(all, s.Address(n))
	}
	return all
}

// A site of seven nodes, two of which are down, changes while it is polled.
func TestWholeSite(t *testing.T) {
	r := rig.New(t)
	r.Start(make([]simulator.Server, 5)...)
	s := startRepositories(r)
	s.setNodes(1, 1, 1, 2, 3, 4, 5, 6, 7)
	discover := "  discover = [" + stack.Quote(s.addresses(1, 2)) + "]\n"
	p := r.Telegraf(r.DropIn(r.Block(nil, discover), `"6h"`, `"1s"`))

	first := s.sitePoints(2, "")[0]
	require.Positive(t, first["response_time"])
	require.Equal(t, []any{json.Number("7"), r.Address(1), r.Address(1), json.Number("0"), "success", json.Number("0"), "agent1"},
		[]any{first["nodes"], first["source"], first["answered_by"], first["nodes_vanished"], first["result"], first["result_code"], first["host"]})
	r.Points(14, "") // the next round: InfluxDB returns points whose fields it is still writing
	points := make(map[string]rig.Row)
	for _, point := range r.Points(7, "") {
		if point["time"] == first["time"] {
			points[point["source"].(string)] = point
		}
	}
	require.Len(t, points, 7)
	for n := 1; n <= 7; n++ {
		point := points[r.Address(n)]
		require.Equal(t, map[bool]string{true: "success", false: "connection_failed"}[n <= 5], point["result"], "node %d", n)
		require.Equal(t, fmt.Sprint("Node ", n), point["node_name"])
		require.Equal(t, map[bool]string{true: "central,engine", false: "engine"}[n == 1], point["node_roles"])
	}
	r.AwaitLog(p, "I! "+execdLog+"Site "+r.Address(1)+": 7 nodes found, listed by "+r.Address(1)+": ")
	r.AwaitLog(p, "the node was found through its site: port 9032 needs a firewall rule")

	// A node that is added appears without a restart.
	extra, err := simulator.Start(r.Site, simulator.Server{Addr: r.Address(8) + ":9032", Reply: simulator.Reply("May 2025 Patch 3", "14.231.8")})
	require.NoError(t, err)
	defer extra.Close()
	s.setNodes(1, 1, 1, 2, 3, 4, 5, 6, 7, 8)
	r.Points(1, "source = '"+r.Address(8)+"' AND result = 'success'")
	r.AwaitLog(p, "I! "+execdLog+"Site "+r.Address(1)+": new in its list of nodes: "+r.Address(8))

	// The central node fails over; the source of the site's points stays the same.
	s.setNodes(2, 2, 1, 2, 3, 4, 5, 6, 7, 8)
	s.setNodes(1, 0)
	moved := s.sitePoints(2, "answered_by = '"+r.Address(2)+"'")
	require.Equal(t, r.Address(1), moved[0]["source"])
	r.AwaitLog(p, "W! "+execdLog+"Site "+r.Address(1)+": its nodes were listed by "+r.Address(2)+", because it did not do so itself: connection_failed: ")
	require.Equal(t, "central,engine", r.Points(1, "source = '"+r.Address(2)+"' AND node_roles = 'central,engine'")[0]["node_roles"])

	// No node lists them for three rounds: all of them stay polled.
	s.setNodes(2, 0)
	failed := s.sitePoints(4, "result = 'connection_failed'")
	for _, point := range failed[:3] {
		require.NotContains(t, point, "nodes")
		require.NotContains(t, point, "answered_by")
		require.ElementsMatch(t, s.addresses(1, 2, 3, 4, 5, 6, 7, 8), s.sourcesAt(point["time"]))
	}
	require.NoError(t, p.Await("its nodes cannot be listed since 20", 3, rig.Patience))
	require.Contains(t, p.Output(), "E! "+execdLog+"Error in plugin: site "+r.Address(1)+": its nodes cannot be listed since 20")
	require.Contains(t, p.Output(), "(the 8 nodes listed last stay polled)")

	// They are listed again, without node 7.
	s.setNodes(1, 1, 1, 2, 3, 4, 5, 6, 8)
	vanished := s.sitePoints(2, "nodes_vanished = 1")
	require.ElementsMatch(t, s.addresses(1, 2, 3, 4, 5, 6, 8), s.sourcesAt(vanished[0]["time"]))
	r.AwaitLog(p, "I! "+execdLog+"Site "+r.Address(1)+": its nodes are listed again, for the first time since 20")
	r.AwaitLog(p, "W! "+execdLog+"Site "+r.Address(1)+": no longer in its list of nodes, and polled only where hosts names it: "+r.Address(7))
	require.NotContains(t, p.Output(), "Restarting in")
}

// Telegraf runs the shipped drop-in for a site with nothing changed but paths, names and jitter.
func TestSiteDropIn(t *testing.T) {
	r := rig.New(t)
	r.Start(make([]simulator.Server, 3)...)
	s := startRepositories(r)
	s.setNodes(1, 1, 1, 2, 3)
	r.Telegraf(r.Edit(r.Read(rig.Root+"/deploy/telegraf.d/linux/qlik-sense-version-site.conf"),
		`"/usr/bin/telegraf-qlik-sense-version"`, `"`+r.Tools.Plugin+`"`, "/etc/telegraf-qlik-sense-version", r.SiteDir,
		`"qlik1.example.com", "qlik2.example.com"`, stack.Quote(s.addresses(1, 2)), `collection_jitter = "5m"`, ""))
	points := r.ByTag(r.Points(3, ""), "source")
	for _, host := range s.addresses(1, 2, 3) {
		require.Equal(t, []any{"success", "PROD"}, []any{points[host]["result"], points[host]["environment"]})
	}
}

// A host that is both in hosts and discovered is polled once, at the address in hosts.
func TestHostsBesideDiscover(t *testing.T) {
	r := rig.New(t)
	fleet, _ := r.Start(make([]simulator.Server, 3)...)
	s := startRepositories(r)
	s.setNodes(1, 1, 1, 2)
	hosts := []string{"https://" + r.Address(2) + ":9032/api/about/v1/systeminfo", r.Address(3)}
	r.Telegraf(r.DropIn(r.Block(hosts, "  discover = ["+stack.Quote(s.addresses(1))+"]\n")))
	points := r.ByTag(r.Points(3, ""), "source")
	require.Len(t, points, 3)
	require.Equal(t, "/api/about/v1/systeminfo", fleet.LastRequest(1).Path)
	require.Equal(t, "Node 2", points[r.Address(2)]["node_name"])
	require.NotContains(t, points[r.Address(3)], "node_name")
	require.Equal(t, []int{1, 1, 1}, []int{fleet.Requests(0), fleet.Requests(1), fleet.Requests(2)})
}

// Nodes of two sites may have the same name if the blocks have different tags; here each block
// reaches its own site through a proxy.
func TestTwoSitesWithTheSameNames(t *testing.T) {
	r := rig.New(t)
	var blocks strings.Builder
	for n, environment := range []string{"PROD", "TEST"} {
		build := fmt.Sprintf("14.231.%d", n+1)
		list := simulator.NodeList(simulator.SiteNode{Name: environment + " central", Host: "qlik1.example.com", Roles: []string{"central"}})
		fleet, _ := r.Start(simulator.Server{
			Name: "qlik1.example.com", Reply: simulator.Reply("May 2025", build), Repository: &simulator.Repository{List: list},
		})
		proxy, err := simulator.StartProxy(map[string]string{
			"qlik1.example.com:9032": fleet.Addr(0), "qlik1.example.com:4242": fleet.Addr(0),
		})
		require.NoError(t, err)
		defer proxy.Close()
		blocks.WriteString(r.Block(nil, fmt.Sprintf("  discover = [\"qlik1.example.com\"]\n  http_proxy_url = %q\n"+
			"  [inputs.qlik_sense_version.tags]\n    environment = %q\n", proxy.URL(), environment)))
	}
	r.Telegraf(r.DropIn(blocks.String()))
	points := r.ByTag(r.Points(2, ""), "environment")
	require.Len(t, points, 2)
	for n, environment := range []string{"PROD", "TEST"} {
		require.Equal(t, []any{"qlik1.example.com", fmt.Sprintf("14.231.%d", n+1), environment + " central"},
			[]any{points[environment]["source"], points[environment]["version"], points[environment]["node_name"]})
	}
	s := &site{Rig: r}
	require.Len(t, r.ByTag(s.sitePoints(2, ""), "environment"), 2)
}

// silentServer accepts connections and never answers, like a server whose service hangs.
type silentServer struct {
	addr             string
	accepted, closed atomic.Int64
}

func startSilentServer(r *rig.Rig) *silentServer {
	r.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(r, err)
	s := &silentServer{addr: listener.Addr().String()}
	var connections sync.WaitGroup
	r.Cleanup(func() {
		require.NoError(r, listener.Close())
		connections.Wait()
	})
	connections.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			s.accepted.Add(1)
			connections.Go(func() {
				_, _ = io.Copy(io.Discard, connection) // until the other side gives up
				_ = connection.Close()
				s.closed.Add(1)
			})
		}
	})
	return s
}

// Discovered nodes have the same limits as hosts: 256 requests at the same time in all blocks
// together, and timeout for each of them.
func TestLimitsApplyToDiscoveredNodes(t *testing.T) {
	const perSite, limit = 150, 256
	r := rig.New(t)
	silent := startSilentServer(r)
	var blocks strings.Builder
	for _, environment := range []string{"PROD", "TEST"} {
		central := simulator.Server{Name: environment + "0.example.com", Repository: &simulator.Repository{}}
		nodes, routes := make([]simulator.SiteNode, perSite), make(map[string]string)
		for i := range nodes {
			nodes[i].Host = fmt.Sprintf("%s%d.example.com", environment, i)
			routes[nodes[i].Host+":9032"] = silent.addr
		}
		central.Repository.List = simulator.NodeList(nodes...)
		fleet, _ := r.Start(central)
		routes[central.Name+":4242"] = fleet.Addr(0)
		proxy, err := simulator.StartProxy(routes)
		require.NoError(t, err)
		defer proxy.Close()
		blocks.WriteString(r.Block(nil, fmt.Sprintf("  discover = [%q]\n  http_proxy_url = %q\n  timeout = \"10s\"\n  max_concurrent_requests = %d\n"+
			"  [inputs.qlik_sense_version.tags]\n    environment = %q\n", central.Name, proxy.URL(), perSite, environment)))
	}
	r.Telegraf(r.DropIn(blocks.String()))
	require.Eventually(t, func() bool { return silent.accepted.Load() >= limit }, rig.Patience, 10*time.Millisecond)
	time.Sleep(500 * time.Millisecond) // time for one connection too many
	require.Equal(t, []int64{limit, 0}, []int64{silent.accepted.Load(), silent.closed.Load()}, "accepted and closed")

	points := r.ByTag(r.Points(2*perSite, ""), "source")
	require.Len(t, points, 2*perSite)
	for _, point := range points {
		require.Equal(t, "timeout", point["result"])
	}
	require.EqualValues(t, 2*perSite, silent.accepted.Load())
}
