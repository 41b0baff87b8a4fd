//go:build linux

package recipes

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
)

// What a recipe's header names under "Stops" ends Telegraf; other faults do not.
func TestRecipesThatStopTelegraf(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		edits      []string // to missing folders and files, and to ports on which nothing listens
		state      string   // content of the state file
		stops      bool
		log        string
	}{
		{
			name: "inventory without its folder", file: "inventory-csv.conf", stops: true,
			edits: []string{"/var/lib/telegraf/qlik", "/nowhere/telegraf/qlik"}, log: "no such file or directory",
		},
		{
			name: "broker without its certificate", file: "mqtt-central-site.conf", stops: true,
			edits: []string{"/etc/telegraf/broker-ca.pem", "/nowhere/broker-ca.pem"}, log: "/nowhere/broker-ca.pem",
		},
		{
			name: "consumer without its certificate", file: "mqtt-central-consumer.conf", stops: true,
			edits: []string{"/etc/telegraf/broker-ca.pem", "/nowhere/broker-ca.pem"}, log: "/nowhere/broker-ca.pem",
		},
		{name: "state cut off", file: "vulnerability-webhook.conf", state: `{"a": "e`, stops: true, log: "unmarshalling states failed"},
		{name: "state as the packages create it", file: "vulnerability-webhook.conf", state: "{}\n"},
		{name: "chat without its variable", file: "vulnerability-webhook.conf", log: "unsupported protocol scheme"},
		{
			name: "digest without its variable", file: "vulnerability-digest.conf",
			edits: []string{`period = "30s"`, `period = "100ms"`}, log: "unsupported protocol scheme",
		},
		{name: "CMDB that is down", file: "cmdb-http.conf", edits: []string{"https://cmdb.example.com", "http://127.0.0.1:9"}, log: "connection refused"},
		{name: "tickets without their variable", file: "change-tickets.conf"},
		{
			name: "tickets without the program", file: "change-tickets.conf",
			edits: []string{"/usr/bin/telegraf", "/nowhere/telegraf", `interval = "6h"`, `interval = "300ms"`, `"5m"`, `"0s"`},
			log:   "E! [inputs.exec::qlik_sense_version_tickets] Error in plugin: exec: fork/exec /nowhere/telegraf-qlik-sense-version",
		},
		{name: "InfluxDB 1 that is down", file: "influxdb-v1.conf", edits: []string{"influxdb.example.com:8086", "127.0.0.1:9"}, log: "connection refused"},
		{name: "InfluxDB 2 that is down", file: "influxdb-v2.conf", edits: []string{"influxdb.example.com:8086", "127.0.0.1:9"}, log: "connection refused"},
		{name: "InfluxDB 3 that is down", file: "influxdb-v3.conf", edits: []string{"influxdb.example.com:8181", "127.0.0.1:9"}, log: "connection refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newFixture(t)
			if tt.state != "" {
				require.NoError(t, os.WriteFile(r.statefile, []byte(tt.state), 0o600))
			}
			_, hosts := r.Start(oldServer())
			a := r.newAgent(round, r.Block(hosts, productionTag), map[string]string{tt.file: r.recipe(tt.file, tt.edits...)})
			a.start()
			if !tt.stops {
				a.awaitRounds(1)
				require.NoError(t, a.Await(tt.log, 1, rig.Patience))
				a.stop()
				return
			}
			status, err := a.Wait(rig.Patience)
			require.NoError(t, err)
			require.NotZero(t, status)
			require.Contains(t, a.Output(), tt.log)
		})
	}
}

// Telegraf runs although the folder of the state file is missing, and reports it when it stops.
func TestRecipesWithoutStateFolder(t *testing.T) {
	r := newFixture(t)
	r.statefile = filepath.Join(r.TempDir(), "nowhere", "statefile")
	e := r.startEndpoint()
	_, hosts := r.Start(oldServer())
	a := r.newAgent(round, r.Block(hosts, productionTag), r.cmdbRecipe(e))
	a.start()
	e.await(1)
	status, err := a.Stop(rig.Patience)
	require.NoError(t, err)
	require.NotZero(t, status)
	require.Contains(t, a.Output(), "creating states file")
	a.start()
	e.await(2)
	_, err = a.Stop(rig.Patience)
	require.NoError(t, err)
}

// The statefile of a recipe overrides the one in telegraf.conf, as the header says; the other
// settings of the user's [agent] table stay.
func TestRecipesOverrideStatefile(t *testing.T) {
	r := newFixture(t)
	e := r.startEndpoint()
	_, hosts := r.Start(oldServer())
	a := r.newAgent(round, r.Block(hosts, productionTag), r.cmdbRecipe(e))
	userStatefile := filepath.Join(r.TempDir(), "own")
	a.config = r.Edit(a.config, "[agent]\n", "[agent]\n  statefile = \""+userStatefile+"\"\n")
	a.start()
	require.Equal(t, "agent1", decode[configurationItem](t, e.await(1)[0].body).Tags["host"])
	a.stop()
	require.FileExists(t, r.statefile)
	require.NoFileExists(t, userStatefile)
	require.Contains(t, a.Output(), "W! Overlapping settings in multiple agent tables")
	// Without the recipe's [agent] table the user's own state file is in use.
	a.files["cmdb-http.conf"] = r.Edit(a.files["cmdb-http.conf"], "[agent]\n  statefile = \""+r.statefile+"\"\n", "")
	a.start()
	e.await(2)
	a.stop()
	require.FileExists(t, userStatefile)
	require.NotContains(t, a.Output(), "W! Overlapping")
}

// With Telegraf's buffer on disk, a ticket that waits when Telegraf stops is sent after its start.
func TestRecipesBufferOnDisk(t *testing.T) {
	r := newFixture(t)
	e := r.startEndpoint()
	_, hosts := r.Start(oldServer())
	a := r.newAgent(round, r.Block(hosts, productionTag), r.ticketsRecipe(e, shortTimeout...))
	a.config = r.Edit(a.config, "[agent]\n", "[agent]\n  buffer_strategy = \"disk\"\n  buffer_directory = \""+r.TempDir()+"\"\n")
	e.answer(503)
	a.start()
	e.awaitRefused(1)
	a.stop()
	e.answer(201)
	a.start()
	require.Contains(t, e.await(1)[0].body, oldLabel)
	a.awaitPlans(2)
	e.await(1)
	a.stop()
}
