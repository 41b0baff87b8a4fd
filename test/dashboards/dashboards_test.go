//go:build linux

package dashboards

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
)

// TestGrafana runs every query of deploy/grafana (panels, variables, annotations and alert rules)
// against a real InfluxDB that a real Telegraf has filled with a scenario of eleven weeks. Grafana
// itself does not run: Go code here interpolates the queries and builds the data frames as
// Grafana's data source does, and Grafana's own library applies transformations and field settings.
func TestGrafana(t *testing.T) {
	sim, every6h, every24h, withStops := runScenario(t)
	many := sim.Database + "_many"
	sim.writeMany(t, many)
	var panels []panelData
	ran := t.Run("dashboards", func(t *testing.T) {
		g := newGoldenFiles(t)
		for name, views := range sim.views(every6h, every24h, many) {
			for _, v := range views {
				panels = append(panels, sim.runDashboard(t, g, name, v.title, &v.view)...)
			}
		}
		g.compare("queries")
	})
	if ran { // otherwise the same failures would be reported twice
		t.Run("panels", func(t *testing.T) { testPanels(t, panels) })
	}
	t.Run("alerts", func(t *testing.T) { testAlerts(t, sim, every6h, every24h, withStops) })
	t.Run("unjudged", func(t *testing.T) { testUnjudged(t, sim) })
	t.Run("almost all compliant", func(t *testing.T) { testAlmostAllCompliant(t, sim) })
	t.Run("retirement", func(t *testing.T) { testRetirement(t, sim, every6h) }) // last, because it deletes servers
}

type titledView struct {
	title string
	view
}

// views returns the times and variable values with which each dashboard is evaluated.
func (sim *simulation) views(every6h, every24h, many string) map[string][]titledView {
	end := scenarioEnd.Add(3 * time.Hour)
	second := scenarioStart.AddDate(0, 0, 1).Add(3 * time.Hour)
	seventh := scenarioStart.AddDate(0, 0, 6).Add(3 * time.Hour)
	outage := scenarioStart.AddDate(0, 0, 9).Add(3 * time.Hour)
	before, after := scenarioStart.AddDate(0, 0, catalogUpdated).Add(-3*time.Hour), scenarioStart.AddDate(0, 0, catalogUpdated).Add(3*time.Hour)
	server := func(name string) map[string][]string { return map[string][]string{"source": {sim.source[name]}} }
	prodAndTest := map[string][]string{"environment": {"PROD", "TEST"}}
	return map[string][]titledView{
		"fleet": {
			{"at the end, polls every 6 hours", view{every6h, end, nil, ""}},
			{"at the end, polls every 24 hours", view{every24h, end, nil, ""}},
			{"on the second day, polls every 24 hours", view{every24h, second, nil, ""}},
			{"on the tenth day, in the outage of prod3, polls every 6 hours", view{every6h, outage, nil, ""}},
			{"while the nodes of a site cannot be listed, polls every 6 hours", view{every6h, scenarioStart.AddDate(0, 0, 20).Add(3 * time.Hour), nil, ""}},
			{"at the end, PROD and TEST only, polls every 6 hours", view{every6h, end, prodAndTest, ""}},
			{"at the end, PROD and TEST, site = Zürich, polls every 6 hours", view{every6h, end, prodAndTest, `"site" = 'Zürich'`}},
			{"before the catalogue is renewed, polls every 6 hours", view{every6h, before, nil, ""}},
			{"after the catalogue is renewed, polls every 6 hours", view{every6h, after, nil, ""}},
			{"three days after the last Telegraf died", view{every6h, end.AddDate(0, 0, 3), nil, ""}},
			{"thirty days after the last Telegraf died", view{every6h, end.AddDate(0, 0, 30), nil, ""}},
			{"a year after the last Telegraf died", view{every6h, end.AddDate(1, 0, 0), nil, ""}},
			{"36 versions, and names of 60 characters", view{many, end, nil, ""}},
			{"before the first point", view{every6h, scenarioStart.AddDate(0, 0, -20), nil, ""}},
		},
		"server": {
			{"prod1, polls every 6 hours", view{every6h, end, server("prod1"), ""}},
			{"prod1, polls every 24 hours", view{every24h, end, server("prod1"), ""}},
			{"prod3 on the tenth day, in its outage, polls every 6 hours", view{every6h, outage, server("prod3"), ""}},
			{"dev1, polls every 24 hours", view{every24h, end, server("dev1"), ""}},
			{"test4, dark for two months, polls every 6 hours", view{every6h, end, server("test4"), ""}},
			{"test1, affected by two advisories, polls every 6 hours", view{every6h, end, server("test1"), ""}},
			{"lab1, without an environment, polls every 6 hours", view{every6h, end, server("lab1"), ""}},
			{"test1, a year after the last Telegraf died", view{every6h, end.AddDate(1, 0, 0), server("test1"), ""}},
			{"a name of 60 characters, in two sites", view{many, end, map[string][]string{"source": {longName(19)}}, ""}},
		},
		"compliance": {
			{"thirty days after the last Telegraf died", view{every6h, end.AddDate(0, 0, 30), nil, ""}},
			{"at the end, polls every 6 hours", view{every6h, end, nil, ""}},
			{"at the end, polls every 24 hours", view{every24h, end, nil, ""}},
			{"on the second day, polls every 24 hours", view{every24h, second, nil, ""}},
			{"on the seventh day, dev1 below its minimum, polls every 6 hours", view{every6h, seventh, nil, ""}},
			{"on the tenth day, polls every 6 hours", view{every6h, outage, nil, ""}},
			{"on the tenth day, TEST only, polls every 6 hours", view{every6h, outage, map[string][]string{"environment": {"TEST"}}, ""}},
			{"at the end, PROD and TEST, site = Zürich, polls every 6 hours", view{every6h, end, prodAndTest, `"site" = 'Zürich'`}},
			{"before the catalogue is renewed, polls every 6 hours", view{every6h, before, nil, ""}},
			{"a year after the last Telegraf died", view{every6h, end.AddDate(1, 0, 0), nil, ""}},
			{"36 versions, and names of 60 characters", view{many, end, nil, ""}},
			{"before the first point", view{every6h, scenarioStart.AddDate(0, 0, -20), nil, ""}},
		},
	}
}

var nonSlug = regexp.MustCompile(`[^a-z0-9]+`)

// runDashboard runs every query of a dashboard and returns the data of its panels.
func (sim *simulation) runDashboard(t *testing.T, g *goldenFiles, name, title string, v *view) []panelData {
	t.Helper()
	d := loadDashboard(t, name)
	from, to, err := v.timeRange(d)
	require.NoError(t, err)
	optionsOf, ran := make(map[string][]string), make(map[string]bool)
	for _, one := range d.Templating.List {
		if one.Type != "query" {
			continue
		}
		ran[one.Query] = true
		// An ad hoc filter does not act on variables.
		statement, err := (&view{v.database, v.now, v.selected, ""}).statement(d, one.Query, from, to)
		require.NoError(t, err)
		options := sim.options(t, v.database, statement, one.Regex)
		optionsOf[one.Name] = options
		g.add(name+"/variables", "Variables of "+d.Title, one.Name+", "+title, sim.withNames(strings.Join(append(options, ""), "\n")))
	}
	for _, one := range d.Annotations.List {
		ran[one.Target.Query] = true
		statement, err := v.statement(d, one.Target.Query, from, to)
		require.NoError(t, err)
		series, err := sim.query(v.database, statement)
		require.NoError(t, err)
		table := target{RefID: one.Name, ResultFormat: "table"}
		g.add(name+"/annotations", "Annotations of "+d.Title, title, framesText(table, sim.frames(table, series)))
		// Grafana finds these columns by name, or by a part of the name.
		for _, columns := range []string{one.Target.TitleColumn, one.Target.TextColumn, one.Target.TagsColumn} {
			for column := range strings.SplitSeq(columns, ",") {
				require.Equal(t, 1, strings.Count(strings.SplitN(statement, " FROM ", 2)[0], column), "columns with %s in their name", column)
			}
		}
	}
	var panels []panelData
	byID := make(map[int]panelData) // panels with queries of their own
	for _, p := range d.queryPanels() {
		var text strings.Builder
		var all []*frame
		for _, target := range p.Targets {
			require.True(t, target.RawQuery)
			ran[target.Query] = true
			statement, err := v.statement(d, target.Query, from, to)
			require.NoError(t, err)
			series, err := sim.query(v.database, statement)
			require.NoError(t, err, "%s: %s", p.Title, statement)
			got := sim.frames(target, series)
			all = append(all, got...)
			text.WriteString(framesText(target, got))
		}
		one := p.data(name, title, v.now)
		one.Frames = all
		g.add(one.File, one.Head, title, text.String())
		byID[p.ID] = one
		panels = append(panels, one)
	}
	for _, p := range d.sharedPanels() {
		require.Len(t, p.Targets, 1, p.Title)
		require.True(t, p.Targets[0].WithTransforms, p.Title)
		source, ok := byID[p.Targets[0].PanelID]
		require.True(t, ok, "%s: no panel %d with queries", p.Title, p.Targets[0].PanelID)
		values := []string{""}
		if p.Repeat != "" {
			if values = optionsOf[p.Repeat]; len(values) == 0 {
				values = []string{""} // Grafana still shows the panel once
			}
		}
		for _, value := range values {
			one := p.data(name, title, v.now)
			if p.Repeat != "" {
				one.Section = cmp.Or(value, "(none)") + ", " + title
				one.Panel = p.repeatedFor(value)
			}
			one.Source, one.Frames = source.Panel, source.Frames
			panels = append(panels, one)
		}
	}
	for _, query := range d.queries {
		require.True(t, ran[query], "never run: %s", query)
	}
	return panels
}

// queryPanels returns the panels with queries of their own.
func (d *dashboard) queryPanels() []*panel {
	return slices.DeleteFunc(slices.Clone(d.Panels), func(p *panel) bool { return len(p.Targets) == 0 || p.Targets[0].PanelID != 0 })
}

// sharedPanels returns the panels that show the rows of another panel.
func (d *dashboard) sharedPanels() []*panel {
	return slices.DeleteFunc(slices.Clone(d.Panels), func(p *panel) bool { return len(p.Targets) == 0 || p.Targets[0].PanelID == 0 })
}

func (p *panel) data(dashboard, section string, now time.Time) panelData {
	file := fmt.Sprintf("%s/%02d-%s", dashboard, p.ID, strings.Trim(nonSlug.ReplaceAllString(strings.ToLower(p.Title), "-"), "-"))
	return panelData{File: file, Head: fmt.Sprintf("%s (%s)", p.Title, p.Type), Section: section, Now: now.UnixMilli(), Panel: p.text}
}

// repeatedFor returns the panel with the variable that it is repeated for replaced by value. Values
// are identifiers and need no escaping.
func (p *panel) repeatedFor(value string) json.RawMessage {
	return json.RawMessage(regexp.MustCompile(`\$\{`+p.Repeat+`(:\w+)?\}`).ReplaceAllLiteralString(string(p.text), value))
}

// options returns the options that Grafana derives for a variable from its query.
func (sim *simulation) options(t *testing.T, database, statement, regex string) []string {
	t.Helper()
	series, err := sim.query(database, statement)
	require.NoError(t, err)
	require.LessOrEqual(t, len(series), 1, "Grafana uses only the first frame")
	pattern := regexp.MustCompile(`^(.*)$`)
	if regex != "" {
		// With the flag g, every match of the group is an option.
		require.Regexp(t, `^/.*/g$`, regex)
		pattern = regexp.MustCompile(strings.TrimSuffix(strings.TrimPrefix(regex, "/"), "/g"))
	}
	var all []string
	for _, s := range series {
		for _, row := range s.Values {
			text, ok := row[1].(string)
			require.True(t, ok, "%s: a row without the queried column: %v", statement, row)
			for _, found := range pattern.FindAllStringSubmatch(text, -1) {
				all = append(all, found[1])
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// A band of a timeline goes on until the next value, or to the end: without a limit, a server that is
// silent would stay compliant. The version has no limit: it is the last one known.
func TestTimelinesEnd(t *testing.T) {
	for _, p := range loadDashboard(t, "server").queryPanels() {
		if p.Type != "state-timeline" || !slices.ContainsFunc(p.Targets, func(one target) bool { return strings.Contains(one.Query, "compliance_code") }) {
			continue
		}
		var panel struct {
			FieldConfig struct {
				Defaults struct {
					Custom struct{ InsertNulls int64 }
				}
			}
		}
		require.NoError(t, json.Unmarshal(p.text, &panel))
		require.Equal(t, 48*time.Hour, time.Duration(panel.FieldConfig.Defaults.Custom.InsertNulls)*time.Millisecond, p.Title)
		return
	}
	require.Fail(t, "no timeline shows the compliance")
}

// The dashboards can be imported anywhere: no uid of a data source, no database id, unique uids and panel ids.
func TestDashboardsArePortable(t *testing.T) {
	uids := make(map[string]string)
	err := filepath.WalkDir(rig.Root+"/deploy/grafana", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		if filepath.Ext(path) != ".json" {
			return nil
		}
		for _, found := range regexp.MustCompile(`"uid": "([^"]*)"`).FindAllStringSubmatch(string(text), -1) {
			if found[1] != "${datasource}" && found[1] != "-- Dashboard --" {
				require.NotContains(t, uids, found[1], "two dashboards with the same uid")
				uids[found[1]] = path
			}
		}
		require.NotContains(t, string(text), `"id": null`)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []string{"qlik-sense-compliance", "qlik-sense-fleet", "qlik-sense-server"}, slices.Sorted(maps.Keys(uids)))
	for _, name := range []string{"fleet", "server", "compliance"} {
		ids := make(map[int]bool)
		for _, p := range loadDashboard(t, name).Panels {
			require.False(t, ids[p.ID], "two panels with the same id")
			ids[p.ID] = true
		}
	}
}
