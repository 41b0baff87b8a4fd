package settings

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	assets "telegraf-qlik-sense-version"
	"telegraf-qlik-sense-version/plugins/inputs/qlik_sense_version"
)

func keys() map[string]reflect.Value {
	return fieldsByKey(reflect.ValueOf(qlik_sense_version.New()).Elem())
}

func TestSampleDefaults(t *testing.T) {
	blocks := parse(t, assets.SampleConfig)
	require.Len(t, blocks, 1)
	expected := qlik_sense_version.New()
	expected.Hosts = []string{"qlik1.example.com"}
	require.Equal(t, settingsOf(expected), settingsOf(blocks[0]))
}

// commented matches a setting of sample.conf that is commented out, or its table.
var commented = regexp.MustCompile(`(?m)^  # ((?:  )?[a-z_-]+ = .*|\[.*\])$`)

// withTestFiles replaces the files in the sample by existing ones.
func withTestFiles(text string) string {
	return strings.ReplaceAll(text, "/etc/telegraf-qlik-sense-version/", "testdata/")
}

// everythingOn returns the sample with every setting enabled.
func everythingOn(t *testing.T) *qlik_sense_version.QlikSenseVersion {
	t.Helper()
	return parse(t, withTestFiles(commented.ReplaceAllString(assets.SampleConfig, "  $1")))[0]
}

// explicitDefaults are the defaults. For some of them, Telegraf's library uses "".
func explicitDefaults() *qlik_sense_version.QlikSenseVersion {
	defaults := qlik_sense_version.New()
	defaults.TLSCipherSuites = []string{}
	defaults.TLSMinVersion = "TLS12"
	defaults.RenegotiationMethod = "never"
	return defaults
}

// Every setting is in the sample, with its default or, if there is none, with an example.
func TestSampleSettings(t *testing.T) {
	expected := explicitDefaults()
	expected.Hosts = []string{"qlik1.example.com"}
	expected.Discover = []string{"qlik1.example.com", "qlik2.example.com"}
	expected.TLSCA = "testdata/root.pem"
	expected.TLSCert = "testdata/client.pem"
	expected.TLSKey = "testdata/client_key.pem"
	expected.Headers = map[string]string{"hdr-usr": `DOMAIN\monitoring`}
	expected.MinimumRelease = "May 2025 Patch 3"
	expected.Tags = map[string]string{"environment": "PROD"}
	require.Equal(t, settingsOf(expected), settingsOf(everythingOn(t)))

	for key := range keys() {
		if key == "tls_enable" {
			continue // exists only to be refused
		}
		named := regexp.MustCompile(`(?m)^  (?:# )?(?:` + key + ` = |\[inputs\.qlik_sense_version\.` + key + `\])`)
		require.Len(t, named.FindAllString(assets.SampleConfig, -1), 1, key)
	}
}

// Each setting can be enabled alone, except those that need another.
func TestSampleSingleSetting(t *testing.T) {
	matches := commented.FindAllStringSubmatch(assets.SampleConfig, -1)
	require.Greater(t, len(matches), 15)
	for _, match := range matches {
		setting := strings.TrimSpace(match[1])
		text := assets.SampleConfig
		switch {
		case strings.HasPrefix(setting, "["), strings.HasPrefix(match[1], " "):
			continue // a table and what is in it
		case strings.HasPrefix(setting, "tls_cert "), strings.HasPrefix(setting, "tls_key "):
			continue // a pair
		}
		parse(t, withTestFiles(strings.Replace(text, match[0], "  "+setting, 1)))
	}
	for _, pair := range []string{"tls_cert", "headers", "tags"} {
		require.Contains(t, keys(), pair)
	}
}

// values has TOML values, at least one for each type of setting.
var values = []any{
	"10s", true, int64(3), 1.5, time.Now(), []any{"a"}, map[string]any{"a": "b"}, []map[string]any{{"a": "b"}},
}

// assign supports the type of every setting.
func TestAssignTypes(t *testing.T) {
	fields := keys()
	require.Greater(t, len(fields), 15)
	for key, field := range fields {
		accepted := 0
		for _, value := range values {
			err := assign(field.Addr().Interface(), value)
			if err == nil {
				accepted++
				require.False(t, field.IsZero(), "%s = %v is not kept", key, value)
				continue
			}
			require.NotContains(t, err.Error(), "cannot be read", key)
			require.NotContains(t, err.Error(), "another kind", key)
		}
		require.Equal(t, 1, accepted, "a setting has one type: %s", key)
	}
	require.ErrorContains(t, assign(new(float64), 1.5), "*float64 cannot be read")
}

// Every exported field of the block is a setting or marked as not being one.
func TestFieldKeys(t *testing.T) {
	for _, field := range reflect.VisibleFields(reflect.TypeFor[qlik_sense_version.QlikSenseVersion]()) {
		if field.IsExported() && !field.Anonymous {
			require.NotEmpty(t, field.Tag.Get("toml"), field.Name)
		}
	}
}
