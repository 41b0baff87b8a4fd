package qlik_sense_version

import (
	"testing"

	"github.com/influxdata/telegraf/testutil"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
)

// The site has a point, and an error if its nodes cannot be listed. The history of vanished nodes is dropped.
func TestSite(t *testing.T) {
	central := func(hosts ...string) simulator.Server {
		nodes := make([]simulator.SiteNode, len(hosts))
		for i, host := range hosts {
			nodes[i] = simulator.SiteNode{Name: "Node", Host: host, Roles: []string{"engine"}}
		}
		return simulator.Server{Reply: simulator.Reply(oldRelease, oldVersion), Repository: &simulator.Repository{List: simulator.NodeList(nodes...)}}
	}
	fleet := start(t, central("127.0.0.1", "127.255.255.253"))
	q, log := newPlugin(fleet.Addr(0))
	q.Discover = []string{fleet.Addr(0)}
	q.Tags = map[string]string{"environment": "PROD"}
	require.NoError(t, q.Init())

	r := gather(t, q)
	require.Len(t, r.points, 3)
	require.Len(t, r.errors, 1, "of the node that does not answer")
	site := r.sites()[0]
	require.Equal(t, map[string]string{"source": "127.0.0.1", "environment": "PROD"}, site.Tags())
	require.Equal(t, r.points[1].Time(), site.Time())
	require.EqualValues(t, 2, field(t, site, "nodes"))
	require.Equal(t, "connection_failed", field(t, r.bySource(t)["127.255.255.253"], "result"))
	require.Contains(t, allMessages(log), "I! [qlik_sense_version] Site "+fleet.Addr(0)+": 2 nodes found, listed by "+fleet.Addr(0)+":")
	require.Len(t, q.history, 2)

	require.NoError(t, fleet.Set(0, central("127.0.0.1")))
	require.Len(t, gather(t, q).points, 2)
	require.Len(t, q.history, 1)
	require.Len(t, lines(log, testutil.LevelWarn), 1)

	require.NoError(t, fleet.Set(0, simulator.Server{Reply: simulator.Reply(oldRelease, oldVersion), Repository: &simulator.Repository{List: []byte("[]")}}))
	r = gather(t, q)
	require.Len(t, r.points, 2)
	require.Equal(t, "invalid_response", field(t, r.sites()[0], "result"))
	_, found := r.sites()[0].GetField("nodes")
	require.False(t, found, "the number of nodes is not known")
	require.Len(t, r.errors, 1)
	require.Regexp(t, `^site 127\.0\.0\.1:\d+: its nodes cannot be listed since 20\d\d-\S+: 127\.0\.0\.1:\d+: invalid_response: the list of nodes is empty; `+
		`.*\(the 1 node listed last stay polled\)$`, r.errors[0])
}
