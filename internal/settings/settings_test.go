package settings

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/telegraf/plugins/common/proxy"
	"github.com/influxdata/telegraf/plugins/common/tls"
	"github.com/influxdata/telegraf/testutil"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/plugins/inputs/qlik_sense_version"
)

const header = "[[inputs.qlik_sense_version]]\n"

func parse(t *testing.T, text string) []*qlik_sense_version.QlikSenseVersion {
	t.Helper()
	blocks, err := parseText("good.conf", text)
	require.NoError(t, err)
	return blocks
}

// newBlock returns a block without a log.
func newBlock() *qlik_sense_version.QlikSenseVersion {
	block := qlik_sense_version.New()
	block.Log = testutil.Logger{Quiet: true}
	return block
}

// settingsOf returns the settings of a block, by key.
func settingsOf(b *qlik_sense_version.QlikSenseVersion) map[string]any {
	settings := make(map[string]any)
	for key, field := range fieldsByKey(reflect.ValueOf(b).Elem()) {
		settings[key] = field.Interface()
	}
	return settings
}

func TestEverySetting(t *testing.T) {
	enabled := true
	blocks := parse(t, `
[[inputs.qlik_sense_version]]
  hosts = ["qlik1.example.com", "10.0.0.7:19032"]
  timeout = "1m30s"
  max_concurrent_requests = 3
  tls_ca = "testdata/root.pem"
  tls_cert = 'testdata/client.pem'
  tls_key = """testdata/encrypted_key.pem"""
  tls_key_pwd = "correct horse"
  tls_server_name = "qlik"
  tls_min_version = "TLS13"
  tls_cipher_suites = ["secure"]
  tls_renegotiation_method = "once"
  tls_enable = true
  tls_verify = "chain"
  token_file = "testdata/token"
  minimum_release = "May 2024 Patch 3"
  require_support = true
  same_version = false
  catalog_max_age = "30d"
  use_system_proxy = true
  tags = {environment = "PROD", "data centre" = "Köln"}
  [inputs.qlik_sense_version.headers]
    hdr-usr = 'DOMAIN\monitoring'

[[inputs.qlik_sense_version]]
  hosts = ["qlik1.example.com"]
  insecure_skip_verify = true
  http_proxy_url = "http://proxy.example.com:3128"
  [inputs.qlik_sense_version.tags]
    environment = "TEST"

[[inputs.qlik_sense_version]]
  hosts = ["[2001:db8::7]:9032"]
`)
	require.Len(t, blocks, 3)
	first := qlik_sense_version.New()
	first.Hosts = []string{"qlik1.example.com", "10.0.0.7:19032"}
	first.Timeout = qlik_sense_version.Duration(90 * time.Second)
	first.MaxConcurrentRequests = 3
	first.TLSVerify = "chain"
	first.TokenFile = "testdata/token"
	first.Headers = map[string]string{"hdr-usr": `DOMAIN\monitoring`}
	first.MinimumRelease = "May 2024 Patch 3"
	first.RequireSupport = true
	first.SameVersion = false
	first.CatalogMaxAge = qlik_sense_version.Duration(30 * 24 * time.Hour)
	first.Tags = map[string]string{"environment": "PROD", "data centre": "Köln"}
	first.ClientConfig = tls.ClientConfig{
		TLSCA:               "testdata/root.pem",
		TLSCert:             "testdata/client.pem",
		TLSKey:              "testdata/encrypted_key.pem",
		TLSKeyPwd:           "correct horse",
		TLSMinVersion:       "TLS13",
		TLSCipherSuites:     []string{"secure"},
		ServerName:          "qlik",
		RenegotiationMethod: "once",
		Enable:              &enabled,
	}
	first.HTTPProxy = proxy.HTTPProxy{UseSystemProxy: true}
	require.Equal(t, settingsOf(first), settingsOf(blocks[0]))

	second := qlik_sense_version.New()
	second.Hosts = []string{"qlik1.example.com"}
	second.InsecureSkipVerify = true
	second.HTTPProxyURL = "http://proxy.example.com:3128"
	second.Tags = map[string]string{"environment": "TEST"}
	require.Equal(t, settingsOf(second), settingsOf(blocks[1]))

	third := qlik_sense_version.New()
	third.Hosts = []string{"[2001:db8::7]:9032"}
	require.Equal(t, settingsOf(third), settingsOf(blocks[2]))
}

// Several blocks may have the same server if their tags differ.
func TestSameServerWithOtherTags(t *testing.T) {
	for _, tags := range [][2]string{
		{`{environment = "PROD"}`, `{environment = "TEST"}`},
		{`{environment = "PROD"}`, `{}`},
		{`{environment = "PROD"}`, `{environment = "PROD", site = "north"}`},
		// These two are equal without quotes.
		{`{environment = "PROD site:north"}`, `{environment = "PROD", site = "north"}`},
	} {
		text := header + "hosts = [\"qlik1\"]\ntags = " + tags[0] + "\n" + header + "hosts = [\"QLIK1\"]\ntags = " + tags[1] + "\n"
		require.Len(t, parse(t, text), 2, tags)
	}
}

func TestVariables(t *testing.T) {
	block := parse(t, header+`
  hosts = ["${TEST_NAME}", "qlik-${TEST_NUMBER}.example.com"]
  timeout = "${TEST_TIMEOUT}"
  tls_server_name = "${TEST_NAME}"
  headers = {hdr-usr = "DOMAIN\\${TEST_NUMBER}${TEST_NUMBER}"}
  [inputs.qlik_sense_version.tags]
    "${TEST_NAME}" = "${TEST_NUMBER}"
`)[0]
	require.Equal(t, []string{"qlik9.example.com", "qlik-8.example.com"}, block.Hosts)
	require.Equal(t, qlik_sense_version.Duration(7*time.Second), block.Timeout)
	require.Equal(t, "qlik9.example.com", block.ServerName)
	require.Equal(t, map[string]string{"hdr-usr": `DOMAIN\88`}, block.Headers)
	require.Equal(t, map[string]string{"${TEST_NAME}": "8"}, block.Tags, "a key is no value")
}

// The value of a variable stays inside its string.
func TestVariableAddsNoSetting(t *testing.T) {
	hostile, _ := environment("TEST_HOSTILE")
	blocks := parse(t, header+`
  hosts = ["qlik1.example.com"]
  tls_key_pwd = "<${TEST_HOSTILE}>"
`)
	require.Len(t, blocks, 1)

	expected := qlik_sense_version.New()
	expected.Hosts = []string{"qlik1.example.com"}
	expected.TLSKeyPwd = "<" + hostile + ">"
	require.Equal(t, settingsOf(expected), settingsOf(blocks[0]))
}

func TestDollarNotExpanded(t *testing.T) {
	for _, text := range []string{
		"pa$$word", "$HOME", "${}", "${1x}", "$", "$$", "${", "${TEST_NAME", "$TEST_NAME", "${TEST NAME}", "${TEST-NAME}", "$(TEST_NAME)", "%TEST_NAME%",
	} {
		t.Run(text, func(t *testing.T) {
			block := parse(t, header+"hosts = [\"qlik1\"]\ntls_key_pwd = '"+text+"'\n")[0]
			require.Equal(t, text, block.TLSKeyPwd)
		})
	}
}

// Variables in comments need not exist, and `$` is not special there.
func TestVariableInComment(t *testing.T) {
	parse(t, "# ${TEST_UNSET}\n"+header+"hosts = [\"qlik1\"] # ${TEST_UNSET} $\n")
}

func TestByteOrderMarkAndLineEnds(t *testing.T) {
	text := "\ufeff" + header + "  hosts = [\n    \"qlik1\", # first\n    \"qlik2\",\n  ]\n"
	require.Equal(t, []string{"qlik1", "qlik2"}, parse(t, text)[0].Hosts)
	require.Equal(t, []string{"qlik1", "qlik2"}, parse(t, strings.ReplaceAll(text, "\n", "\r\n"))[0].Hosts)
}
