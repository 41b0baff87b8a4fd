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

// elsewhere gives the points that a recipe has written to a database of its own.
func (a *agent) elsewhere(db *stack.InfluxDB, database string, n int) []rig.Row {
	a.Helper()
	series, err := db.Await(database, "SELECT * FROM qlik_sense_version", rig.Patience, func(s []stack.Series) bool { return len(rig.Rows(s)) >= n })
	require.NoError(a, err)
	return rig.Rows(series)
}

// samePoints waits until a recipe's database holds all that the user's own holds, and no other
// measurements than these.
func (a *agent) samePoints(db *stack.InfluxDB, database string, measurements ...string) {
	a.Helper()
	a.stop()
	want := a.Points(1, "")
	require.Equal(a, want, a.elsewhere(db, database, len(want)))
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
	central := old()
	central.Repository = &simulator.Repository{List: simulator.NodeList(simulator.SiteNode{Host: r.Address(1)}, simulator.SiteNode{Host: r.Address(2)})}
	_, hosts := r.Start(central, simulator.Server{Fault: simulator.Fault503})
	return r.Block(nil, fmt.Sprintf("  discover = [\"%s:9032\"]\n%s", hosts[0], production))
}

// cpu is a point that has nothing to do with Qlik Sense.
const cpu = "[[inputs.exec]]\n  commands = [\"echo cpu usage=1\"]\n  data_format = \"influx\"\n  interval = \"200ms\"\n"

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
		"cpu.conf":         cpu,
	}
	a := r.agent(settings, files, "QLIK_SENSE_INFLUXDB_PASSWORD=x")
	a.elsewhere(db, "qlik_sense", 2)

	stop()
	require.NoError(t, a.Await("Error writing to outputs.influxdb::qlik_sense_version_v1", 2, rig.Patience))
	a.rounds(2)
	require.NoError(t, db.StartAgain())
	defer stop()
	a.rounds(2)
	series, err := r.DB.Query(a.Database, "SHOW MEASUREMENTS")
	require.NoError(t, err)
	require.Equal(t, []rig.Row{{"name": "cpu"}, {"name": "qlik_sense_site"}, {"name": "qlik_sense_version"}}, rig.Rows(series),
		"what else there is stays in the user's output")
	a.samePoints(db, "qlik_sense", "qlik_sense_site", "qlik_sense_version")
}

func testInfluxDBv2(t *testing.T) {
	r := newFixture(t)
	settings := r.startSite()
	database := r.Database + "v2"
	_, err := r.DB.Query("", "CREATE DATABASE "+database)
	require.NoError(t, err)
	a := r.agent(settings, map[string]string{
		"influxdb-v2.conf": r.recipe("influxdb-v2.conf", "https://influxdb.example.com:8086", r.DB.URL,
			`bucket = "qlik_sense"`, `bucket = "`+database+`/autogen"`),
		"cpu.conf": cpu,
	}, "QLIK_SENSE_INFLUXDB_TOKEN=user:password")
	a.rounds(2)
	a.samePoints(r.DB, database, "qlik_sense_site", "qlik_sense_version")
}

func testInfluxDBv2Requests(t *testing.T) {
	testWrites(t, "influxdb-v2.conf", "https://influxdb.example.com:8086", func(one request) {
		require.Equal(t, "POST /api/v2/write", one.method+" "+one.path)
		require.Equal(t, []string{"example"}, one.query["org"])
		require.Equal(t, []string{"qlik_sense"}, one.query["bucket"])
		require.Equal(t, "Token s3cret", one.header.Get("Authorization"))
	})
}

func testInfluxDBv3Requests(t *testing.T) {
	testWrites(t, "influxdb-v3.conf", "https://influxdb.example.com:8181", func(one request) {
		require.Equal(t, "POST /api/v3/write_lp", one.method+" "+one.path)
		require.Equal(t, []string{"qlik_sense"}, one.query["db"])
		require.Equal(t, "Bearer s3cret", one.header.Get("Authorization"))
	})
}

// testWrites looks at what an output sends to an InfluxDB that fails for a while: each
// point is acknowledged once.
func testWrites(t *testing.T, recipe, address string, check func(request)) {
	t.Helper()
	r := newFixture(t)
	_, hosts := r.Start(old(), simulator.Server{Fault: simulator.Fault503})
	v := r.receiver()
	v.answer(http.StatusNoContent)
	files := map[string]string{recipe: r.recipe(recipe, append(hurry, address, "http://"+v.address)...), "cpu.conf": cpu}
	a := r.agent(r.Block(hosts, production), files, "QLIK_SENSE_INFLUXDB_TOKEN=s3cret")
	a.rounds(2)
	v.answer(http.StatusServiceUnavailable)
	v.awaitRefused(2)
	v.answer(0)
	v.awaitRefused(1)
	v.shut()
	a.rounds(2)
	v.answer(http.StatusNoContent)
	v.open()
	count := len(v.got())
	require.Eventually(t, func() bool { return len(v.got()) > count }, rig.Patience, 10*time.Millisecond)
	a.stop()

	parser := &influx.Parser{}
	require.NoError(t, parser.Init())
	arrived := make(map[string]int)
	for _, one := range v.got() {
		check(one)
		body := []byte(one.body)
		if one.header.Get("Content-Encoding") == "gzip" {
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
