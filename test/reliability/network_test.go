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

// far is a wire, servers in order at its other end, and the program at this one.
type far struct {
	*rig.Rig
	*wire
	program, servers *namespace
	fleet            *simulator.Fleet
	addresses        []string
}

// newFar starts servers of these certificate names; "" for the address.
func newFar(t *testing.T, names ...string) *far {
	t.Helper()
	r := rig.New(t)
	f := &far{Rig: r}
	f.wire, f.program, f.servers = newWire(r)
	fleet := make([]simulator.Server, len(names))
	for i, name := range names {
		address := fmt.Sprintf("10.77.0.%d", 10+i)
		f.servers.ip("addr add " + address + "/24 dev wire")
		f.addresses = append(f.addresses, address)
		fleet[i] = simulator.Server{Addr: address + ":9032", Name: name, Reply: simulator.Reply("May 2025 Patch 3", "14.231.8")}
	}
	f.fleet = f.startAt(fleet...)
	return f
}

// startAt starts servers at the far end.
func (f *far) startAt(servers ...simulator.Server) *simulator.Fleet {
	f.Helper()
	var fleet *simulator.Fleet
	require.NoError(f, f.servers.within(func() (err error) {
		fleet, err = simulator.Start(f.Site, servers...)
		return err
	}))
	f.Cleanup(func() { require.NoError(f, fleet.Close()) })
	return fleet
}

// agent starts the program for hosts; more are further settings.
func (f *far) agent(hosts []string, more string) *agent {
	f.Helper()
	return startAgent(f.Rig, f.program.command, f.Block(hosts, more))
}

// Packets that get lost are sent again, by TCP: servers answer, or it takes too long.
func TestPacketLoss(t *testing.T) {
	t.Parallel()
	f := newFar(t, make([]string, 20)...)
	a := f.agent(f.addresses, "  timeout = \"3s\"\n")
	for _, percent := range []int{5, 20} {
		var lost atomic.Int64
		f.set(weather{lost: func([]byte) bool {
			if rand.IntN(100) >= percent {
				return false
			}
			lost.Add(1)
			return true
		}})
		results, output := a.round(len(f.addresses))
		count := make(map[string]int)
		for _, result := range results {
			count[result]++
		}
		require.Equal(t, len(f.addresses), count["success"]+count["timeout"], "%v\n%s", count, output)
		require.Positive(t, count["success"], output)
		require.Positive(t, lost.Load())
		t.Logf("%d%% of the packets (%d) lost: %v", percent, lost.Load(), count)
	}
	f.set(weather{})
	a.require(all(f.addresses, "success"))
}

func TestSlowNetwork(t *testing.T) {
	t.Parallel()
	f := newFar(t, "", "", "")
	f.set(weather{delay: 200 * time.Millisecond})
	f.agent(f.addresses, "").require(all(f.addresses, "success"))
}

// What comes too late does not disturb the next round either.
func TestNetworkSlowerThanTheTimeout(t *testing.T) {
	t.Parallel()
	f := newFar(t, "", "", "")
	a := f.agent(f.addresses, "  timeout = \"1s\"\n")
	f.set(weather{delay: 3 * time.Second})
	a.require(all(f.addresses, "timeout"))
	a.await(f.addresses[2] + ": timeout: the TCP connection was not established in time; " +
		"check that the server is up, and the firewalls between here and its port")
	f.set(weather{})
	for range 5 {
		a.require(all(f.addresses, "success"))
	}
}

// Somewhere on the way packets have to be smaller than either end knows, as in a VPN, and
// nobody says so: the connection stands, and then nothing comes.
func TestLargePacketsGetLost(t *testing.T) {
	t.Parallel()
	for name, sender := range map[string]byte{"of the program": 1, "of the server": 10} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFar(t, "")
			a := f.agent(f.addresses, "  timeout = \"1s\"\n")
			f.set(weather{lost: func(packet []byte) bool { return sourceOf(packet) == sender && len(packet) > 1000 }})
			a.require(all(f.addresses, "timeout"))
			a.await("timeout: the TLS handshake did not end in time; check that this port is the About service, " +
				"the load of the server, and that large packets get through (the MTU of a VPN or tunnel on the way)")
			f.set(weather{})
			a.require(all(f.addresses, "success"))
		})
	}
}

// sourceOf is the last number of the address that a packet comes from.
func sourceOf(packet []byte) byte { return packet[15] }

// In TLS 1.3 the program is done before the server has its certificate. Who took what is not
// known then.
func TestRequestGetsLost(t *testing.T) {
	t.Parallel()
	f := newFar(t, "")
	a := f.agent(f.addresses, "  timeout = \"1s\"\n")
	var shown atomic.Bool // the server's certificate
	f.set(weather{lost: func(packet []byte) bool {
		if sourceOf(packet) != 1 {
			shown.Store(shown.Load() || len(packet) > 1000)
			return false
		}
		return shown.Load()
	}})
	a.require(all(f.addresses, "timeout"))
	a.await("timeout: the request was sent, but no reply began in time; ")
	require.Zero(t, f.fleet.Requests(0))
}

// A cut that ends within the timeout is not seen.
func TestShortCut(t *testing.T) {
	t.Parallel()
	f := newFar(t, "", "", "")
	a := f.agent(f.addresses, "")
	begin := f.sent.Load()
	f.set(weather{lost: func([]byte) bool { return f.sent.Load() <= begin+12 }}) // also in the middle of a handshake
	a.require(all(f.addresses, "success"))
}

// The cable is pulled out while servers are asked, and put back between rounds.
func TestCutWire(t *testing.T) {
	t.Parallel()
	f := newFar(t, make([]string, 6)...)
	a := f.agent(f.addresses, "  timeout = \"1500ms\"\n  max_concurrent_requests = 2\n")
	a.require(all(f.addresses, "success"))

	f.set(weather{lost: func([]byte) bool { return true }})
	sent := f.sent.Load()
	a.prompt()
	require.Eventually(t, func() bool { return f.sent.Load() > sent }, rig.Patience, time.Millisecond)
	f.program.ip("link set wire down")
	results, output := a.results(len(f.addresses))
	for i, address := range f.addresses {
		if i < 2 { // they were being asked
			require.Equal(t, "timeout", results[address], output)
		} else {
			require.Contains(t, []string{"timeout", "connection_failed"}, results[address], output)
		}
	}
	a.require(all(f.addresses, "connection_failed"))
	a.await("connect: network is unreachable; check that the server is up, and the firewalls and routes between here and its port")

	f.set(weather{})
	f.program.ip("link set wire up")
	a.require(all(f.addresses, "success"))
	a.await("I! " + f.addresses[5] + " answers again; polls that failed before: 2")
}

// One server behind each way to be out of reach. The one in order has its answer all the same.
func TestNoWay(t *testing.T) {
	t.Parallel()
	f := newFar(t, "", "")
	f.program.ip("route add unreachable 10.78.1.0/24")
	f.program.ip("route add prohibit 10.78.2.0/24")
	f.program.ip("route add 10.78.3.0/24 via " + there)
	filtered := f.addresses[1]
	f.set(weather{lost: func(packet []byte) bool { return packet[19] == 11 }}) // a firewall before that address
	expected := map[string]string{
		"10.99.0.1":    "connection_failed", // no route
		"10.78.1.1":    "connection_failed",
		"10.78.2.1":    "connection_failed",
		"10.78.3.1":    "timeout", // the router drops it
		there:          "connection_failed",
		filtered:       "timeout",
		f.addresses[0]: "success",
	}
	a := f.agent(slices.Collect(maps.Keys(expected)), "  timeout = \"1s\"\n")
	a.require(expected)
	for source, cause := range map[string]string{
		"10.99.0.1": "connect: network is unreachable; check that the server is up, and the firewalls and routes between here",
		"10.78.1.1": "connect: no route to host; check that the server is up, and the firewalls and routes between here",
		"10.78.2.1": "connect: permission denied; check that the server is up, and the firewalls and routes between here",
		there:       "connect: connection refused; nothing listens there",
	} {
		a.await(source + ": connection_failed: dial tcp " + source + ":9032: " + cause)
	}
	a.await(filtered + ": timeout: the TCP connection was not established in time; check that the server is up, and the firewalls between")
}

func TestIPv6(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	f.startAt(simulator.Server{Addr: "[" + there6 + "]:9032", Reply: simulator.Reply("May 2025 Patch 3", "14.231.8")})
	a := f.agent([]string{"[" + there6 + "]", "2001:db8:88::1"}, "  timeout = \"1s\"\n")
	a.require(map[string]string{there6: "success", "2001:db8:88::1": "connection_failed"})
	a.await("dial tcp [2001:db8:88::1]:9032: connect: network is unreachable")
	f.set(weather{lost: func([]byte) bool { return true }})
	a.require(map[string]string{there6: "timeout", "2001:db8:88::1": "connection_failed"})
	f.set(weather{})
	a.require(map[string]string{there6: "success", "2001:db8:88::1": "connection_failed"})
}
