package qlik_sense_version

import (
	"os"
	"testing"
	"time"

	"github.com/influxdata/telegraf/config"
	"github.com/influxdata/telegraf/plugins/common/proxy"
	"github.com/influxdata/telegraf/plugins/common/tls"
	"github.com/influxdata/telegraf/plugins/inputs"
	"github.com/influxdata/telegraf/testutil"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/poll"
)

const sampleFile = "../../../sample.conf"

// load reads a configuration with one block as Telegraf does.
func load(t *testing.T, text string) *QlikSenseVersion {
	t.Helper()
	conf := config.NewConfig()
	require.NoError(t, conf.LoadConfigData([]byte(text), "test"))
	require.Len(t, conf.Inputs, 1)
	q, ok := conf.Inputs[0].Input.(*QlikSenseVersion)
	require.True(t, ok)
	q.Log = &testutil.CaptureLogger{Name: "qlik_sense_version"}
	isolate(q)
	return q
}

func TestValidDefaultConfig(t *testing.T) {
	text, err := os.ReadFile(sampleFile)
	require.NoError(t, err)
	require.Equal(t, string(text), New().SampleConfig())

	conf := config.NewConfig()
	require.NoError(t, conf.LoadConfig(sampleFile))
	require.Len(t, conf.Inputs, 1)
	q, ok := conf.Inputs[0].Input.(*QlikSenseVersion)
	require.True(t, ok)

	// The sample shows the actual defaults.
	defaults := New()
	defaults.Hosts = []string{"qlik1.example.com"}
	defaults.Log = q.Log
	require.Equal(t, defaults, q)
	require.Equal(t, Duration(10*time.Second), q.Timeout)
	require.Equal(t, 64, q.MaxConcurrentRequests)
	require.Equal(t, "full", q.TLSVerify)
	require.True(t, q.SameVersion)
	require.False(t, q.RequireSupport)
	require.Equal(t, Duration(180*24*time.Hour), q.CatalogMaxAge)

	require.NoError(t, q.Init())
	servers := q.Block().Servers()
	require.Len(t, servers, 1)
	require.Equal(t, map[string]string{"source": "qlik1.example.com"}, q.tags(servers[0]))
}

// Telegraf decodes the settings that are commented out in the sample.
func TestValidCustomConfig(t *testing.T) {
	conf := config.NewConfig()
	require.NoError(t, conf.LoadConfig("testdata/conf/valid.conf"))
	require.Len(t, conf.Inputs, 1)
	q, ok := conf.Inputs[0].Input.(*QlikSenseVersion)
	require.True(t, ok)

	expected := New()
	expected.Hosts = []string{"qlik1.example.com", "10.0.0.7", "[2001:db8::7]:9032", "https://qlik.example.com/jwt/api/about/v1/systeminfo"}
	expected.Timeout = Duration(5 * time.Second)
	expected.MaxConcurrentRequests = 2
	expected.TokenFile = "/etc/telegraf-qlik-sense-version/token"
	expected.Headers = map[string]string{"hdr-usr": `DOMAIN\monitoring`}
	expected.MinimumRelease = "May 2024 Patch 10"
	expected.RequireSupport = true
	expected.SameVersion = false
	expected.CatalogMaxAge = Duration(90 * 24 * time.Hour)
	expected.Tags = map[string]string{"environment": "PROD"}
	expected.Log = q.Log
	expected.ClientConfig = tls.ClientConfig{
		TLSKeyPwd:           "secret",
		TLSMinVersion:       "TLS13",
		TLSCipherSuites:     []string{"secure"},
		RenegotiationMethod: "once",
		ServerName:          "qlik.example.com",
		InsecureSkipVerify:  true,
	}
	expected.HTTPProxy = proxy.HTTPProxy{HTTPProxyURL: "http://proxy.example.com:3128"}
	require.Equal(t, expected, q)

	var missing *poll.SettingError
	require.ErrorAs(t, q.Init(), &missing)
	require.Equal(t, "token_file", missing.Key, "the only setting that names a missing file")
}

func TestRegistered(t *testing.T) {
	creator, found := inputs.Inputs["qlik_sense_version"]
	require.True(t, found)
	require.Equal(t, New(), creator())
	first, second := creator(), creator()
	require.NotSame(t, first, second)
}

func TestUnknownSetting(t *testing.T) {
	conf := config.NewConfig()
	err := conf.LoadConfigData([]byte("[[inputs.qlik_sense_version]]\n  hosts = [\"qlik1.example.com\"]\n  time_out = \"5s\"\n"), "test")
	require.ErrorContains(t, err, `configuration specified the fields ["time_out"], but they were not used`)
}
