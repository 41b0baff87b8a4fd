//go:build linux

package dashboards

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert/yaml"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
)

// alertingFile is a file of deploy/grafana/provisioning/alerting, with only the keys that Grafana 12
// reads. Where Grafana accepts any key (the model of a query, the settings of a contact point), these
// are the keys of the InfluxDB data source, of expressions, and of mail, Teams and Slack.
type alertingFile struct {
	APIVersion    int
	Groups        []ruleGroup
	ContactPoints []contactPoint
	Policies      []struct {
		OrgID int
		route
	}
	Templates []struct {
		OrgID          int
		Name, Template string
	}
}

type ruleGroup struct {
	OrgID                  int
	Name, Folder, Interval string
	Rules                  []alertRule
}

type alertRule struct {
	UID, Title, Condition     string
	DashboardUID              string
	PanelID                   int
	Data                      []alertStep
	For                       string
	NoDataState, ExecErrState string
	Annotations, Labels       map[string]string
}

type alertStep struct {
	RefID             string
	DatasourceUID     string
	RelativeTimeRange struct{ From, To int }
	Model             struct {
		RefID        string
		RawQuery     bool
		ResultFormat string
		Query        string

		Datasource                struct{ Type, UID string }
		Type, Expression, Reducer string
		Conditions                []struct {
			Evaluator struct {
				Type   string
				Params []float64
			}
		}
	}
}

type contactPoint struct {
	OrgID     int
	Name      string
	Receivers []struct {
		UID, Type             string
		DisableResolveMessage bool
		Settings              struct {
			Addresses, Subject, Message string
			SingleEmail                 bool
			URL, Title, Text            string
		}
	}
}

type route struct {
	Receiver       string
	ObjectMatchers [][3]string `json:"object_matchers"`
	GroupBy        []string    `json:"group_by"`
	GroupWait      string      `json:"group_wait"`
	GroupInterval  string      `json:"group_interval"`
	RepeatInterval string      `json:"repeat_interval"`
	Routes         []route
}

const (
	provisioning  = rig.Root + "/deploy/grafana/provisioning"
	notifications = rig.Root + "/deploy/grafana/notifications" // users copy these into provisioning/alerting
)

// decodeYAML decodes a YAML file, refusing unknown keys, and returns its text.
func decodeYAML(t testing.TB, file string, into any) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var values map[string]any
	require.NoError(t, yaml.Unmarshal(text, &values), file)
	jsonText, err := json.Marshal(values)
	require.NoError(t, err, file)
	decoder := json.NewDecoder(bytes.NewReader(jsonText))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(into), file)
	requireKeys(t, file, values)
	return string(text)
}

// grafanaKeys are all allowed keys, spelt as Grafana spells them: unlike encoding/json, Grafana is
// case-sensitive.
var grafanaKeys = strings.Fields(`apiVersion groups orgId name folder interval rules uid title condition for noDataState dashboardUid panelId
	execErrState labels annotations data refId datasourceUid relativeTimeRange from to model rawQuery resultFormat query
	datasource type expression reducer conditions evaluator params contactPoints receivers disableResolveMessage settings
	addresses singleEmail subject message url text policies receiver group_by group_wait group_interval repeat_interval routes
	object_matchers templates template datasources access user jsonData version dbName httpMode secureJsonData password
	providers folderUid disableDeletion allowUiUpdates updateIntervalSeconds options path`)

func requireKeys(t testing.TB, file string, value any) {
	t.Helper()
	switch value := value.(type) {
	case map[string]any:
		for key, child := range value {
			require.Contains(t, grafanaKeys, key, file)
			if key != "labels" && key != "annotations" {
				requireKeys(t, file, child)
			}
		}
	case []any:
		for _, child := range value {
			requireKeys(t, file, child)
		}
	}
}

// loadAlerting reads all alerting files, including those that users copy.
func loadAlerting(t testing.TB) *alertingFile {
	t.Helper()
	all := new(alertingFile)
	files, err := filepath.Glob(provisioning + "/alerting/*.yaml")
	require.NoError(t, err)
	require.Len(t, files, 2)
	more, err := filepath.Glob(notifications + "/*.yaml")
	require.NoError(t, err)
	require.Len(t, more, 4)
	files = append(files, more...)
	for _, file := range files {
		var one alertingFile
		decodeYAML(t, file, &one)
		require.Equal(t, 1, one.APIVersion, file)
		all.Groups = append(all.Groups, one.Groups...)
		all.ContactPoints = append(all.ContactPoints, one.ContactPoints...)
		all.Policies = append(all.Policies, one.Policies...)
		all.Templates = append(all.Templates, one.Templates...)
	}
	return all
}

func loadRules(t *testing.T) []alertRule {
	t.Helper()
	var rules []alertRule
	for _, group := range loadAlerting(t).Groups {
		rules = append(rules, group.Rules...)
	}
	return rules
}

var grafanaDuration = regexp.MustCompile(`^(\d+)(s|m|h|d|w)$`)

func duration(t testing.TB, text string) time.Duration {
	t.Helper()
	parts := grafanaDuration.FindStringSubmatch(text)
	require.NotNil(t, parts, "%q is not a duration", text)
	unit := map[string]string{"s": "s", "m": "m", "h": "h", "d": "h", "w": "h"}[parts[2]]
	d, err := time.ParseDuration(parts[1] + unit)
	require.NoError(t, err)
	return d * time.Duration(map[string]int{"s": 1, "m": 1, "h": 1, "d": 24, "w": 168}[parts[2]])
}

// Mistakes that would keep Grafana from starting, and references that lead nowhere.
func TestAlertingReferences(t *testing.T) {
	all := loadAlerting(t)
	dataSource := loadDataSource(t)
	uids := make(map[string]bool)
	page, err := os.ReadFile(filepath.Join(rig.Root, "docs/alerts.md"))
	require.NoError(t, err)
	runbook := string(page)
	for _, group := range all.Groups {
		require.NotEmpty(t, group.Folder)
		interval := duration(t, group.Interval)
		require.Zero(t, interval%(10*time.Second), "Grafana's scheduler ticks every ten seconds")
		for _, rule := range group.Rules {
			require.LessOrEqual(t, len(rule.UID), 40)
			require.NotContains(t, uids, rule.UID)
			uids[rule.UID] = true
			require.Zero(t, duration(t, rule.For)%interval)
			require.Contains(t, []string{"OK", "NoData", "Alerting", "KeepLast"}, rule.NoDataState)
			require.Contains(t, []string{"OK", "Error", "Alerting", "KeepLast"}, rule.ExecErrState)
			require.Contains(t, []string{"information", "warning", "critical"}, rule.Labels["severity"])
			require.Equal(t, []string{"description", "ended", "runbook", "summary"}, slices.Sorted(maps.Keys(rule.Annotations)))
			require.Equal(t, "docs/alerts.md#"+rule.UID, rule.Annotations["runbook"])
			require.Contains(t, runbook, "\n## "+rule.UID+"\n", "no section in the runbook")
			require.True(t, slices.ContainsFunc(loadDashboard(t, strings.TrimPrefix(rule.DashboardUID, "qlik-sense-")).Panels,
				func(p *panel) bool { return p.ID == rule.PanelID && len(p.Targets) > 0 }), "%s: no panel %d", rule.UID, rule.PanelID)
			refs := make(map[string]bool)
			for _, step := range rule.Data {
				require.Equal(t, step.RefID, step.Model.RefID)
				for _, found := range regexp.MustCompile(`\$(\w+)`).FindAllStringSubmatch(step.Model.Expression, -1) {
					require.True(t, refs[found[1]], "%s: %s is used before it is defined", rule.UID, found[1])
				}
				refs[step.RefID] = true
				if step.DatasourceUID != "__expr__" {
					require.Equal(t, dataSource, step.DatasourceUID)
					require.True(t, step.Model.RawQuery)
					require.Greater(t, step.RelativeTimeRange.From, 48*3600, "%s: the range must cover two polls at 24 hours", rule.UID)
				}
			}
			require.True(t, refs[rule.Condition])
		}
	}

	receivers, names := []string{}, make(map[string]bool)
	for _, point := range all.ContactPoints {
		names[point.Name] = true
		for _, receiver := range point.Receivers {
			require.Equal(t, point.Name == "Qlik Sense information", receiver.DisableResolveMessage, receiver.UID)
			require.LessOrEqual(t, len(receiver.UID), 40)
			require.NotContains(t, receivers, receiver.UID)
			receivers = append(receivers, receiver.UID)
			address := receiver.Settings.Addresses + receiver.Settings.URL
			require.Regexp(t, `^\$\{QLIK_SENSE_ALERT_(MAIL|TEAMS_URL|SLACK_URL)\}$`, address, "addresses come from the environment")
			for _, text := range []string{receiver.Settings.Subject + receiver.Settings.Title, receiver.Settings.Message + receiver.Settings.Text} {
				name := regexp.MustCompile(`^\{\{ template "([\w.]+)" \. \}\}$`).FindStringSubmatch(text)
				require.NotNil(t, name, text)
				require.Contains(t, all.Templates[0].Template, `define "`+name[1]+`"`)
			}
		}
	}
	require.Len(t, receivers, 6)
	require.Len(t, all.Policies, 1)
	severities := []string{"warning"} // handled by the root policy
	for _, one := range append([]route{all.Policies[0].route}, all.Policies[0].Routes...) {
		require.True(t, names[one.Receiver])
		require.LessOrEqual(t, duration(t, one.RepeatInterval), 4*24*time.Hour, "Grafana keeps its notification log for five days")
		for _, matcher := range one.ObjectMatchers {
			require.Equal(t, [3]string{"severity", "=", matcher[2]}, matcher)
			require.Equal(t, matcher[2] == "information", one.Receiver == "Qlik Sense information")
			severities = append(severities, matcher[2])
		}
	}
	require.ElementsMatch(t, []string{"information", "warning", "critical"}, severities)
}

func loadDataSource(t *testing.T) (uid string) {
	t.Helper()
	var file struct {
		APIVersion  int
		Datasources []struct {
			Name, UID, Type, Access, URL, User string
			OrgID                              int
			JSONData                           struct{ Version, DBName, HTTPMode string }
			SecureJSONData                     struct{ Password string }
		}
	}
	text := decodeYAML(t, provisioning+"/datasources/influxdb.yaml", &file)
	require.Len(t, file.Datasources, 1)
	one := file.Datasources[0]
	require.Equal(t, []string{"influxdb", "proxy", "InfluxQL"}, []string{one.Type, one.Access, one.JSONData.Version})
	for _, found := range regexp.MustCompile(`\$\{(\w+)\}`).FindAllStringSubmatch(text, -1) {
		require.Contains(t, strings.ReplaceAll(text, found[0], "")+"INFLUXDB_TOKEN", found[1], "variable not explained in the comment")
	}
	return one.UID
}

// The files that are provisioned by default need no environment variables: an empty one in a contact
// point would keep Grafana from starting.
func TestAlertingNeedsNoEnvironment(t *testing.T) {
	files, err := filepath.Glob(provisioning + "/alerting/*")
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NotContains(t, string(text), "${")
		require.NotContains(t, string(text), "contactPoints:")
		require.NotContains(t, string(text), "policies:")
	}
}

func TestDashboardProvider(t *testing.T) {
	var file struct {
		APIVersion int
		Providers  []struct {
			Name, Type, Folder, FolderUID   string
			OrgID, UpdateIntervalSeconds    int
			DisableDeletion, AllowUIUpdates bool
			Options                         struct{ Path string }
		}
	}
	decodeYAML(t, provisioning+"/dashboards/qlik-sense.yaml", &file)
	require.Equal(t, "/var/lib/grafana/dashboards/qlik-sense", file.Providers[0].Options.Path)
}
