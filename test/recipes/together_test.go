//go:build linux

package recipes

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

// oddText has the special characters of all formats that recipes write.
const oddText = "PROD, \"east\"=1 \\ 'x' `y` ; <script>alert(1)</script> & ${X} $Y {{ .Name }} %s\n\t東京 😀 \\n \\"

// oddProcessor puts oddText into a tag and, if the server answered, into a field of each point
// before a recipe sees it.
const oddProcessor = `[[processors.starlark]]
  namepass = ["qlik_sense_version"]
  source = '''
def apply(metric):
    metric.tags["environment"] = text
    if "release_label" in metric.fields:
        metric.fields["release_label"] = text
    return metric
'''
  [processors.starlark.constants]
    text = `

// All recipes work in one Telegraf, also with odd text, and the user's own output gets the plugin's
// points only.
func TestRecipesTogether(t *testing.T) {
	r := newFixture(t)
	cmdb, tickets, slack, digests, influx3 := r.startEndpoint(), r.startEndpoint(), r.startEndpoint(), r.startEndpoint(), r.startEndpoint()
	fleet, hosts := r.Start(oldServer(), oldServer(), simulator.Server{Fault: simulator.Fault503})
	inventory, files := r.inventoryRecipe()
	maps.Copy(files, r.cmdbRecipe(cmdb))
	maps.Copy(files, r.ticketsRecipe(tickets))
	prometheus, address := r.prometheusRecipe()
	maps.Copy(files, prometheus)
	files["vulnerability-webhook.conf"] = r.recipe("vulnerability-webhook.conf")
	maps.Copy(files, r.digestRecipe(digests))
	files["influxdb-v1.conf"] = r.recipe("influxdb-v1.conf", "http://influxdb.example.com:8086", r.DB.URL, `"qlik_sense"`, `"`+r.Database+`v1"`)
	files["influxdb-v2.conf"] = r.recipe("influxdb-v2.conf", "https://influxdb.example.com:8086", r.DB.URL, `"qlik_sense"`, `"`+r.Database+`v1"`)
	files["influxdb-v3.conf"] = r.recipe("influxdb-v3.conf", "https://influxdb.example.com:8181", "http://"+influx3.address)
	files["mqtt-central-site.conf"] = r.startBroker().mqttRecipe("mqtt-central-site.conf")
	for name := range recipes {
		if name != "mqtt-central-consumer.conf" { // another agent's
			require.Contains(t, files, name)
		}
	}
	files["0-odd.conf"] = oddProcessor + strings.ReplaceAll(strconv.Quote(oddText), "$", "$$") + "\n"
	a := r.startAgent(r.Block(hosts, productionTag), files, "QLIK_SENSE_CHAT_WEBHOOK=http://"+slack.address, "QLIK_SENSE_MQTT_PASSWORD=s3cret", "X=!", "Y=!")
	a.awaitRounds(2)
	digest := decode[struct{ Text string }](t, digests.await(1)[0].body).Text
	require.Contains(t, digest, " (PROD, \"east\"=1 \\ 'x' `y` ; &lt;script&gt;al...): vulnerable, CVE-")
	r.set(fleet, 0, newLabel, newVersion)
	s := r.startScraper(address)
	a.awaitRounds(2)

	for _, item := range decodeItems(t, cmdb.await(4)) {
		require.Equal(t, oddText, item.Tags["environment"])
		if item.Result == "success" {
			require.Equal(t, oddText, item.Label)
		}
	}
	// The plan does not see the processor. Two tickets are opened, and one of them is replaced.
	for _, ticket := range tickets.awaitTickets(4, 0) {
		require.Equal(t, "PROD", ticket.Tags["environment"])
	}
	for _, message := range slack.await(3) {
		text := decode[struct{ Text string }](t, message.body).Text
		require.Contains(t, text, "Environment: "+strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(oddText)+"\n")
	}
	for _, sample := range s.await("qlik_sense_version_info == 1", 2) {
		require.Equal(t, oddText, sample.Labels["environment"])
		require.Equal(t, oddText, sample.Labels["release_label"])
	}
	a.requirePluginPoints()
	a.stop()
	for _, line := range r.csvLines(inventory)[1:] {
		require.Equal(t, oddText, line[1])
		if line[3] == "success" {
			require.Equal(t, oddText, line[4])
		}
	}
	require.NotEmpty(t, influx3.accepted())

	// CSV and InfluxDB have the same points as the user's own output.
	want := a.Points(1, "")
	require.Len(t, r.csvLines(inventory)[1:], len(want))
	require.Equal(t, want, a.pointsIn(r.DB, a.Database+"v1", len(want)))
	series, err := r.DB.Query(a.Database+"v1", "SHOW MEASUREMENTS")
	require.NoError(t, err)
	require.Equal(t, []rig.Row{{"name": "qlik_sense_version"}}, rig.Rows(series))
	require.Equal(t, []stack.Series(nil), a.query("SELECT * FROM /qlik_sense_version_.*/"))
}

// Foreign points with the plugin's measurement names reach the user's output unchanged; recipes that
// cannot read them log an error.
func TestRecipesLeaveForeignPoints(t *testing.T) {
	r := newFixture(t)
	e := r.startEndpoint()
	_, address := r.prometheusRecipe()
	a := &agent{fixture: r, dir: t.TempDir(), env: []string{"QLIK_SENSE_CHAT_WEBHOOK=http://" + e.address}}
	a.config = fmt.Sprintf(agentConfig, r.DB.URL, r.Database, `namedrop = ["qlik_sense_version_*"]`) +
		strings.Replace(cpuInput, "echo cpu usage=1", `echo 'qlik_sense_version version=14i,advisories=true,response_time=\"1s\"'`, 1) +
		strings.Replace(cpuInput, "echo cpu usage=1", `echo 'qlik_sense_version_plan value=\"{\"'`, 1)
	a.files = r.cmdbRecipe(e)
	maps.Copy(a.files, r.ticketsRecipe(e))
	a.files["vulnerability-webhook.conf"] = r.recipe("vulnerability-webhook.conf")
	maps.Copy(a.files, r.digestRecipe(e))
	a.files["prometheus.conf"] = r.recipe("prometheus.conf", `":9273"`, strconv.Quote(address))
	a.start()
	for _, p := range r.Points(3, "") {
		require.Equal(t, json.Number("14"), p["version"])
		require.Equal(t, true, p["advisories"])
		require.Equal(t, "1s", p["response_time"])
	}
	_, err := a.Stop(rig.Patience)
	require.NoError(t, err)
	for _, recipe := range []string{"cmdb", "chat", "tickets"} {
		require.Contains(t, a.Output(), "E! [processors.starlark::qlik_sense_version_"+recipe+"] ")
	}
	require.Contains(t, a.Output(), "E! [aggregators.starlark::qlik_sense_version_digest] ")
	require.Empty(t, e.accepted())
	require.Len(t, a.query("SHOW MEASUREMENTS")[0].Values, 1)
}

func (r *fixture) query(statement string) []stack.Series {
	r.Helper()
	series, err := r.DB.Query(r.Database, statement)
	require.NoError(r, err)
	return series
}
