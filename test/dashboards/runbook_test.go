//go:build linux

package dashboards

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
)

// runbookBlock returns the only code block of docs/alerts.md in a language.
func runbookBlock(t *testing.T, language string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(rig.Root, "docs/alerts.md"))
	require.NoError(t, err)
	found := regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	require.Len(t, found, 1)
	return found[0][1]
}

// The command of docs/alerts.md that turns the runbook annotations into links.
func TestRunbookLinks(t *testing.T) {
	dir := t.TempDir()
	rules, err := os.ReadFile(provisioning + "/alerting/rules.yaml")
	require.NoError(t, err)
	copied := filepath.Join(dir, "rules.yaml")
	require.NoError(t, os.WriteFile(copied, rules, 0o600))
	command := exec.Command("bash", "-euc", runbookBlock(t, "sh"))
	command.Dir = dir
	output, err := command.CombinedOutput()
	require.NoError(t, err, string(output))

	var linked alertingFile
	decodeYAML(t, copied, &linked)
	require.NotEmpty(t, linked.Groups)
	for _, group := range linked.Groups {
		for _, rule := range group.Rules {
			require.Equal(t, "https://wiki.example.com/qlik-sense/docs/alerts.md#"+rule.UID, rule.Annotations["runbook_url"])
			require.NotContains(t, rule.Annotations, "runbook")
		}
	}
}

// testRetirement deletes servers as the runbook says, one of them without an environment. Nothing else
// may be deleted: prod1 is also polled in another environment.
func testRetirement(t *testing.T, sim *simulation, database string) {
	now := scenarioEnd.Add(time.Hour)
	servers := func() map[string]bool {
		series, err := sim.query(database, "SHOW SERIES FROM qlik_sense_version")
		require.NoError(t, err)
		found := make(map[string]bool)
		for _, row := range series[0].Values {
			key := regexp.MustCompile(`,environment=(\w+)|,source=([\d.]+)`).FindAllString(row[0].(string), -1)
			found[sim.withNames(strings.Join(key, ""))] = true
		}
		return found
	}
	firing := func() map[string]bool {
		names := make(map[string]bool)
		for _, rule := range loadRules(t) {
			values, _, err := sim.evaluate(&rule, database, now)
			require.NoError(t, err)
			for _, one := range values {
				if one.value != 0 {
					names[one.labels["environment"]+"/"+sim.withNames(one.labels["source"])] = true
				}
			}
		}
		return names
	}
	before := servers()
	require.True(t, firing()["TEST/test4"], "vulnerable, and not answering for two months")
	statement := runbookBlock(t, "sql")
	require.Contains(t, statement, "'qlik-old-1.example.com'")
	require.Contains(t, statement, "'TEST'")
	for _, one := range []struct{ environment, name string }{{"TEST", "test4"}, {"DR", "prod1"}, {"", "lab1"}} {
		_, err := sim.DB.Query(database, strings.NewReplacer("qlik-old-1.example.com", sim.source[one.name], "'TEST'", "'"+one.environment+"'").Replace(statement))
		require.NoError(t, err)
	}
	for _, gone := range []string{",environment=TEST,source=test4", ",environment=DR,source=prod1", ",source=lab1"} {
		require.True(t, before[gone], "%s in %v", gone, before)
		delete(before, gone)
	}
	require.Equal(t, before, servers())
	require.False(t, firing()["TEST/test4"])
	require.True(t, firing()["TEST/test1"])
}
