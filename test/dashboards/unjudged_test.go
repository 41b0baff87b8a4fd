//go:build linux

package dashboards

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	wasOpen = `compliance="non_compliant",compliance_code=1i,compliance_reason="advisories,below_minimum",release_label="May 2024",release_year=2024i,` +
		`below_minimum=1i,support_days_left=10i,advisories="CVE-2024-55579",advisory_count=1i,exploited_advisory_count=1i,fixed_in="May 2024 Patch 10"`
	wasCompliant = `compliance="compliant",compliance_code=0i,compliance_reason="",release_label="May 2025",release_year=2025i,` +
		`below_minimum=0i,support_days_left=400i,advisories="",advisory_count=0i,exploited_advisory_count=0i,fixed_in=""`
	wasEnding = `compliance="compliant",compliance_code=0i,compliance_reason="",release_label="May 2024",release_year=2024i,` +
		`below_minimum=0i,support_days_left=10i,advisories="",advisory_count=0i,exploited_advisory_count=0i,fixed_in=""`
	// Without a label, the patch may be unknown: nothing is known about advisories then.
	wasBelow = `compliance="non_compliant",compliance_code=1i,compliance_reason="below_minimum",release_year=2024i,below_minimum=1i,support_days_left=10i`

	unreadable = `compliance="unknown",compliance_code=2i,compliance_reason="release_unknown",release_label="Custom build 7"`
	unlisted   = `compliance="unknown",compliance_code=2i,compliance_reason="release_unknown",release_label="May 2030",release_year=2030i,below_minimum=0i`
	oldData    = `compliance="unknown",compliance_code=2i,compliance_reason="catalog_too_old",release_label="May 2025",release_year=2025i,` +
		`below_minimum=0i,support_days_left=400i,advisories="",advisory_count=0i,exploited_advisory_count=0i,fixed_in=""`
	// Older than all releases in the catalogue.
	unlistedBelow = `compliance="unknown",compliance_code=2i,compliance_reason="release_unknown",release_label="May 2014",release_year=2014i,below_minimum=1i`
)

// unjudged are servers of which only the first of two answers could be judged, and some others for
// comparison. state is what the dashboards must show.
var unjudged = []struct {
	source, then, now string
	thenAge, nowAge   time.Duration
	state             string
}{
	{"open", wasOpen, wasOpen, 72 * time.Hour, time.Hour, "known exploited"},
	{"unreadable", wasOpen, unreadable, 72 * time.Hour, time.Hour, "known exploited"},
	{"unlisted", wasOpen, unlisted, 72 * time.Hour, time.Hour, "known exploited"},
	{"silent", wasOpen, unreadable, 20 * 24 * time.Hour, 10 * 24 * time.Hour, "known exploited"},
	{"forgotten", wasOpen, unreadable, 87 * 24 * time.Hour, time.Hour, "known exploited"}, // in five days
	{"patchless", wasBelow, unreadable, 72 * time.Hour, time.Hour, "not compliant"},
	{"unproven", wasCompliant, unreadable, 72 * time.Hour, time.Hour, "unknown"},
	{"old", wasCompliant, unlistedBelow, 20 * 24 * time.Hour, 10 * 24 * time.Hour, "no answer"},
	{"ending", wasEnding, unreadable, 20 * 24 * time.Hour, 10 * 24 * time.Hour, "no answer"},
	{"fixed", wasOpen, wasCompliant, 72 * time.Hour, time.Hour, "proven compliant"},
	{"undated", wasCompliant, oldData, 72 * time.Hour, time.Hour, "unknown"},
}

// testUnjudged evaluates the rules about versions and the dashboards for servers that were open and
// have answered since. Only an answer that could be judged ends an alert or closes a server: one whose
// release is unknown proves nothing.
func testUnjudged(t *testing.T, sim *simulation) {
	database := sim.Database + "_unjudged"
	var b strings.Builder
	for _, one := range unjudged {
		for _, answer := range []struct {
			fields string
			age    time.Duration
		}{{one.then, one.thenAge}, {one.now, one.nowAge}} {
			fmt.Fprintf(&b, "qlik_sense_version,environment=PROD,source=%s result=\"success\",result_code=0i,version_mismatch=0i,%s %d\n",
				one.source, answer.fields, scenarioEnd.Add(-answer.age).UnixNano())
		}
	}
	sim.insert(t, database, b.String())

	// The label of a release that is not in the catalogue says whether it is below the minimum, and that
	// it is not the one whose support ends.
	firing := map[string][]string{
		"qlik-sense-vulnerable":    {"forgotten", "open", "silent", "unlisted", "unreadable"},
		"qlik-sense-exploited":     {"forgotten", "open", "silent", "unlisted", "unreadable"},
		"qlik-sense-below-minimum": {"forgotten", "old", "open", "patchless", "silent", "unreadable"},
		"qlik-sense-support-ends":  {"ending", "forgotten", "open", "patchless", "silent", "unreadable"},
		"qlik-sense-not-judged":    {"forgotten", "patchless", "unlisted", "unproven", "unreadable"},
		"qlik-sense-unheard":       {"forgotten"},
	}
	rules := loadRules(t)
	for uid, want := range firing {
		rule := &rules[slices.IndexFunc(rules, func(r alertRule) bool { return r.UID == uid })]
		values, numbers, err := sim.evaluate(rule, database, scenarioEnd)
		require.NoError(t, err)
		var sources []string
		for _, one := range values {
			if one.value == 0 {
				continue
			}
			source := one.labels["source"]
			sources = append(sources, source)
			switch uid { // rules whose text names no release
			case "qlik-sense-unheard":
				continue
			case "qlik-sense-not-judged":
				require.Contains(t, rule.text(t, one.labels, numbers), source+" (PROD) runs a version that cannot be judged: release_unknown\n")
				continue
			}
			release := map[string]string{"old": "May 2014", "patchless": "a release without a label"}[source]
			if release == "" {
				release = "May 2024"
			}
			require.Contains(t, rule.text(t, one.labels, numbers), source+" (PROD) runs "+release+", ")
		}
		slices.Sort(sources)
		require.Equal(t, want, sources, uid)
	}
	testUnjudgedPanels(t, sim, database, firing)
}

// testUnjudgedPanels compares the panels with the states of unjudged, and with the alerts: a panel lists
// the servers of its rule.
func testUnjudgedPanels(t *testing.T, sim *simulation, database string, firing map[string][]string) {
	states, count := make(map[string]string), make(map[string]int)
	var open []string
	for _, one := range unjudged {
		states[one.source] = one.state
		count[one.state]++
		if one.state == "known exploited" || one.state == "not compliant" {
			open = append(open, one.source)
		}
	}
	slices.Sort(open)
	all := slices.Sorted(maps.Keys(states))
	wantLists := map[string][]string{
		"fleet: Every server": all, "compliance: All servers": all, "server: Now": all,
		"fleet: Servers that are not compliant": open, "compliance: Servers that are not compliant": open,
		"compliance: ${advisory}":                   firing["qlik-sense-vulnerable"],
		"compliance: Servers below minimum_release": firing["qlik-sense-below-minimum"],
		"fleet: Support ends within 180 days":       firing["qlik-sense-support-ends"],
		"compliance: Servers with unknown versions": {"undated", "unproven"},
		"fleet: Servers that do not answer":         {"ending", "old", "silent"},
		"compliance: Servers that do not answer":    {"ending", "old", "silent"},
	}
	wantNumbers := make(map[string]string)
	for _, dashboard := range []string{"fleet", "compliance"} {
		for title, number := range map[string]int{
			"Not compliant": len(open), "Known exploited": count["known exploited"], "Unknown": count["unknown"], "No answer": count["no answer"],
			"Proven compliant": count["proven compliant"], "Servers": len(unjudged),
		} {
			wantNumbers[dashboard+": "+title] = strconv.Itoa(number)
		}
	}

	var panels []panelData
	add := func(dashboard string, selected map[string][]string) {
		for _, p := range sim.runDashboard(t, newGoldenFiles(t), dashboard, dashboard, &view{database, scenarioEnd, selected, ""}) {
			title, _, _ := strings.Cut(p.Head, " (")
			title, _, _ = strings.Cut(title, ", of all servers")
			if wantLists[dashboard+": "+title] != nil || wantNumbers[dashboard+": "+title] != "" {
				panels = append(panels, p)
			}
		}
	}
	add("fleet", nil)
	add("compliance", nil)
	for source := range states {
		add("server", map[string][]string{"source": {source}})
	}
	lists, numbers := make(map[string][]string), make(map[string]string)
	for _, p := range render(t, panels) {
		dashboard, _, _ := strings.Cut(p.File, "/")
		title, _, _ := strings.Cut(p.Head, " (")
		for _, row := range p.Rows {
			if slices.Contains(p.Columns, "Value") {
				value, _, _ := strings.Cut(row[1], " [")
				if row[0] == "" {
					row[0] = title
				}
				numbers[dashboard+": "+row[0]] = value
				continue
			}
			source := checkUnjudgedRow(t, &p, row, states)
			lists[dashboard+": "+title] = append(lists[dashboard+": "+title], source)
		}
	}
	for _, sources := range lists {
		slices.Sort(sources)
	}
	require.Equal(t, wantLists, lists)
	require.Equal(t, wantNumbers, numbers)
}

// checkUnjudgedRow checks the state of a server, and the columns about what is open. It returns the server.
func checkUnjudgedRow(t *testing.T, p *renderedPanel, row []string, states map[string]string) (source string) {
	cells := make(map[string]string)
	for i, column := range p.Columns {
		cells[column], _, _ = strings.Cut(row[i], " [")
	}
	source = cells["Server"]
	if state, shown := cells["State"]; shown {
		require.Equal(t, states[source], state, "%s: %s", p.Head, source)
	}
	about, _, _ := strings.Cut(p.Head, " (")
	if (about == "Servers that are not compliant" || about == "${advisory}") && source != "patchless" {
		require.Equal(t, "May 2024", cells["Release"], source) // as in the alert
		require.Equal(t, "May 2024 Patch 10", cells["Fixed in"], source)
	}
	return source
}
