package qlik_sense_version

import (
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/plugins/parsers/influx"
	serializer "github.com/influxdata/telegraf/plugins/serializers/influx"
	"github.com/influxdata/telegraf/testutil"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/golden"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/simulator"
)

// testServer is a [[server]] of servers.toml: a simulated server.
type testServer struct {
	Title        string            `toml:"title"`   // of the server's points in expected.out
	Address      string            `toml:"address"` // 127.0.0.1, 127.0.0.2 and so on if empty
	Name         string            `toml:"name"`    // host name in the certificate
	Fault        string            `toml:"fault"`
	Sample       string            `toml:"sample"` // name of a real server's reply
	Reply        string            `toml:"reply"`
	Header       map[string]string `toml:"header"` // required in the request
	NoClientCert bool              `toml:"no_client_cert"`
	Plain        bool              `toml:"plain"`
	Repository   bool              `toml:"repository"` // whether it lists the nodes of the case
}

// testNode is a [[node]] of servers.toml.
type testNode struct {
	Name  string   `toml:"name"`
	Host  string   `toml:"host"`
	Roles []string `toml:"roles"`
}

func (s *testServer) simulate(t *testing.T) simulator.Server {
	t.Helper()
	server := simulator.Server{Name: s.Name, NoClientCert: s.NoClientCert, Plain: s.Plain, Header: make(http.Header)}
	if s.Address != "" {
		server.Addr = net.JoinHostPort(s.Address, "0")
		listener, err := net.Listen("tcp", server.Addr)
		if err != nil {
			t.Skipf("this machine lacks the address: %v", err)
		}
		require.NoError(t, listener.Close())
	}
	for name, value := range s.Header {
		server.Header.Set(name, value)
	}
	var err error
	server.Fault, err = simulator.ParseFault(s.Fault)
	require.NoError(t, err)
	if s.Reply != "" {
		server.Reply = []byte(s.Reply)
	}
	if s.Sample != "" {
		server.Reply, err = simulator.Sample(s.Sample)
		require.NoError(t, err)
	}
	return server
}

func testCases(t *testing.T) []string {
	t.Helper()
	folders, err := filepath.Glob("testdata/testcases/*")
	require.NoError(t, err)
	require.NotEmpty(t, folders)
	return folders
}

func servers(t *testing.T, folder string) []testServer {
	t.Helper()
	servers, _ := serversAndNodes(t, folder)
	return servers
}

// serversAndNodes also returns the list of nodes.
func serversAndNodes(t *testing.T, folder string) (servers []testServer, nodes []byte) {
	t.Helper()
	var file struct {
		Servers []testServer `toml:"server"`
		Nodes   []testNode   `toml:"node"`
	}
	meta, err := toml.DecodeFile(filepath.Join(folder, "servers.toml"), &file)
	require.NoError(t, err)
	require.Empty(t, meta.Undecoded())
	list := make([]simulator.SiteNode, 0, len(file.Nodes))
	for _, n := range file.Nodes {
		list = append(list, simulator.SiteNode(n))
	}
	return file.Servers, simulator.NodeList(list...)
}

// settings reads settings.conf, in which {{server1}} is the address of the first
// simulated server, {{servers}} all addresses, each in quotes, {{certificates}} the
// folder with the site's certificates and {{case}} that of the test case.
func settings(t *testing.T, folder string, servers []string) *QlikSenseVersion {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "settings.conf"))
	require.NoError(t, err)
	replacements := make([]string, 0, 6+2*len(servers))
	replacements = append(replacements,
		"{{certificates}}", filepath.ToSlash(sharedSite.Dir),
		"{{case}}", filepath.ToSlash(folder),
		"{{servers}}", `"`+strings.Join(servers, `", "`)+`"`,
	)
	for i, server := range servers {
		replacements = append(replacements, fmt.Sprintf("{{server%d}}", i+1), server)
	}
	return load(t, strings.NewReplacer(replacements...).Replace(string(text)))
}

func TestCases(t *testing.T) {
	t.Parallel()
	for _, folder := range testCases(t) {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			described, nodes := serversAndNodes(t, folder)
			simulated := make([]simulator.Server, len(described))
			for i := range described {
				simulated[i] = described[i].simulate(t)
				if described[i].Repository {
					simulated[i].Repository = &simulator.Repository{List: nodes}
				}
			}
			q := settings(t, folder, addresses(start(t, simulated...), len(simulated)))
			require.NoError(t, q.Init())

			began := time.Now()
			got := gather(t, q)
			elapsed := time.Since(began)

			actual := make([]telegraf.Metric, 0, len(got.points))
			points := got.bySource(t)
			for _, s := range q.Block().Servers() {
				point := points[s.Source()]
				require.NotNil(t, point, "no point for %s", s)
				requireError(t, got, s, field(t, point, "result").(string))
				actual = append(actual, withoutVolatile(t, point, elapsed))
			}
			for _, point := range got.sites() {
				actual = append(actual, withoutVolatile(t, point, elapsed))
			}
			require.Len(t, got.points, len(q.Hosts)+len(got.sites()))

			if golden.Update() {
				writeExpected(t, folder, described, actual)
			}
			testutil.RequireMetricsEqual(t, expected(t, folder), actual, testutil.IgnoreTime())
		})
	}
}

// requireError checks that a failed poll is one error of one line, with the server, the result,
// the cause and what to do.
func requireError(t *testing.T, got round, s *poll.Server, result string) {
	t.Helper()
	start := s.String() + ": "
	errors := slices.DeleteFunc(slices.Clone(got.errors), func(line string) bool { return !strings.HasPrefix(line, start) })
	if result == "success" {
		require.Empty(t, errors)
		return
	}
	require.Len(t, errors, 1)
	require.Regexp(t, "^"+regexp.QuoteMeta(start+result)+`: [^;\n]{10,}; [^;\n]{10,}`, errors[0])
	require.NotContains(t, errors[0], "\n")
	require.Less(t, len(errors[0]), 1024)
}

// withoutVolatile checks the fields whose values differ from run to run, and replaces the values by their
// sign, so that expected.out still has the fields.
func withoutVolatile(t *testing.T, point telegraf.Metric, elapsed time.Duration) telegraf.Metric {
	t.Helper()
	p := point.Copy()
	if value, found := p.GetField("response_time"); found {
		require.Positive(t, value)
		require.LessOrEqual(t, value, elapsed.Seconds())
		p.AddField("response_time", 1.0)
	}
	if value, found := p.GetField("certificate_expiry"); found {
		const day = 24 * 60 * 60 // seconds
		seconds, ok := value.(int64)
		require.True(t, ok)
		if seconds > 0 {
			require.InDelta(t, 5*365*day, seconds, 60, "the lifetime of the simulator's certificates")
		} else {
			require.InDelta(t, -day, seconds, 60, "the simulator's expired certificates ended a day ago")
		}
		p.AddField("certificate_expiry", int64(math.Copysign(1, float64(seconds))))
	}
	for _, name := range []string{"support_days_left", "exposed_days", "releases_age_days", "advisories_age_days", "exploited_age_days"} {
		if value, found := p.GetField(name); found {
			days, ok := value.(int64)
			require.True(t, ok)
			require.InDelta(t, 0, days, 50*365, "the unit is days")
			p.AddField(name, int64(1))
		}
	}
	return p
}

func expected(t *testing.T, folder string) []telegraf.Metric {
	t.Helper()
	parser := &influx.Parser{}
	require.NoError(t, parser.Init())
	metrics, err := testutil.ParseMetricsFromFile(filepath.Join(folder, "expected.out"), parser)
	require.NoError(t, err)
	return metrics
}

func writeExpected(t *testing.T, folder string, described []testServer, points []telegraf.Metric) {
	t.Helper()
	s := &serializer.Serializer{SortFields: true}
	require.NoError(t, s.Init())
	var text strings.Builder
	text.WriteString("# response_time and certificate_expiry are replaced by their sign, fields that count days by 1.\n")
	for i, point := range points {
		point.SetTime(time.Unix(0, 0))
		line, err := s.Serialize(point)
		require.NoError(t, err)
		switch {
		case point.Name() == siteMeasurement:
			text.WriteString("\n# the site\n")
		case i < len(described):
			text.WriteString("\n# " + described[i].title() + "\n")
		}
		text.Write(line)
	}
	require.NoError(t, os.WriteFile(filepath.Join(folder, "expected.out"), []byte(text.String()), 0o600))
}

func (s *testServer) title() string {
	switch {
	case s.Title != "":
		return s.Title
	case s.Fault != "":
		return s.Fault + ": " + simulator.Fault(s.Fault).Explain()
	case s.Sample != "":
		return "the reply of a real server, " + s.Sample
	}
	return "healthy"
}

// The test cases cover every sample and every fault of the simulator.
func TestCasesAreComplete(t *testing.T) {
	samples := servers(t, "testdata/testcases/samples")
	require.Len(t, samples, len(simulator.Samples()))
	for i, name := range simulator.Samples() {
		require.Equal(t, name, samples[i].Sample)
	}
	faults := servers(t, "testdata/testcases/faults")
	require.Len(t, faults, len(simulator.Faults()))
	for i, fault := range simulator.Faults() {
		require.Equal(t, string(fault), faults[i].Fault)
	}
}

// No string field is longer than 1 KiB or contains control characters.
func TestFieldValueLimits(t *testing.T) {
	for _, folder := range testCases(t) {
		for _, point := range expected(t, folder) {
			for _, f := range point.FieldList() {
				text, ok := f.Value.(string)
				if !ok {
					continue
				}
				require.LessOrEqual(t, len(text), 1024, "%s in %s", f.Key, folder)
				require.False(t, slices.ContainsFunc([]rune(text), func(r rune) bool { return !strconv.IsPrint(r) }),
					"%s in %s: %q", f.Key, folder, text)
			}
		}
	}
}
