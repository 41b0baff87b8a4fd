//go:build linux

package dashboards

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

const (
	benchServers = 5000
	benchDays    = 92
	benchEvery   = 6 * time.Hour
)

// BenchmarkQueries measures the queries of the dashboards and alert rules against an InfluxDB with
// 92 days of 5,000 servers in four environments, polled every 6 hours: one server in seven is
// vulnerable, one in a hundred has not answered for 25 days. Queries run one at a time; the best
// run of each counts, because the machine may be shared.
//
//	FILE-s, FILE-slowest-s   all queries of a dashboard, and its slowest
//	alerts-s/10min           the queries of all rules, as often as they are evaluated in ten minutes
//	alerts-slowest-s         the slowest of them
func BenchmarkQueries(b *testing.B) {
	tools, err := stack.Build(b.Context(), rig.Root, os.Stderr)
	require.NoError(b, err)
	now := time.Now().UTC().Truncate(benchEvery).Add(3 * time.Hour)
	db := benchDatabase(b, tools.InfluxDB, now)
	queries := make(map[string][]benchQuery)
	for _, name := range []string{"fleet", "server", "compliance"} {
		queries[name] = benchDashboard(b, name, now)
	}
	queries["alerts"] = benchAlerts(b, now)
	for b.Loop() {
		for _, group := range queries {
			for i := range group {
				begin := time.Now()
				_, err := queryInfluxDB(db.URL, "bench", group[i].statement)
				require.NoError(b, err, group[i].statement)
				if took := time.Since(begin); group[i].best == 0 || took < group[i].best {
					group[i].best = took
				}
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	for name, group := range queries {
		var total float64
		var slowest time.Duration
		for _, one := range group {
			total += one.best.Seconds() * one.weight
			slowest = max(slowest, one.best)
		}
		unit := name + "-s"
		if name == "alerts" {
			unit += "/10min"
		}
		b.ReportMetric(total, unit)
		b.ReportMetric(slowest.Seconds(), name+"-slowest-s")
	}
}

type benchQuery struct {
	statement string
	weight    float64 // 1 for a dashboard; for a rule, its evaluations in ten minutes
	best      time.Duration
}

func benchAlerts(b *testing.B, now time.Time) []benchQuery {
	b.Helper()
	var queries []benchQuery
	for _, group := range loadAlerting(b).Groups {
		weight := float64(10*time.Minute) / float64(duration(b, group.Interval))
		for _, rule := range group.Rules {
			for _, step := range rule.Data {
				if step.DatasourceUID != "__expr__" {
					statement, err := macros(step.Model.Query, now, now.Add(-time.Duration(step.RelativeTimeRange.From)*time.Second), now)
					require.NoError(b, err)
					queries = append(queries, benchQuery{statement: statement, weight: weight})
				}
			}
		}
	}
	return queries
}

// benchDashboard returns the queries that a dashboard runs when it is opened.
func benchDashboard(b *testing.B, name string, now time.Time) []benchQuery {
	b.Helper()
	d := loadDashboard(b, name)
	v := &view{"bench", now, map[string][]string{"source": {"qlik-node-0007.example.com"}}, ""}
	from, to, err := v.timeRange(d)
	require.NoError(b, err)
	var queries []benchQuery
	add := func(query string) {
		statement, err := v.statement(d, query, from, to)
		require.NoError(b, err)
		queries = append(queries, benchQuery{statement: statement, weight: 1})
	}
	for _, one := range d.Templating.List {
		if one.Type == "query" {
			add(one.Query)
		}
	}
	for _, one := range d.Annotations.List {
		add(one.Target.Query)
	}
	for _, p := range d.queryPanels() {
		for _, target := range p.Targets {
			add(target.Query)
		}
	}
	return queries
}

// benchDatabase starts an InfluxDB, writes the points and waits for their compaction, which InfluxDB
// by default starts four hours after the last write to a shard.
func benchDatabase(b *testing.B, program string, now time.Time) *stack.InfluxDB {
	b.Helper()
	dir := b.TempDir()
	db, err := stack.StartInfluxDB(program, dir)
	require.NoError(b, err)
	b.Cleanup(func() { _, err := db.Stop(rig.Patience); require.NoError(b, err) })
	_, err = db.Query("", "CREATE DATABASE bench")
	require.NoError(b, err)
	for at := now.AddDate(0, 0, -benchDays).Truncate(benchEvery); at.Before(now); at = at.Add(benchEvery) {
		response, err := http.Post(db.URL+"/write?db=bench", "text/plain", benchRound(at, now))
		require.NoError(b, err)
		require.NoError(b, response.Body.Close())
		require.Equal(b, http.StatusNoContent, response.StatusCode)
	}
	require.Eventually(b, func() bool { return compacted(b, dir) }, 5*time.Minute, time.Second, "InfluxDB has not compacted the shards")
	return db
}

// compacted reports whether each shard is one file. The last shard, which may have just begun, can
// hold too few points to leave the write-ahead log before writing stops, so the logs must be empty too.
func compacted(b *testing.B, dir string) bool {
	b.Helper()
	shards, err := filepath.Glob(filepath.Join(dir, "data/bench/autogen/*"))
	require.NoError(b, err)
	for _, shard := range shards {
		files, err := filepath.Glob(filepath.Join(shard, "*.tsm"))
		require.NoError(b, err)
		if len(files) != 1 {
			return false
		}
	}
	logs, err := filepath.Glob(filepath.Join(dir, "wal/bench/autogen/*/*.wal"))
	require.NoError(b, err)
	return !slices.ContainsFunc(logs, func(log string) bool {
		info, err := os.Stat(log)
		return err == nil && info.Size() > 0
	})
}

// benchRound returns the points of one round of polls.
func benchRound(at, now time.Time) *bytes.Buffer {
	var b bytes.Buffer
	for i := range benchServers {
		fmt.Fprintf(&b, "qlik_sense_version,environment=%s,host=agent%d,source=qlik-node-%04d.example.com ", []string{"PROD", "TEST", "DEV", "DR"}[i%4], i/50, i)
		if dark := i%100 == 7 && now.Sub(at) < 25*24*time.Hour; dark {
			b.WriteString(`result="timeout",result_code=4i,response_time=10,`)
		} else {
			benchAnswer(&b, i)
		}
		fmt.Fprintf(&b, "releases_age_days=3i,advisories_age_days=1i,exploited_age_days=9i,undecided_advisory_count=3i %d\n", at.UnixNano())
	}
	return &b
}

func benchAnswer(b *bytes.Buffer, i int) {
	compliance := `compliance="compliant",compliance_code=0i,compliance_reason="",` +
		`advisories="",advisory_count=0i,exploited_advisory_count=0i,max_cvss=0,fixed_in=""`
	label := "May 2025 Patch 15"
	if i%7 == 0 {
		label = "August 2023 Patch 1"
		compliance = `compliance="non_compliant",compliance_code=1i,compliance_reason="advisories",` +
			`advisories="CVE-2023-48365,CVE-2024-36077,CVE-2024-55579,CVE-2024-55580",` +
			`advisory_count=4i,exploited_advisory_count=1i,max_cvss=9.9,exposed_days=1105i,fixed_in="August 2023 Patch 16"`
	}
	fmt.Fprintf(b, `content_hash="59d574e9f88107da155c1f4632069d7a",sense_id="qliksenseserver:14.231.27",version="14.231.27",`+
		`deployment_type="QlikSenseServer",release_label="%s",deprecated_product_version="4.0.X",product_name="Qlik Sense",`+
		`copyright_year_range="1993-2025",release_year=2025i,release_month=5i,patch=15i,latest_patch=15i,patches_behind=0i,%s,`+
		`support_days_left=169i,below_minimum=0i,version_mismatch=%di,certificate_expiry=157680000i,`+
		`result="success",result_code=0i,response_time=%f,http_response_code=200i,`, label, compliance, i%3/2, 0.02+float64(i%97)/1e4)
}
