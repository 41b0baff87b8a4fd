//go:build linux

package dashboards

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
)

// Numbers of rules are also in other rules, in pages and in dashboards: the same ones.
func TestPagesAgreeWithRules(t *testing.T) {
	texts := make(map[string]string) // by file; rules and their runbook sections by uid
	read := func(name string) string {
		content, err := os.ReadFile(filepath.Join(rig.Root, name))
		require.NoError(t, err)
		return string(content)
	}
	for _, text := range strings.Split(read("deploy/grafana/provisioning/alerting/rules.yaml"), "- uid: ")[1:] {
		uid, _, _ := strings.Cut(text, "\n")
		texts[uid] = text
	}
	words := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	for _, section := range strings.Split(read("docs/alerts.md"), "\n## ")[1:] {
		uid, text, _ := strings.Cut(section, "\n")
		texts["runbook "+uid] = words(text)
	}
	texts["page"] = words(read("docs/dashboards.md"))
	for _, name := range []string{"fleet", "compliance", "server"} {
		texts[name] = read("deploy/grafana/dashboards/" + name + ".json")
	}

	const open = `ceil((90 - \"Support days left\")`
	explained := make(map[string]string) // what the other texts say of a rule's numbers, by the name of the text
	for _, n := range []struct {
		uid, rule string
		others    map[string]string
	}{
		{"vulnerable", "{from: 7948800, to: 0}", map[string]string{"page": "its last answer within 92 days"}},
		{"out-of-step", "for: 1d", map[string]string{"": "For a day"}},
		{"support-ends", `"n" < 90`, map[string]string{
			"": "within 90 days", "page": "support that ends within 90 days", "qlik-sense-unheard": `"left" < 90`,
			"fleet": open, "compliance": open, "server": open,
		}},
		{"support-ends", `"n" < 90`, map[string]string{
			"page": "within 90 days of their end of support", "fleet": "within 90 days of the end of support", "compliance": "within 90 days of the end of support",
		}},
		{"version-changed", "{from: 180000, to: 0}", map[string]string{"": "within the last 50 hours"}},
		{"not-judged", "{from: 180000, to: 0}", map[string]string{"": "after 50 hours without an answer"}},
		{"certificate-ends", "{type: lt, params: [30]}", map[string]string{"": "within 30 days", "page": "expires within 30 days"}},
		{"not-answering", "{from: 180000, to: 0}", map[string]string{"page": "look back 50 hours for failures"}},
		{"no-points", "now() - 50h", map[string]string{"": "for 50 hours"}},
		{"no-points", "{from: 691200, to: 0}", map[string]string{"": "for eight days", "page": "without points for eight days"}},
		{"node-vanished", "{from: 180000, to: 0}", map[string]string{"": "after 50 hours"}},
		{"data-old", "{type: gt, params: [90]}", map[string]string{"": "older than 90 days", "page": "older than 90 days"}},
		{"data-old", "catalog_max_age", map[string]string{"": "`catalog_max_age` (180 days)"}},
		{"unheard", "time < now() - 85d", map[string]string{"": "85 days ago", "page": "has not answered for 85 days"}},
	} {
		uid := "qlik-sense-" + n.uid
		assertText(t, "rule "+uid, texts[uid], n.rule)
		for name, text := range n.others {
			if name == "" {
				name = "runbook " + uid
			}
			assertText(t, name+" about "+uid, texts[name], text)
			explained[name] += text + "\n"
		}
	}
	for name, text := range texts {
		if strings.HasPrefix(name, "runbook qlik-sense-") {
			for _, number := range regexp.MustCompile(`(\d+|eight) (days|hours)`).FindAllString(text, -1) {
				assert.Contains(t, explained[name], number, "%s: a number of no rule", name)
			}
		}
	}
}

// assertText is assert.Contains without the whole text in the message.
func assertText(t *testing.T, name, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		assert.Fail(t, "a number that differs", "%s: %q is not there", name, part)
	}
}
