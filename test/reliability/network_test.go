//go:build linux

package reliability

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
)

// network is a link with simulated servers at its remote end and the plugin at the local end.
type network struct {
	*rig.Rig
	*link
	program, servers *namespace
	fleet            *simulator.Fleet
	addresses        []string
}

// newNetwork starts a server per name, whose certificate is for that name; "" stands for its address.
func newNetwork(t *testing.T, names ...string) *network {
	t.Helper()
	r := rig.New(t)
	nw := &network{Rig: r}
	nw.link, nw.program, nw.servers = newLink(r)
	fleet := make([]simulator.Server, len(names))
	for i, name := range names {
		address := fmt.Sprintf("10.77.0.%d", 10+i)
		nw.servers.ip("addr add " + address + "/24 dev wire")
		nw.addresses = append(nw.addresses, address)
		fleet[i] = simulator.Server{Addr: address + ":9032", Name: name, Reply: simulator.Reply("May 2025 Patch 3", "14.231.8")}
	}
	nw.fleet = nw.startServers(fleet...)
	return nw
}

// startServers starts servers in the namespace of the remote end.
func (nw *network) startServers(servers ...simulator.Server) *simulator.Fleet {
	nw.Helper()
	var fleet *simulator.Fleet
	require.NoError(nw, nw.servers.within(func() (err error) {
		fleet, err = simulator.Start(nw.Site, servers...)
		return err
	}))
	nw.Cleanup(func() { require.NoError(nw, fleet.Close()) })
	return fleet
}

// startPlugin starts the plugin at the local end. more is appended to the settings.
func (nw *network) startPlugin(hosts []string, more string) *plugin {
	nw.Helper()
	return startPlugin(nw.Rig, nw.program.command, nw.Block(hosts, more))
}

// TCP retransmits lost packets: polls succeed, or time out if that takes too long.
func TestPacketLoss(t *testing.T) {
	t.Parallel()
	nw := newNetwork(t, make([]string, 20)...)
	p := nw.startPlugin(nw.addresses, "  timeout = \"3s\"\n")
	for _, percent := range []int{5, 20} {
		var lost atomic.Int64
		nw.set(conditions{lost: func([]byte) bool {
			if rand.IntN(100) >= percent {
				return false
			}
			lost.Add(1)
			return true
		}})
		results, output := p.round(len(nw.addresses))
		count := make(map[string]int)
		for _, result := range results {
			count[result]++
		}
		require.Equal(t, len(nw.addresses), count["success"]+count["timeout"], "%v\n%s", count, output)
		require.Positive(t, count["success"], output)
		require.Positive(t, lost.Load())
		t.Logf("%d%% of the packets (%d) lost: %v", percent, lost.Load(), count)
	}
	nw.set(conditions{})
	p.requireRound(sameResult(nw.addresses, "success"))
}

func TestNetworkDelay(t *testing.T) {
	t.Parallel()
	nw := newNetwork(t, "", "", "")
	nw.set(conditions{delay: 200 * time.Millisecond})
	nw.startPlugin(nw.addresses, "").requireRound(sameResult(nw.addresses, "success"))
}

// Late packets of a round do not disturb the rounds after it.
func TestDelayAboveTimeout(t *testing.T) {
	t.Parallel()
	nw := newNetwork(t, "", "", "")
	p := nw.startPlugin(nw.addresses, "  timeout = \"1s\"\n")
	nw.set(conditions{delay: 3 * time.Second})
	p.requireRound(sameResult(nw.addresses, "timeout"))
	p.await(nw.addresses[2] + ": timeout: the TCP connection was not established in time; " +
		"check that the server is up, and the firewalls between here and its port")
	nw.set(conditions{})
	for range 5 {
		p.requireRound(sameResult(nw.addresses, "success"))
	}
}

// A smaller MTU on the path, as in a VPN, without ICMP messages about it: the connection is established,
// but large packets never arrive.
func TestLargePacketLoss(t *testing.T) {
	t.Parallel()
	for name, sender := range map[string]byte{"from the plugin": 1, "from the server": 10} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nw := newNetwork(t, "")
			p := nw.startPlugin(nw.addresses, "  timeout = \"1s\"\n")
			nw.set(conditions{lost: func(packet []byte) bool { return sourceOf(packet) == sender && len(packet) > 1000 }})
			p.requireRound(sameResult(nw.addresses, "timeout"))
			p.await("timeout: the TLS handshake did not end in time; check that this port is the About service, " +
				"the load of the server, and that large packets get through (the MTU of a VPN or tunnel on the way)")
			nw.set(conditions{})
			p.requireRound(sameResult(nw.addresses, "success"))
		})
	}
}

// sourceOf returns the last octet of a packet's IPv4 source address.
func sourceOf(packet []byte) byte { return packet[15] }

// All packets of the plugin are lost after the server's certificate. In TLS 1.3 the plugin's handshake is
// complete before the server has the client certificate, so it cannot know what arrived.
func TestRequestLost(t *testing.T) {
	t.Parallel()
	nw := newNetwork(t, "")
	p := nw.startPlugin(nw.addresses, "  timeout = \"1s\"\n")
	var certificateSent atomic.Bool // by the server
	nw.set(conditions{lost: func(packet []byte) bool {
		if sourceOf(packet) != 1 {
			certificateSent.Store(certificateSent.Load() || len(packet) > 1000)
			return false
		}
		return certificateSent.Load()
	}})
	p.requireRound(sameResult(nw.addresses, "timeout"))
	p.await("timeout: the request was sent, but no reply began in time; ")
	require.Zero(t, nw.fleet.Requests(0))
}

// An outage shorter than the timeout has no effect.
func TestShortOutage(t *testing.T) {
	t.Parallel()
	nw := newNetwork(t, "", "", "")
	p := nw.startPlugin(nw.addresses, "")
	begin := nw.sent.Load()
	nw.set(conditions{lost: func([]byte) bool { return nw.sent.Load() <= begin+12 }}) // also in the middle of a handshake
	p.requireRound(sameResult(nw.addresses, "success"))
}

// The link goes down during a round and comes up again between rounds.
func TestLinkDown(t *testing.T) {
	t.Parallel()
	nw := newNetwork(t, make([]string, 6)...)
	p := nw.startPlugin(nw.addresses, "  timeout = \"1500ms\"\n  max_concurrent_requests = 2\n")
	p.requireRound(sameResult(nw.addresses, "success"))

	nw.set(conditions{lost: func([]byte) bool { return true }})
	sent := nw.sent.Load()
	p.requestRound()
	require.Eventually(t, func() bool { return nw.sent.Load() > sent }, rig.Patience, time.Millisecond)
	nw.program.ip("link set wire down")
	results, output := p.awaitResults(len(nw.addresses))
	for i, address := range nw.addresses {
		if i < 2 { // requests in progress
			require.Equal(t, "timeout", results[address], output)
		} else {
			require.Contains(t, []string{"timeout", "connection_failed"}, results[address], output)
		}
	}
	p.requireRound(sameResult(nw.addresses, "connection_failed"))
	p.await("connect: network is unreachable; check that the server is up, and the firewalls and routes between here and its port")

	nw.set(conditions{})
	nw.program.ip("link set wire up")
	p.requireRound(sameResult(nw.addresses, "success"))
	p.await("I! " + nw.addresses[5] + " answers again; polls that failed before: 2")
}

// Every way in which a server can be unreachable. The reachable one still succeeds.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	nw := newNetwork(t, "", "")
	nw.program.ip("route add unreachable 10.78.1.0/24")
	nw.program.ip("route add prohibit 10.78.2.0/24")
	nw.program.ip("route add 10.78.3.0/24 via " + remoteAddr)
	filtered := nw.addresses[1]
	nw.set(conditions{lost: func(packet []byte) bool { return packet[19] == 11 }}) // a firewall in front of filtered
	expected := map[string]string{
		"10.99.0.1":     "connection_failed", // no route
		"10.78.1.1":     "connection_failed",
		"10.78.2.1":     "connection_failed",
		"10.78.3.1":     "timeout", // the router drops it
		remoteAddr:      "connection_failed",
		filtered:        "timeout",
		nw.addresses[0]: "success",
	}
	p := nw.startPlugin(slices.Collect(maps.Keys(expected)), "  timeout = \"1s\"\n")
	p.requireRound(expected)
	for source, cause := range map[string]string{
		"10.99.0.1": "connect: network is unreachable; check that the server is up, and the firewalls and routes between here",
		"10.78.1.1": "connect: no route to host; check that the server is up, and the firewalls and routes between here",
		"10.78.2.1": "connect: permission denied; check that the server is up, and the firewalls and routes between here",
		remoteAddr:  "connect: connection refused; nothing listens there",
	} {
		p.await(source + ": connection_failed: dial tcp " + source + ":9032: " + cause)
	}
	p.await(filtered + ": timeout: the TCP connection was not established in time; check that the server is up, and the firewalls between")
}

func TestIPv6(t *testing.T) {
	t.Parallel()
	nw := newNetwork(t)
	nw.startServers(simulator.Server{Addr: "[" + remoteAddr6 + "]:9032", Reply: simulator.Reply("May 2025 Patch 3", "14.231.8")})
	p := nw.startPlugin([]string{"[" + remoteAddr6 + "]", "2001:db8:88::1"}, "  timeout = \"1s\"\n")
	p.requireRound(map[string]string{remoteAddr6: "success", "2001:db8:88::1": "connection_failed"})
	p.await("dial tcp [2001:db8:88::1]:9032: connect: network is unreachable")
	nw.set(conditions{lost: func([]byte) bool { return true }})
	p.requireRound(map[string]string{remoteAddr6: "timeout", "2001:db8:88::1": "connection_failed"})
	nw.set(conditions{})
	p.requireRound(map[string]string{remoteAddr6: "success", "2001:db8:88::1": "connection_failed"})
}
