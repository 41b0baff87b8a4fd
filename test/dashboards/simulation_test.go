//go:build linux

package dashboards

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"maps"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
)

// simulation is the fleet of the scenario.
type simulation struct {
	*rig.Rig
	fleet *simulator.Fleet
	// By server name:
	number map[string]int    // in fleet
	source map[string]string // address, the tag source
	polled map[string]bool
	failed map[string]bool // does not answer at present

	dev2 *shortLivedServer
}

func newSimulation(r *rig.Rig) *simulation {
	r.Helper()
	first := []struct {
		name string
		version
	}{
		{"prod1", may2024p9}, {"prod2", may2024p9}, {"prod3", may2024p9},
		{"test1", november2024p22}, {"test2", august2023p1}, {"test3", november2024p22},
		{"dev1", may2025p3}, {"lab1", custom}, {"lab2", may2025p15},
		{"test4", august2023p1}, {"last1", november2024p22},
	}
	sim := &simulation{Rig: r, number: make(map[string]int), source: make(map[string]string), polled: make(map[string]bool), failed: make(map[string]bool)}
	servers := make([]simulator.Server, len(first))
	for i, s := range first {
		servers[i].Reply = simulator.Reply(s.label, s.build)
		sim.number[s.name] = i
		sim.polled[s.name] = s.name != "test3"
	}
	var hosts []string
	sim.fleet, hosts = r.Start(servers...)
	for name, i := range sim.number {
		sim.source[name] = hosts[i]
	}
	sim.source["dev2"] = r.Address(len(servers) + 1)
	sim.polled["dev2"] = true
	sim.dev2 = startShortLivedServer(r, sim.source["dev2"], may2025p3)
	sim.renewCertificate(20)
	return sim
}

func (sim *simulation) setVersion(name string, v version) {
	require.NoError(sim, sim.fleet.Set(sim.number[name], simulator.Server{Reply: simulator.Reply(v.label, v.build)}))
	sim.failed[name] = false
}

func (sim *simulation) setFault(name string, fault simulator.Fault) {
	require.NoError(sim, sim.fleet.Set(sim.number[name], simulator.Server{Fault: fault, Reply: simulator.Reply("", "")}))
	sim.failed[name] = true
}

// renewCertificate gives dev2 a certificate that is valid for the given days plus six hours.
func (sim *simulation) renewCertificate(days int) { sim.dev2.renew(sim.Rig, days) }

// settings returns the settings for the servers that are polled at present.
func (sim *simulation) settings(catalog string) string {
	var b strings.Builder
	for _, block := range blocks {
		var hosts []string
		for _, name := range block.servers {
			if sim.polled[name] {
				hosts = append(hosts, sim.source[name])
			}
		}
		if len(hosts) == 0 { // no server of the block is polled any more
			continue
		}
		b.WriteString(sim.Block(hosts, fmt.Sprintf("  catalog_file = %q\n%s", catalog, block.more)))
	}
	return b.String()
}

// polledServers returns the names of the servers that are polled at present, by the key of serverOf.
func (sim *simulation) polledServers() map[string]string {
	servers := make(map[string]string)
	for _, block := range blocks {
		for _, name := range block.servers {
			if sim.polled[name] {
				servers[block.environment+"/"+sim.source[name]] = name
			}
		}
	}
	return servers
}

// withNames replaces addresses by the server names of the scenario.
func (sim *simulation) withNames(text string) string {
	// Longest first: 127.22.1.1 is a prefix of 127.22.1.10.
	for _, name := range slices.SortedFunc(maps.Keys(sim.source), func(a, b string) int { return len(sim.source[b]) - len(sim.source[a]) }) {
		text = strings.ReplaceAll(text, sim.source[name], name)
	}
	return text
}

// shortLivedServer is a server whose certificate ends soon, which the simulator does not offer.
type shortLivedServer struct {
	address string
	reply   []byte
	server  *http.Server
}

func startShortLivedServer(r *rig.Rig, address string, v version) *shortLivedServer {
	s := &shortLivedServer{address: address, reply: simulator.Reply(v.label, v.build)}
	r.Cleanup(func() { require.NoError(r, s.server.Close()) })
	return s
}

func (s *shortLivedServer) renew(r *rig.Rig, days int) {
	r.Helper()
	root, err := tls.LoadX509KeyPair(filepath.Join(r.SiteDir, "root.pem"), filepath.Join(r.SiteDir, "root_key.pem"))
	require.NoError(r, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(r, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Duration(days)*24*time.Hour + 6*time.Hour),
		IPAddresses:  []net.IP{net.ParseIP(s.address)},
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, root.Leaf, &key.PublicKey, root.PrivateKey)
	require.NoError(r, err)
	if s.server != nil {
		require.NoError(r, s.server.Close())
	}
	listener, err := net.Listen("tcp", s.address+":9032")
	require.NoError(r, err)
	s.server = &http.Server{
		ReadHeaderTimeout: rig.Patience,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Write(s.reply)
		}),
		TLSConfig: &tls.Config{
			Certificates:           []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
			SessionTicketsDisabled: true, // so that each poll gets the certificate
		},
	}
	go s.server.ServeTLS(listener, "", "") // ends with Close
}
