//go:build linux

package recipes

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

// recipes are the files of deploy/recipes, each with its tests.
var recipes = map[string][]func(*testing.T){
	"inventory-csv.conf": {testInventory, testInventoryRotation},
	"cmdb-http.conf":     {testCMDB, testCMDBOutages, testCMDBRefresh},
	"change-tickets.conf": {
		testTickets, testTicketsReplaced, testTicketsWithoutRelease, testTicketsOutages, testTicketsOddText, testTicketsLargeFleet,
	},
	"vulnerability-webhook.conf": {testSlack, testTeams, testChatReminder},
	"vulnerability-digest.conf": {
		testDigest, testDigestTeams, testDigestLargeFleet, testDigestNotPolled, testDigestReminder, testDigestOrder, testDigestClockWasAhead,
	},
	"prometheus.conf":            {testPrometheus},
	"influxdb-v1.conf":           {testInfluxDBv1},
	"influxdb-v2.conf":           {testInfluxDBv2, testInfluxDBv2Requests},
	"influxdb-v3.conf":           {testInfluxDBv3Requests},
	"mqtt-central-site.conf":     {testMQTT},
	"mqtt-central-consumer.conf": {testMQTTShared}, // and testMQTT
}

func TestRecipes(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(rig.Root + "/deploy/recipes/*.conf")
	require.NoError(t, err)
	require.Len(t, files, len(recipes), "each file has its tests")
	for _, file := range files {
		name := filepath.Base(file)
		require.NotEmpty(t, recipes[name], "%s has no test", name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("parse", func(t *testing.T) { testParse(t, name) })
			t.Run("header", func(t *testing.T) { testHeader(t, name) })
			for i, test := range recipes[name] {
				t.Run(fmt.Sprintf("run%d", i+1), test)
			}
		})
	}
}

// Telegraf accepts the file with nothing changed but the path of a certificate, and it rejects an
// unknown option in each of the file's tables.
func testParse(t *testing.T, name string) {
	r := newFixture(t)
	check := func(text string, flags ...string) (int, string) {
		args := append([]string{"config", "check", "--config", r.Write(name, text)}, flags...)
		p, err := stack.Start(r.recipesTelegraf(), args, nil)
		require.NoError(t, err)
		status, err := p.Wait(rig.Patience)
		require.NoError(t, err)
		return status, p.Output()
	}
	text := strings.ReplaceAll(r.Read(rig.Root+"/deploy/recipes/"+name), "/etc/telegraf/broker-ca.pem", r.SiteDir+"/root.pem")
	for _, flag := range []string{"--strict-env-handling", "--non-strict-env-handling"} {
		status, output := check(text, flag)
		require.Zero(t, status, output)
		require.NotContains(t, output, "E! ")
		require.NotContains(t, output, "deprecated")
	}
	for _, table := range regexp.MustCompile(`(?m)^\[\[.*\]\]$`).FindAllString(text, -1) {
		status, output := check(r.Edit(text, table, table+"\n  no_such_option = 1"))
		require.NotZero(t, status, table)
		require.Contains(t, output, "no_such_option")
	}
}

var (
	namedrop  = regexp.MustCompile(`(?m)^# +(namedrop = \[.*\])$`)
	statefile = regexp.MustCompile(`(?m)^  statefile = "(.*)"$`)
)

// The header says where the file goes, what it needs, what to edit, what stops Telegraf and how to
// try it. The file holds no secrets. A recipe that makes points of its own says at the very top how
// to keep them out of other outputs.
func testHeader(t *testing.T, name string) {
	r := newFixture(t)
	text := r.Read(rig.Root + "/deploy/recipes/" + name)
	header, rest, found := strings.Cut(text, "\n[[")
	require.True(t, found)
	for _, heading := range []string{
		"# Goes to:  /etc/telegraf/telegraf.d/", `C:\Program Files\Telegraf\telegraf.d\`, "# Needs:    ", "# Edit:     ", "# Stops:    ", "# Try:      ",
	} {
		require.Contains(t, header, heading)
	}
	if strings.Contains(rest, `"/var/lib/telegraf/`) || strings.Contains(header, `"/var/lib/telegraf/`) {
		require.Contains(t, header, "#             install -d -o telegraf -g telegraf -m 0770 /var/lib/telegraf\n")
	}
	for _, match := range regexp.MustCompile(`(?m)^ +(password|token|Authorization) = (.*)$`).FindAllStringSubmatch(rest, -1) {
		require.Regexp(t, `^"(Bearer )?\$\{QLIK_SENSE_\w+\}"$`, match[2])
	}
	for _, match := range regexp.MustCompile(`\$\{(\w+)\}`).FindAllStringSubmatch(rest, -1) {
		require.Contains(t, header, "# Secret: ")
		require.Contains(t, header, "#             "+match[1]+"=", "the header names the variable")
	}
	makesPoints := regexp.MustCompile(`\bMetric\(`).MatchString(rest)
	require.Equal(t, makesPoints, namedrop.MatchString(header))
	if makesPoints {
		require.Regexp(t, `^# Every other output of this agent without a namepass needs this line, or (.*\n){2}#   namedrop = `, text)
	}
	// A recipe that sends messages keeps its state in the one file that the packages create.
	sends := strings.Contains(rest, "[[outputs.http]]")
	require.Equal(t, sends, statefile.MatchString(header))
	if sends {
		require.Equal(t, "/var/lib/telegraf/statefile", statefile.FindStringSubmatch(header)[1])
		require.Contains(t, header, "# Restart:  ")
	}
	// Recipes share a Telegraf with other plugins and with each other: each table has an alias of
	// its own and takes the plugin's points alone.
	require.Equal(t, strings.Count(text, "\n[["), strings.Count(text, "\n  alias = \"qlik_sense_version_"))
	if name != "mqtt-central-consumer.conf" {
		for _, table := range strings.Split(text, "\n[[")[1:] {
			require.Regexp(t, `(?m)^  (namepass = \[|name_override = )"qlik_sense_version`, table)
		}
	}
}

// fixture is what one test of a recipe needs.
type fixture struct {
	*rig.Rig
	statefile string // for the recipes that keep a state
	plans     string // file with a line for each plan that change-tickets.conf has started
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	dir := t.TempDir()
	return &fixture{rig.New(t), filepath.Join(dir, "statefile"), filepath.Join(dir, "plans")}
}

// recipesBuild is the Telegraf with the recipes' plugins, built once.
var recipesBuild struct {
	sync.Once
	path string
	err  error
}

func (r *fixture) recipesTelegraf() string {
	r.Helper()
	b := &recipesBuild
	b.Do(func() { b.path, b.err = r.Tools.RecipesTelegraf(context.Background(), os.Stderr) })
	if b.err != nil && os.Getenv("CI") == "" {
		r.Skipf("a Telegraf with the recipes' plugins could not be built: %v", b.err)
	}
	require.NoError(r, b.err)
	return b.path
}

// requireProgram returns the path of a program from a Debian package. It skips the test if the
// program is not installed.
func (r *fixture) requireProgram(name, pkg string) string {
	r.Helper()
	path, err := stack.FindProgram(name)
	if err != nil {
		r.Skipf("%s is not installed: apt-get install --no-install-recommends %s", name, pkg)
	}
	return path
}

// recipe returns a shipped file, edited as a user would do it.
func (r *fixture) recipe(name string, edits ...string) string {
	r.Helper()
	text := strings.Replace(r.Read(rig.Root+"/deploy/recipes/"+name), "/var/lib/telegraf/statefile", r.statefile, 1)
	return r.Edit(text, edits...)
}

// agent is a Telegraf that polls servers all the time, with recipes and with an output of the
// user's own, which writes to the test's database and has no filter but the namedrop that the
// recipes ask for.
type agent struct {
	*fixture
	*stack.Process
	dir, config string
	files       map[string]string
	env         []string
}

const agentConfig = `[agent]
  interval = "1h"
  flush_interval = "100ms"
  hostname = "agent1"
  debug = true
  skip_processors_after_aggregators = true
[[outputs.influxdb]]
  urls = [%q]
  database = %q
  %s
`

// round is the agent's polling interval.
const round = 300 * time.Millisecond

// startAgent starts a Telegraf with the shipped drop-in, which holds the settings, and recipes by
// file name.
func (r *fixture) startAgent(settings string, files map[string]string, env ...string) *agent {
	r.Helper()
	return r.startAgentEvery(round, settings, files, env...)
}

func (r *fixture) startAgentEvery(interval time.Duration, settings string, files map[string]string, env ...string) *agent {
	r.Helper()
	a := r.newAgent(interval, settings, files, env...)
	a.start()
	r.Cleanup(a.stop)
	return a
}

// newAgent returns an agent that is not started yet.
func (r *fixture) newAgent(interval time.Duration, settings string, files map[string]string, env ...string) *agent {
	r.Helper()
	filter := ""
	for _, text := range files {
		if match := namedrop.FindStringSubmatch(text); match != nil {
			filter = match[1]
		}
	}
	a := &agent{fixture: r, dir: r.TempDir(), files: files, env: env}
	a.config = fmt.Sprintf(agentConfig, r.DB.URL, r.Database, filter)
	a.files[dropIn] = r.DropIn(settings, `"6h"`, fmt.Sprintf("%q", interval))
	// change-tickets.conf reads the drop-in, too.
	for name, text := range a.files {
		a.files[name] = strings.ReplaceAll(text, `"/etc/telegraf/telegraf.d/`+dropIn, `"`+a.dropInPath())
	}
	return a
}

// dropIn is the name of the plugin's own drop-in.
const dropIn = "qlik-sense-version.conf"

// dropInPath is the path of that drop-in.
func (a *agent) dropInPath() string { return filepath.Join(a.dir, "telegraf.d", dropIn) }

func (a *agent) start() {
	a.Helper()
	p, err := stack.StartAgent(a.recipesTelegraf(), a.dir, a.config, a.files, a.env...)
	require.NoError(a, err)
	a.Process = p
	a.Cleanup(func() { p.Signal(os.Kill) }) // in case the test fails before it stops the agent
}

func (a *agent) stop() {
	a.Helper()
	_, err := a.Stop(rig.Patience)
	require.NoError(a, err)
	require.NotContains(a, a.Output(), "E! [processors.", "a script of a recipe failed")
	require.NotContains(a, a.Output(), "buffer overflow")
}

func (a *agent) restart() {
	a.Helper()
	a.stop()
	a.start()
}

// crash kills Telegraf, which then cannot write its state.
func (a *agent) crash() {
	a.Helper()
	require.NoError(a, a.Signal(syscall.SIGKILL))
	_, err := a.Wait(rig.Patience)
	require.NoError(a, err)
}

// removeState removes the state file of an agent that was stopped.
func (a *agent) removeState() {
	a.Helper()
	require.NoError(a, os.Remove(a.statefile))
}

// awaitRounds waits until n more rounds of all servers are in the database.
func (a *agent) awaitRounds(n int) {
	a.Helper()
	// InfluxDB counts: with a thousand servers each query for the points would return megabytes.
	count := func(series []stack.Series) int {
		if len(series) == 0 {
			return 0
		}
		points, err := series[0].Values[0][1].(json.Number).Int64()
		require.NoError(a, err)
		return int(points)
	}
	const statement = "SELECT count(result_code) FROM qlik_sense_version"
	// Await, because Telegraf may not have created the database yet.
	before, err := a.DB.Await(a.Database, statement, 0, func([]stack.Series) bool { return true })
	require.NoError(a, err)
	_, err = a.DB.Await(a.Database, statement, rig.Patience, func(s []stack.Series) bool { return count(s) >= count(before)+n*a.Servers })
	require.NoError(a, err)
}

// requirePluginPoints checks that the user's own output got the plugin's points only, without a
// tag or field that a recipe added.
func (a *agent) requirePluginPoints() {
	a.Helper()
	series, err := a.DB.Query(a.Database, "SHOW MEASUREMENTS")
	require.NoError(a, err)
	require.Equal(a, []rig.Row{{"name": "qlik_sense_version"}}, rig.Rows(series))
	series, err = a.DB.Query(a.Database, "SHOW TAG KEYS")
	require.NoError(a, err)
	for _, row := range rig.Rows(series) {
		require.Contains(a, []string{"environment", "host", "source"}, row["tagKey"])
	}
	series, err = a.DB.Query(a.Database, "SHOW FIELD KEYS")
	require.NoError(a, err)
	for _, row := range rig.Rows(series) {
		require.Contains(a, fieldNames(), row["fieldKey"])
	}
}

// fieldNames returns the names of the fields that a point can have.
func fieldNames() []string {
	names := make([]string, 0, len(fleet.Fields))
	for _, f := range fleet.Fields {
		names = append(names, f.Name)
	}
	return names
}

const productionTag = "  [inputs.qlik_sense_version.tags]\n    environment = \"PROD\"\n"

// set changes the version that a server reports.
func (r *fixture) set(fleet *simulator.Fleet, server int, label, version string) {
	r.Helper()
	require.NoError(r, fleet.Set(server, simulator.Server{Reply: simulator.Reply(label, version)}))
}

func (r *fixture) fail(fleet *simulator.Fleet, server int, fault simulator.Fault) {
	r.Helper()
	require.NoError(r, fleet.Set(server, simulator.Server{Fault: fault}))
}
