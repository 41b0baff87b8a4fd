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

// The story: eleven weeks of a fleet of four environments, and of servers without one.
// Each scene is polled once by the real plugin under Telegraf; its points then stand for
// all polls until the next scene, with nothing but their time moved. So weeks of polls
// every 6 and every 24 hours are in InfluxDB after half a minute.
var (
	storyBegin = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	storyEnd   = storyBegin.Add(75 * 24 * time.Hour)
)

// pollDelay is how long after the full hour the polls of the story start, as with a
// collection jitter.
const pollDelay = 97 * time.Second

// scene is the fleet from a moment of the story on.
type scene struct {
	day   float64 // of the story
	what  string
	apply func(*cast)
}

var scenes = []scene{
	{0, "the beginning", func(*cast) {}},
	{3, "prod2 is upgraded alone", func(c *cast) { c.runs("prod2", may2025p15) }},
	{5, "prod1 and prod3 follow; dev1 is set back below the minimum of its block", func(c *cast) {
		c.runs("prod1", may2025p15)
		c.runs("prod3", may2025p15)
		c.runs("dev1", november2024p22)
	}},
	{8, "prod3 is down; dev1 is back above the minimum", func(c *cast) {
		c.fails("prod3", simulator.FaultDown)
		c.runs("dev1", may2025p3)
	}},
	{10, "prod3 is back; prod1 is rolled back", func(c *cast) {
		c.runs("prod3", may2025p15)
		c.runs("prod1", may2024p9)
	}},
	{12, "test1 fails for a single poll", func(c *cast) { c.fails("test1", simulator.Fault503) }},
	{12.25, "test1 answers; prod1 is upgraded again; test3 is new", func(c *cast) {
		c.runs("test1", november2024p22)
		c.runs("prod1", may2025p15)
		c.polled["test3"] = true
	}},
	{14, "test4, open to what is known to be exploited, goes dark", func(c *cast) { c.fails("test4", simulator.FaultDown) }},
	{15, "lab2 is removed", func(c *cast) { delete(c.polled, "lab2") }},
	{17, "test2 is patched; dev2 has a new certificate", func(c *cast) {
		c.runs("test2", august2023p17)
		c.certificate(365)
	}},
	{24, "test3 is upgraded alone", func(c *cast) { c.runs("test3", may2025p15) }},
	{30, "dev1 has an expired certificate", func(c *cast) { c.fails("dev1", simulator.FaultExpiredCertificate) }},
	{32, "test4 is polled no more", func(c *cast) { c.polled["test4"] = false }},
	{34.75, "prod2 is not ready", func(c *cast) { c.fails("prod2", simulator.Fault503) }},
	{36, "prod2 is back, dev1 too", func(c *cast) {
		c.runs("prod2", may2025p15)
		c.runs("dev1", may2025p3)
	}},
	{44, "the Telegraf of LAST is dead: its server was compliant, with 56 days of support left", func(c *cast) { c.polled["last1"] = false }},
	{catalogUpdated, "a newer catalogue: an advisory against November 2024, known to be exploited", func(*cast) {}},
	{catalogGrown, "one more advisory against the same releases", func(*cast) {}},
	{68, "the Telegraf of DEV is dead", func(c *cast) { c.polled["dev1"], c.polled["dev2"] = false, false }},
	{74.75, "prod2 is not ready again", func(c *cast) { c.fails("prod2", simulator.Fault503) }},
}

// newerAdvisory is what that catalogue adds, and oneMore what the next one does. Both are invented.
const newerAdvisory = `
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

const oneMore = `
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

// catalogAge is how old the data about advisories and exploitation are when the story begins,
// catalogUpdated the day on which both are renewed, and catalogGrown that on which an advisory
// is added against servers that are open already.
const (
	catalogAge     = 60
	catalogUpdated = 45
	catalogGrown   = 52
)

// supportEnds is when support ends, in days of the story.
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

// blocks are the settings blocks of the story, and the servers in them.
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
`}, // of the same name as in PROD
	{"LAST", []string{"last1"}, `  [inputs.qlik_sense_version.tags]
    environment = "LAST"
`},
	{"", []string{"lab1", "lab2"}, ""}, // no environment
}

// stops are agents that stand still for some days of the story, in the database that tells of
// that; the others go on. That of TEST never starts again.
var stops = []struct {
	environment string
	from, to    float64
}{{"TEST", 20, 100}, {"DEV", 31.5, 34.5}}

func stopped(line string, at time.Time) bool {
	day := at.Sub(storyBegin).Hours() / 24
	for _, one := range stops {
		if strings.Contains(line, ",environment="+one.environment+",") && day >= one.from && day < one.to {
			return true
		}
	}
	return false
}

// play has the story polled and writes it into three databases: with 6 and with 24 hours
// between the polls, and with 6 hours and agents that stop.
func play(t *testing.T) (c *cast, every6h, every24h, withStops string) {
	t.Helper()
	c = newCast(rig.New(t))
	catalog := filepath.Join(t.TempDir(), "catalog.toml")
	var told [][]string // points of each scene, as line protocol without a time
	var p *stack.Process
	var running string
	for _, s := range scenes {
		s.apply(c)
		for {
			today := time.Now().UTC().Truncate(24 * time.Hour)
			c.writeCatalog(catalog, today, int(s.day))
			if settings := c.settings(catalog); settings != running {
				if p != nil {
					_, err := p.Stop(rig.Patience)
					require.NoError(t, err)
				}
				running = settings
				p = c.Telegraf(c.DropIn(settings, `"6h"`, `"300ms"`))
			}
			lines := c.poll(p, time.Now())
			if time.Now().UTC().Truncate(24 * time.Hour).Equal(today) { // else support_days_left may be of either day
				told = append(told, lines)
				break
			}
		}
	}
	_, err := p.Stop(rig.Patience)
	require.NoError(t, err)

	every6h, every24h, withStops = c.Database+"_6h", c.Database+"_24h", c.Database+"_stops"
	never := func(string, time.Time) bool { return false }
	c.insert(t, every6h, c.tell(told, 6*time.Hour, never))
	c.insert(t, every24h, c.tell(told, 24*time.Hour, never))
	c.insert(t, withStops, c.tell(told, 6*time.Hour, stopped))
	return c, every6h, every24h, withStops
}

// writeCatalog writes the catalogue as it is on a day of the story, if that day is today.
func (c *cast) writeCatalog(file string, today time.Time, day int) {
	c.Helper()
	text := c.Read("testdata/catalog.toml")
	for release, end := range supportEnds {
		text = c.Edit(text, "@"+release+"@", today.AddDate(0, 0, end-day).Format(time.DateOnly))
	}
	known, newer := today.AddDate(0, 0, -catalogAge-day), ""
	if day >= catalogUpdated {
		known, newer = today.AddDate(0, 0, catalogUpdated-day), newerAdvisory
	}
	if day >= catalogGrown {
		newer += oneMore
	}
	text = c.Edit(text, "@known@", known.Format(time.DateOnly), "@newer@", newer)
	// By renaming: a poll never meets half a file.
	require.NoError(c, os.WriteFile(file+".new", []byte(text), 0o600))
	require.NoError(c, os.Rename(file+".new", file))
}

// poll waits for a round that began after a moment, and gives its points.
func (c *cast) poll(telegraf *stack.Process, after time.Time) []string {
	c.Helper()
	statement := fmt.Sprintf("SELECT * FROM qlik_sense_version WHERE time > %d", after.UnixNano())
	var first map[string]rig.Row
	complete := func(series []stack.Series) bool {
		first = make(map[string]rig.Row)
		for _, point := range rig.Rows(series) {
			if server := serverOf(point); first[server] == nil {
				first[server] = point
			}
		}
		return len(first) == len(c.servers())
	}
	_, err := c.DB.Await(c.Database, statement, rig.Patience, complete)
	require.NoError(c, err, telegraf.Output())
	// InfluxDB shows a point while it is still writing its fields. Two batches later, for the
	// line of an earlier one may not have been read yet, the one that held these is written.
	const wrote = "Wrote batch of"
	require.NoError(c, telegraf.Await(wrote, strings.Count(telegraf.Output(), wrote)+2, rig.Patience), telegraf.Output())
	series, err := c.DB.Query(c.Database, statement)
	require.NoError(c, err)
	require.True(c, complete(series))
	for server, name := range c.servers() {
		require.Equal(c, c.failed[name], first[server]["result"] != "success", "%s: %v\n%s", name, first[server], telegraf.Output())
	}
	lines := make([]string, 0, len(first))
	for _, server := range slices.Sorted(maps.Keys(first)) {
		lines = append(lines, line(first[server]))
	}
	return lines
}

// serverOf tells apart what is polled: one name may stand in several environments.
func serverOf(point rig.Row) string {
	environment, _ := point["environment"].(string)
	return environment + "/" + point["source"].(string)
}

// line writes a point as line protocol, without its time.
func line(point rig.Row) string {
	var tags, fields []string
	for _, key := range slices.Sorted(maps.Keys(point)) {
		switch value := point[key].(type) {
		case json.Number:
			kind := "i"
			if key == "max_cvss" || key == "response_time" {
				kind = ""
			}
			fields = append(fields, fmt.Sprintf("%s=%s%s", key, value, kind))
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

// tell moves the points of the scenes to the moments of the polls, without those that are
// left out, and puts Butler's old points before and beside them.
func (c *cast) tell(told [][]string, interval time.Duration, leftOut func(line string, at time.Time) bool) string {
	var b strings.Builder
	for at := storyBegin; !at.After(storyEnd); at = at.Add(interval) {
		now := 0
		for i := range scenes {
			if !sceneBegin(i).After(at) {
				now = i
			}
		}
		for _, line := range told[now] {
			if leftOut(line, at) {
				continue
			}
			fmt.Fprintf(&b, "%s%s %d\n", line, c.node(line), at.Add(pollDelay).UnixNano())
		}
		fmt.Fprintf(&b, "%s %d\n", site(at.Sub(storyBegin).Hours()/24), at.Add(pollDelay).UnixNano())
	}
	// Butler: eight strings, no tag for the server; one more day beside the plugin, and
	// then once more, so that panels of the present meet a point of it.
	for _, day := range []int{-10, -9, -8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 73} {
		fmt.Fprintf(&b, `qlik_sense_version,environment=PROD,host=butler content_hash="aeec25c5",sense_id="qliksenseserver:14.173.4",version="14.173.4",`+
			`deployment_type="QlikSenseServer",release_label="February 2024 Patch 1",deprecated_product_version="4.0.X",`+
			`product_name="Qlik Sense",copyright_year_range="1993-2024" %d`+"\n", storyBegin.AddDate(0, 0, day).Add(3*time.Hour).UnixNano())
	}
	return b.String()
}

// node makes the servers of PROD nodes of a site, as if discover had found them.
func (c *cast) node(line string) string {
	for name, fields := range map[string]string{
		"prod1": `,node_name="Central",node_roles="central,engine,proxy"`,
		"prod2": `,node_name="Rim 1",node_roles="engine"`,
		"prod3": `,node_name="Rim 2",node_roles="engine"`,
	} {
		if strings.Contains(line, ",environment=PROD,") && strings.Contains(line, ",source="+c.source[name]+" ") { // the last tag
			return fields
		}
	}
	return ""
}

// site is the point of that site on a day of the story: its nodes cannot be listed for a day, and one cannot be asked for two.
// Much later one of them vanishes, comes back, and vanishes again at the end.
func site(day float64) string {
	fields := `result="success",result_code=0i,nodes=3i,answered_by="central.example.com",nodes_vanished=0i,nodes_unusable=0i`
	switch {
	case day >= 20 && day < 21:
		fields = `result="timeout",result_code=4i`
	case day >= 30 && day < 32:
		fields = strings.Replace(fields, "nodes_unusable=0i", "nodes_unusable=1i", 1)
	case day >= 50 && day < 51:
		fields = `result="success",result_code=0i,nodes=2i,answered_by="rim.example.com",nodes_vanished=1i,nodes_unusable=0i`
	case day >= 51 && day < 60: // the program was started again
		fields = `result="success",result_code=0i,nodes=2i,answered_by="rim.example.com",nodes_vanished=0i,nodes_unusable=0i`
	case day >= 74:
		fields = `result="success",result_code=0i,nodes=2i,answered_by="rim.example.com",nodes_vanished=1i,nodes_unusable=0i`
	}
	return "qlik_sense_site,environment=PROD,site=Zürich,source=central.example.com " + fields
}

func sceneBegin(i int) time.Time {
	return storyBegin.Add(time.Duration(scenes[i].day * 24 * float64(time.Hour)))
}

func (c *cast) insert(t *testing.T, database, lines string) {
	t.Helper()
	_, err := c.DB.Query("", "CREATE DATABASE "+database)
	require.NoError(t, err)
	response, err := http.Post(c.DB.URL+"/write?db="+database, "text/plain", strings.NewReader(lines))
	require.NoError(t, err)
	var body bytes.Buffer
	_, err = body.ReadFrom(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusNoContent, response.StatusCode, body.String())
}

// longName is a name of 60 characters.
func longName(i int) string { return strings.Repeat("very-long-", 5) + fmt.Sprintf("name%06d", i) }

// writeMany fills a database with a fleet that is hard to show: 36 versions, and names of 60
// characters, a server of the same name in two sites among them.
func (c *cast) writeMany(t *testing.T, database string) {
	t.Helper()
	var b strings.Builder
	for i := range 40 {
		site := strings.Repeat("long-", 10) + fmt.Sprintf("site-%05d", i%2)
		source := longName(i / 2)
		judged := `compliance="compliant",compliance_code=0i,compliance_reason=""`
		if i%10 == 9 {
			judged = `compliance="non_compliant",compliance_code=1i,compliance_reason="below_minimum",below_minimum=1i`
		}
		fmt.Fprintf(&b, "qlik_sense_version,environment=%s,source=%s result=\"success\",result_code=0i,"+
			"releases_age_days=3i,advisories_age_days=1i,exploited_age_days=1i,undecided_advisory_count=0i,"+
			`advisory_count=0i,exploited_advisory_count=0i,advisories="",fixed_in="",`+
			"release_year=2025i,release_month=%di,patches_behind=%di,release_label=\"%s 2025 Patch %d\",version=\"14.231.%d\",%s %d\n",
			site, source, 5+6*(i%2), 30-i*3/4, []string{"May", "November"}[i%2], 1+i*3/4, i*3/4, judged, storyEnd.UnixNano())
	}
	c.insert(t, database, b.String())
}
