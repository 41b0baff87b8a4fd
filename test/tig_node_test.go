//go:build linux

package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shownPanel is a panel with the frames of its queries, for Grafana's own library.
type shownPanel struct {
	File    string          `json:"file"`
	Head    string          `json:"head"`
	Section string          `json:"section"`
	Now     int64           `json:"now"`
	Panel   json.RawMessage `json:"panel"`
	Frames  []*frame        `json:"frames"`
}

// shownAs is what such a panel shows: rows, or series.
type shownAs struct {
	File    string
	Head    string
	Section string
	Columns []string
	Rows    [][]string
	Series  []struct {
		Name   string
		Points [][2]any
	}
}

// node runs a script of test/grafana, after npm has installed what it needs there.
func node(t *testing.T, input []byte, args ...string) []byte {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("not run, for Grafana's own library and types need %s (Node.js 20 or later): %v", program, err)
		}
	}
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
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	output, err := cmd.Output()
	require.NoError(t, err, "%s%s", output, complaints.String())
	return output
}

// testShown has Grafana's own library transform and format what the queries gave.
func testShown(t *testing.T, panels []shownPanel) {
	t.Helper()
	lookback := loadDashboard(t, "fleet").variable("lookback")
	require.Contains(t, strings.Split(lookback.Query, ","), lookback.value())
	input, err := json.Marshal(map[string]any{"panels": panels, "durations": strings.Split(lookback.Query, ",")})
	require.NoError(t, err)
	var shown []shownAs
	require.NoError(t, json.Unmarshal(node(t, input, "shown.cjs"), &shown))
	require.Len(t, shown, len(panels))
	g := newGolden(t)
	for i, one := range shown {
		g.add(one.File, one.Head, one.Section, one.text())
		checkLinks(t, panels[i].Panel, one.Columns)
	}
	g.compare("shown")
}

func (s *shownAs) text() string {
	if s.Columns != nil && len(s.Columns) == 0 {
		return "(nothing)\n"
	}
	if s.Columns != nil {
		for i, column := range s.Columns {
			for _, row := range s.Rows {
				if column == "Response time" && row[i] != "" {
					row[i] = "~"
				}
			}
		}
		return table(s.Columns, s.Rows)
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
		fmt.Fprintf(&b, "%q\n%s", series.Name, runs(&frame{Fields: []*field{times, values}}))
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

// checkLinks finds out whether the links of a panel lead somewhere: their fields are
// columns of it, their dashboard is one of ours, and has the variables.
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
			url := property.Value.([]any)[0].(map[string]any)["url"].(string)
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

// The dashboards satisfy Grafana's own types.
func TestDashboardsHaveGrafanasTypes(t *testing.T) {
	folder, err := filepath.Abs("../deploy/grafana/dashboards")
	require.NoError(t, err)
	require.Empty(t, string(node(t, nil, "types.cjs", folder)))
}
