//go:build linux

package recipes

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
)

// What the heads say under "Stops" ends Telegraf, and what is said to end nothing does not.
func TestRecipesStop(t *testing.T) {
	for _, test := range []struct {
		name, file string
		edits      []string // folders and files that are not there, ports where nobody is
		state      string   // what is in the state file
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
		{name: "state as the packages make it", file: "vulnerability-webhook.conf", state: "{}\n"},
		{name: "chat without its variable", file: "vulnerability-webhook.conf", log: "unsupported protocol scheme"},
		{
			name: "digest without its variable", file: "vulnerability-digest.conf",
			edits: []string{`period = "30s"`, `period = "100ms"`}, log: "unsupported protocol scheme",
		},
		{name: "CMDB that is away", file: "cmdb-http.conf", edits: []string{"https://cmdb.example.com", "http://127.0.0.1:9"}, log: "connection refused"},
		{name: "tickets without their variable", file: "change-tickets.conf"},
		{
			name: "tickets without the program", file: "change-tickets.conf",
			edits: []string{"/usr/bin/telegraf", "/nowhere/telegraf", `interval = "6h"`, `interval = "300ms"`, `"5m"`, `"0s"`},
			log:   "E! [inputs.exec::qlik_sense_version_tickets] Error in plugin: exec: fork/exec /nowhere/telegraf-qlik-sense-version",
		},
		{name: "InfluxDB 1 that is away", file: "influxdb-v1.conf", edits: []string{"influxdb.example.com:8086", "127.0.0.1:9"}, log: "connection refused"},
		{name: "InfluxDB 2 that is away", file: "influxdb-v2.conf", edits: []string{"influxdb.example.com:8086", "127.0.0.1:9"}, log: "connection refused"},
		{name: "InfluxDB 3 that is away", file: "influxdb-v3.conf", edits: []string{"influxdb.example.com:8181", "127.0.0.1:9"}, log: "connection refused"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newFixture(t)
			if test.state != "" {
				require.NoError(t, os.WriteFile(r.statefile, []byte(test.state), 0o600))
			}
			_, hosts := r.Start(old())
			a := r.prepare(round, r.Block(hosts, production), map[string]string{test.file: r.recipe(test.file, test.edits...)})
			a.start()
			if !test.stops {
				a.rounds(1)
				require.NoError(t, a.Await(test.log, 1, rig.Patience))
				a.stop()
				return
			}
			status, err := a.Wait(rig.Patience)
			require.NoError(t, err)
			require.NotZero(t, status)
			require.Contains(t, a.Output(), test.log)
		})
	}
}

// Without the folder of the state Telegraf runs, and says at its end that it could not
// write it.
func TestRecipesStateFolder(t *testing.T) {
	r := newFixture(t)
	r.statefile = filepath.Join(r.TempDir(), "nowhere", "statefile")
	v := r.receiver()
	_, hosts := r.Start(old())
	a := r.prepare(round, r.Block(hosts, production), r.cmdb(v))
	a.start()
	v.await(1)
	status, err := a.Stop(rig.Patience)
	require.NoError(t, err)
	require.NotZero(t, status)
	require.Contains(t, a.Output(), "creating states file")
	a.start()
	v.await(2)
	_, err = a.Stop(rig.Patience)
	require.NoError(t, err)
}

// A state file of the user's own is replaced, as the heads say, by that of a drop-in; all
// else in his table stays.
func TestRecipesReplaceStatefile(t *testing.T) {
	r := newFixture(t)
	v := r.receiver()
	_, hosts := r.Start(old())
	a := r.prepare(round, r.Block(hosts, production), r.cmdb(v))
	own := filepath.Join(r.TempDir(), "own")
	a.config = r.Edit(a.config, "[agent]\n", "[agent]\n  statefile = \""+own+"\"\n")
	a.start()
	require.Equal(t, "agent1", decode[configurationItem](t, v.await(1)[0].body).Tags["host"])
	a.stop()
	require.FileExists(t, r.statefile)
	require.NoFileExists(t, own)
	require.Contains(t, a.Output(), "W! Overlapping settings in multiple agent tables")
	// Without the lines of the recipe his own is in use.
	file := a.files["cmdb-http.conf"]
	a.files["cmdb-http.conf"] = r.Edit(file, "[agent]\n  statefile = \""+r.statefile+"\"\n", "")
	a.start()
	v.await(2)
	a.stop()
	require.FileExists(t, own)
	require.NotContains(t, a.Output(), "W! Overlapping")
}

// What waits when Telegraf stops outlives it in Telegraf's own buffer on disk.
func TestRecipesBufferOnDisk(t *testing.T) {
	r := newFixture(t)
	v := r.receiver()
	_, hosts := r.Start(old())
	a := r.prepare(round, r.Block(hosts, production), r.tickets(v, hurry...))
	a.config = r.Edit(a.config, "[agent]\n", "[agent]\n  buffer_strategy = \"disk\"\n  buffer_directory = \""+r.TempDir()+"\"\n")
	v.answer(503)
	a.start()
	v.awaitRefused(1)
	a.stop()
	v.answer(201)
	a.start()
	require.Contains(t, v.await(1)[0].body, oldLabel)
	a.planned(2)
	v.await(1)
	a.stop()
}
