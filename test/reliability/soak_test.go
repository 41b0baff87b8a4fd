//go:build linux

package reliability

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

var (
	soakTime = flag.Duration("soak", 15*time.Second, "how long TestSoak runs")
	seed     = flag.Uint64("seed", uint64(time.Now().UnixNano()), "seed of the random disturbances and faults")
)

// faultResults are the expected results of polls of servers with a fault.
var faultResults = map[simulator.Fault]string{
	"":                                "success",
	simulator.FaultDown:               "connection_failed",
	simulator.FaultReset:              "connection_failed",
	simulator.FaultNoHandshake:        "timeout",
	simulator.FaultPlainHTTP:          "tls_error",
	simulator.FaultExpiredCertificate: "tls_error",
	simulator.FaultNoSAN:              "tls_error",
	simulator.FaultForeignCA:          "tls_error",
	simulator.FaultClientRefused:      "tls_error",
	simulator.FaultRenegotiation:      "tls_error",
	simulator.FaultWarningFlood:       "tls_error",
	simulator.FaultDamagedRecord:      "tls_error",
	simulator.FaultNoAnswer:           "timeout",
	simulator.FaultHugeHeaders:        "body_read_error",
	simulator.Fault204:                "response_status_code_mismatch",
	simulator.Fault302:                "authentication_failed",
	simulator.Fault401:                "authentication_failed",
	simulator.Fault403:                "authentication_failed",
	simulator.Fault500:                "response_status_code_mismatch",
	simulator.Fault503:                "response_status_code_mismatch",
	simulator.FaultHTML:               "invalid_response",
	simulator.FaultOtherJSON:          "invalid_response",
	simulator.FaultBadJSON:            "invalid_response",
	simulator.FaultBrokenOff:          "body_read_error",
	simulator.FaultSlowDrip:           "timeout",
	simulator.FaultHuge:               "body_read_error",
}

// TestSoak runs a real Telegraf that polls servers into a real InfluxDB, with one disturbance after the
// other. After each, the next complete round must have the right result for every server. The plugin is
// restarted only in the first quarter: after that its memory, descriptors and threads must not grow.
//
//	go test ./test/reliability -run TestSoak -v -timeout 3h -args -soak 2h
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	s := startSoak(t)
	restarts, faults := s.disturbances()
	begun := time.Now()
	for time.Since(begun) < *soakTime/4 {
		s.step(append(restarts, faults...))
	}
	pid, err := s.telegraf.Child(rig.Patience)
	require.NoError(t, err)
	usage := &usageLog{pid: pid, begun: begun}
	first := s.settle(usage)
	for time.Since(begun) < *soakTime {
		s.step(faults)
		usage.record(t)
	}
	last := s.settle(usage)
	now, err := s.telegraf.Child(rig.Patience)
	require.NoError(t, err)
	require.Equal(t, pid, now, "the program ended:\n%s", s.telegraf.Output())
	s.report(usage)
	requireNoGrowth(t, first, last)
	s.requireCleanLog()
}

type soak struct {
	*rig.Rig
	random   *rand.Rand
	fleet    *simulator.Fleet
	servers  []simulator.Server
	hosts    []string
	dir      string // holds the certificates and the catalogue
	telegraf *stack.Process

	steps   map[string]int // by the name of the disturbance
	starved int            // rounds in which the machine was too busy for a server
}

func startSoak(t *testing.T) *soak {
	t.Helper()
	t.Logf("-seed %d", *seed)
	s := &soak{
		Rig: rig.New(t), random: rand.New(rand.NewPCG(*seed, 0)), servers: make([]simulator.Server, 40), dir: t.TempDir(),
		steps: make(map[string]int),
	}
	s.fleet, s.hosts = s.Start(s.servers...)
	require.NoError(t, s.Site.Export(s.dir))
	s.writeCatalog(s.Read(rig.Root + "/internal/catalog/catalog.toml"))
	block := s.Block(s.hosts, fmt.Sprintf("  timeout = \"5s\"\n  catalog_file = %q", filepath.Join(s.dir, "catalog.toml")))
	s.telegraf = s.Telegraf(s.DropIn(s.Edit(block, s.SiteDir, s.dir), `"6h"`, `"2s"`,
		`signal = "STDIN"`, "signal = \"STDIN\"\n  restart_delay = \"1s\""))
	s.requireRound(time.Now())
	return s
}

// step applies a random disturbance, then checks the next complete round.
func (s *soak) step(disturbances []disturbance) {
	next := disturbances[s.random.IntN(len(disturbances))]
	s.steps[next.name]++
	next.disturb()
	s.requireRound(time.Now())
}

// settle recovers all servers, so that no round hangs, and returns the plugin's usage between two rounds.
func (s *soak) settle(usage *usageLog) sample {
	s.Helper()
	for i, server := range s.servers {
		server.Fault = ""
		s.set(i, server)
	}
	s.requireRound(time.Now())
	before := len(usage.samples)
	for range 30 {
		time.Sleep(100 * time.Millisecond)
		usage.record(s.T)
	}
	return minimum(usage.samples[before:])
}

// requireRound waits for a round that started after a time and checks that every server has a point with
// the right result. A busy machine can make polls time out; then the next round is checked instead.
func (s *soak) requireRound(after time.Time) {
	s.Helper()
	for range 3 {
		round := s.round(after)
		starved := false
		for i, host := range s.hosts {
			starved = requirePoint(s.T, s.servers[i], round[host]) || starved
		}
		if !starved {
			return
		}
		s.starved++
		after = time.Now()
	}
	require.Fail(s, "healthy servers time out in three rounds in a row")
}

// round returns the points of the first complete round that started after a time, by server.
func (s *soak) round(after time.Time) (points map[string]rig.Row) {
	s.Helper()
	statement := fmt.Sprintf("SELECT source, result, version FROM qlik_sense_version WHERE time > %d", after.UnixNano())
	_, err := s.DB.Await(s.Database, statement, 2*rig.Patience,
		func(series []stack.Series) bool {
			points = firstComplete(rig.Rows(series), len(s.hosts))
			return points != nil
		})
	require.NoError(s, err, "no complete round after %v:\n%s", s.steps, tail(s.telegraf.Output()))
	return points
}

// requirePoint checks the point of a server. It reports whether the poll timed out unexpectedly, which
// happens on a busy machine.
func requirePoint(t *testing.T, server simulator.Server, point map[string]any) (starved bool) {
	t.Helper()
	want, got := faultResults[server.Fault], point["result"]
	switch {
	case got == "timeout" && want != "timeout":
		return true
	case got == "tls_error" && server.Fault == simulator.FaultReset:
		return false // the reset may come during the TLS handshake
	}
	require.Equal(t, want, got, "%q: %v", server.Fault, point)
	if want == "success" {
		require.Contains(t, string(server.Reply), fmt.Sprintf("%q", point["version"]))
	}
	return false
}

// firstComplete returns the points of the first complete round, by server; nil if there is none yet.
func firstComplete(points []rig.Row, servers int) map[string]rig.Row {
	rounds := make(map[any]map[string]rig.Row)
	for _, point := range points {
		if point["result"] == nil || point["result"] == "success" && point["version"] == nil {
			continue // InfluxDB writes the fields of a point one by one, and returns what is there
		}
		round := rounds[point["time"]]
		if round == nil {
			round = make(map[string]rig.Row)
			rounds[point["time"]] = round
		}
		round[point["source"].(string)] = point
	}
	for _, point := range points { // oldest first
		if round := rounds[point["time"]]; len(round) == servers {
			return round
		}
	}
	return nil
}

// requireCleanLog checks that the log mentions no crash, no invalid line and no lost point.
func (s *soak) requireCleanLog() {
	s.Helper()
	for line := range strings.Lines(s.telegraf.Output()) {
		require.NotRegexp(s, `panic|goroutine |parse error|[Dd]ropped|overflow`, line)
	}
}

func (s *soak) report(usage *usageLog) {
	s.Helper()
	series, err := s.DB.Query(s.Database, "SELECT count(result_code) FROM qlik_sense_version")
	require.NoError(s, err)
	s.Logf("%v points, disturbances %v, rounds on a starved machine %d", rig.Rows(series)[0]["count"], s.steps, s.starved)
	s.Logf("log: %d lines, %d bytes", strings.Count(s.telegraf.Output(), "\n"), len(s.telegraf.Output()))
	for _, line := range usage.table() {
		s.Log(line)
	}
}

func tail(text string) string { return text[max(0, len(text)-4000):] }
