package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const xrfkey = "abcdefghijklmnop"

// ask asks a Repository Service as a user.
func ask(t *testing.T, fleet *Fleet, path, user string) (status int, list []map[string]any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+fleet.Addr(0)+path, http.NoBody)
	require.NoError(t, err)
	request.Header.Set("X-Qlik-Xrfkey", xrfkey)
	request.Header.Set("X-Qlik-User", user)
	reply, err := newClient(testSite(t).ClientTLS(), 5*time.Second).Do(request)
	require.NoError(t, err)
	defer reply.Body.Close()
	if reply.StatusCode == http.StatusOK {
		require.NoError(t, json.NewDecoder(reply.Body).Decode(&list))
	}
	return reply.StatusCode, list
}

func TestRepository(t *testing.T) {
	nodes := []SiteNode{
		{Name: "Central", Host: "qlik1.example.com", Roles: []string{"central", "engine", "proxy", "scheduler"}},
		{Name: "Rim", Host: "QLIK2", Roles: []string{"printing"}},
	}
	reply := Reply("May 2024", "14.187.4")
	fleet := startFleet(t, Server{Reply: reply, Repository: &Repository{List: NodeList(nodes...), User: `INTERNAL\sa_api`}})
	const full = nodesPath + "?Xrfkey=" + xrfkey
	for path, want := range map[string]int{
		full: http.StatusOK, "/prefix" + full: http.StatusOK, nodesPath: http.StatusForbidden,
		nodesPath + "?Xrfkey=ponmlkjihgfedcba": http.StatusForbidden, "/qrs/about?Xrfkey=" + xrfkey: http.StatusNotFound,
	} {
		status, list := ask(t, fleet, path, "UserDirectory=INTERNAL; UserId=sa_api")
		require.Equal(t, want, status, path)
		if want != http.StatusOK {
			continue
		}
		require.Len(t, list, 2)
		for name, want := range map[string]any{
			"name": "Central", "hostName": "qlik1.example.com", "isCentral": true, "engineEnabled": true, "proxyEnabled": true,
			"schedulerEnabled": true, "printingEnabled": false,
		} {
			require.Equal(t, want, list[0][name], name)
		}
		require.Equal(t, "QLIK2", list[1]["hostName"])
		require.Equal(t, true, list[1]["printingEnabled"])
		require.Equal(t, false, list[1]["isCentral"])
	}
	for user, want := range map[string]int{
		"": 401, "UserDirectory=INTERNAL; UserId=other": 401, "UserDirectory=internal;UserId=sa%5Fapi": 200, "UserDirectory=%zz; UserId=sa_api": 401,
	} {
		status, _ := ask(t, fleet, full, user)
		require.Equal(t, want, status, user)
	}

	_, _, text, err := get(newClient(testSite(t).ClientTLS(), 5*time.Second), "https://"+fleet.Addr(0)+"/v1/systeminfo")
	require.NoError(t, err)
	require.Equal(t, reply, text, "it is a server like any other besides")
	require.NoError(t, fleet.Set(0, Server{}))
	status, _ := ask(t, fleet, full, "")
	require.Equal(t, http.StatusNotFound, status)
}

func TestThousandNodes(t *testing.T) {
	nodes := make([]SiteNode, 1000)
	for i := range nodes {
		nodes[i] = SiteNode{Name: fmt.Sprint("Node ", i), Host: fmt.Sprintf("qlik%d.example.com", i)}
	}
	fleet := startFleet(t, Server{Repository: &Repository{List: NodeList(nodes...)}})
	_, list := ask(t, fleet, nodesPath+"?Xrfkey="+xrfkey, "")
	require.Len(t, list, 1000)
}

// Only the first request after a start waits.
func TestAsleep(t *testing.T) {
	slow := Server{Repository: &Repository{List: NodeList(), Asleep: 300 * time.Millisecond}}
	fleet := startFleet(t, slow)
	const path = nodesPath + "?Xrfkey=" + xrfkey
	impatient := newClient(testSite(t).ClientTLS(), 200*time.Millisecond)
	for range 2 {
		require.ErrorContains(t, fails(impatient, "https://"+fleet.Addr(0)+path), "Client.Timeout exceeded")
		status, _ := ask(t, fleet, path, "")
		require.Equal(t, http.StatusOK, status)
		require.NoError(t, fails(impatient, "https://"+fleet.Addr(0)+path))
		require.NoError(t, fleet.Set(0, slow))
	}
}
