//go:build linux

package reliability

import (
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"telegraf-qlik-sense-version/internal/simulator"
)

// dns is what a DNS server says: the addresses of the names that it knows.
type dns struct {
	addresses map[string][]string // by name, with the dot at its end
	code      dnsmessage.RCode    // for all other names
	silent    bool
}

// startDNS starts a DNS server at the far end, and names it in the program's resolv.conf.
func (f *far) startDNS() *atomic.Pointer[dns] {
	f.Helper()
	var socket net.PacketConn
	require.NoError(f, f.servers.within(func() (err error) {
		socket, err = net.ListenPacket("udp", there+":53")
		return err
	}))
	f.Cleanup(func() { socket.Close() })
	require.NoError(f, os.WriteFile(f.program.resolvConf, []byte("nameserver "+there+"\n"), 0o644))

	now := &atomic.Pointer[dns]{}
	now.Store(&dns{silent: true})
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, client, err := socket.ReadFrom(buffer)
			if err != nil {
				return
			}
			if says := now.Load(); !says.silent {
				socket.WriteTo(says.answer(buffer[:n]), client)
			}
		}
	}()
	return now
}

// answer is nil for what is no question.
func (d *dns) answer(query []byte) []byte {
	var message dnsmessage.Message
	if message.Unpack(query) != nil || len(message.Questions) != 1 {
		return nil
	}
	question := message.Questions[0]
	answer := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: message.ID, Response: true, RecursionAvailable: true, RCode: d.code},
		Questions: message.Questions,
	}
	if addresses, known := d.addresses[question.Name.String()]; known {
		answer.RCode = dnsmessage.RCodeSuccess
		for _, text := range addresses {
			address := netip.MustParseAddr(text)
			header := dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class, TTL: 60}
			switch {
			case address.Is4() && question.Type == dnsmessage.TypeA:
				answer.Answers = append(answer.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: address.As4()}})
			case address.Is6() && question.Type == dnsmessage.TypeAAAA:
				answer.Answers = append(answer.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: address.As16()}})
			}
		}
	}
	packed, _ := answer.Pack() // of what was unpacked just now
	return packed
}

// Servers whose addresses are known do not suffer from the DNS.
func TestNames(t *testing.T) {
	t.Parallel()
	const name = "qlik1.example.com"
	f := newFar(t, name, "")
	says := f.startDNS()
	hosts := []string{name, f.addresses[1]}
	a := f.agent(hosts, "  timeout = \"1s\"\n")
	is := func(result string) map[string]string {
		return map[string]string{name: result, f.addresses[1]: "success"}
	}

	a.require(is("timeout"))
	a.await("timeout: the name was not resolved in time; check this machine's DNS")
	says.Store(&dns{code: dnsmessage.RCodeNameError})
	a.require(is("dns_error"))
	a.await("dns_error: lookup qlik1.example.com on 10.77.0.2:53: no such host; check the spelling of the host and this machine's DNS")
	says.Store(&dns{code: dnsmessage.RCodeServerFailure})
	a.require(is("dns_error"))
	a.await("dns_error: lookup qlik1.example.com on 10.77.0.2:53: server misbehaving")
	says.Store(&dns{code: dnsmessage.RCodeRefused})
	a.require(is("dns_error"))
	says.Store(&dns{addresses: map[string][]string{name + ".": nil}})
	a.require(is("dns_error"))
	says.Store(&dns{addresses: map[string][]string{name + ".": {f.addresses[0]}}})
	a.require(is("success"))
	a.await("I! qlik1.example.com answers again; polls that failed before: 5")
}

// A name may lead to an address that is dead, before one that is not: each has its share of
// the timeout, two seconds at least.
func TestNamesWithDeadAddresses(t *testing.T) {
	t.Parallel()
	names := []string{"dead6.example.com", "dead4.example.com"}
	f := newFar(t)
	f.startAt(simulator.Server{Addr: there + ":9032", Reply: simulator.Reply("May 2025 Patch 3", "14.231.8")})
	f.startDNS().Store(&dns{addresses: map[string][]string{
		names[0] + ".": {"2001:db8:77::99", there},
		names[1] + ".": {"10.77.0.99", there},
	}})
	a := f.agent(names, "  timeout = \"4s\"\n  tls_server_name = \""+there+"\"\n") // which the two addresses share
	a.require(all(names, "success"))
}
