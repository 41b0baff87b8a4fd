//go:build linux

package dashboards

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

// The scenario: eleven weeks of a fleet with several environments, and of servers without one. The real
// plugin polls each phase once, under Telegraf; its points are then repeated with other times until
// the next phase, so that weeks of polls are in InfluxDB after half a minute.
var (
	scenarioStart = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	scenarioEnd   = scenarioStart.Add(75 * 24 * time.Hour)
)

// pollDelay is how long after the full hour polls start, as with a collection jitter.
const pollDelay = 97 * time.Second

// phase is a change of the fleet, in effect until the next phase.
type phase struct {
	day   float64 // of the scenario
	name  string
	apply func(*simulation)
}

var phases = []phase{
	{0, "the beginning", func(*simulation) {}},
	{3, "prod2 is upgraded first", func(sim *simulation) { sim.setVersion("prod2", may2025p15) }},
	{5, "prod1 and prod3 follow; dev1 is downgraded below the minimum of its block", func(sim *simulation) {
		sim.setVersion("prod1", may2025p15)
		sim.setVersion("prod3", may2025p15)
		sim.setVersion("dev1", november2024p22)
	}},
	{8, "prod3 is down; dev1 is back above the minimum", func(sim *simulation) {
		sim.setFault("prod3", simulator.FaultDown)
		sim.setVersion("dev1", may2025p3)
	}},
	{10, "prod3 is back; prod1 is rolled back", func(sim *simulation) {
		sim.setVersion("prod3", may2025p15)
		sim.setVersion("prod1", may2024p9)
	}},
	{12, "test1 fails for a single poll", func(sim *simulation) { sim.setFault("test1", simulator.Fault503) }},
	{12.25, "test1 answers; prod1 is upgraded again; test3 is new", func(sim *simulation) {
		sim.setVersion("test1", november2024p22)
		sim.setVersion("prod1", may2025p15)
		sim.polled["test3"] = true
	}},
	{14, "test4, affected by an exploited CVE, stops answering", func(sim *simulation) { sim.setFault("test4", simulator.FaultDown) }},
	{15, "lab2 is removed", func(sim *simulation) { delete(sim.polled, "lab2") }},
	{17, "test2 is patched; dev2 has a new certificate", func(sim *simulation) {
		sim.setVersion("test2", august2023p17)
		sim.renewCertificate(365)
	}},
	{24, "only test3 is upgraded", func(sim *simulation) { sim.setVersion("test3", may2025p15) }},
	{30, "dev1 has an expired certificate", func(sim *simulation) { sim.setFault("dev1", simulator.FaultExpiredCertificate) }},
	{32, "test4 is no longer polled", func(sim *simulation) { sim.polled["test4"] = false }},
	{34.75, "prod2 is not ready", func(sim *simulation) { sim.setFault("prod2", simulator.Fault503) }},
	{36, "prod2 is back, dev1 too", func(sim *simulation) {
		sim.setVersion("prod2", may2025p15)
		sim.setVersion("dev1", may2025p3)
	}},
	{44, "the Telegraf of LAST dies: its server was compliant, with 56 days of support left", func(sim *simulation) { sim.polled["last1"] = false }},
	{catalogUpdated, "a newer catalogue: an advisory against November 2024, known to be exploited", func(*simulation) {}},
	{secondAdvisoryAdded, "one more advisory against the same releases", func(*simulation) {}},
	{68, "the Telegraf of DEV dies", func(sim *simulation) { sim.polled["dev1"], sim.polled["dev2"] = false, false }},
	{74.75, "prod2 is not ready again", func(sim *simulation) { sim.setFault("prod2", simulator.Fault503) }},
}

// The advisories that the two newer catalogues add; both are invented.
const firstAdvisory = `
[[advisory]]
id = "CVE-2027-99999"
summary = "An invented one"
published = 2026-05-01
cvss = 9.1
cvss_source = "NVD"
exploited_since = 2026-05-02
fixed = ["May 2025"]
verified = true
references = ["https://nvd.nist.gov/vuln/detail/CVE-2027-99999"]
`

const secondAdvisory = `
[[advisory]]
id = "CVE-2027-99998"
summary = "Another invented one"
published = 2026-05-02
cvss = 5.4
cvss_source = "NVD"
fixed = ["May 2025"]
verified = true
references = ["https://nvd.nist.gov/vuln/detail/CVE-2027-99998"]
`

const (
	catalogAge          = 60 // days, of the data about advisories and exploitation when the scenario starts
	catalogUpdated      = 45 // day of the scenario on which both are renewed
	secondAdvisoryAdded = 52 // day on which servers that are already vulnerable get another advisory
)

// supportEnds is the day of the scenario on which the support of a release ends.
var supportEnds = map[string]int{"August 2023": -200, "May 2024": 60, "November 2024": 100, "May 2025": 400}

type version struct{ label, build string }

var (
	august2023p1    = version{"August 2023 Patch 1", "14.139.5"}
	august2023p17   = version{"August 2023 Patch 17", "14.139.25"}
	may2024p9       = version{"May 2024 Patch 9", "14.187.14"}
	november2024p22 = version{"November 2024 Patch 22", "14.212.41"}
	may2025p3       = version{"May 2025 Patch 3", "14.231.8"}
	may2025p15      = version{"May 2025 Patch 15", "14.231.27"}
	custom          = version{"Custom build 7", "99.1.2"}
)

// blocks are the settings blocks of the scenario, and the servers in them.
var blocks = []struct {
	environment string
	servers     []string
	more        string
}{
	{"PROD", []string{"prod1", "prod2", "prod3"}, `  minimum_release = "May 2024"
  [inputs.qlik_sense_version.tags]
    environment = "PROD"
    site = "Zürich"
`},
	{"TEST", []string{"test1", "test2", "test3", "test4"}, `  [inputs.qlik_sense_version.tags]
    environment = "TEST"
`},
	{"DEV", []string{"dev1", "dev2"}, `  minimum_release = "May 2025"
  [inputs.qlik_sense_version.tags]
    environment = "DEV"
`},
	{"DR", []string{"prod1"}, `  [inputs.qlik_sense_version.tags]
    environment = "DR"
    site = "Basel"
`}, // the same server name as in PROD
	{"LAST", []string{"last1"}, `  [inputs.qlik_sense_version.tags]
    environment = "LAST"
`},
	{"", []string{"lab1", "lab2"}, ""}, // no environment
}

// agentStops are the outages of agents in one of the databases. The agent of TEST never starts again.
var agentStops = []struct {
	environment string
	from, to    float64
}{{"TEST", 20, 100}, {"DEV", 31.5, 34.5}}

func isStopped(line string, at time.Time) bool {
	day := at.Sub(scenarioStart).Hours() / 24
	for _, one := range agentStops {
		if strings.Contains(line, ",environment="+one.environment+",") && day >= one.from && day < one.to {
			return true
		}
	}
	return false
}

// runScenario polls the phases and writes the scenario into three databases: with polls every 6 hours,
// every 24 hours, and every 6 hours with agentStops.
func runScenario(t *testing.T) (sim *simulation, every6h, every24h, withStops string) {
	t.Helper()
	sim = newSimulation(rig.New(t))
	catalog := filepath.Join(t.TempDir(), "catalog.toml")
	var points [][]string // of each phase, as line protocol without a time
	var telegraf *stack.Process
	var running string // the settings of telegraf
	for _, p := range phases {
		p.apply(sim)
		for {
			today := time.Now().UTC().Truncate(24 * time.Hour)
			sim.writeCatalog(catalog, today, int(p.day))
			if settings := sim.settings(catalog); settings != running {
				if telegraf != nil {
					_, err := telegraf.Stop(rig.Patience)
					require.NoError(t, err)
				}
				running = settings
				telegraf = sim.Telegraf(sim.DropIn(settings, `"6h"`, `"300ms"`))
			}
			lines := sim.poll(telegraf, time.Now())
			if time.Now().UTC().Truncate(24 * time.Hour).Equal(today) { // otherwise support_days_left may be that of either day
				points = append(points, lines)
				break
			}
		}
	}
	_, err := telegraf.Stop(rig.Patience)
	require.NoError(t, err)

	every6h, every24h, withStops = sim.Database+"_6h", sim.Database+"_24h", sim.Database+"_stops"
	never := func(string, time.Time) bool { return false }
	sim.insert(t, every6h, sim.lineProtocol(points, 6*time.Hour, never))
	sim.insert(t, every24h, sim.lineProtocol(points, 24*time.Hour, never))
	sim.insert(t, withStops, sim.lineProtocol(points, 6*time.Hour, isStopped))
	return sim, every6h, every24h, withStops
}

// writeCatalog writes the catalogue of a day of the scenario, with dates as if that day were today.
func (sim *simulation) writeCatalog(file string, today time.Time, day int) {
	sim.Helper()
	text := sim.Read("testdata/catalog.toml")
	for release, end := range supportEnds {
		text = sim.Edit(text, "@"+release+"@", today.AddDate(0, 0, end-day).Format(time.DateOnly))
	}
	dataAsOf, advisories := today.AddDate(0, 0, -catalogAge-day), ""
	if day >= catalogUpdated {
		dataAsOf, advisories = today.AddDate(0, 0, catalogUpdated-day), firstAdvisory
	}
	if day >= secondAdvisoryAdded {
		advisories += secondAdvisory
	}
	text = sim.Edit(text, "@data as of@", dataAsOf.Format(time.DateOnly), "@more advisories@", advisories)
	// Renamed into place, so that no poll reads half a file.
	require.NoError(sim, os.WriteFile(file+".new", []byte(text), 0o600))
	require.NoError(sim, os.Rename(file+".new", file))
}

// poll waits for a round that started after a time and returns its points.
func (sim *simulation) poll(telegraf *stack.Process, after time.Time) []string {
	sim.Helper()
	statement := fmt.Sprintf("SELECT * FROM qlik_sense_version WHERE time > %d", after.UnixNano())
	var first map[string]rig.Row
	complete := func(series []stack.Series) bool {
		first = make(map[string]rig.Row)
		for _, point := range rig.Rows(series) {
			if server := serverOf(point); first[server] == nil {
				first[server] = point
			}
		}
		return len(first) == len(sim.polledServers())
	}
	_, err := sim.DB.Await(sim.Database, statement, rig.Patience, complete)
	require.NoError(sim, err, telegraf.Output())
	// InfluxDB returns points whose fields it is still writing. Wait for two more batches: the log line of
	// an earlier batch may not have been read yet.
	const batchLog = "Wrote batch of"
	require.NoError(sim, telegraf.Await(batchLog, strings.Count(telegraf.Output(), batchLog)+2, rig.Patience), telegraf.Output())
	series, err := sim.DB.Query(sim.Database, statement)
	require.NoError(sim, err)
	require.True(sim, complete(series))
	for server, name := range sim.polledServers() {
		require.Equal(sim, sim.failed[name], first[server]["result"] != "success", "%s: %v\n%s", name, first[server], telegraf.Output())
	}
	lines := make([]string, 0, len(first))
	for _, server := range slices.Sorted(maps.Keys(first)) {
		lines = append(lines, pointLine(first[server]))
	}
	return lines
}

// serverOf returns the key of a polled server: one name may be polled in several environments.
func serverOf(point rig.Row) string {
	environment, _ := point["environment"].(string)
	return environment + "/" + point["source"].(string)
}

// pointLine returns a point as line protocol, without its time.
func pointLine(point rig.Row) string {
	var tags, fields []string
	for _, key := range slices.Sorted(maps.Keys(point)) {
		switch value := point[key].(type) {
		case json.Number:
			suffix := "i"
			if key == "max_cvss" || key == "response_time" {
				suffix = ""
			}
			fields = append(fields, fmt.Sprintf("%s=%s%s", key, value, suffix))
		case string:
			switch key {
			case "time":
			case "source", "host", "environment", "site":
				tags = append(tags, key+"="+value)
			default:
				fields = append(fields, fmt.Sprintf("%s=%q", key, value))
			}
		}
	}
	return "qlik_sense_version," + strings.Join(tags, ",") + " " + strings.Join(fields, ",")
}

// lineProtocol repeats the points of each phase at the times of its polls, without those that are left
// out, and adds old points written by Butler.
func (sim *simulation) lineProtocol(points [][]string, interval time.Duration, leftOut func(line string, at time.Time) bool) string {
	var b strings.Builder
	for at := scenarioStart; !at.After(scenarioEnd); at = at.Add(interval) {
		current := 0
		for i := range phases {
			if !phaseStart(i).After(at) {
				current = i
			}
		}
		for _, line := range points[current] {
			if leftOut(line, at) {
				continue
			}
			fmt.Fprintf(&b, "%s%s %d\n", line, sim.nodeFields(line), at.Add(pollDelay).UnixNano())
		}
		fmt.Fprintf(&b, "%s %d\n", siteLine(at.Sub(scenarioStart).Hours()/24), at.Add(pollDelay).UnixNano())
	}
	// Butler's points have eight strings and no tag for the server. They overlap with the plugin's for a
	// day; a late one tests that panels of the current state ignore them.
	for _, day := range []int{-10, -9, -8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 73} {
		fmt.Fprintf(&b, `qlik_sense_version,environment=PROD,host=butler content_hash="aeec25c5",sense_id="qliksenseserver:14.173.4",version="14.173.4",`+
			`deployment_type="QlikSenseServer",release_label="February 2024 Patch 1",deprecated_product_version="4.0.X",`+
			`product_name="Qlik Sense",copyright_year_range="1993-2024" %d`+"\n", scenarioStart.AddDate(0, 0, day).Add(3*time.Hour).UnixNano())
	}
	return b.String()
}

// nodeFields returns the fields that discover adds to the servers of PROD.
func (sim *simulation) nodeFields(line string) string {
	for name, fields := range map[string]string{
		"prod1": `,node_name="Central",node_roles="central,engine,proxy"`,
		"prod2": `,node_name="Rim 1",node_roles="engine"`,
		"prod3": `,node_name="Rim 2",node_roles="engine"`,
	} {
		if strings.Contains(line, ",environment=PROD,") && strings.Contains(line, ",source="+sim.source[name]+" ") { // the last tag
			return fields
		}
	}
	return ""
}

// siteLine returns the point of the site of PROD on a day of the scenario: first its nodes cannot be
// listed for a day, then one node is unusable for two. Later a node vanishes, comes back, and
// vanishes again at the end.
func siteLine(day float64) string {
	fields := `result="success",result_code=0i,nodes=3i,answered_by="central.example.com",nodes_vanished=0i,nodes_unusable=0i`
	switch {
	case day >= 20 && day < 21:
		fields = `result="timeout",result_code=4i`
	case day >= 30 && day < 32:
		fields = strings.Replace(fields, "nodes_unusable=0i", "nodes_unusable=1i", 1)
	case day >= 50 && day < 51:
		fields = `result="success",result_code=0i,nodes=2i,answered_by="rim.example.com",nodes_vanished=1i,nodes_unusable=0i`
	case day >= 51 && day < 60: // the plugin was restarted
		fields = `result="success",result_code=0i,nodes=2i,answered_by="rim.example.com",nodes_vanished=0i,nodes_unusable=0i`
	case day >= 74:
		fields = `result="success",result_code=0i,nodes=2i,answered_by="rim.example.com",nodes_vanished=1i,nodes_unusable=0i`
	}
	return "qlik_sense_site,environment=PROD,site=Zürich,source=central.example.com " + fields
}

func phaseStart(i int) time.Time {
	return scenarioStart.Add(time.Duration(phases[i].day * 24 * float64(time.Hour)))
}

func (sim *simulation) insert(t *testing.T, database, lines string) {
	t.Helper()
	_, err := sim.DB.Query("", "CREATE DATABASE "+database)
	require.NoError(t, err)
	response, err := http.Post(sim.DB.URL+"/write?db="+database, "text/plain", strings.NewReader(lines))
	require.NoError(t, err)
	var body bytes.Buffer
	_, err = body.ReadFrom(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusNoContent, response.StatusCode, body.String())
}

// longName returns a name of 60 characters.
func longName(i int) string { return strings.Repeat("very-long-", 5) + fmt.Sprintf("name%06d", i) }

// writeMany fills a database with a fleet that is hard to display: 36 versions, and names of 60
// characters, each in two sites.
func (sim *simulation) writeMany(t *testing.T, database string) {
	t.Helper()
	var b strings.Builder
	for i := range 40 {
		site := strings.Repeat("long-", 10) + fmt.Sprintf("site-%05d", i%2)
		source := longName(i / 2)
		compliance := `compliance="compliant",compliance_code=0i,compliance_reason=""`
		if i%10 == 9 {
			compliance = `compliance="non_compliant",compliance_code=1i,compliance_reason="below_minimum",below_minimum=1i`
		}
		fmt.Fprintf(&b, "qlik_sense_version,environment=%s,source=%s result=\"success\",result_code=0i,"+
			"releases_age_days=3i,advisories_age_days=1i,exploited_age_days=1i,undecided_advisory_count=0i,"+
			`advisory_count=0i,exploited_advisory_count=0i,advisories="",fixed_in="",`+
			"release_year=2025i,release_month=%di,patches_behind=%di,release_label=\"%s 2025 Patch %d\",version=\"14.231.%d\",%s %d\n",
			site, source, 5+6*(i%2), 30-i*3/4, []string{"May", "November"}[i%2], 1+i*3/4, i*3/4, compliance, scenarioEnd.UnixNano())
	}
	sim.insert(t, database, b.String())
}
