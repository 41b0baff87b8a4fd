//go:build linux

package dashboards

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
)

// panelData is the input of render.cjs: a panel and the frames of its queries.
type panelData struct {
	File    string          `json:"file"`
	Head    string          `json:"head"`
	Section string          `json:"section"`
	Now     int64           `json:"now"`
	Panel   json.RawMessage `json:"panel"`
	Source  json.RawMessage `json:"source,omitempty"` // the panel whose transformed rows it shows
	Frames  []*frame        `json:"frames"`
}

// renderedPanel is the output of render.cjs: the rows or series that the panel shows.
type renderedPanel struct {
	File    string
	Head    string
	Section string
	Columns []string
	Rows    [][]string
	Links   []struct {
		Row int
		URL string
	}
	Series []struct {
		Name   string
		Points [][2]any
	}
}

// runNode runs a script of the folder grafana, after npm has installed its dependencies there.
func runNode(t *testing.T, input []byte, args ...string) []byte {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("Grafana's own library and types need %s (Node.js 20 or later): %v", program, err)
		}
	}
	rig.TrackFiles(t, "grafana")
	locked, err := os.Stat("grafana/package-lock.json")
	require.NoError(t, err)
	installed, err := os.Stat("grafana/node_modules/.package-lock.json")
	if err != nil || installed.ModTime().Before(locked.ModTime()) {
		start := time.Now()
		install := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
		install.Dir = "grafana"
		output, err := install.CombinedOutput()
		require.NoError(t, err, string(output))
		t.Logf("npm ci took %s", time.Since(start).Round(time.Second))
	}
	cmd := exec.Command("node", args...)
	cmd.Dir = "grafana"
	cmd.Env = append(os.Environ(), "TZ=UTC")
	cmd.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	require.NoError(t, err, "%s%s", output, stderr.String())
	return output
}

// render has Grafana's own library transform and format the frames.
func render(t *testing.T, panels []panelData) []renderedPanel {
	t.Helper()
	input, err := json.Marshal(panels)
	require.NoError(t, err)
	var rendered []renderedPanel
	require.NoError(t, json.Unmarshal(runNode(t, input, "render.cjs"), &rendered))
	require.Len(t, rendered, len(panels))
	return rendered
}

func testPanels(t *testing.T, panels []panelData) {
	t.Helper()
	g := newGoldenFiles(t)
	noEnvironment := 0 // links of servers without an environment
	for i, one := range render(t, panels) {
		noEnvironment += one.checkLinkedRows(t)
		text := one.text()
		if strings.Contains(one.Section, "after the last Telegraf died") {
			require.NotContains(t, text, "[dark-blue]", "%s, %s: the colour for \"proven\" without current data", one.Head, one.Section)
		}
		g.add(one.File, one.Head, one.Section, text)
		checkLinks(t, panels[i].Panel, one.Columns)
	}
	require.NotZero(t, noEnvironment)
	g.compare("panels")
}

// checkLinkedRows checks that the links of each row lead to the server or the environment of that
// row. It returns the number of links of servers without an environment.
func (s *renderedPanel) checkLinkedRows(t *testing.T) (noEnvironment int) {
	t.Helper()
	for _, link := range s.Links {
		parsed, err := url.Parse(link.URL)
		require.NoError(t, err)
		query := parsed.Query()
		row := s.Rows[link.Row]
		if query.Has("var-source") {
			require.Equal(t, row[slices.Index(s.Columns, "Server")], query.Get("var-source"), link.URL)
		} else {
			require.True(t, query.Has("var-environment"), link.URL)
		}
		if !query.Has("var-environment") {
			continue
		}
		environment := row[slices.Index(s.Columns, "Environment")]
		if environment == "(none)" {
			noEnvironment++ // only the second link of such a row, without var-environment, finds the server
		}
		require.Equal(t, environment, query.Get("var-environment"))
	}
	return noEnvironment
}

// testAlmostAllCompliant renders large environments with a few non-compliant servers: the share must
// not be rounded up to 100%.
func testAlmostAllCompliant(t *testing.T, sim *simulation) {
	database := sim.Database + "_almost"
	at := scenarioEnd.Add(-time.Hour)
	var b strings.Builder
	for _, one := range []struct {
		environment string
		servers     int
		bad         int
	}{{"large", 1000, 4}, {"larger", 2000, 1}, {"whole", 10, 0}} {
		for i := range one.servers {
			compliance := `compliance_code=0i,compliance="compliant",advisory_count=0i,exploited_advisory_count=0i,below_minimum=0i`
			if i < one.bad {
				compliance = `compliance_code=1i,compliance="non_compliant",advisory_count=1i,exploited_advisory_count=1i,below_minimum=1i,` +
					`advisories="CVE-2024-55579",fixed_in="May 2024 Patch 10"`
			}
			fmt.Fprintf(&b, "qlik_sense_version,environment=%s,source=%s-%d result=\"success\",result_code=0i,patches_behind=0i,"+
				"release_label=\"May 2024 Patch 9\",version=\"14.187.14\",%s %d\n", one.environment, one.environment, i, compliance, at.UnixNano())
		}
	}
	sim.insert(t, database, b.String())
	for environment, share := range map[string]string{"large": "99.6%", "larger": "99.9%", "whole": "100%"} {
		v := view{database, scenarioEnd, map[string][]string{"environment": {environment}}, ""}
		var panels []panelData
		for _, name := range []string{"fleet", "compliance"} {
			for _, p := range sim.runDashboard(t, newGoldenFiles(t), name, environment, &v) {
				if strings.HasPrefix(p.Head, "Share proven compliant ") || strings.HasPrefix(p.Head, "Environments ") {
					panels = append(panels, p)
				}
			}
		}
		require.Len(t, panels, 4)
		for _, one := range render(t, panels) {
			require.Len(t, one.Rows, 1)
			i := slices.IndexFunc(one.Columns, func(name string) bool { return name == "Proven, share" || name == "Value" })
			value, color, _ := strings.Cut(one.Rows[0][i], " [")
			require.Equal(t, share, strings.Replace(value, ".0", "", 1), one.Head)
			if color != "" { // blue means that all servers are proven compliant
				require.Equal(t, share == "100%", color == "dark-blue]", one.Rows[0][i])
			}
		}
	}
	for _, rule := range loadRules(t) {
		if rule.UID != "qlik-sense-vulnerable" && rule.UID != "qlik-sense-exploited" {
			continue
		}
		values, numbers, err := sim.evaluate(&rule, database, scenarioEnd)
		require.NoError(t, err)
		alerts := 0
		for _, one := range values {
			if one.value != 0 {
				alerts++
				require.Contains(t, rule.text(t, one.labels, numbers),
					"Install May 2024 Patch 10 or a later patch of the same release")
			}
		}
		require.Equal(t, 5, alerts)
	}
}

func (s *renderedPanel) text() string {
	if s.Columns != nil && len(s.Columns) == 0 {
		return "(nothing)\n"
	}
	if s.Columns != nil {
		for i, column := range s.Columns {
			for _, row := range s.Rows {
				if (column == "Response time" || column == "Days exposed") && row[i] != "" {
					row[i] = "~"
				}
			}
		}
		return tableText(s.Columns, s.Rows)
	}
	var b strings.Builder
	for _, series := range s.Series {
		times := &field{Type: "time"}
		values := &field{Name: series.Name}
		for _, point := range series.Points {
			if strings.HasPrefix(series.Name, "response time") {
				point[1] = "~"
			}
			times.Values = append(times.Values, point[0])
			values.Values = append(values.Values, point[1])
		}
		fmt.Fprintf(&b, "%q\n%s", series.Name, seriesText(&frame{Fields: []*field{times, values}}))
	}
	if b.Len() == 0 {
		return "(nothing)\n"
	}
	return b.String()
}

var (
	linkedField    = regexp.MustCompile(`\$\{__data\.fields\.(\w+)`)
	linkedVariable = regexp.MustCompile(`[?&]var-(\w+)=`)
	linkedUID      = regexp.MustCompile(`^/d/([\w-]+)\?`)
)

// checkLinks checks that the links of a panel resolve: their fields are columns of the panel, their
// dashboard is one of deploy/grafana and has the variables.
func checkLinks(t *testing.T, panel json.RawMessage, columns []string) {
	t.Helper()
	var links struct {
		FieldConfig struct {
			Overrides []struct {
				Properties []struct {
					ID    string
					Value any
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal(panel, &links))
	for _, override := range links.FieldConfig.Overrides {
		for _, property := range override.Properties {
			if property.ID != "links" {
				continue
			}
			for _, link := range property.Value.([]any) {
				url := link.(map[string]any)["url"].(string)
				if len(columns) > 0 {
					for _, found := range linkedField.FindAllStringSubmatch(url, -1) {
						require.Contains(t, columns, found[1])
					}
				}
				uid := linkedUID.FindStringSubmatch(url)
				require.NotNil(t, uid, url)
				for _, found := range linkedVariable.FindAllStringSubmatch(url, -1) {
					require.NotNil(t, loadDashboard(t, strings.TrimPrefix(uid[1], "qlik-sense-")).variable(found[1]), url)
				}
			}
		}
	}
}

// The dashboards satisfy Grafana's own TypeScript types.
func TestDashboardTypes(t *testing.T) {
	folder, err := filepath.Abs(rig.Root + "/deploy/grafana/dashboards")
	require.NoError(t, err)
	require.Empty(t, string(runNode(t, nil, "types.cjs", folder)))
}

// Coloured numbers and cells have enough contrast in both of Grafana's themes.
func TestContrast(t *testing.T) {
	folder, err := filepath.Abs(filepath.Join(rig.Root, "deploy/grafana/dashboards"))
	require.NoError(t, err)
	require.Empty(t, string(runNode(t, nil, "contrast.cjs", folder)))
}
