package simulator

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHealthyServer(t *testing.T) {
	want := Reply("February 2024 Patch 1", "14.173.4")
	fleet := startFleet(t, Server{Name: "qlik1.example.com", Reply: want})
	settings := testSite(t).ClientTLS()
	settings.ServerName = "qlik1.example.com" // the name is in the certificate
	client := newClient(settings, 5*time.Second)
	err := fails(newClient(testSite(t).ClientTLS(), 5*time.Second), "https://"+fleet.Addr(0))
	require.ErrorContains(t, err, "it doesn't contain any IP SANs", "... alone, as in that of a real one")

	for _, path := range []string{"/v1/systeminfo", "/api/about/v1/systeminfo"} {
		code, kind, text, err := get(client, "https://"+fleet.Addr(0)+path)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, code)
		require.Equal(t, "application/json; charset=utf-8", kind)
		require.Equal(t, want, text)
	}
	code, _, _, err := get(client, "https://"+fleet.Addr(0)+"/v1/components")
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, code)
	posted, err := client.Post("https://"+fleet.Addr(0)+"/v1/systeminfo", "", nil)
	require.NoError(t, err)
	require.NoError(t, posted.Body.Close())
	require.Equal(t, http.StatusNotFound, posted.StatusCode)
	require.Equal(t, 4, fleet.Requests(0))
}

func TestTLSVersions(t *testing.T) {
	fleet := startFleet(t, Server{})
	for version, refusal := range map[uint16]string{
		tls.VersionTLS12: "tls: handshake failure", tls.VersionTLS13: "tls: certificate required",
	} {
		settings := testSite(t).ClientTLS()
		settings.MinVersion, settings.MaxVersion = version, version
		code, _, text, err := get(newClient(settings, 5*time.Second), "https://"+fleet.Addr(0)+"/v1/systeminfo")
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, code)
		require.Empty(t, text) // no Reply
		require.Equal(t, version, fleet.LastRequest(0).TLSVersion)
		require.Equal(t, "QlikClient", fleet.LastRequest(0).ClientCN)

		settings.Certificates = nil
		for range 20 { // the alert must win over the reset each time
			err = fails(newClient(settings, 5*time.Second), "https://"+fleet.Addr(0)+"/v1/systeminfo")
			var alert *net.OpError
			require.ErrorAs(t, err, &alert)
			require.Equal(t, "remote error", alert.Op)
			require.ErrorContains(t, alert.Err, refusal)
		}
	}
	require.Equal(t, 2, fleet.Requests(0), "a refused client asked something")
}

// TestRefusalSendsAlert uses a client that sends its request before the refusal arrives: on some systems a
// reset would discard the alert.
func TestRefusalSendsAlert(t *testing.T) {
	fleet := startFleet(t, Server{})
	raw, err := net.Dial("tcp", fleet.Addr(0))
	require.NoError(t, err)
	defer raw.Close()
	settings := testSite(t).ClientTLS()
	settings.Certificates, settings.ServerName = nil, "127.0.0.1"
	c := tls.Client(raw, settings)
	_, err = c.Write(make([]byte, 256<<10)) // more than the server reads to refuse
	require.NoError(t, err)
	_, err = c.Read(make([]byte, 1))
	require.ErrorContains(t, err, "tls: certificate required")
	_, err = raw.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}

func TestOtherSite(t *testing.T) {
	other, err := NewSite()
	require.NoError(t, err)
	fleet := startFleet(t, Server{})
	settings := other.ClientTLS()
	settings.RootCAs = testSite(t).ClientTLS().RootCAs
	err = fails(newClient(settings, 5*time.Second), "https://"+fleet.Addr(0)+"/v1/systeminfo")
	require.ErrorContains(t, err, "remote error: tls: unknown certificate authority")
}

func TestVirtualProxy(t *testing.T) {
	reply := Reply("May 2024", "14.187.4")
	needs := http.Header{"Authorization": {"Bearer abc"}}
	fleet := startFleet(t,
		Server{Reply: reply, NoClientCert: true, Header: needs},
		Server{Reply: reply, Plain: true})
	settings := testSite(t).ClientTLS()
	settings.Certificates = nil
	client := newClient(settings, 5*time.Second)

	for value, want := range map[string]int{"": 403, "Bearer x": 403, "Bearer abc": 200} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
			"https://"+fleet.Addr(0)+"/api/about/v1/systeminfo", http.NoBody)
		require.NoError(t, err)
		if value != "" {
			request.Header.Set("Authorization", value)
		}
		got, err := client.Do(request)
		require.NoError(t, err)
		require.NoError(t, got.Body.Close())
		require.Equal(t, want, got.StatusCode, value)
		require.Equal(t, value, fleet.LastRequest(0).Header.Get("Authorization"))
		require.Empty(t, fleet.LastRequest(0).ClientCN)
	}

	_, _, text, err := get(client, "http://"+fleet.Addr(1)+"/v1/systeminfo")
	require.NoError(t, err)
	require.Equal(t, reply, text)
	require.Equal(t, "/v1/systeminfo", fleet.LastRequest(1).Path)
	require.Zero(t, fleet.LastRequest(1).TLSVersion)
}

func TestSet(t *testing.T) {
	before, after := Reply("February 2024 Patch 1", "14.173.4"), Reply("May 2024", "14.187.4")
	fleet := startFleet(t, Server{Reply: before})
	url := "https://" + fleet.Addr(0) + "/v1/systeminfo"
	transport := &http.Transport{TLSClientConfig: testSite(t).ClientTLS()} // keeps connections
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}

	var cert []byte
	expect := func(want []byte) {
		t.Helper()
		reply, err := client.Get(url)
		require.NoError(t, err)
		defer reply.Body.Close()
		var got json.RawMessage
		require.NoError(t, json.NewDecoder(reply.Body).Decode(&got))
		require.Equal(t, string(want), string(got))
		if cert == nil {
			cert = reply.TLS.PeerCertificates[0].Raw
		}
		require.Equal(t, cert, reply.TLS.PeerCertificates[0].Raw, "an upgrade keeps the certificate")
	}
	expect(before)
	require.NoError(t, fleet.Set(0, Server{Reply: after}))
	expect(after)

	require.NoError(t, fleet.Set(0, Server{Fault: FaultDown}))
	require.NoError(t, fleet.Set(0, Server{Fault: FaultDown})) // twice is harmless
	_, err := client.Get(url)                                  //nolint:bodyclose // there is none
	require.ErrorContains(t, err, "refused")
	require.NoError(t, fleet.Set(0, Server{Fault: FaultNoSAN}))
	_, err = client.Get(url) //nolint:bodyclose // there is none
	require.ErrorContains(t, err, "legacy Common Name field")
	require.NoError(t, fleet.Set(0, Server{Reply: before}))
	expect(before)

	require.ErrorContains(t, fleet.Set(0, Server{Fault: "odd"}), `unknown fault "odd"`)
	expect(before)
	require.NoError(t, fleet.Set(0, Server{Name: "new.example.com", Reply: after}))
	_, err = client.Get(url) //nolint:bodyclose // there is none
	require.ErrorContains(t, err, "it doesn't contain any IP SANs")

	require.NoError(t, fleet.Set(0, Server{Fault: FaultDown}))
	taken, err := net.Listen("tcp", fleet.Addr(0))
	require.NoError(t, err)
	require.ErrorContains(t, fleet.Set(0, Server{Reply: after}), "bringing server 0 back")
	require.NoError(t, taken.Close())
	require.NoError(t, fleet.Set(0, Server{Reply: before}))
	expect(before)
	require.NoError(t, fleet.Close())
	require.ErrorContains(t, fleet.Set(0, Server{}), "the fleet is closed")
}

func TestCloseWithHangingConnections(t *testing.T) {
	hanging := []Fault{"", FaultNoAnswer, FaultNoHandshake, FaultSlowDrip, FaultHuge, FaultHugeHeaders}
	servers := make([]Server, 0, len(hanging))
	for _, fault := range hanging {
		servers = append(servers, Server{Fault: fault})
	}
	fleet := startFleet(t, servers...)
	for i := range hanging {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		silent, err := net.Dial("tcp", fleet.Addr(i)) // sends nothing
		require.NoError(t, err)
		t.Cleanup(func() { silent.Close() })
		// A client that never reads, so that writes to it block.
		dialer := tls.Dialer{Config: testSite(t).ClientTLS()}
		if c, err := dialer.DialContext(ctx, "tcp", fleet.Addr(i)); err == nil {
			t.Cleanup(func() { c.Close() })
			_, err = c.Write([]byte("GET /v1/systeminfo HTTP/1.1\r\nHost: qlik.example.com\r\n\r\n"))
			require.NoError(t, err)
			require.Eventually(t, func() bool { return fleet.Requests(i) == 1 }, 5*time.Second, time.Millisecond)
		} else {
			require.Equal(t, FaultNoHandshake, hanging[i])
		}
		cancel()
	}
	time.Sleep(50 * time.Millisecond) // until the buffers are full
	begin := time.Now()
	require.NoError(t, fleet.Close())
	require.Less(t, time.Since(begin), idleTime/4, "it waits for none of them")
	require.NoError(t, fleet.Close())
}

func TestThousands(t *testing.T) {
	const n = 2000
	servers := make([]Server, n)
	for i, addr := range Addresses(n) {
		host, _, err := net.SplitHostPort(addr)
		require.NoError(t, err)
		servers[i] = Server{Addr: host + ":0", Reply: Reply("May 2024", "14.187.4")}
	}
	site := testSite(t)
	fleet, err := Start(site, servers...)
	require.NoError(t, err)
	for _, i := range []int{0, n / 2, n - 1} {
		_, _, text, err := get(newClient(site.ClientTLS(), 5*time.Second), "https://"+fleet.Addr(i)+"/v1/systeminfo")
		require.NoError(t, err)
		require.Equal(t, servers[i].Reply, text)
	}
	require.NoError(t, fleet.Close())
}

func TestStartAllOrNothing(t *testing.T) {
	for name, bad := range map[string]Server{
		"unknown fault":                      {Addr: "127.0.0.1:0", Fault: "odd"},
		"no host in the address":             {Addr: ":0"},
		"missing port in address":            {Addr: "127.0.0.1"},
		"address already in use|Only |10048": {Addr: "taken"},
	} {
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		free := taken.Addr().String()
		require.NoError(t, taken.Close())
		if bad.Addr == "taken" {
			bad.Addr = free
		}
		_, err = Start(testSite(t), Server{Addr: free}, bad)
		require.ErrorContains(t, err, "starting server 1 at")
		require.Regexp(t, name, err.Error())
		_, err = net.Dial("tcp", free)
		require.Error(t, err, "the first server still listens")
	}
}
