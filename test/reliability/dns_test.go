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

// dnsReplies are the replies of a DNS server.
type dnsReplies struct {
	addresses map[string][]string // by name, with the trailing dot
	code      dnsmessage.RCode    // for all other names
	silent    bool                // no replies at all
}

// startDNS starts a DNS server in the namespace of the servers and adds it to the plugin's resolv.conf. It
// returns the server's replies, which can be changed.
func (nw *network) startDNS() *atomic.Pointer[dnsReplies] {
	nw.Helper()
	var socket net.PacketConn
	require.NoError(nw, nw.servers.within(func() (err error) {
		socket, err = net.ListenPacket("udp", remoteAddr+":53")
		return err
	}))
	nw.Cleanup(func() { socket.Close() })
	require.NoError(nw, os.WriteFile(nw.program.resolvConf, []byte("nameserver "+remoteAddr+"\n"), 0o644))

	replies := &atomic.Pointer[dnsReplies]{}
	replies.Store(&dnsReplies{silent: true})
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, client, err := socket.ReadFrom(buffer)
			if err != nil {
				return
			}
			if current := replies.Load(); !current.silent {
				socket.WriteTo(current.reply(buffer[:n]), client)
			}
		}
	}()
	return replies
}

// reply returns the reply to a query, or nil if it is not a valid query.
func (d *dnsReplies) reply(query []byte) []byte {
	var message dnsmessage.Message
	if message.Unpack(query) != nil || len(message.Questions) != 1 {
		return nil
	}
	question := message.Questions[0]
	reply := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: message.ID, Response: true, RecursionAvailable: true, RCode: d.code},
		Questions: message.Questions,
	}
	if addresses, known := d.addresses[question.Name.String()]; known {
		reply.RCode = dnsmessage.RCodeSuccess
		for _, text := range addresses {
			address := netip.MustParseAddr(text)
			header := dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class, TTL: 60}
			switch {
			case address.Is4() && question.Type == dnsmessage.TypeA:
				reply.Answers = append(reply.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: address.As4()}})
			case address.Is6() && question.Type == dnsmessage.TypeAAAA:
				reply.Answers = append(reply.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: address.As16()}})
			}
		}
	}
	packed, _ := reply.Pack() // cannot fail: its parts were unpacked above
	return packed
}

// Every kind of DNS failure. A server given by its address is not affected.
func TestDNS(t *testing.T) {
	t.Parallel()
	const name = "qlik1.example.com"
	nw := newNetwork(t, name, "")
	replies := nw.startDNS()
	hosts := []string{name, nw.addresses[1]}
	p := nw.startPlugin(hosts, "  timeout = \"1s\"\n")
	withResult := func(result string) map[string]string {
		return map[string]string{name: result, nw.addresses[1]: "success"}
	}

	p.requireRound(withResult("timeout"))
	p.await("timeout: the name was not resolved in time; check this machine's DNS")
	replies.Store(&dnsReplies{code: dnsmessage.RCodeNameError})
	p.requireRound(withResult("dns_error"))
	p.await("dns_error: lookup qlik1.example.com on 10.77.0.2:53: no such host; check the spelling of the host and this machine's DNS")
	replies.Store(&dnsReplies{code: dnsmessage.RCodeServerFailure})
	p.requireRound(withResult("dns_error"))
	p.await("dns_error: lookup qlik1.example.com on 10.77.0.2:53: server misbehaving")
	replies.Store(&dnsReplies{code: dnsmessage.RCodeRefused})
	p.requireRound(withResult("dns_error"))
	replies.Store(&dnsReplies{addresses: map[string][]string{name + ".": nil}})
	p.requireRound(withResult("dns_error"))
	replies.Store(&dnsReplies{addresses: map[string][]string{name + ".": {nw.addresses[0]}}})
	p.requireRound(withResult("success"))
	p.await("I! qlik1.example.com answers again; polls that failed before: 5")
}

// If the first address of a name is dead, the next one is tried: each gets its share of the timeout, at
// least two seconds.
func TestDNSDeadAddress(t *testing.T) {
	t.Parallel()
	names := []string{"dead6.example.com", "dead4.example.com"}
	nw := newNetwork(t)
	nw.startServers(simulator.Server{Addr: remoteAddr + ":9032", Reply: simulator.Reply("May 2025 Patch 3", "14.231.8")})
	nw.startDNS().Store(&dnsReplies{addresses: map[string][]string{
		names[0] + ".": {"2001:db8:77::99", remoteAddr},
		names[1] + ".": {"10.77.0.99", remoteAddr},
	}})
	p := nw.startPlugin(names, "  timeout = \"4s\"\n  tls_server_name = \""+remoteAddr+"\"\n") // one certificate for both names
	p.requireRound(sameResult(names, "success"))
}
