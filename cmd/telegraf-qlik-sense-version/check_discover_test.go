//go:build linux

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
)

// startSite runs a site of two nodes on their proper ports, and returns the options that
// name its certificates.
func startSite(t *testing.T, list []byte) (*simulator.Fleet, []string) {
	t.Helper()
	site, err := world()
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, site.Export(dir))
	central, rim := runs("May 2025 Patch 15", "14.231.27"), runs("May 2025 Patch 15", "14.231.27")
	central.Addr, rim.Addr = "127.31.0.1:9032", "127.31.0.2:9032"
	repository := simulator.Server{Addr: "127.31.0.1:4242", Repository: &simulator.Repository{List: list}}
	fleet, err := simulator.Start(site, central, rim, repository)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, fleet.Close()) })
	return fleet, []string{
		"check", "--tls-ca", filepath.Join(dir, "root.pem"), "--tls-cert", filepath.Join(dir, "client.pem"),
		"--tls-key", filepath.Join(dir, "client_key.pem"),
	}
}

// One host and the certificates show a whole site.
func TestCheckDiscover(t *testing.T) {
	fleet, args := startSite(t, simulator.NodeList(
		simulator.SiteNode{Name: "Central", Host: "127.31.0.1", Roles: []string{"central", "engine"}},
		simulator.SiteNode{Name: "Rim", Host: "127.31.0.2"}, simulator.SiteNode{Name: "Old", Host: "127.31.0.3"}))
	p := start(t, append(args, "--discover", "127.31.0.9", "--discover", "127.31.0.1", "--discover-user", `CORP\monitoring`)...)
	p.requireEnd(3)
	require.Empty(t, p.stderr.String())
	for _, text := range []string{
		"3 nodes of the site found, listed by 127.31.0.1\n", "Central: central,", "Nodes that did not list their site\n127.31.0.9\n",
		"found through its site", "3 servers, 2 answered",
	} {
		require.Contains(t, p.stdout.String(), text)
	}
	require.Equal(t, "UserDirectory=CORP; UserId=monitoring", fleet.LastRequest(2).Header.Get("X-Qlik-User"))

	vulnerable := runs("May 2024", "14.187.4") // whatever the age of the data
	require.NoError(t, fleet.Set(1, vulnerable))
	p = start(t, append(args, "--discover", "127.31.0.1", "--only", "127.31.0.2", "--tls-verify", "chain")...)
	p.requireEnd(2)
	require.Contains(t, p.stdout.String(), "1 server, 1 answered")

	require.NoError(t, fleet.Set(2, simulator.Server{Fault: simulator.Fault401}))
	p = start(t, append(args, "--discover", "127.31.0.1")...)
	p.requireEnd(3)
	require.Contains(t, p.stdout.String(), "The nodes of the site could not be listed")
}

func TestCheckDiscoverRefuses(t *testing.T) {
	fleet, args := startSite(t, nil)
	config := filepath.Join(t.TempDir(), "settings.conf")
	require.NoError(t, os.WriteFile(config, []byte("[[inputs.qlik_sense_version]]\n  hosts = [\"qlik1\"]\n"), 0o600))
	for _, tt := range []struct {
		args     []string
		expected string
	}{
		{nil, "E! --tls-ca belongs to --discover, which is missing: with a settings file, write it there\n"},
		{[]string{"--discover", "127.31.0.1", "--config", config}, "E! the servers come from --discover and from settings"},
		{[]string{"--discover", "a b"}, `E! --discover: "a b": write one server per entry`},
		{[]string{"--discover", "127.31.0.1", "--tls-ca", "missing.pem"}, "E! --tls-ca: stat missing.pem: no such file or directory: check the path\n"},
		{[]string{"--discover", "127.31.0.1", "--tls-verify", "none"}, `E! --tls-verify: "none" is neither "full" nor "chain"`},
		{[]string{"--discover", "127.31.0.1", "--discover-user", "sa_api"}, `E! --discover-user: "sa_api" is no user`},
		{[]string{"--discover", "127.31.0.1", "--only", "qlik9"}, "E! --only qlik9: neither the settings nor their sites have such a server"},
	} {
		p := start(t, append(args, tt.args...)...)
		p.requireEnd(1)
		require.Empty(t, p.stdout.String())
		require.Contains(t, p.stderr.String(), tt.expected)
	}
	p := prepare(t, append(args, "--discover", "127.31.0.1")...)
	p.cmd.Env = append(p.cmd.Env, "QLIK_SENSE_VERSION_CONFIG=x")
	p.start()
	p.requireEnd(1)
	require.Contains(t, p.stderr.String(), "use one of them")
	require.Equal(t, 1, fleet.Requests(2), "by the last of the cases alone")
}

// A plan, too, needs no settings: silence in a site is for people to find out.
func TestPlanDiscover(t *testing.T) {
	fleet, args := startSite(t, simulator.NodeList(
		simulator.SiteNode{Name: "Central", Host: "127.31.0.1", Roles: []string{"central", "engine"}},
		simulator.SiteNode{Name: "Rim", Host: "127.31.0.2"}, simulator.SiteNode{Name: "Old", Host: "127.31.0.3"}))
	require.NoError(t, fleet.Set(1, runs("May 2024 Patch 9", "14.187.14")))
	args[0] = "plan"
	p := start(t, append(args, "--discover", "127.31.0.1", "--discover-user", `CORP\monitoring`, "--tls-verify", "chain")...)
	p.requireEnd(0)
	require.Empty(t, p.stderr.String())
	for _, text := range []string{
		"3 nodes of the site found, listed by 127.31.0.1\n", "127.31.0.2", "Rim", "May 2024 Patch 10", "find out first", "Old",
	} {
		require.Contains(t, p.stdout.String(), text)
	}
	require.Equal(t, "UserDirectory=CORP; UserId=monitoring", fleet.LastRequest(2).Header.Get("X-Qlik-User"))

	require.NoError(t, fleet.Set(2, simulator.Server{Fault: simulator.Fault401}))
	p = start(t, append(args, "--discover", "127.31.0.1")...)
	p.requireEnd(0)
	require.Contains(t, p.stdout.String(), "The nodes of the site could not be listed")
}
