//go:build linux

package telegraf

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
)

func TestEveryFieldArrives(t *testing.T) {
	r := rig.New(t)
	june2019, err := simulator.Sample("june-2019")
	require.NoError(t, err)
	november2025, err := simulator.Sample("november-2025")
	require.NoError(t, err)
	node := simulator.SiteNode{Name: "Rim", Host: r.Address(1), Roles: []string{"engine", "proxy"}}
	_, hosts := r.Start(
		simulator.Server{Reply: june2019, Repository: &simulator.Repository{List: simulator.NodeList(node)}},
		simulator.Server{Reply: november2025},
		simulator.Server{Fault: simulator.Fault503},
		simulator.Server{Fault: simulator.FaultForeignCA},
		simulator.Server{Reply: []byte(`{"releaseLabel":"May 2024 Patch 9","version":"14.187.14"}`)},
	)
	down := r.Address(250)
	r.Telegraf(r.DropIn(r.Block(append(hosts, down), `  minimum_release = "May 2024"
  discover = ["`+hosts[0]+`:9032"]`)))

	points := r.ByTag(r.Points(6, ""), "source")
	require.Len(t, points, 6)
	timestamp := points[hosts[0]]["time"]
	for source, p := range points {
		require.Equal(t, timestamp, p["time"], "all points of a round have the same time")
		require.Equal(t, "agent1", p["host"], "the host tag is Telegraf's own")
		if source != down {
			requirePositive(t, p["response_time"])
		}
		delete(p, "response_time")
		if source != hosts[3] && source != down && source != hosts[2] {
			requirePositive(t, p["certificate_expiry"])
		}
		delete(p, "certificate_expiry")
		if p["result"] == "success" {
			require.Contains(t, p, "support_days_left")
			require.Equal(t, p["advisory_count"] != json.Number("0"), p["exposed_days"] != nil)
		}
		delete(p, "support_days_left")
		delete(p, "exposed_days")
		for _, name := range []string{"releases_age_days", "advisories_age_days", "exploited_age_days"} {
			require.Contains(t, p, name)
			delete(p, name)
		}
		require.Equal(t, json.Number("3"), p["undecided_advisory_count"])
		delete(p, "undecided_advisory_count")
		for _, key := range []string{"time", "host", "source"} {
			delete(p, key)
		}
	}
	require.Equal(t, rig.Row{
		"result": "success", "result_code": json.Number("0"), "http_response_code": json.Number("200"),
		"content_hash": "e884c2143e1f4b94db9032f6761aba0b", "sense_id": "qliksenseserver:13.32.2", "version": "13.32.2",
		"deployment_type": "QlikSenseServer", "release_label": "June 2019", "deprecated_product_version": "4.0.X",
		"product_name": "Qlik Sense", "copyright_year_range": "1993-2019",
		"release_year": json.Number("2019"), "release_month": json.Number("6"), "patch": json.Number("0"),
		"advisories":     "CVE-2023-41265,CVE-2023-41266,CVE-2023-48365,CVE-2024-36077,CVE-2024-55579,CVE-2024-55580",
		"advisory_count": json.Number("6"), "exploited_advisory_count": json.Number("3"), "max_cvss": json.Number("9.9"), "fixed_in": "",
		"compliance": "non_compliant", "compliance_code": json.Number("1"), "compliance_reason": "advisories,below_minimum",
		"below_minimum": json.Number("1"), "version_mismatch": json.Number("1"),
		"node_name": "Rim", "node_roles": "engine,proxy",
	}, points[hosts[0]])
	require.Equal(t, rig.Row{
		"result": "success", "result_code": json.Number("0"), "http_response_code": json.Number("200"),
		"sense_id": "qliksenseserver:14.254.6", "version": "14.254.6", "deployment_type": "QlikSenseServer",
		"release_label": "November 2025", "product_name": "Qlik Sense", "copyright_year_range": "1993-2025",
		"release_year": json.Number("2025"), "release_month": json.Number("11"), "patch": json.Number("0"),
		"advisories": "", "advisory_count": json.Number("0"), "exploited_advisory_count": json.Number("0"), "max_cvss": json.Number("0"), "fixed_in": "",
		"compliance": "compliant", "compliance_code": json.Number("0"), "compliance_reason": "",
		"below_minimum": json.Number("0"), "version_mismatch": json.Number("0"),
	}, points[hosts[1]], "what the reply lacks is left out")
	require.Equal(t, rig.Row{
		"result": "success", "result_code": json.Number("0"), "http_response_code": json.Number("200"),
		"release_label": "May 2024 Patch 9", "version": "14.187.14",
		"release_year": json.Number("2024"), "release_month": json.Number("5"), "patch": json.Number("9"),
		"latest_patch": json.Number("27"), "patches_behind": json.Number("18"),
		"advisories":     "CVE-2024-55579,CVE-2024-55580",
		"advisory_count": json.Number("2"), "exploited_advisory_count": json.Number("0"), "max_cvss": json.Number("8.8"), "fixed_in": "May 2024 Patch 10",
		"compliance": "non_compliant", "compliance_code": json.Number("1"), "compliance_reason": "advisories",
		"below_minimum": json.Number("0"), "version_mismatch": json.Number("1"),
	}, points[hosts[4]])
	require.Equal(t, rig.Row{
		"result": "response_status_code_mismatch", "result_code": json.Number("6"), "http_response_code": json.Number("503"),
	}, points[hosts[2]])
	require.Equal(t, rig.Row{"result": "tls_error", "result_code": json.Number("7")}, points[hosts[3]])
	require.Equal(t, rig.Row{"result": "connection_failed", "result_code": json.Number("3")}, points[down])

	series, err := r.DB.Query(r.Database, "SHOW FIELD KEYS FROM qlik_sense_version")
	require.NoError(t, err)
	types := make(map[string]string)
	for _, row := range rig.Rows(series) {
		types[row["fieldKey"].(string)] = row["fieldType"].(string)
	}
	want := make(map[string]string)
	for _, f := range fleet.Fields {
		want[f.Name] = map[fleet.Type]string{fleet.String: "string", fleet.List: "string", fleet.Integer: "integer", fleet.Float: "float"}[f.Type]
	}
	require.Equal(t, want, types)
}

func requirePositive(t *testing.T, value any) {
	t.Helper()
	number, ok := value.(json.Number)
	require.True(t, ok, "%v is not a number", value)
	n, err := number.Float64()
	require.NoError(t, err)
	require.Positive(t, n)
}

// A point that cannot be serialised would end the process. Each fault of the simulator must
// arrive as a point in every round, from one process.
func TestEveryFaultArrivesInEveryRound(t *testing.T) {
	r := rig.New(t)
	servers := make([]simulator.Server, 0, len(simulator.Faults()))
	for _, fault := range simulator.Faults() {
		servers = append(servers, simulator.Server{Fault: fault})
	}
	_, hosts := r.Start(servers...)
	p := r.Telegraf(r.DropIn(r.Block(hosts, `timeout = "1s"`), `"6h"`, `"2s"`))

	// Three rounds: one at the start, two that Telegraf requests.
	r.Points(3*len(hosts), "")
	_, err := p.Stop(rig.Patience)
	require.NoError(t, err)
	points := r.Points(0, "")
	rounds := make(map[any]map[string]bool)
	for _, point := range points {
		require.NotEqual(t, "success", point["result"])
		if rounds[point["time"]] == nil {
			rounds[point["time"]] = make(map[string]bool)
		}
		rounds[point["time"]][point["source"].(string)] = true
	}
	require.GreaterOrEqual(t, len(rounds), 3)
	complete := 0
	for _, sources := range rounds {
		if len(sources) == len(hosts) {
			complete++
		}
	}
	require.GreaterOrEqual(t, complete, len(rounds)-1, "only the round that Telegraf's stop cut off may lack points")
	require.NotContains(t, p.Output(), "Restarting in", "the plugin was restarted")
}

// The plugin has no timer of its own beside Telegraf's interval.
func TestOnePointPerServerAndRound(t *testing.T) {
	r := rig.New(t)
	fleet, hosts := r.Start(simulator.Server{}, simulator.Server{})
	p := r.Telegraf(r.DropIn(r.Block(hosts, ""), `"6h"`, `"1s"`))
	started := time.Now()
	r.Points(10, "")
	_, err := p.Stop(rig.Patience)
	require.NoError(t, err)
	elapsed := time.Since(started)

	rounds := make(map[any]int)
	for _, point := range r.Points(0, "") {
		rounds[point["time"]]++
	}
	require.LessOrEqual(t, len(rounds), int(elapsed/time.Second)+2)
	for timestamp, n := range rounds {
		require.Equal(t, len(hosts), n, "points at %v", timestamp)
	}
	require.Equal(t, len(rounds), fleet.Requests(0), "one point for each request")
}

// Telegraf itself replaces $$ in a drop-in with $.
func TestAwkwardTags(t *testing.T) {
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{})
	r.Telegraf(r.DropIn(r.Block(hosts, `  [inputs.qlik_sense_version.tags]
    environment = 'PROD, "east"=1 \ 100% pa$$$$word'
    "nom du site" = "Zürich – 東京 😀"
    empty_looking = " "
    path = 'C:\Qlik\Sense'
`)))
	points := r.Points(1, "")
	require.Equal(t, `PROD, "east"=1 \ 100% pa$$word`, points[0]["environment"])
	require.Equal(t, "Zürich – 東京 😀", points[0]["nom du site"])
	require.Equal(t, " ", points[0]["empty_looking"])
	require.Equal(t, `C:\Qlik\Sense`, points[0]["path"])
	require.Equal(t, hosts[0], points[0]["source"])
}

// Every block is polled, each with its own tags.
func TestSeveralBlocks(t *testing.T) {
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{}, simulator.Server{Reply: simulator.Reply("May 2024", "14.187.4")}, simulator.Server{})
	var settings strings.Builder
	for i, environment := range []string{"PROD", "TEST", "DEV"} {
		settings.WriteString(r.Block(hosts[i:i+1], fmt.Sprintf("  [inputs.qlik_sense_version.tags]\n    environment = %q\n", environment)))
	}
	// The same server once more, distinguished by its tag.
	settings.WriteString(r.Block(hosts[:1], "  [inputs.qlik_sense_version.tags]\n    environment = \"AUDIT\"\n"))
	r.Telegraf(r.DropIn(settings.String()))

	points := r.ByTag(r.Points(4, ""), "environment")
	require.Len(t, points, 4)
	require.Equal(t, "May 2024", points["TEST"]["release_label"])
	require.Equal(t, hosts[2], points["DEV"]["source"])
	require.Equal(t, hosts[0], points["AUDIT"]["source"])
}

// Neither a long interval nor another block's server that hangs delays the first point.
func TestFirstPointIsNotDelayed(t *testing.T) {
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{}, simulator.Server{}, simulator.Server{Fault: simulator.FaultNoAnswer})
	r.Telegraf(r.DropIn(r.Block(hosts[:2], "")+r.Block(hosts[2:], `  timeout = "5m"`), `"6h"`, `"1h"`))
	require.Len(t, r.Points(2, ""), 2)
}

// Butler's points and the plugin's can share a measurement, and a query for one finds the other:
// their fields have the same names and types.
func TestMeasurementSharedWithButler(t *testing.T) {
	r := rig.New(t)
	_, err := r.DB.Query("", "CREATE DATABASE "+r.Database)
	require.NoError(t, err)
	response, err := http.Post(r.DB.URL+"/write?db="+r.Database, "text/plain", strings.NewReader(
		`qlik_sense_version,environment=PROD content_hash="aeec25c5",sense_id="qliksenseserver:14.173.4",version="14.173.4",`+
			`deployment_type="QlikSenseServer",release_label="February 2024 Patch 1",deprecated_product_version="4.0.X",`+
			`product_name="Qlik Sense",copyright_year_range="1993-2024"`+"\n"))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusNoContent, response.StatusCode)

	_, hosts := r.Start(simulator.Server{})
	r.Telegraf(r.DropIn(r.Block(hosts, "  [inputs.qlik_sense_version.tags]\n    environment = \"PROD\"\n")))
	points := r.Points(2, "environment = 'PROD'")
	require.Equal(t, "February 2024 Patch 1", points[0]["release_label"])
	require.Equal(t, "May 2025 Patch 3", points[1]["release_label"])

	series, err := r.DB.Query(r.Database, "SELECT last(version) FROM qlik_sense_version GROUP BY environment")
	require.NoError(t, err)
	require.Equal(t, "14.231.8", rig.Rows(series)[0]["last"])
	for field := range points[0] {
		if field != "time" {
			require.Contains(t, points[1], field, "a field or tag of Butler's points")
		}
	}
}
