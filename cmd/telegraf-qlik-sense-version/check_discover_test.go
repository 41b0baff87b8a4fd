//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
)

// testSite is a site of two nodes on the default ports, and the options with its certificates.
type testSite struct {
	*simulator.Fleet

	network int
	options []string
}

// host returns the address of a node; the first is the central node.
func (s *testSite) host(n int) string { return fmt.Sprintf("127.%d.0.%d", s.network, n) }

// node returns a node for setNodes.
func (s *testSite) node(n int, name string, roles ...string) simulator.SiteNode {
	return simulator.SiteNode{Name: name, Host: s.host(n), Roles: roles}
}

// setNodes sets the list of nodes that the central node returns.
func (s *testSite) setNodes(t *testing.T, nodes ...simulator.SiteNode) {
	t.Helper()
	require.NoError(t, s.Set(2, simulator.Server{Repository: &simulator.Repository{List: simulator.NodeList(nodes...)}}))
}

// startSite starts a site whose list of nodes is empty.
func startSite(t *testing.T) *testSite {
	t.Helper()
	site, err := sharedSite()
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, site.Export(dir))
	network, release, err := simulator.ClaimNetwork()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, release()) })
	s := &testSite{network: network, options: []string{
		"--tls-ca", filepath.Join(dir, "root.pem"), "--tls-cert", filepath.Join(dir, "client.pem"), "--tls-key", filepath.Join(dir, "client_key.pem"),
	}}
	central, rim := serverRunning("May 2025 Patch 15", "14.231.27"), serverRunning("May 2025 Patch 15", "14.231.27")
	central.Addr, rim.Addr = s.host(1)+":9032", s.host(2)+":9032"
	repository := simulator.Server{Addr: s.host(1) + ":4242", Repository: &simulator.Repository{}}
	s.Fleet, err = simulator.Start(site, central, rim, repository)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// args returns the arguments of a command with the certificates.
func (s *testSite) args(command string, more ...string) []string {
	return slices.Concat([]string{command}, s.options, more)
}

// One host and the certificates are enough for a report of a whole site.
func TestCheckDiscover(t *testing.T) {
	s := startSite(t)
	s.setNodes(t,
		s.node(1, "Central", "central", "engine"),
		s.node(2, "Rim"), s.node(3, "Old"))
	p := start(t, s.args("check", "--discover", s.host(9), "--discover", s.host(1), "--discover-user", `CORP\monitoring`)...)
	p.requireEnd(3)
	require.Empty(t, p.stderr.String())
	for _, text := range []string{
		"3 nodes of the site found, listed by " + s.host(1) + "\n", "Central: central,", "Nodes that did not list their site\n" + s.host(9) + "\n",
		"found through its site", "3 servers, 2 answered",
	} {
		require.Contains(t, p.stdout.String(), text)
	}
	require.Equal(t, "UserDirectory=CORP; UserId=monitoring", s.LastRequest(2).Header.Get("X-Qlik-User"))

	vulnerable := serverRunning("May 2024", "14.187.4") // at any age of the data
	require.NoError(t, s.Set(1, vulnerable))
	p = start(t, s.args("check", "--discover", s.host(1), "--only", s.host(2), "--tls-verify", "chain")...)
	p.requireEnd(2)
	require.Contains(t, p.stdout.String(), "1 server, 1 answered")

	require.NoError(t, s.Set(2, simulator.Server{Fault: simulator.Fault401}))
	p = start(t, s.args("check", "--discover", s.host(1))...)
	p.requireEnd(3)
	require.Contains(t, p.stdout.String(), "The nodes of the site could not be listed")
}

func TestCheckDiscoverRefuses(t *testing.T) {
	s := startSite(t)
	config := filepath.Join(t.TempDir(), "settings.conf")
	require.NoError(t, os.WriteFile(config, []byte("[[inputs.qlik_sense_version]]\n  hosts = [\"qlik1\"]\n"), 0o600))
	for _, tt := range []struct {
		args     []string
		expected string
	}{
		{nil, "E! --tls-ca belongs to --discover, which is missing: with a settings file, write it there\n"},
		{[]string{"--discover", s.host(1), "--config", config}, "E! the servers come from --discover and from settings"},
		{[]string{"--discover", "a b"}, `E! --discover: "a b": write one server per entry`},
		{[]string{"--discover", s.host(1), "--tls-ca", "missing.pem"}, "E! --tls-ca: stat missing.pem: no such file or directory: check the path\n"},
		{[]string{"--discover", s.host(1), "--tls-verify", "none"}, `E! --tls-verify: "none" is neither "full" nor "chain"`},
		{[]string{"--discover", s.host(1), "--discover-user", "sa_api"}, `E! --discover-user: "sa_api" is not a user`},
		{[]string{"--discover", s.host(1), "--only", "qlik9"}, "E! --only qlik9: neither the settings nor their sites have such a server"},
	} {
		p := start(t, s.args("check", tt.args...)...)
		p.requireEnd(1)
		require.Empty(t, p.stdout.String())
		require.Contains(t, p.stderr.String(), tt.expected)
	}
	p := prepare(t, s.args("check", "--discover", s.host(1))...)
	p.cmd.Env = append(p.cmd.Env, "QLIK_SENSE_VERSION_CONFIG=x")
	p.start()
	p.requireEnd(1)
	require.Contains(t, p.stderr.String(), "use one of them")
	require.Equal(t, 1, s.Requests(2), "only the case with an unknown --only asks the site")
}

// A plan needs no settings file either, and its exit status is 0 although servers do not answer.
func TestPlanDiscover(t *testing.T) {
	s := startSite(t)
	s.setNodes(t,
		s.node(1, "Central", "central", "engine"),
		s.node(2, "Rim"), s.node(3, "Old"))
	require.NoError(t, s.Set(1, serverRunning("May 2024 Patch 9", "14.187.14")))
	p := start(t, s.args("plan", "--discover", s.host(1), "--discover-user", `CORP\monitoring`, "--tls-verify", "chain")...)
	p.requireEnd(0)
	require.Empty(t, p.stderr.String())
	for _, text := range []string{
		"3 nodes of the site found, listed by " + s.host(1) + "\n", s.host(2), "Rim", "May 2024 Patch 10", "find out first", "Old",
	} {
		require.Contains(t, p.stdout.String(), text)
	}
	require.Equal(t, "UserDirectory=CORP; UserId=monitoring", s.LastRequest(2).Header.Get("X-Qlik-User"))

	require.NoError(t, s.Set(2, simulator.Server{Fault: simulator.Fault401}))
	p = start(t, s.args("plan", "--discover", s.host(1))...)
	p.requireEnd(0)
	require.Contains(t, p.stdout.String(), "The nodes of the site could not be listed")
}
