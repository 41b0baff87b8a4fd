package qlik_sense_version

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/testutil"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/internal/simulator/simulatortest"
)

var sharedSite simulatortest.Site

func TestMain(m *testing.M) { sharedSite.Main(m) }

const (
	oldRelease = "May 2024 Patch 1"
	oldVersion = "14.187.5"
	newRelease = "May 2025 Patch 15"
	newVersion = "14.231.27"
)

// start starts simulated servers, by default with oldRelease, until the test ends.
func start(t *testing.T, servers ...simulator.Server) *simulator.Fleet {
	t.Helper()
	for i := range servers {
		if servers[i].Reply == nil {
			servers[i].Reply = simulator.Reply(oldRelease, oldVersion)
		}
	}
	fleet, _ := sharedSite.Start(t, servers...)
	return fleet
}

// addresses returns the host and port of every server.
func addresses(fleet *simulator.Fleet, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fleet.Addr(i)
	}
	return list
}

// newPlugin returns a block with the certificates of the site, before Init.
func newPlugin(hosts ...string) (*QlikSenseVersion, *testutil.CaptureLogger) {
	log := &testutil.CaptureLogger{Name: "qlik_sense_version"}
	q := New()
	q.Log = log
	q.Hosts = hosts
	q.Timeout = Duration(5 * time.Second)
	q.ClientConfig = sharedSite.TLS()
	isolate(q)
	return q, log
}

// isolate makes a block share no state with other blocks, and lets the built-in data prove compliance on
// any day.
func isolate(q *QlikSenseVersion) {
	q.process = fleet.NewProcess(time.Now)
	q.CatalogMaxAge = Duration(100 * 365 * 24 * time.Hour)
}

// round is the result of Gather.
type round struct {
	points []telegraf.Metric
	errors []string
}

func gather(t *testing.T, q *QlikSenseVersion) round {
	t.Helper()
	var acc testutil.Accumulator
	require.NoError(t, q.Gather(&acc))
	r := round{points: acc.GetTelegrafMetrics()}
	for _, err := range acc.Errors {
		r.errors = append(r.errors, err.Error())
	}
	return r
}

// sites returns the points about sites.
func (r round) sites() []telegraf.Metric {
	return slices.DeleteFunc(slices.Clone(r.points), func(point telegraf.Metric) bool { return point.Name() != siteMeasurement })
}

// bySource returns the points about servers by source, which must be unique.
func (r round) bySource(t *testing.T) map[string]telegraf.Metric {
	t.Helper()
	points := make(map[string]telegraf.Metric, len(r.points))
	for _, point := range r.points {
		if point.Name() == siteMeasurement {
			continue
		}
		source, ok := point.GetTag("source")
		require.True(t, ok)
		require.NotContains(t, points, source, "two points of a server in one round")
		points[source] = point
	}
	return points
}

// result returns the field "result" of the only point.
func (r round) result(t *testing.T) string {
	t.Helper()
	require.Len(t, r.points, 1)
	return field(t, r.points[0], "result").(string)
}

func field(t *testing.T, point telegraf.Metric, name string) any {
	t.Helper()
	value, ok := point.GetField(name)
	require.True(t, ok, "no field %s", name)
	return value
}

// lines returns the messages of a level, except those about the catalogue, which depend on its age.
func lines(log *testutil.CaptureLogger, level byte) []string {
	var texts []string
	for _, entry := range log.Messages() {
		if entry.Level == level && !strings.HasPrefix(entry.Text, "Catalogue (") {
			texts = append(texts, entry.Text)
		}
	}
	return texts
}

// allMessages returns all messages as one text.
func allMessages(log *testutil.CaptureLogger) string {
	var all strings.Builder
	for _, entry := range log.Messages() {
		all.WriteString(entry.String() + "\n")
	}
	return all.String()
}

// writeFile writes a text to a new file and returns its path.
func writeFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}
