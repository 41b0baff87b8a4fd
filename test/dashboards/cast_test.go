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

// cast is the fleet of the story.
type cast struct {
	*rig.Rig
	fleet  *simulator.Fleet
	number map[string]int    // of the server in the fleet
	source map[string]string // its address, the tag source
	polled map[string]bool
	failed map[string]bool // does not answer now
	short  *shortLived
}

func newCast(r *rig.Rig) *cast {
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
	c := &cast{Rig: r, number: make(map[string]int), source: make(map[string]string), polled: make(map[string]bool), failed: make(map[string]bool)}
	servers := make([]simulator.Server, len(first))
	for i, s := range first {
		servers[i].Reply = simulator.Reply(s.label, s.build)
		c.number[s.name] = i
		c.polled[s.name] = s.name != "test3"
	}
	var hosts []string
	c.fleet, hosts = r.Start(servers...)
	for name, i := range c.number {
		c.source[name] = hosts[i]
	}
	c.source["dev2"] = r.Address(len(servers) + 1)
	c.polled["dev2"] = true
	c.short = startShortLived(r, c.source["dev2"], may2025p3)
	c.certificate(20)
	return c
}

func (c *cast) runs(name string, v version) {
	require.NoError(c, c.fleet.Set(c.number[name], simulator.Server{Reply: simulator.Reply(v.label, v.build)}))
	c.failed[name] = false
}

func (c *cast) fails(name string, fault simulator.Fault) {
	require.NoError(c, c.fleet.Set(c.number[name], simulator.Server{Fault: fault, Reply: simulator.Reply("", "")}))
	c.failed[name] = true
}

// certificate gives dev2 a certificate for so many days and six hours.
func (c *cast) certificate(days int) { c.short.renew(c.Rig, days) }

// settings are those of the servers that are polled now.
func (c *cast) settings(catalog string) string {
	var b strings.Builder
	for _, block := range blocks {
		var hosts []string
		for _, name := range block.servers {
			if c.polled[name] {
				hosts = append(hosts, c.source[name])
			}
		}
		if len(hosts) == 0 { // nobody polls there any more
			continue
		}
		b.WriteString(c.Block(hosts, fmt.Sprintf("  catalog_file = %q\n%s", catalog, block.more)))
	}
	return b.String()
}

// servers are those that are polled now, as serverOf has them, with their names.
func (c *cast) servers() map[string]string {
	servers := make(map[string]string)
	for _, block := range blocks {
		for _, name := range block.servers {
			if c.polled[name] {
				servers[block.environment+"/"+c.source[name]] = name
			}
		}
	}
	return servers
}

// names puts the names of the story in the place of the addresses.
func (c *cast) names(text string) string {
	// The longest first: 127.22.1.1 is the beginning of 127.22.1.10.
	for _, name := range slices.SortedFunc(maps.Keys(c.source), func(a, b string) int { return len(c.source[b]) - len(c.source[a]) }) {
		text = strings.ReplaceAll(text, c.source[name], name)
	}
	return text
}

// shortLived is a server of the site whose certificate ends soon, which the simulator
// does not have.
type shortLived struct {
	address string
	reply   []byte
	server  *http.Server
}

func startShortLived(r *rig.Rig, address string, v version) *shortLived {
	s := &shortLived{address: address, reply: simulator.Reply(v.label, v.build)}
	r.Cleanup(func() { require.NoError(r, s.server.Close()) })
	return s
}

func (s *shortLived) renew(r *rig.Rig, days int) {
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
			SessionTicketsDisabled: true, // so that each poll sees the certificate
		},
	}
	go s.server.ServeTLS(listener, "", "") // ends with Close
}
