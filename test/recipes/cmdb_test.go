//go:build linux

package recipes

import (
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
)

type configurationItem struct {
	Source         string            `json:"source"`
	Tags           map[string]string `json:"tags"`
	Time           string            `json:"time"`
	LastAnswer     *string           `json:"last_answer"`
	Result         string            `json:"result"`
	ResultCode     int               `json:"result_code"`
	Product        string            `json:"product_name"`
	Deployment     string            `json:"deployment_type"`
	Label          string            `json:"release_label"`
	Version        string            `json:"version"`
	LatestPatch    int               `json:"latest_patch"`
	PatchesBehind  int               `json:"patches_behind"`
	Compliance     string            `json:"compliance"`
	Advisories     string            `json:"advisories"`
	AdvisoryCount  int               `json:"advisory_count"`
	ExploitedCount int               `json:"exploited_advisory_count"`
	MaxCVSS        float64           `json:"max_cvss"`
	FixedIn        string            `json:"fixed_in"`
	BelowMinimum   int               `json:"below_minimum"`
	Mismatch       int               `json:"version_mismatch"`
}

func (r *fixture) cmdbRecipe(e *endpoint) map[string]string {
	return map[string]string{"cmdb-http.conf": r.recipe("cmdb-http.conf", "https://cmdb.example.com", "http://"+e.address)}
}

func decodeItems(t *testing.T, requests []request) []configurationItem {
	t.Helper()
	list := make([]configurationItem, 0, len(requests))
	for _, r := range requests {
		list = append(list, decode[configurationItem](t, r.body))
	}
	return list
}

func testCMDB(t *testing.T) {
	r := newFixture(t)
	e := r.startEndpoint()
	fleet, hosts := r.Start(oldServer(), oldServer(), simulator.Server{Fault: simulator.Fault503})
	a := r.startAgent(r.Block(hosts, "  minimum_release = \"May 2024\"\n"+productionTag), r.cmdbRecipe(e), "QLIK_SENSE_CMDB_TOKEN=s3cret")

	first := make(map[string]configurationItem)
	for _, sent := range e.await(3) {
		require.Equal(t, "POST /api/qlik-sense-servers", sent.method+" "+sent.path)
		require.Equal(t, "Bearer s3cret", sent.header.Get("Authorization"))
		require.Equal(t, "application/json", sent.header.Get("Content-Type"))
		item := decode[configurationItem](t, sent.body)
		first[item.Source] = item
	}
	item := first[hosts[0]]
	require.WithinDuration(t, time.Now(), parseTime(t, item.Time), rig.Patience)
	require.Equal(t, item.Time, *item.LastAnswer)
	item.Time, item.LastAnswer = "", nil
	require.Equal(t, configurationItem{
		Source: hosts[0], Tags: map[string]string{"source": hosts[0], "environment": "PROD", "host": "agent1"},
		Result: "success", Product: "Qlik Sense", Deployment: "QlikSenseServer", Label: oldLabel, Version: oldVersion,
		LatestPatch: 17, PatchesBehind: 16, Compliance: "non_compliant", Advisories: "CVE-2024-36077,CVE-2024-55579,CVE-2024-55580",
		AdvisoryCount: 3, MaxCVSS: 8.8, FixedIn: "February 2024 Patch 14", BelowMinimum: 1,
	}, item)
	unanswered := first[hosts[2]]
	require.Equal(t, "response_status_code_mismatch", unanswered.Result)
	require.Nil(t, unanswered.LastAnswer)
	require.Empty(t, unanswered.Version)

	a.awaitRounds(3)
	e.await(3) // nothing has changed

	r.set(fleet, 0, okLabel, okVersion)
	e.await(4)
	a.awaitRounds(2)
	r.fail(fleet, 0, simulator.FaultDown)
	e.await(5)
	a.awaitRounds(2)
	r.set(fleet, 0, okLabel, okVersion)
	e.await(6)
	a.awaitRounds(2)
	r.set(fleet, 0, oldLabel, oldVersion)
	e.await(7)
	a.awaitRounds(2)
	r.fail(fleet, 0, simulator.FaultDown)
	e.await(8)
	a.awaitRounds(2)
	later := decodeItems(t, e.await(8))[3:]
	for i, want := range []struct{ result, version, compliance string }{
		{"success", okVersion, "compliant"},
		{"connection_failed", okVersion, "unknown"},
		{"success", okVersion, "compliant"},
		{"success", oldVersion, "non_compliant"},
		{"connection_failed", oldVersion, "non_compliant"},
	} {
		require.Equal(t, hosts[0], later[i].Source)
		require.Equal(t, want.result, later[i].Result)
		require.Equal(t, want.version, later[i].Version, "the last known version")
		require.Equal(t, want.compliance, later[i].Compliance, "what was open stays open, and nothing else is proven")
	}
	require.GreaterOrEqual(t, *later[1].LastAnswer, later[0].Time)
	require.LessOrEqual(t, *later[1].LastAnswer, later[1].Time)

	// A restart sends nothing again; without a state, each server is sent once.
	a.restart()
	a.awaitRounds(2)
	e.await(8)
	a.stop()
	a.removeState()
	a.start()
	e.await(8 + 3)
	a.awaitRounds(2)
	e.await(8 + 3)
	a.requirePluginPoints()
}

func parseTime(t *testing.T, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return parsed
}

func testCMDBOutages(t *testing.T) {
	r := newFixture(t)
	e := r.startEndpoint()
	fleet, hosts := r.Start(oldServer(), oldServer())
	files := r.cmdbRecipe(e)
	files["cmdb-http.conf"] = r.Edit(files["cmdb-http.conf"], shortTimeout...)
	a := r.startAgent(r.Block(hosts, productionTag), files)
	e.await(2)

	throughOutages(t, e, func(outage int) {
		r.set(fleet, outage%2, newLabel, []string{"14.187.11", "14.187.12", "14.187.13"}[outage])
		a.awaitRounds(2)
	})
	e.await(5)
	a.awaitRounds(2)
	versions := make([]string, 0, 3)
	for _, item := range decodeItems(t, e.await(5))[2:] {
		versions = append(versions, item.Version)
	}
	require.Equal(t, []string{"14.187.11", "14.187.12", "14.187.13"}, versions, "each change once, in order")

	// A document that the endpoint rejects for good does not hold up the others.
	e.answer(http.StatusUnprocessableEntity)
	r.set(fleet, 0, okLabel, okVersion)
	e.awaitRefused(1)
	a.awaitRounds(1)
	e.answer(http.StatusCreated)
	r.set(fleet, 1, okLabel, okVersion)
	require.Equal(t, hosts[1], decodeItems(t, e.await(6))[5].Source)

	// Neither a restart nor a reload sends anything again.
	a.restart()
	a.awaitRounds(2)
	require.NoError(t, a.Signal(syscall.SIGHUP))
	require.NoError(t, a.Await("Starting process", 2, rig.Patience))
	a.awaitRounds(2)
	e.await(6)
	a.requirePluginPoints()
}

// Each server is sent again after refresh_days, because a document may have been lost.
func testCMDBRefresh(t *testing.T) {
	r := newFixture(t)
	e := r.startEndpoint()
	_, hosts := r.Start(oldServer())
	files := r.cmdbRecipe(e)
	// 2 s, because the script counts whole seconds.
	files["cmdb-http.conf"] = r.Edit(files["cmdb-http.conf"], "refresh_days * 86400", "refresh_days * 2", "refresh_days = 7", "refresh_days = 1")
	a := r.startAgent(r.Block(hosts, productionTag), files)
	require.Eventually(t, func() bool { return len(e.accepted()) >= 3 }, rig.Patience, 10*time.Millisecond)
	a.stop()
	for _, item := range decodeItems(t, e.accepted()) {
		require.Equal(t, oldVersion, item.Version)
	}
}
