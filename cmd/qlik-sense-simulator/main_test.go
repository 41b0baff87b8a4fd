package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/stack"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// start runs the program until the test ends.
func start(t *testing.T, reload <-chan os.Signal, args ...string) (out, errOut *stack.Output) {
	t.Helper()
	out, errOut = &stack.Output{}, &stack.Output{}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, args, out, errOut, reload) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	require.Eventually(t, func() bool { return strings.HasSuffix(out.String(), "ready\n") },
		10*time.Second, 5*time.Millisecond)
	return out, errOut
}

func write(t *testing.T, file, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
}

// sharedSite is the site of all tests, because creating its keys takes a second.
var sharedSite = sync.OnceValues(simulator.NewSite)

func siteDir(t *testing.T) string {
	t.Helper()
	site, err := sharedSite()
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, site.Export(dir))
	return dir
}

func TestFleetFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fleet.toml")
	const first = "[[server]]\naddr = \"127.0.0.1:0\"\nname = \"qlik1.example.com\"\nfault = \"503\"\n"
	write(t, file, first+"[[server]]\naddr = \"127.0.0.1:0\"\nsample = \"product-info-june-2019\"\n"+
		"[[server]]\naddr = \"127.0.0.1:0\"\nrelease = \"May 2024\"\nversion = \"14.187.4\"\nfault = \"down\"\n")
	dir := siteDir(t)
	reload := make(chan os.Signal, 1)
	out, errOut := start(t, reload, "--site", dir, "--fleet", file)

	lines := strings.Split(out.String(), "\n")
	require.Len(t, lines, 5)
	addr, rest, _ := strings.Cut(lines[0], " ")
	require.Equal(t, "February 2024 Patch 1 14.173.4 fault 503", rest)
	require.True(t, strings.HasSuffix(lines[1], " June 2019 13.32.2"), lines[1])
	require.True(t, strings.HasSuffix(lines[2], " May 2024 14.187.4 fault down"), lines[2])

	site, err := simulator.OpenSite(dir)
	require.NoError(t, err)
	settings := site.ClientTLS()
	settings.ServerName = "qlik1.example.com"
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: settings, DisableKeepAlives: true}}
	status := func() int {
		reply, err := client.Get("https://" + addr + "/v1/systeminfo")
		require.NoError(t, err)
		require.NoError(t, reply.Body.Close())
		return reply.StatusCode
	}
	require.Equal(t, http.StatusServiceUnavailable, status())

	// A change that needs a restart is refused as a whole.
	write(t, file, first)
	reload <- os.Interrupt
	require.Eventually(t, func() bool {
		return strings.Contains(errOut.String(), "3 servers run, the file has 1: start again")
	}, 5*time.Second, 5*time.Millisecond)

	write(t, file, strings.Replace(first, `fault = "503"`, "", 1)+
		strings.Repeat("[[server]]\naddr = \"127.0.0.1:0\"\nsample = \"product-info-june-2019\"\n", 2))
	reload <- os.Interrupt
	require.Eventually(t, func() bool {
		_, changes, _ := strings.Cut(out.String(), "ready\n")
		return strings.Count(changes, "\n") == 2 // the second server has not changed
	}, 5*time.Second, 5*time.Millisecond)
	require.Contains(t, out.String(), "ready\n"+addr+" February 2024 Patch 1 14.173.4\n")
	require.Equal(t, http.StatusOK, status())
}

// A reload changes the list of nodes.
func TestReloadNodes(t *testing.T) {
	dir, file := siteDir(t), filepath.Join(t.TempDir(), "fleet.toml")
	const first = "[[server]]\naddr = \"127.0.0.1:0\"\nrepository = true\n[[node]]\nname = \"Central\"\nhost = \"qlik1\"\nroles = [\"central\"]\n"
	write(t, file, first)
	reload := make(chan os.Signal, 1)
	out, _ := start(t, reload, "--site", dir, "--fleet", file)
	addr, _, _ := strings.Cut(out.String(), " ")
	site, err := sharedSite()
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: site.ClientTLS(), DisableKeepAlives: true}}
	list := func() string {
		request, err := http.NewRequest(http.MethodGet, "https://"+addr+"/qrs/servernodeconfiguration/full?Xrfkey=abcdefghijklmnop", http.NoBody)
		require.NoError(t, err)
		request.Header.Set("X-Qlik-Xrfkey", "abcdefghijklmnop")
		reply, err := client.Do(request)
		require.NoError(t, err)
		defer reply.Body.Close()
		text, err := io.ReadAll(reply.Body)
		require.NoError(t, err)
		return string(text)
	}
	require.Equal(t, string(simulator.NodeList(simulator.SiteNode{Name: "Central", Host: "qlik1", Roles: []string{"central"}})), list())

	write(t, file, first+"[[node]]\nname = \"Rim\"\nhost = \"qlik2\"\n")
	reload <- os.Interrupt
	require.Eventually(t, func() bool {
		return strings.HasSuffix(out.String(), "ready\n"+addr+" February 2024 Patch 1 14.173.4 repository\n")
	},
		5*time.Second, 5*time.Millisecond)
	require.Contains(t, list(), `"hostName":"qlik2"`)
}

func TestManyServers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "site")
	file := filepath.Join(t.TempDir(), "fleet.toml")
	write(t, file, strings.Repeat("[[server]]\naddr = \"127.0.0.1:0\"\n", 21))
	out, _ := start(t, nil, "--site", dir, "--fleet", file, "--sample", "june-2019")
	require.Regexp(t, `^(127\.0\.0\.1:[1-9]\d+ June 2019 13\.32\.2\n){2}21 servers\nready\n$`, out.String())

	// A second run reuses the site.
	before, err := os.ReadFile(filepath.Join(dir, "client.pem"))
	require.NoError(t, err)
	_, err = openSite(dir)
	require.NoError(t, err)
	after, err := os.ReadFile(filepath.Join(dir, "client.pem"))
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestServers(t *testing.T) {
	o, err := parse([]string{"--servers", "3", "--release", "May 2024", "--version", "14.187.4", "--fault", "html"})
	require.NoError(t, err)
	servers, err := plan(o)
	require.NoError(t, err)
	require.Len(t, servers, 3)
	reply := simulator.Reply("May 2024", "14.187.4")
	for i, addr := range simulator.Addresses(3) {
		require.Equal(t, simulator.Server{Addr: addr, Reply: reply, Fault: simulator.FaultHTML}, servers[i])
	}
}

func TestHelp(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"--help"}, &out, &out, nil))
	require.Equal(t, usage, out.String())
}

func TestListFaults(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"--list-faults"}, &out, &out, nil))
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	require.Len(t, lines, len(simulator.Faults()))
	require.Equal(t, "down                 nothing listens: connection refused", lines[0])
}

func TestInvalidArguments(t *testing.T) {
	dir := t.TempDir()
	foreign := filepath.Join(dir, "foreign")
	require.NoError(t, os.Mkdir(foreign, 0o700))
	write(t, filepath.Join(foreign, "client.pem"), "a certificate")
	fleet := filepath.Join(dir, "fleet.toml")
	site := filepath.Join(dir, "site") // must not be created: the arguments are checked first

	for _, test := range []struct {
		name  string
		fleet string
		args  []string
		want  string
	}{
		{"no site", "", nil, "--site is missing"},
		{"foreign site", "", []string{"--site", foreign}, "holds keys or certificates, but no site of this program"},
		{"argument", "", []string{"run"}, `unexpected argument "run"`},
		{"flag", "", []string{"--serves", "2"}, "flag provided but not defined"},
		{"no servers", "", []string{"--servers", "0"}, "--servers is 0, must be 1 or more"},
		{"fault", "", []string{"--fault", "bad"}, `unknown fault "bad", known are down, reset,`},
		{"sample", "", []string{"--sample", "bad"}, `unknown sample "bad", known are february-2024-patch-1,`},
		{"both replies", "", []string{"--sample", "june-2019", "--version", "1.2.3"}, "--sample excludes"},
		{"both fleets", "[[server]]", []string{"--servers", "2"}, "--fleet excludes --servers"},
		{"unknown key", "[[server]]\naddress = \"127.0.0.1:0\"", nil, `fleet.toml: unknown key "server.address"`},
		{"unknown table", "[[servers]]\naddr = \"127.0.0.1:0\"", nil, `fleet.toml: unknown key "servers"`},
		{"no address", "[[server]]\nname = \"a\"", nil, "fleet.toml: [[server]] 1 has no addr"},
		{"empty", "# nothing", nil, "fleet.toml: no [[server]]"},
		{"invalid TOML", "[[server", nil, "fleet.toml: toml: line 1"},
		{"half a reply", "[[server]]\naddr = \"127.0.0.1:0\"\nversion = \"1.2.3\"", nil, "belong together"},
		{"two replies", "[[server]]\naddr = \"a\"\nversion = \"1\"\nsample = \"june-2019\"", nil, "server a: sample excludes"},
		{"address", "[[server]]\naddr = \":9032\"", []string{"--site", siteDir(t)}, "no host in the address"},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := slices.Clone(test.args)
			if test.fleet != "" {
				write(t, fleet, test.fleet)
				args = append(args, "--fleet", fleet)
			}
			var out bytes.Buffer
			require.ErrorContains(t, run(t.Context(), args, &out, &out, nil), test.want)
			require.Empty(t, out.String())
			require.NoDirExists(t, site)
		})
	}
}
