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

// odd is what no format likes.
const odd = "PROD, \"east\"=1 \\ 'x' `y` ; <script>alert(1)</script> & ${X} $Y {{ .Name }} %s\n\t東京 😀 \\n \\"

// oddly puts odd into a tag and, where the server answered, into a field of the point,
// before any recipe sees it.
const oddly = `[[processors.starlark]]
  namepass = ["qlik_sense_version"]
  source = '''
def apply(metric):
    metric.tags["environment"] = odd
    if "release_label" in metric.fields:
        metric.fields["release_label"] = odd
    return metric
'''
  [processors.starlark.constants]
    odd = `

// All recipes of one agent in one Telegraf, with odd characters: all of them work, and
// the user's own output gets the original points alone.
func TestRecipesTogether(t *testing.T) {
	r := newFixture(t)
	cmdb, tickets, slack, digests, influx3 := r.receiver(), r.receiver(), r.receiver(), r.receiver(), r.receiver()
	fleet, hosts := r.Start(old(), old(), simulator.Server{Fault: simulator.Fault503})
	inventory, files := r.inventory()
	maps.Copy(files, r.cmdb(cmdb))
	maps.Copy(files, r.tickets(tickets))
	prometheus, address := r.prometheus()
	maps.Copy(files, prometheus)
	files["vulnerability-webhook.conf"] = r.recipe("vulnerability-webhook.conf")
	maps.Copy(files, r.digest(digests))
	files["influxdb-v1.conf"] = r.recipe("influxdb-v1.conf", "http://influxdb.example.com:8086", r.DB.URL, `"qlik_sense"`, `"`+r.Database+`v1"`)
	files["influxdb-v2.conf"] = r.recipe("influxdb-v2.conf", "https://influxdb.example.com:8086", r.DB.URL, `"qlik_sense"`, `"`+r.Database+`v1"`)
	files["influxdb-v3.conf"] = r.recipe("influxdb-v3.conf", "https://influxdb.example.com:8181", "http://"+influx3.address)
	files["mqtt-central-site.conf"] = r.broker().mqtt("mqtt-central-site.conf")
	for name := range recipes {
		if name != "mqtt-central-consumer.conf" { // another agent's
			require.Contains(t, files, name)
		}
	}
	files["0-odd.conf"] = oddly + strings.ReplaceAll(strconv.Quote(odd), "$", "$$") + "\n"
	a := r.agent(r.Block(hosts, production), files, "QLIK_SENSE_CHAT_WEBHOOK=http://"+slack.address, "QLIK_SENSE_MQTT_PASSWORD=s3cret", "X=!", "Y=!")
	a.rounds(2)
	digest := decode[struct{ Text string }](t, digests.await(1)[0].body).Text
	require.Contains(t, digest, " (PROD, \"east\"=1 \\ 'x' `y` ; &lt;script&gt;al...): vulnerable, CVE-")
	r.set(fleet, 0, newLabel, newVersion)
	s := r.scraper(address)
	a.rounds(2)

	for _, item := range items(t, cmdb.await(4)) {
		require.Equal(t, odd, item.Tags["environment"])
		if item.Result == "success" {
			require.Equal(t, odd, item.Label)
		}
	}
	// Of the plan, which is made of the settings: two opened, one of them replaced.
	for _, one := range tickets.awaitTickets(4, 0) {
		require.Equal(t, "PROD", one.Tags["environment"])
	}
	for _, one := range slack.await(3) {
		text := decode[struct{ Text string }](t, one.body).Text
		require.Contains(t, text, "Environment: "+strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(odd)+"\n")
	}
	for _, sample := range s.await("qlik_sense_version_info == 1", 2) {
		require.Equal(t, odd, sample.Labels["environment"])
		require.Equal(t, odd, sample.Labels["release_label"])
	}
	a.onlyOriginals()
	a.stop()
	for _, line := range r.lines(inventory)[1:] {
		require.Equal(t, odd, line[1])
		if line[3] == "success" {
			require.Equal(t, odd, line[4])
		}
	}
	require.NotEmpty(t, influx3.got())

	// All outputs that take originals took the same.
	want := a.Points(1, "")
	require.Len(t, r.lines(inventory)[1:], len(want))
	require.Equal(t, want, a.elsewhere(r.DB, a.Database+"v1", len(want)))
	series, err := r.DB.Query(a.Database+"v1", "SHOW MEASUREMENTS")
	require.NoError(t, err)
	require.Equal(t, []rig.Row{{"name": "qlik_sense_version"}}, rig.Rows(series))
	require.Equal(t, []stack.Series(nil), a.query("SELECT * FROM /qlik_sense_version_.*/"))
}

// What has the name of the plugin's points and is none of them stays as it is, also where
// a recipe stumbles over it and says so in the log.
func TestRecipesLeaveForeignPoints(t *testing.T) {
	r := newFixture(t)
	v := r.receiver()
	_, address := r.prometheus()
	a := &agent{fixture: r, dir: t.TempDir(), env: []string{"QLIK_SENSE_CHAT_WEBHOOK=http://" + v.address}}
	a.config = fmt.Sprintf(agentConfig, r.DB.URL, r.Database, `namedrop = ["qlik_sense_version_*"]`) +
		strings.Replace(cpu, "echo cpu usage=1", `echo 'qlik_sense_version version=14i,advisories=true,response_time=\"1s\"'`, 1) +
		strings.Replace(cpu, "echo cpu usage=1", `echo 'qlik_sense_version_plan value=\"{\"'`, 1)
	a.files = r.cmdb(v)
	maps.Copy(a.files, r.tickets(v))
	a.files["vulnerability-webhook.conf"] = r.recipe("vulnerability-webhook.conf")
	maps.Copy(a.files, r.digest(v))
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
	require.Empty(t, v.got())
	require.Len(t, a.query("SHOW MEASUREMENTS")[0].Values, 1)
}

func (r *fixture) query(statement string) []stack.Series {
	r.Helper()
	series, err := r.DB.Query(r.Database, statement)
	require.NoError(r, err)
	return series
}
