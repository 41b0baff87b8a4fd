//go:build linux

package telegraf

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	telegrafagent "github.com/influxdata/telegraf/agent"
	"github.com/influxdata/telegraf/config"
	"github.com/influxdata/telegraf/logger"
	"github.com/influxdata/telegraf/plugins/parsers/influx"
	"github.com/influxdata/telegraf/testutil"
	"github.com/stretchr/testify/require"

	// Used in compiledInConfig.
	_ "github.com/influxdata/telegraf/plugins/outputs/file"
	_ "github.com/influxdata/telegraf/plugins/serializers/influx"

	"telegraf-qlik-sense-version/internal/simulator"
	_ "telegraf-qlik-sense-version/plugins/inputs/qlik_sense_version"
	"telegraf-qlik-sense-version/test/rig"
)

const compiledInConfig = `
[global_tags]
  region = "eu"

[agent]
  interval = "1h"
  flush_interval = "50ms"
  hostname = "agent1"
  skip_processors_after_aggregators = true

[[outputs.file]]
  files = ["{{output}}"]
  data_format = "influx"

[[inputs.qlik_sense_version]]
  alias = "prod"
  interval = "200ms"
  hosts = ["{{server1}}", "{{server2}}"]
  timeout = "5s"
  max_concurrent_requests = 8
  tls_ca = "{{site}}/root.pem"
  tls_cert = "{{site}}/client.pem"
  tls_key = "{{site}}/client_key.pem"
  tls_min_version = "TLS13"
  tls_verify = "chain"
  tls_server_name = "qlik9.example.com"
  [inputs.qlik_sense_version.headers]
    hdr-usr = "monitoring"
  [inputs.qlik_sense_version.tags]
    environment = "PROD"

[[inputs.qlik_sense_version]]
  alias = "test"
  interval = "200ms"
  name_override = "qlik_version"
  fieldinclude = ["version", "result_code"]
  hosts = ["{{server1}}", "{{server2}}"]
  tls_ca = "{{site}}/root.pem"
  tls_cert = "{{site}}/client.pem"
  tls_key = "{{site}}/client_key.pem"
  [inputs.qlik_sense_version.tags]
    environment = "TEST"
  [inputs.qlik_sense_version.tagpass]
    source = ["{{host1}}"]
`

// The plugin runs in Telegraf's own agent, without execd and the program around it.
func TestCompiledIn(t *testing.T) {
	site, err := simulator.NewSite()
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, site.Export(dir))
	sample, err := simulator.Sample("february-2024-patch-1")
	require.NoError(t, err)
	fleet, err := simulator.Start(site,
		simulator.Server{Addr: "127.30.1.1:0", Reply: sample},
		simulator.Server{Addr: "127.30.1.2:0", Fault: simulator.Fault503},
	)
	require.NoError(t, err)
	defer fleet.Close()
	output := filepath.Join(dir, "points")

	cfg := config.NewConfig()
	require.NoError(t, cfg.LoadConfigData([]byte(strings.NewReplacer(
		"{{output}}", output, "{{site}}", dir,
		"{{server1}}", fleet.Addr(0), "{{host1}}", "127.30.1.1", "{{server2}}", fleet.Addr(1),
	).Replace(compiledInConfig)), "test"))
	log := collectLog(t)
	runAgent(t, cfg, func() bool { return fleet.Requests(0) >= 6 && fleet.Requests(1) >= 6 })

	series := make(map[string][]telegraf.Metric)
	for _, point := range readPoints(t, output) {
		require.Len(t, point.TagList(), 4, "each tag once")
		require.Equal(t, "agent1", point.Tags()["host"], "the host tag is the agent's")
		require.Equal(t, "eu", point.Tags()["region"])
		key := fmt.Sprintf("%s %s %s", point.Name(), point.Tags()["environment"], point.Tags()["source"])
		series[key] = append(series[key], point)
	}
	answered, failed, renamed := series["qlik_sense_version PROD 127.30.1.1"], series["qlik_sense_version PROD 127.30.1.2"],
		series["qlik_version TEST 127.30.1.1"]
	require.Len(t, series, 3, "name_override and tagpass apply to one block only")
	require.GreaterOrEqual(t, len(renamed), 2)
	require.GreaterOrEqual(t, len(answered), 2)
	require.Len(t, failed, len(answered))

	for i := range answered {
		require.Equal(t, answered[i].Time(), failed[i].Time(), "all points of a round have the same time")
		requireFields(t, map[string]any{
			"result": "success", "result_code": int64(0), "http_response_code": int64(200),
			"sense_id": "qliksenseserver:14.173.4", "version": "14.173.4", "deployment_type": "QlikSenseServer",
			"release_label": "February 2024 Patch 1", "deprecated_product_version": "4.0.X",
			"release_year": int64(2024), "release_month": int64(2), "patch": int64(1),
			"product_name": "Qlik Sense", "copyright_year_range": "1993-2024",
			"latest_patch": int64(17), "patches_behind": int64(16), "fixed_in": "February 2024 Patch 14",
			"advisories": "CVE-2024-36077,CVE-2024-55579,CVE-2024-55580", "advisory_count": int64(3),
			"exploited_advisory_count": int64(0), "max_cvss": 8.8, "compliance": "non_compliant", "compliance_code": int64(1),
			"compliance_reason": "advisories", "version_mismatch": int64(0), "undecided_advisory_count": int64(3),
		}, answered[i])
		requireFields(t, map[string]any{
			"result": "response_status_code_mismatch", "result_code": int64(6), "http_response_code": int64(503),
			"undecided_advisory_count": int64(3),
		}, failed[i])
	}
	for _, point := range renamed {
		require.Equal(t, map[string]any{"version": "14.173.4", "result_code": int64(0)}, point.Fields())
	}

	lines := strings.Join(log(), "\n")
	require.Contains(t, lines, "I! [inputs.qlik_sense_version::prod] "+fleet.Addr(0)+` runs "February 2024 Patch 1 (14.173.4)"`)
	require.Contains(t, lines, "I! [inputs.qlik_sense_version::test] "+fleet.Addr(0)+` runs "February 2024 Patch 1 (14.173.4)"`)
	require.Contains(t, lines, "E! [inputs.qlik_sense_version::prod] Error in plugin: "+fleet.Addr(1)+": response_status_code_mismatch: ")
	require.Equal(t, 1, strings.Count(lines, "] Catalogue (built in): releases of "), "once for the process")
	require.Equal(t, 1+2, strings.Count(lines, "I! [inputs.qlik_sense_version::"), "the catalogue once, and the version once per block")
}

// requireFields compares the fields of a point. Those that differ from run to run only have
// to be present.
func requireFields(t *testing.T, want map[string]any, point telegraf.Metric) {
	t.Helper()
	got := point.Fields()
	require.Positive(t, got["response_time"])
	require.Positive(t, got["certificate_expiry"])
	for _, name := range []string{"releases_age_days", "advisories_age_days", "exploited_age_days"} {
		require.Contains(t, got, name)
	}
	for _, name := range []string{"response_time", "certificate_expiry", "support_days_left", "exposed_days",
		"releases_age_days", "advisories_age_days", "exploited_age_days"} {
		delete(got, name)
	}
	require.Equal(t, want, got)
}

// collectLog collects Telegraf's log lines from now on. The function that it returns takes those
// collected so far.
func collectLog(t *testing.T) func() []string {
	t.Helper()
	lines := make(chan string, 1000)
	id, err := logger.AddCallback(func(level telegraf.LogLevel, _ time.Time, source string, _ map[string]any, args ...any) {
		select {
		case lines <- level.Indicator() + " [" + source + "] " + fmt.Sprint(args...):
		default:
		}
	})
	require.NoError(t, err)
	t.Cleanup(func() { logger.RemoveCallback(id) })
	return func() []string {
		all := make([]string, len(lines))
		for i := range all {
			all[i] = <-lines
		}
		return all
	}
}

// runAgent runs Telegraf's agent until the condition returns true.
func runAgent(t *testing.T, cfg *config.Config, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- telegrafagent.NewAgent(cfg).Run(ctx) }()
	require.Eventually(t, condition, rig.Patience, 10*time.Millisecond)
	cancel()
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(rig.Patience):
		require.Fail(t, "the agent did not stop")
	}
}

func readPoints(t *testing.T, file string) []telegraf.Metric {
	t.Helper()
	parser := &influx.Parser{}
	require.NoError(t, parser.Init())
	points, err := testutil.ParseMetricsFromFile(file, parser)
	require.NoError(t, err)
	return points
}

// Telegraf does not start with invalid settings, and its error names the setting.
func TestCompiledInInvalidSettings(t *testing.T) {
	tests := []struct {
		name, settings string
		loads          bool
		message        string
	}{
		{
			name:     "unknown key",
			settings: `time_out = "5s"`,
			message:  `plugin inputs.qlik_sense_version: line 1: configuration specified the fields ["time_out"], but they were not used`,
		},
		{
			name:     "wrong type",
			settings: `max_concurrent_requests = "8"`,
			message:  "MaxConcurrentRequests) cannot unmarshal TOML string into int",
		},
		{
			name:     "missing certificate",
			settings: `tls_ca = "/missing/root.pem"`,
			message:  "/missing/root.pem",
		},
		{
			name:     "wrong value",
			settings: `tls_verify = "none"`,
			loads:    true,
			message:  `could not initialize input inputs.qlik_sense_version::prod: tls_verify: "none" is neither "full" nor "chain"`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := config.NewConfig()
			err := cfg.LoadConfigData([]byte("[[inputs.qlik_sense_version]]\n  alias = \"prod\"\n  hosts = [\"qlik1.example.com\"]\n  "+tt.settings), "test")
			if tt.loads {
				require.NoError(t, err)
				err = telegrafagent.NewAgent(cfg).Run(t.Context())
			}
			require.ErrorContains(t, err, tt.message)
		})
	}
}

// sample.conf is a valid Telegraf configuration, also next to another block of the plugin.
func TestCompiledInSampleConfig(t *testing.T) {
	sample, err := os.ReadFile(rig.Root + "/sample.conf")
	require.NoError(t, err)
	cfg := config.NewConfig()
	require.NoError(t, cfg.LoadConfigData(sample, "test"))
	require.NoError(t, cfg.LoadConfigData(sample, "test"))
	require.Len(t, cfg.Inputs, 2)
	for _, input := range cfg.Inputs {
		require.NoError(t, input.Init())
	}
}
