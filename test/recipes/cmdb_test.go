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

func (r *fixture) cmdb(v *receiver) map[string]string {
	return map[string]string{"cmdb-http.conf": r.recipe("cmdb-http.conf", "https://cmdb.example.com", "http://"+v.address)}
}

func items(t *testing.T, requests []request) []configurationItem {
	t.Helper()
	list := make([]configurationItem, 0, len(requests))
	for _, one := range requests {
		list = append(list, decode[configurationItem](t, one.body))
	}
	return list
}

func testCMDB(t *testing.T) {
	r := newFixture(t)
	v := r.receiver()
	fleet, hosts := r.Start(old(), old(), simulator.Server{Fault: simulator.Fault503})
	a := r.agent(r.Block(hosts, "  minimum_release = \"May 2024\"\n"+production), r.cmdb(v), "QLIK_SENSE_CMDB_TOKEN=s3cret")

	first := make(map[string]configurationItem)
	for _, one := range v.await(3) {
		require.Equal(t, "POST /api/qlik-sense-servers", one.method+" "+one.path)
		require.Equal(t, "Bearer s3cret", one.header.Get("Authorization"))
		require.Equal(t, "application/json", one.header.Get("Content-Type"))
		item := decode[configurationItem](t, one.body)
		first[item.Source] = item
	}
	item := first[hosts[0]]
	require.WithinDuration(t, time.Now(), parse(t, item.Time), rig.Patience)
	require.Equal(t, item.Time, *item.LastAnswer)
	item.Time, item.LastAnswer = "", nil
	require.Equal(t, configurationItem{
		Source: hosts[0], Tags: map[string]string{"source": hosts[0], "environment": "PROD", "host": "agent1"},
		Result: "success", Product: "Qlik Sense", Deployment: "QlikSenseServer", Label: oldLabel, Version: oldVersion,
		LatestPatch: 17, PatchesBehind: 16, Compliance: "non_compliant", Advisories: "CVE-2024-36077,CVE-2024-55579,CVE-2024-55580",
		AdvisoryCount: 3, MaxCVSS: 8.8, FixedIn: "February 2024 Patch 14", BelowMinimum: 1,
	}, item)
	never := first[hosts[2]]
	require.Equal(t, "response_status_code_mismatch", never.Result)
	require.Nil(t, never.LastAnswer)
	require.Empty(t, never.Version)

	a.rounds(3)
	v.await(3) // nothing has changed

	r.set(fleet, 0, newLabel, newVersion)
	v.await(4)
	a.rounds(2)
	r.fail(fleet, 0, simulator.FaultDown)
	v.await(5)
	a.rounds(2)
	r.set(fleet, 0, newLabel, newVersion)
	v.await(6)
	a.rounds(2)
	r.set(fleet, 0, oldLabel, oldVersion)
	v.await(7)
	a.rounds(2)
	later := items(t, v.await(7))[3:]
	for i, want := range []struct{ result, version string }{
		{"success", newVersion}, {"connection_failed", newVersion}, {"success", newVersion}, {"success", oldVersion},
	} {
		require.Equal(t, hosts[0], later[i].Source)
		require.Equal(t, want.result, later[i].Result)
		require.Equal(t, want.version, later[i].Version, "the last one known")
	}
	require.GreaterOrEqual(t, *later[1].LastAnswer, later[0].Time)
	require.LessOrEqual(t, *later[1].LastAnswer, later[1].Time)

	// A restart sends nothing again; without its state, all once.
	a.restart()
	a.rounds(2)
	v.await(7)
	a.stop()
	a.forget()
	a.start()
	v.await(7 + 3)
	a.rounds(2)
	v.await(7 + 3)
	a.onlyOriginals()
}

func parse(t *testing.T, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return parsed
}

func testCMDBBadDays(t *testing.T) {
	r := newFixture(t)
	v := r.receiver()
	fleet, hosts := r.Start(old(), old())
	files := r.cmdb(v)
	files["cmdb-http.conf"] = r.Edit(files["cmdb-http.conf"], hurry...)
	a := r.agent(r.Block(hosts, production), files)
	v.await(2)

	badDays(t, v, func(day int) {
		r.set(fleet, day%2, newLabel, []string{"14.187.11", "14.187.12", "14.187.13"}[day])
		a.rounds(2)
	})
	v.await(5)
	a.rounds(2)
	versions := make([]string, 0, 3)
	for _, item := range items(t, v.await(5))[2:] {
		versions = append(versions, item.Version)
	}
	require.Equal(t, []string{"14.187.11", "14.187.12", "14.187.13"}, versions, "each once, in order")

	// What the endpoint will never take does not hold up the rest.
	v.answer(http.StatusUnprocessableEntity)
	r.set(fleet, 0, okLabel, okVersion)
	v.awaitRefused(1)
	a.rounds(1)
	v.answer(http.StatusCreated)
	r.set(fleet, 1, okLabel, okVersion)
	require.Equal(t, hosts[1], items(t, v.await(6))[5].Source)

	// A restart, and a reload, send nothing again.
	a.restart()
	a.rounds(2)
	require.NoError(t, a.Signal(syscall.SIGHUP))
	require.NoError(t, a.Await("Starting process", 2, rig.Patience))
	a.rounds(2)
	v.await(6)
	a.onlyOriginals()
}

// Each server is sent again in the end, for a document may have been lost.
func testCMDBRefreshes(t *testing.T) {
	r := newFixture(t)
	v := r.receiver()
	_, hosts := r.Start(old())
	files := r.cmdb(v)
	// 2 s: more than a second, in which the script counts.
	files["cmdb-http.conf"] = r.Edit(files["cmdb-http.conf"], "refresh_days * 86400", "refresh_days * 2", "refresh_days = 7", "refresh_days = 1")
	a := r.agent(r.Block(hosts, production), files)
	require.Eventually(t, func() bool { return len(v.got()) >= 3 }, rig.Patience, 10*time.Millisecond)
	a.stop()
	for _, item := range items(t, v.got()) {
		require.Equal(t, oldVersion, item.Version)
	}
}
