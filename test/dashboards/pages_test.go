//go:build linux

package dashboards

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
)

// The numbers in the pages about alerts agree with the rules.
func TestPagesAgreeWithRules(t *testing.T) {
	page := func(name string) string {
		content, err := os.ReadFile(filepath.Join(rig.Root, name))
		require.NoError(t, err)
		return string(content)
	}
	words := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	number := regexp.MustCompile(`(\d+|eight) (days|hours)`)

	rules := make(map[string]string) // YAML, by uid
	for _, text := range strings.Split(page("deploy/grafana/provisioning/alerting/rules.yaml"), "- uid: ")[1:] {
		uid, _, _ := strings.Cut(text, "\n")
		rules[uid] = text
	}
	unexplained := make(map[string]string) // runbook section of each rule, without the numbers already matched
	for _, section := range strings.Split(page("docs/alerts.md"), "\n## ")[1:] {
		uid, text, _ := strings.Cut(section, "\n")
		if _, ok := rules[uid]; ok {
			unexplained[uid] = words(text)
		}
	}
	dashboards := words(page("docs/dashboards.md"))

	for _, n := range []struct{ uid, rule, runbook, dashboards string }{
		{"qlik-sense-vulnerable", "{from: 7948800, to: 0}", "", "its last answer within 92 days"},
		{"qlik-sense-out-of-step", "for: 1d", "For a day", ""},
		{"qlik-sense-support-ends", `"n" < 90`, "within 90 days", "support that ends within 90 days"},
		{"qlik-sense-version-changed", "{from: 180000, to: 0}", "within the last 50 hours", ""},
		{"qlik-sense-certificate-ends", "{type: lt, params: [30]}", "within 30 days", "expires within 30 days"},
		{"qlik-sense-not-answering", "{from: 180000, to: 0}", "", "look back 50 hours for failures"},
		{"qlik-sense-no-points", "now() - 50h", "for 50 hours", ""},
		{"qlik-sense-no-points", "{from: 691200, to: 0}", "for eight days", "without points for eight days"},
		{"qlik-sense-node-vanished", "{from: 180000, to: 0}", "after 50 hours", ""},
		{"qlik-sense-data-old", "{type: gt, params: [90]}", "older than 90 days", "older than 90 days"},
		{"qlik-sense-data-old", "catalog_max_age", "`catalog_max_age` (180 days)", ""},
		{"qlik-sense-unheard", "time < now() - 85d", "85 days ago", "has not answered for 85 days"},
	} {
		require.Contains(t, rules[n.uid], n.rule, n.uid)
		require.Contains(t, unexplained[n.uid], n.runbook, n.uid)
		unexplained[n.uid] = strings.Replace(unexplained[n.uid], n.runbook, "", 1)
		require.Contains(t, dashboards, n.dashboards, n.uid)
	}
	for uid, text := range unexplained {
		require.Empty(t, number.FindAllString(text, -1), "%s: a number that is not in the rule", uid)
	}
}
