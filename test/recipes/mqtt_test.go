//go:build linux

package recipes

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

// broker is a Mosquitto with TLS and passwords, set up as the recipes require.
type broker struct {
	*fixture
	*stack.Mosquitto
	ca string
}

func (r *fixture) startBroker() *broker {
	r.Helper()
	program, passwords := r.requireProgram("mosquitto", "mosquitto"), r.requireProgram("mosquitto_passwd", "mosquitto")
	dir := r.TempDir()
	b := &broker{fixture: r, ca: filepath.Join(dir, "ca.pem")}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(r, err)
	certificate := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "broker"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, certificate, certificate, key.Public(), key)
	require.NoError(r, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(r, err)
	require.NoError(r, os.WriteFile(b.ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(r, os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	file := filepath.Join(dir, "passwords")
	for i, name := range []string{"qlik_sense_site", "qlik_sense_central"} {
		output, err := exec.Command(passwords, append([]string{"-c", "-b"}[i:], file, name, "s3cret")...).CombinedOutput()
		require.NoError(r, err, string(output))
	}
	b.Mosquitto, err = stack.StartMosquitto(program, dir, fmt.Sprintf(
		"max_queued_messages 0\nallow_anonymous false\npassword_file %s\ncertfile %s\nkeyfile %s\n", file, b.ca, filepath.Join(dir, "key.pem")))
	require.NoError(r, err)
	r.Cleanup(b.stop)
	return b
}

func (b *broker) stop() {
	b.Helper()
	_, err := b.Stop(rig.Patience)
	require.NoError(b, err)
}

// mqttRecipe returns a recipe with this broker's address.
func (b *broker) mqttRecipe(name string, edits ...string) string {
	b.Helper()
	return b.recipe(name, append(edits, "ssl://broker.example.com:8883", "ssl://"+b.Address, "/etc/telegraf/broker-ca.pem", b.ca)...)
}

// startConsumer starts a central agent with mqtt-central-consumer.conf and influxdb-v1.conf, and
// nothing else.
func (b *broker) startConsumer(hostname, client string, db *stack.InfluxDB, edits ...string) *agent {
	b.Helper()
	a := &agent{fixture: b.fixture, dir: b.TempDir(), env: []string{"QLIK_SENSE_MQTT_PASSWORD=s3cret", "QLIK_SENSE_INFLUXDB_PASSWORD=x"}}
	a.config = fmt.Sprintf("[agent]\n  interval = \"1s\"\n  flush_interval = \"100ms\"\n  hostname = %q\n  debug = true\n", hostname)
	a.files = map[string]string{
		"mqtt-central-consumer.conf": b.mqttRecipe("mqtt-central-consumer.conf",
			append(edits, "qlik-sense-central-1", client)...),
		"influxdb-v1.conf": b.recipe("influxdb-v1.conf", "http://influxdb.example.com:8086", db.URL),
	}
	a.start()
	b.Cleanup(a.stop)
	b.AwaitLog(a.Process, "Connected [")
	return a
}

// One site and one consumer. Consumer, broker and database go down, one after the other.
func testMQTT(t *testing.T) {
	r := newFixture(t)
	b := r.startBroker()
	dir := t.TempDir()
	db, err := stack.StartInfluxDB(r.Tools.InfluxDB, dir)
	require.NoError(t, err)
	defer func() {
		_, err := db.Stop(rig.Patience)
		require.NoError(t, err)
	}()
	consumer := b.startConsumer("central1", "qlik-sense-central-1", db)

	fleet, hosts := r.Start(oldServer(), oldServer())
	site := map[string]string{"mqtt-central-site.conf": b.mqttRecipe("mqtt-central-site.conf", `timeout = "10s"`, `timeout = "1s"`)}
	a := r.startAgent(r.Block(hosts, productionTag), site, "QLIK_SENSE_MQTT_PASSWORD=s3cret")
	for _, p := range consumer.pointsIn(db, "qlik_sense", 4) {
		require.Equal(t, "agent1", p["host"], "the site's name, not the consumer's")
		require.NotContains(t, p, "topic")
	}

	consumer.stop()
	r.set(fleet, 0, newLabel, newVersion)
	a.awaitRounds(2)
	r.set(fleet, 0, oldLabel, oldVersion)
	b.stop() // must keep what waits for the consumer
	a.awaitRounds(3)
	r.fail(fleet, 1, simulator.Fault503)
	a.awaitRounds(2)
	require.NoError(t, b.StartAgain())
	a.awaitRounds(2)
	consumer.start()
	_, err = db.Stop(rig.Patience)
	require.NoError(t, err)
	a.awaitRounds(2)
	consumer.stop() // before it could write what it received
	require.NoError(t, db.StartAgain())
	consumer.start()
	b.stop() // while the consumer is connected
	a.awaitRounds(1)
	require.NoError(t, b.StartAgain())
	a.awaitRounds(2)
	a.requirePluginPoints()
	consumer.pointsIn(db, "qlik_sense", len(a.Points(0, "")))   // until the site is connected again
	a.requireSamePoints(db, "qlik_sense", "qlik_sense_version") // with the times and tags of the site
}

// Two consumers share the subscription. While one is down the other goes on, and the points that
// waited for the first arrive once it is back.
func testMQTTShared(t *testing.T) {
	r := newFixture(t)
	b := r.startBroker()
	databases := make([]*stack.InfluxDB, 2)
	consumers := make([]*agent, 2)
	for i := range databases {
		var err error
		databases[i], err = stack.StartInfluxDB(r.Tools.InfluxDB, t.TempDir())
		require.NoError(t, err)
		defer func() {
			_, err := databases[i].Stop(rig.Patience)
			require.NoError(t, err)
		}()
		consumers[i] = b.startConsumer(fmt.Sprintf("central%d", i+1), fmt.Sprintf("qlik-sense-central-%d", i+1), databases[i],
			"\n  topics = ", "\n  # topics = ", "\n  # topics = [\"$$share", "\n  topics = [\"$$share")
	}
	_, hosts := r.Start(oldServer())
	site := map[string]string{"mqtt-central-site.conf": b.mqttRecipe("mqtt-central-site.conf")}
	a := r.startAgent(r.Block(hosts, productionTag), site, "QLIK_SENSE_MQTT_PASSWORD=s3cret")
	for i := range databases {
		consumers[i].pointsIn(databases[i], "qlik_sense", 2)
	}
	consumers[0].stop()
	a.awaitRounds(4)
	consumers[0].start()
	a.awaitRounds(2)
	a.stop()
	want := a.Points(1, "")
	var got []rig.Row
	require.Eventually(t, func() bool {
		got = append(consumers[0].pointsIn(databases[0], "qlik_sense", 1), consumers[1].pointsIn(databases[1], "qlik_sense", 1)...)
		return len(got) >= len(want)
	}, rig.Patience, 50*time.Millisecond)
	sort.Slice(got, func(i, j int) bool { return got[i]["time"].(string) < got[j]["time"].(string) })
	require.ElementsMatch(t, want, got, "each point goes to exactly one consumer")
}
