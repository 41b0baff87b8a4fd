package discovery

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/internal/simulator/simulatortest"
)

var sharedSite simulatortest.Site

func TestMain(m *testing.M) { sharedSite.Main(m) }

func settings() poll.Settings {
	return poll.Settings{
		Timeout:   5 * time.Second,
		TLSVerify: poll.VerifyFull,
		TLS:       sharedSite.TLS(),
	}
}

func start(t testing.TB, servers ...simulator.Server) (*simulator.Fleet, []string) {
	t.Helper()
	return sharedSite.Start(t, servers...)
}

// find makes a single request for the nodes.
func find(t testing.TB, settings poll.Settings, user string, discover ...string) ([]Attempt, *List) {
	t.Helper()
	f, err := New(discover, user, settings.Headers)
	require.NoError(t, err)
	poller, err := poll.New(settings)
	require.NoError(t, err)
	round := poller.Round(t.Context())
	attempts, list, known := f.Find(func(service *poll.Service, server *poll.Server, read func([]byte) error) (poll.Outcome, bool) {
		return round.Ask(t.Context(), service, server, read), true
	})
	require.True(t, known)
	return attempts, list
}

var seven = []simulator.SiteNode{
	{Name: "Rim 2", Host: "QLIK3.example.com", Roles: []string{"engine"}},
	{Name: "Central", Host: "qlik1.example.com", Roles: []string{"central", "engine", "proxy", "scheduler"}},
	{Name: "Rim 1", Host: "qlik2", Roles: []string{"printing", "proxy"}},
}

func repository(nodes ...simulator.SiteNode) *simulator.Repository {
	return &simulator.Repository{List: simulator.NodeList(nodes...)}
}

func TestFind(t *testing.T) {
	fleet, hosts := start(t, simulator.Server{Repository: repository(seven...)})
	attempts, list := find(t, settings(), `CORP\monitoring of sites`, hosts[0])

	require.Len(t, attempts, 1)
	require.Equal(t, poll.Success, attempts[0].Result, attempts[0].Cause)
	require.Equal(t, hosts[0], attempts[0].Server.String())
	require.Positive(t, attempts[0].ResponseTime)
	require.Zero(t, list.Unusable)
	got := make([]string, 0, len(list.Nodes))
	for _, n := range list.Nodes {
		got = append(got, fmt.Sprint(n.Server.HostPort(), " ", n.Name, " ", n.Roles, " ", n.Central()))
	}
	require.Equal(t, []string{
		"qlik1.example.com:9032 Central [central engine proxy scheduler] true",
		"qlik2:9032 Rim 1 [printing proxy] false",
		"QLIK3.example.com:9032 Rim 2 [engine] false",
	}, got)

	request := fleet.LastRequest(0)
	require.Equal(t, http.MethodGet, request.Method)
	require.Equal(t, "/qrs/servernodeconfiguration/full", request.Path)
	require.Equal(t, "UserDirectory=CORP; UserId=monitoring%20of%20sites", request.Header.Get("X-Qlik-User"))
	require.Len(t, request.Query.Get("Xrfkey"), 16)
	require.Equal(t, request.Query.Get("Xrfkey"), request.Header.Get("X-Qlik-Xrfkey"))
	require.Equal(t, "QlikClient", request.ClientCN)
}

// Certificates of real servers have one name and no address.
func TestRealSiteCertificates(t *testing.T) {
	_, hosts := start(t, simulator.Server{Name: "qlik1.example.com", Repository: repository(seven...)})
	proxy, err := simulator.StartProxy(map[string]string{"qlik1.example.com:4242": hosts[0]})
	require.NoError(t, err)
	defer proxy.Close()
	byName, chain, full := settings(), settings(), settings()
	byName.Proxy.HTTPProxyURL = proxy.URL()
	chain.TLSVerify = poll.VerifyChain

	_, list := find(t, byName, DefaultUser, "qlik1.example.com")
	require.Len(t, list.Nodes, 3, "by the name in the certificate")
	_, list = find(t, chain, DefaultUser, hosts[0])
	require.Len(t, list.Nodes, 3, "by address, where names do not matter")
	attempts, list := find(t, full, DefaultUser, hosts[0])
	require.Nil(t, list)
	require.Equal(t, poll.TLSError, attempts[0].Result)
	require.Contains(t, attempts[0].Hint, `set tls_verify = "chain"`)
}

func TestVirtualProxyListing(t *testing.T) {
	needs := http.Header{"Authorization": {"Bearer abc"}}
	fleet, hosts := start(t, simulator.Server{NoClientCert: true, Header: needs, Repository: repository(seven...)})
	s := settings()
	s.TLS.TLSCert, s.TLS.TLSKey = "", ""
	s.Headers = map[string]string{"Authorization": "Bearer abc", "x-qlik-user": "header of the virtual proxy", "X-Qlik-Xrfkey": "another"}
	for _, url := range []string{"https://" + hosts[0] + "/monitoring", "https://" + hosts[0] + "/monitoring/qrs/servernodeconfiguration/full?a=b"} {
		_, list := find(t, s, DefaultUser, url)
		require.Len(t, list.Nodes, 3)
		require.Equal(t, "/monitoring/qrs/servernodeconfiguration/full", fleet.LastRequest(0).Path)
		require.Equal(t, []string{"header of the virtual proxy"}, fleet.LastRequest(0).Header["X-Qlik-User"])
	}
	require.Equal(t, "b", fleet.LastRequest(0).Query.Get("a"))

	s.Headers["Authorization"] = "Bearer old"
	attempts, _ := find(t, s, DefaultUser, "https://"+hosts[0]+"/monitoring")
	require.Equal(t, poll.AuthenticationFailed, attempts[0].Result)
	require.Contains(t, attempts[0].Hint, "behind a virtual proxy, check token_file or headers")
}

func TestFirstAnsweringHost(t *testing.T) {
	fleet, hosts := start(t, simulator.Server{Fault: simulator.FaultDown}, simulator.Server{Fault: simulator.Fault503},
		simulator.Server{Repository: repository(seven...)}, simulator.Server{Repository: repository()})
	attempts, list := find(t, settings(), DefaultUser, hosts...)
	require.Len(t, attempts, 3)
	require.Equal(t, poll.ConnectionFailed, attempts[0].Result)
	require.Contains(t, attempts[0].Hint, "check the port (4242 unless a URL says otherwise), and that the Qlik Sense Repository Service runs")
	require.Equal(t, poll.StatusMismatch, attempts[1].Result)
	require.Contains(t, attempts[1].Hint, "its Repository Service is not ready")
	require.Equal(t, poll.Success, attempts[2].Result)
	require.Len(t, list.Nodes, 3)
	require.Zero(t, fleet.Requests(3), "no further host is asked after a success")
}

func TestInvalidLists(t *testing.T) {
	denied := func(user string) *simulator.Repository {
		return &simulator.Repository{List: simulator.NodeList(seven...), User: user}
	}
	thousand := make([]simulator.SiteNode, MaxNodes+1)
	for i := range thousand {
		thousand[i].Host = fmt.Sprintf("qlik%d.example.com", i)
	}
	for name, tt := range map[string]struct {
		server simulator.Server
		result poll.Result
		step   poll.Step
		cause  string
		hint   string
	}{
		"user without rights": {
			simulator.Server{Repository: denied(`INTERNAL\sa_repository`)}, poll.AuthenticationFailed, poll.StepHTTP,
			"HTTP status 401", "check discover_user: it must be a user of the site that may read its nodes",
		},
		"403": {simulator.Server{Fault: simulator.Fault403}, poll.AuthenticationFailed, poll.StepHTTP, "HTTP status 403", "check discover_user"},
		"empty list": {
			simulator.Server{Repository: repository()}, poll.InvalidResponse, poll.StepReply,
			"the list of nodes is empty", "a site has at least its central node: check discover_user",
		},
		"too long": {
			simulator.Server{Repository: repository(thousand...)}, poll.InvalidResponse, poll.StepReply,
			"the list holds more than 1000 nodes", "check host, port and path",
		},
		"too large": {
			simulator.Server{Repository: &simulator.Repository{List: make([]byte, maxBody+1)}}, poll.BodyReadError, poll.StepReply,
			"the reply is larger than 4194304 bytes", "this is not the Repository Service",
		},
		"no list": {
			simulator.Server{Repository: &simulator.Repository{List: []byte(`{"message":"x"}`)}}, poll.InvalidResponse, poll.StepReply,
			"the reply is not a list of nodes", "another service may answer there",
		},
		"a login page": {simulator.Server{Fault: simulator.FaultHTML}, poll.InvalidResponse, poll.StepReply, "web page", "it is likely a login page"},
		"hosts that cannot be asked": {
			simulator.Server{Repository: repository(simulator.SiteNode{Host: "https://evil.example.com"})}, poll.InvalidResponse, poll.StepReply,
			"no node in the list has a usable host name", "look at the host names of the nodes in the QMC",
		},
		"another service": {simulator.Server{}, poll.StatusMismatch, poll.StepHTTP, "HTTP status 404", "/qrs/servernodeconfiguration/full on port 4242"},
	} {
		t.Run(name, func(t *testing.T) {
			_, hosts := start(t, tt.server)
			attempts, list := find(t, settings(), DefaultUser, hosts[0])
			require.Nil(t, list)
			require.Equal(t, tt.result, attempts[0].Result)
			require.Equal(t, tt.step, attempts[0].Step)
			require.Contains(t, attempts[0].Cause, tt.cause)
			require.Contains(t, attempts[0].Hint, tt.hint)
		})
	}
}

// The service reports a missing key, which something on the way may have removed.
func TestXSRF(t *testing.T) {
	_, hosts := start(t, simulator.Server{Repository: repository(seven...), Plain: true})
	stripping := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "http://"+hosts[0]+r.URL.Path, http.NoBody)
		if err != nil {
			panic(err)
		}
		reply, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			panic(err)
		}
		defer reply.Body.Close()
		w.WriteHeader(reply.StatusCode)
		_ = reply.Write(w)
	}))
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	defer stripping.Close()
	attempts, _ := find(t, settings(), DefaultUser, stripping.URL)
	require.Equal(t, poll.AuthenticationFailed, attempts[0].Result)
	require.Equal(t, 403, attempts[0].StatusCode)
	require.Contains(t, attempts[0].Hint, "look for a proxy that changes requests")
}

// Only an idle service is asked again.
func TestAsleep(t *testing.T) {
	t.Parallel()
	asleep := func(time time.Duration) simulator.Server {
		r := repository(seven...)
		r.Asleep = time
		return simulator.Server{Repository: r}
	}
	fleet, hosts := start(t, asleep(700*time.Millisecond), asleep(time.Hour), simulator.Server{Fault: simulator.FaultNoHandshake})
	s := settings()
	s.Timeout = 500 * time.Millisecond
	attempts, list := find(t, s, DefaultUser, hosts[0])
	require.Len(t, list.Nodes, 3)
	require.Len(t, attempts, 1)
	require.Equal(t, 2, fleet.Requests(0))
	require.Greater(t, attempts[0].ResponseTime, s.Timeout, "both tries")

	attempts, list = find(t, s, DefaultUser, hosts[1])
	require.Nil(t, list)
	require.Equal(t, poll.Timeout, attempts[0].Result)
	require.Equal(t, 2, fleet.Requests(1))
	attempts, _ = find(t, s, DefaultUser, hosts[2])
	require.Equal(t, poll.Timeout, attempts[0].Result)
	require.Less(t, attempts[0].ResponseTime, 2*s.Timeout, "it failed before the request")
}

// Faults have the same results for both services.
func TestFaultsAsInPoll(t *testing.T) {
	t.Parallel()
	s := settings()
	for _, fault := range simulator.Faults() {
		switch fault {
		case simulator.FaultNoHandshake, simulator.FaultNoAnswer, simulator.FaultSlowDrip: // TestAsleep covers their timing
			continue
		case simulator.FaultReset: // may be seen at several steps
			continue
		}
		_, hosts := start(t, simulator.Server{Fault: fault, Reply: simulator.Reply("May 2024", "14.187.4"), Repository: repository(seven...)})
		poller, err := poll.New(s)
		require.NoError(t, err)
		server, err := poll.ParseServer(hosts[0])
		require.NoError(t, err)
		want := poller.Round(t.Context()).Poll(t.Context(), server)
		attempts, _ := find(t, s, DefaultUser, hosts[0])
		got := attempts[0].Outcome
		require.Equal(t, []any{want.Result, want.Step, want.StatusCode}, []any{got.Result, got.Step, got.StatusCode}, fault)
		require.NotContains(t, got.Hint+got.Cause, "About service", fault)
		require.NotContains(t, got.Hint+got.Cause, "9032", fault)
	}
}

func TestCutOff(t *testing.T) {
	f, err := New([]string{"qlik1", "qlik2"}, DefaultUser, nil)
	require.NoError(t, err)
	asked := 0
	_, list, known := f.Find(func(*poll.Service, *poll.Server, func([]byte) error) (poll.Outcome, bool) {
		asked++
		return poll.Outcome{Result: poll.Timeout, Step: poll.StepHTTP}, false
	})
	require.False(t, known)
	require.Nil(t, list)
	require.Equal(t, 1, asked)
}

// Unreadable files are reported once, and no node is asked.
func TestUnreadableCertificate(t *testing.T) {
	fleet, hosts := start(t, simulator.Server{Repository: repository(seven...)})
	s := settings()
	dir := t.TempDir()
	require.NoError(t, sharedSite.Export(dir))
	s.TLS.TLSCA = filepath.Join(dir, "root.pem")
	poller, err := poll.New(s)
	require.NoError(t, err)
	require.NoError(t, os.Remove(s.TLS.TLSCA))
	f, err := New(hosts, DefaultUser, nil)
	require.NoError(t, err)
	round := poller.Round(context.Background())
	attempts, _, _ := f.Find(func(service *poll.Service, server *poll.Server, read func([]byte) error) (poll.Outcome, bool) {
		return round.Ask(t.Context(), service, server, read), true
	})
	require.Equal(t, poll.ConfigurationError, attempts[0].Result)
	require.Zero(t, fleet.Requests(0))
}

func TestSettings(t *testing.T) {
	for name, tt := range map[string]struct {
		discover []string
		user     string
		err      string
	}{
		"twice": {[]string{"qlik1.example.com", "QLIK1.example.com.:4242"}, DefaultUser,
			`discover: "qlik1.example.com" and "QLIK1.example.com.:4242" are the same node: remove one`},
		"user information": {[]string{"https://a:b@qlik1"}, DefaultUser,
			`discover: "...@qlik1": a URL must not contain a user name or password: use token_file or headers`},
		"no directory":      {[]string{"qlik1"}, "sa_api", `discover_user: "sa_api" is not a user: write it as 'DIRECTORY\USER', in single quotes`},
		"no user":           {[]string{"qlik1"}, `INTERNAL\`, `discover_user: "INTERNAL\\" is not a user: write it as 'DIRECTORY\USER', in single quotes`},
		"control character": {[]string{"qlik1"}, "INTERNAL\\a\nb", "discover_user: contains a control character or is not valid UTF-8: check it"},
	} {
		_, err := New(tt.discover, tt.user, nil)
		require.EqualError(t, err, tt.err, name)
	}
	f, err := New([]string{"qlik1.example.com", "10.0.0.7:14242", "[2001:db8::7]"}, `A;B\c d=e`, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"UserDirectory=A%3BB; UserId=c%20d%3De"}, f.service.Header["X-Qlik-User"])
	for i, want := range []string{"qlik1.example.com:4242", "10.0.0.7:14242", "[2001:db8::7]:4242"} {
		require.Equal(t, want, f.Servers()[i].HostPort())
	}
}
