//go:build linux

package recipes

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

// prometheusRecipe returns the recipe with a free port, and the address with that port.
func (r *fixture) prometheusRecipe(edits ...string) (files map[string]string, address string) {
	r.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(r, err)
	address = listener.Addr().String()
	require.NoError(r, listener.Close())
	edits = append(edits, `listen = ":9273"`, fmt.Sprintf("listen = %q", address))
	return map[string]string{"prometheus.conf": r.recipe("prometheus.conf", edits...)}, address
}

// scraper is a Prometheus that scrapes an agent.
type scraper struct {
	*fixture
	*stack.Prometheus
}

func (r *fixture) startScraper(address string) *scraper {
	r.Helper()
	p, err := stack.StartPrometheus(r.requireProgram("prometheus", "prometheus"), r.TempDir(), address)
	require.NoError(r, err)
	r.Cleanup(func() {
		_, err := p.Stop(rig.Patience)
		require.NoError(r, err)
	})
	return &scraper{r, p}
}

// await waits until a query returns n samples, and returns them by their label source.
func (s *scraper) await(expression string, n int) map[string]stack.Sample {
	s.Helper()
	var samples []stack.Sample
	var err error
	for end := time.Now().Add(rig.Patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		samples, err = s.Query(expression)
		require.NoError(s, err)
		if len(samples) == n {
			break
		}
	}
	require.Len(s, samples, n, expression)
	bySource := make(map[string]stack.Sample)
	for _, sample := range samples {
		bySource[sample.Labels["source"]] = sample
	}
	return bySource
}

func testPrometheus(t *testing.T) {
	r := newFixture(t)
	r.requireProgram("prometheus", "prometheus")
	files, address := r.prometheusRecipe(`expiration_interval = "13h"`, `expiration_interval = "3s"`)
	june2019, err := simulator.Sample("june-2019")
	require.NoError(t, err)
	fleet, hosts := r.Start(oldServer(), oldServer(), simulator.Server{Reply: june2019}, simulator.Server{Fault: simulator.Fault503})
	a := r.startAgent(r.Block(hosts, "  minimum_release = \"May 2024\"\n"+productionTag), files)
	s := r.startScraper(address)

	info := s.await("qlik_sense_version_info", 3)
	require.Equal(t, stack.Sample{Value: "1", Labels: map[string]string{
		"__name__": "qlik_sense_version_info", "job": "qlik", "instance": address,
		"source": hosts[0], "environment": "PROD", "host": "agent1", "release_label": oldLabel, "version": oldVersion,
		"compliance": "non_compliant", "advisories": "CVE-2024-36077,CVE-2024-55579,CVE-2024-55580", "fixed_in": "February 2024 Patch 14",
	}}, info[hosts[0]])
	for _, want := range []struct {
		name    string
		samples int
		source  int
		value   string
	}{
		{"result_code", 4, 3, "6"},
		{"compliance_code", 3, 0, "1"},
		{"patches_behind", 2, 0, "16"},
		{"advisories", 3, 2, "6"},
		{"exploited_advisories", 3, 2, "3"},
		{"max_cvss", 3, 2, "9.9"},
		{"version_mismatch", 3, 2, "1"},
		{"below_minimum", 3, 0, "1"},
		{"support_left_seconds", 3, 0, ""},
		{"certificate_expiry_seconds", 4, 0, ""},
		{"response_time_seconds", 4, 0, ""},
	} {
		sample := s.await("qlik_sense_version_"+want.name, want.samples)[hosts[want.source]]
		if want.value != "" {
			require.Equal(t, want.value, sample.Value, want.name)
		}
		require.Equal(t, map[string]string{
			"__name__": "qlik_sense_version_" + want.name, "job": "qlik", "instance": address,
			"source": hosts[want.source], "environment": "PROD", "host": "agent1",
		}, sample.Labels, "no label that changes with an upgrade")
		require.Contains(t, files["prometheus.conf"], "#   qlik_sense_version_"+want.name)
	}
	s.await("qlik_sense_version_support_left_seconds % 86400 == 0", 3)
	s.await("qlik_sense_version_certificate_expiry_seconds > 86400*365", 4)
	s.await("qlik_sense_version_response_time_seconds < 5", 4)
	require.Len(t, s.await(`count by (__name__) ({job="qlik",__name__=~"qlik_.*"})`, 12), 1)

	// promtool checks the names.
	response, err := http.Get("http://" + address + "/metrics")
	require.NoError(t, err)
	page, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.NotContains(t, string(page), "go_goroutines")
	require.Equal(t, 12, strings.Count(string(page), " gauge\n"))
	lint := exec.Command(r.requireProgram("promtool", "prometheus"), "check", "metrics")
	lint.Stdin = strings.NewReader(string(page))
	output, err := lint.CombinedOutput()
	require.NoError(t, err, string(output))
	require.Empty(t, string(output))

	// After an upgrade one series is 1 at once; the old one is 0 until it expires.
	r.set(fleet, 0, newLabel, newVersion)
	selector := fmt.Sprintf("{source=%q}", hosts[0])
	s.await("qlik_sense_version_info"+selector+" == 0", 1)
	sample := s.await("qlik_sense_version_info"+selector+" == 1", 1)[hosts[0]]
	require.Equal(t, newVersion, sample.Labels["version"])
	joined := s.await("qlik_sense_version_patches_behind"+selector+" * on (source, environment) group_left (version) (qlik_sense_version_info == 1)", 1)
	require.Equal(t, newVersion, joined[hosts[0]].Labels["version"])
	require.Contains(t, files["prometheus.conf"], "* on (source, environment) group_left (version) (qlik_sense_version_info == 1)")
	s.await("qlik_sense_version_info"+selector, 1)
	s.await("count by (version) (qlik_sense_version_info == 1)", 3)

	// After a rollback before it expires, the old series is 1 again and the new one 0.
	r.set(fleet, 0, oldLabel, oldVersion)
	s.await("qlik_sense_version_info"+selector+" == 0", 1)
	require.Equal(t, oldVersion, s.await("qlik_sense_version_info"+selector+" == 1", 1)[hosts[0]].Labels["version"])

	// While a compliant server does not answer, it is not counted as compliant.
	r.set(fleet, 0, okLabel, okVersion)
	s.await("qlik_sense_version_info{compliance=\"compliant\"} == 1", 1)
	r.fail(fleet, 0, simulator.FaultDown)
	s.await("qlik_sense_version_compliance_code"+selector+" == 2", 1)
	s.await("qlik_sense_version_info{compliance=\"compliant\"} == 1", 0)

	// A server that is down keeps result_code and response_time_seconds; one that was removed from the
	// settings disappears.
	r.fail(fleet, 2, simulator.FaultDown)
	down := fmt.Sprintf("{source=%q}", hosts[2])
	s.await("qlik_sense_version_result_code"+down+" == 3", 1)
	s.await("qlik_sense_version_info"+down, 0)
	s.await("{__name__=~\"qlik_.*\",source=\""+hosts[2]+"\"}", 2)
	a.requirePluginPoints()
	a.stop()
	a.files[dropIn] = r.DropIn(r.Block(hosts[1:2], productionTag), `"6h"`, fmt.Sprintf("%q", round))
	a.start()
	s.await("qlik_sense_version_info", 1)
}
