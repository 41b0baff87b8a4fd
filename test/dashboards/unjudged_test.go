//go:build linux

package dashboards

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// testUnjudged evaluates the rules about versions for servers that were open three days ago and have
// answered since. Only an answer that could be judged ends an alert: one whose release is unknown
// proves nothing.
func testUnjudged(t *testing.T, sim *simulation) {
	const open = `compliance="non_compliant",compliance_code=1i,release_label="May 2024",release_year=2024i,below_minimum=1i,support_days_left=10i,` +
		`advisories="CVE-2024-55579",advisory_count=1i,exploited_advisory_count=1i,fixed_in="May 2024 Patch 10"`
	database := sim.Database + "_unjudged"
	var b strings.Builder
	write := func(source, fields string, age time.Duration) {
		fmt.Fprintf(&b, "qlik_sense_version,environment=PROD,source=%s result=\"success\",result_code=0i,version_mismatch=0i,%s %d\n",
			source, fields, scenarioEnd.Add(-age).UnixNano())
	}
	for source, now := range map[string]string{
		"open":       open,
		"unreadable": `compliance="unknown",compliance_code=2i,release_label="Custom build 7"`,
		"unlisted":   `compliance="unknown",compliance_code=2i,release_label="May 2030",release_year=2030i,below_minimum=0i`,
		"fixed": `compliance="compliant",compliance_code=0i,release_label="May 2025",release_year=2025i,below_minimum=0i,support_days_left=400i,` +
			`advisories="",advisory_count=0i,exploited_advisory_count=0i,fixed_in=""`,
	} {
		write(source, open, 3*24*time.Hour)
		write(source, now, time.Hour)
	}
	// The last one that could be judged is about to be forgotten.
	write("forgotten", open, 87*24*time.Hour)
	write("forgotten", `compliance="unknown",compliance_code=2i,release_label="Custom build 7"`, time.Hour)
	sim.insert(t, database, b.String())

	// The label of a release that is not in the catalogue says that it is above the minimum, and not the
	// one whose support ends.
	for uid, want := range map[string][]string{
		"qlik-sense-vulnerable":    {"forgotten", "open", "unlisted", "unreadable"},
		"qlik-sense-exploited":     {"forgotten", "open", "unlisted", "unreadable"},
		"qlik-sense-below-minimum": {"forgotten", "open", "unreadable"},
		"qlik-sense-support-ends":  {"forgotten", "open", "unreadable"},
		"qlik-sense-unheard":       {"forgotten"},
	} {
		rules := loadRules(t)
		rule := &rules[slices.IndexFunc(rules, func(r alertRule) bool { return r.UID == uid })]
		values, numbers, err := sim.evaluate(rule, database, scenarioEnd)
		require.NoError(t, err)
		var firing []string
		for _, one := range values {
			if one.value != 0 {
				firing = append(firing, one.labels["source"])
				text := rule.text(t, one.labels, numbers)
				if uid != "qlik-sense-unheard" { // whose text names no release
					require.Contains(t, text, one.labels["source"]+" (PROD) runs May 2024, ")
				}
			}
		}
		require.ElementsMatch(t, want, firing, uid)
	}
}
