//go:build linux

package recipes

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/telegraf/plugins/parsers/influx"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

// pointsIn waits for at least n points in the database that a recipe writes to.
func (a *agent) pointsIn(db *stack.InfluxDB, database string, n int) []rig.Row {
	a.Helper()
	series, err := db.Await(database, "SELECT * FROM qlik_sense_version", rig.Patience, func(s []stack.Series) bool { return len(rig.Rows(s)) >= n })
	require.NoError(a, err)
	return rig.Rows(series)
}

// requireSamePoints stops the agent and waits until a recipe's database holds the points of the
// user's own, and only these measurements.
func (a *agent) requireSamePoints(db *stack.InfluxDB, database string, measurements ...string) {
	a.Helper()
	a.stop()
	want := a.Points(1, "")
	require.Equal(a, want, a.pointsIn(db, database, len(want)))
	series, err := db.Query(database, "SHOW MEASUREMENTS")
	require.NoError(a, err)
	want = nil
	for _, measurement := range measurements {
		want = append(want, rig.Row{"name": measurement})
	}
	require.Equal(a, want, rig.Rows(series))
}

// startSite starts a site of two nodes, one of which lists both, and returns its settings.
func (r *fixture) startSite() string {
	r.Helper()
	central := oldServer()
	central.Repository = &simulator.Repository{List: simulator.NodeList(simulator.SiteNode{Host: r.Address(1)}, simulator.SiteNode{Host: r.Address(2)})}
	_, hosts := r.Start(central, simulator.Server{Fault: simulator.Fault503})
	return r.Block(nil, fmt.Sprintf("  discover = [\"%s:9032\"]\n%s", hosts[0], productionTag))
}

// cpuInput makes points that have nothing to do with Qlik Sense.
const cpuInput = "[[inputs.exec]]\n  commands = [\"echo cpu usage=1\"]\n  data_format = \"influx\"\n  interval = \"200ms\"\n"

func testInfluxDBv1(t *testing.T) {
	r := newFixture(t)
	settings := r.startSite()
	dir := t.TempDir()
	db, err := stack.StartInfluxDB(r.Tools.InfluxDB, dir)
	require.NoError(t, err)
	stop := func() {
		_, err := db.Stop(rig.Patience)
		require.NoError(t, err)
	}
	files := map[string]string{
		"influxdb-v1.conf": r.recipe("influxdb-v1.conf", "http://influxdb.example.com:8086", db.URL),
		"cpu.conf":         cpuInput,
	}
	a := r.startAgent(settings, files, "QLIK_SENSE_INFLUXDB_PASSWORD=x")
	a.pointsIn(db, "qlik_sense", 2)

	stop()
	require.NoError(t, a.Await("Error writing to outputs.influxdb::qlik_sense_version_v1", 2, rig.Patience))
	a.awaitRounds(2)
	require.NoError(t, db.StartAgain())
	defer stop()
	a.awaitRounds(2)
	series, err := r.DB.Query(a.Database, "SHOW MEASUREMENTS")
	require.NoError(t, err)
	require.Equal(t, []rig.Row{{"name": "cpu"}, {"name": "qlik_sense_site"}, {"name": "qlik_sense_version"}}, rig.Rows(series),
		"other measurements stay in the user's output")
	a.requireSamePoints(db, "qlik_sense", "qlik_sense_site", "qlik_sense_version")
}

func testInfluxDBv2(t *testing.T) {
	r := newFixture(t)
	settings := r.startSite()
	database := r.Database + "v2"
	_, err := r.DB.Query("", "CREATE DATABASE "+database)
	require.NoError(t, err)
	a := r.startAgent(settings, map[string]string{
		"influxdb-v2.conf": r.recipe("influxdb-v2.conf", "https://influxdb.example.com:8086", r.DB.URL,
			`bucket = "qlik_sense"`, `bucket = "`+database+`/autogen"`),
		"cpu.conf": cpuInput,
	}, "QLIK_SENSE_INFLUXDB_TOKEN=user:password")
	a.awaitRounds(2)
	a.requireSamePoints(r.DB, database, "qlik_sense_site", "qlik_sense_version")
}

func testInfluxDBv2Requests(t *testing.T) {
	testWrites(t, "influxdb-v2.conf", "https://influxdb.example.com:8086", func(r request) {
		require.Equal(t, "POST /api/v2/write", r.method+" "+r.path)
		require.Equal(t, []string{"example"}, r.query["org"])
		require.Equal(t, []string{"qlik_sense"}, r.query["bucket"])
		require.Equal(t, "Token s3cret", r.header.Get("Authorization"))
	})
}

func testInfluxDBv3Requests(t *testing.T) {
	testWrites(t, "influxdb-v3.conf", "https://influxdb.example.com:8181", func(r request) {
		require.Equal(t, "POST /api/v3/write_lp", r.method+" "+r.path)
		require.Equal(t, []string{"qlik_sense"}, r.query["db"])
		require.Equal(t, "Bearer s3cret", r.header.Get("Authorization"))
	})
}

// testWrites checks the requests of an output to an InfluxDB that fails for a while: each point
// is accepted once.
func testWrites(t *testing.T, recipe, address string, check func(request)) {
	t.Helper()
	r := newFixture(t)
	_, hosts := r.Start(oldServer(), simulator.Server{Fault: simulator.Fault503})
	e := r.startEndpoint()
	e.answer(http.StatusNoContent)
	files := map[string]string{recipe: r.recipe(recipe, append(shortTimeout, address, "http://"+e.address)...), "cpu.conf": cpuInput}
	a := r.startAgent(r.Block(hosts, productionTag), files, "QLIK_SENSE_INFLUXDB_TOKEN=s3cret")
	a.awaitRounds(2)
	e.answer(http.StatusServiceUnavailable)
	e.awaitRefused(2)
	e.answer(0)
	e.awaitRefused(1)
	e.close()
	a.awaitRounds(2)
	e.answer(http.StatusNoContent)
	e.listen()
	count := len(e.accepted())
	require.Eventually(t, func() bool { return len(e.accepted()) > count }, rig.Patience, 10*time.Millisecond)
	a.stop()

	parser := &influx.Parser{}
	require.NoError(t, parser.Init())
	arrived := make(map[string]int)
	for _, write := range e.accepted() {
		check(write)
		body := []byte(write.body)
		if write.header.Get("Content-Encoding") == "gzip" {
			reader, err := gzip.NewReader(bytes.NewReader(body))
			require.NoError(t, err)
			body, err = io.ReadAll(reader)
			require.NoError(t, err)
		}
		metrics, err := parser.Parse(body)
		require.NoError(t, err)
		for _, m := range metrics {
			require.Equal(t, "qlik_sense_version", m.Name())
			source, _ := m.GetTag("source")
			arrived[m.Time().UTC().Format(time.RFC3339Nano)+" "+source]++
		}
	}
	points := r.Points(0, "")
	require.Len(t, arrived, len(points))
	for _, p := range points {
		require.Equal(t, 1, arrived[strings.Join([]string{p["time"].(string), p["source"].(string)}, " ")])
	}
}
