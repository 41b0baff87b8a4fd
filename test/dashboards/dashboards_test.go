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

// The dashboards and alerts of deploy/grafana, run by a real InfluxDB that a real Telegraf
// has filled: every query of every panel, variable, annotation and alert, over a story of
// eleven weeks. Grafana itself is not run; what it does to queries and answers is done here as
// its data source does it, and its own library does the transformations and the display.
func TestGrafana(t *testing.T) {
	c, every6h, every24h, withStops := play(t)
	many := c.Database + "_many"
	c.writeMany(t, many)
	var panels []shownPanel
	ran := t.Run("dashboards", func(t *testing.T) {
		g := newGoldenFiles(t)
		for name, views := range c.views(every6h, every24h, many) {
			for _, v := range views {
				panels = append(panels, c.runDashboard(t, g, name, v.title, &v.view)...)
			}
		}
		g.compare("queries")
	})
	if ran { // else it would say once more what went wrong
		t.Run("shown", func(t *testing.T) { testShown(t, panels) })
	}
	t.Run("alerts", func(t *testing.T) { testAlerts(t, c, every6h, every24h, withStops) })
	t.Run("nearly all", func(t *testing.T) { testNearlyAll(t, c) })
	t.Run("retired", func(t *testing.T) { testRetired(t, c, every6h) }) // the last one, for it deletes
}

type titledView struct {
	title string
	view
}

// views are what is looked at of each dashboard.
func (c *cast) views(every6h, every24h, many string) map[string][]titledView {
	end := storyEnd.Add(3 * time.Hour)
	second := storyBegin.AddDate(0, 0, 1).Add(3 * time.Hour)
	seventh := storyBegin.AddDate(0, 0, 6).Add(3 * time.Hour)
	outage := storyBegin.AddDate(0, 0, 9).Add(3 * time.Hour)
	before, after := storyBegin.AddDate(0, 0, catalogUpdated).Add(-3*time.Hour), storyBegin.AddDate(0, 0, catalogUpdated).Add(3*time.Hour)
	server := func(name string) map[string][]string { return map[string][]string{"source": {c.source[name]}} }
	some := map[string][]string{"environment": {"PROD", "TEST"}}
	return map[string][]titledView{
		"fleet": {
			{"at the end, polls every 6 hours", view{every6h, end, nil, ""}},
			{"at the end, polls every 24 hours", view{every24h, end, nil, ""}},
			{"on the second day, polls every 24 hours", view{every24h, second, nil, ""}},
			{"on the tenth day, in the outage of prod3, polls every 6 hours", view{every6h, outage, nil, ""}},
			{"while the nodes of a site cannot be listed, polls every 6 hours", view{every6h, storyBegin.AddDate(0, 0, 20).Add(3 * time.Hour), nil, ""}},
			{"at the end, PROD and TEST alone, polls every 6 hours", view{every6h, end, some, ""}},
			{"at the end, PROD and TEST, site = Zürich, polls every 6 hours", view{every6h, end, some, `"site" = 'Zürich'`}},
			{"before the catalogue is renewed, polls every 6 hours", view{every6h, before, nil, ""}},
			{"after the catalogue is renewed, polls every 6 hours", view{every6h, after, nil, ""}},
			{"three days after the last Telegraf died", view{every6h, end.AddDate(0, 0, 3), nil, ""}},
			{"thirty days after the last Telegraf died", view{every6h, end.AddDate(0, 0, 30), nil, ""}},
			{"a year after the last Telegraf died", view{every6h, end.AddDate(1, 0, 0), nil, ""}},
			{"36 versions, and names of 60 characters", view{many, end, nil, ""}},
			{"before there are points", view{every6h, storyBegin.AddDate(0, 0, -20), nil, ""}},
		},
		"server": {
			{"prod1, polls every 6 hours", view{every6h, end, server("prod1"), ""}},
			{"prod1, polls every 24 hours", view{every24h, end, server("prod1"), ""}},
			{"prod3 on the tenth day, in its outage, polls every 6 hours", view{every6h, outage, server("prod3"), ""}},
			{"dev1, polls every 24 hours", view{every24h, end, server("dev1"), ""}},
			{"test4, dark for two months, polls every 6 hours", view{every6h, end, server("test4"), ""}},
			{"test1, open to two advisories, polls every 6 hours", view{every6h, end, server("test1"), ""}},
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
			{"on the tenth day, TEST alone, polls every 6 hours", view{every6h, outage, map[string][]string{"environment": {"TEST"}}, ""}},
			{"at the end, PROD and TEST, site = Zürich, polls every 6 hours", view{every6h, end, some, `"site" = 'Zürich'`}},
			{"before the catalogue is renewed, polls every 6 hours", view{every6h, before, nil, ""}},
			{"a year after the last Telegraf died", view{every6h, end.AddDate(1, 0, 0), nil, ""}},
			{"36 versions, and names of 60 characters", view{many, end, nil, ""}},
			{"before there are points", view{every6h, storyBegin.AddDate(0, 0, -20), nil, ""}},
		},
	}
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// runDashboard runs everything in a dashboard and gives what its panels have to show.
func (c *cast) runDashboard(t *testing.T, g *goldenFiles, name, title string, v *view) []shownPanel {
	t.Helper()
	d := loadDashboard(t, name)
	from, to, err := v.timeRange(d)
	require.NoError(t, err)
	repeated, asked := make(map[string][]string), make(map[string]bool)
	for _, one := range d.Templating.List {
		if one.Type != "query" {
			continue
		}
		asked[one.Query] = true
		// An ad hoc filter does not act on variables.
		statement, err := (&view{v.database, v.now, v.chosen, ""}).statement(d, one.Query, from, to)
		require.NoError(t, err)
		options := c.options(t, v.database, statement, one.Regex)
		repeated[one.Name] = options
		g.add(name+"/variables", "Variables of "+d.Title, one.Name+", "+title, c.names(strings.Join(append(options, ""), "\n")))
	}
	for _, one := range d.Annotations.List {
		asked[one.Target.Query] = true
		statement, err := v.statement(d, one.Target.Query, from, to)
		require.NoError(t, err)
		series, err := c.ask(v.database, statement)
		require.NoError(t, err)
		table := target{RefID: one.Name, ResultFormat: "table"}
		g.add(name+"/annotations", "Annotations of "+d.Title, title, describe(table, c.frames(table, series)))
		// Grafana finds these columns by their names, or by what their names hold.
		for _, columns := range []string{one.Target.TitleColumn, one.Target.TextColumn, one.Target.TagsColumn} {
			for column := range strings.SplitSeq(columns, ",") {
				require.Equal(t, 1, strings.Count(strings.SplitN(statement, " FROM ", 2)[0], column), "columns that hold %s", column)
			}
		}
	}
	var shown []shownPanel
	byID := make(map[int]shownPanel) // those that ask themselves
	for _, p := range d.asking() {
		var text strings.Builder
		var all []*frame
		for _, target := range p.Targets {
			require.True(t, target.RawQuery)
			asked[target.Query] = true
			statement, err := v.statement(d, target.Query, from, to)
			require.NoError(t, err)
			series, err := c.ask(v.database, statement)
			require.NoError(t, err, "%s: %s", p.Title, statement)
			got := c.frames(target, series)
			all = append(all, got...)
			text.WriteString(describe(target, got))
		}
		one := p.shown(name, title, v.now)
		one.Frames = all
		g.add(one.File, one.Head, title, text.String())
		byID[p.ID] = one
		shown = append(shown, one)
	}
	for _, p := range d.sharing() {
		require.Len(t, p.Targets, 1, p.Title)
		require.True(t, p.Targets[0].WithTransforms, p.Title)
		source, ok := byID[p.Targets[0].PanelID]
		require.True(t, ok, "%s: no panel %d that asks", p.Title, p.Targets[0].PanelID)
		values := []string{""}
		if p.Repeat != "" {
			if values = repeated[p.Repeat]; len(values) == 0 {
				values = []string{""} // Grafana shows the panel once all the same
			}
		}
		for _, value := range values {
			one := p.shown(name, title, v.now)
			if p.Repeat != "" {
				one.Section = cmp.Or(value, "(none)") + ", " + title
				one.Panel = p.repeated(value)
			}
			one.Source, one.Frames = source.Panel, source.Frames
			shown = append(shown, one)
		}
	}
	for _, query := range d.queries {
		require.True(t, asked[query], "nobody has run %s", query)
	}
	return shown
}

// asking are the panels with queries.
func (d *dashboard) asking() []*panel {
	return slices.DeleteFunc(slices.Clone(d.Panels), func(p *panel) bool { return len(p.Targets) == 0 || p.Targets[0].PanelID != 0 })
}

// sharing are the panels that show rows of one that asks.
func (d *dashboard) sharing() []*panel {
	return slices.DeleteFunc(slices.Clone(d.Panels), func(p *panel) bool { return len(p.Targets) == 0 || p.Targets[0].PanelID == 0 })
}

func (p *panel) shown(dashboard, section string, now time.Time) shownPanel {
	file := fmt.Sprintf("%s/%02d-%s", dashboard, p.ID, strings.Trim(notInNames.ReplaceAllString(strings.ToLower(p.Title), "-"), "-"))
	return shownPanel{File: file, Head: fmt.Sprintf("%s (%s)", p.Title, p.Type), Section: section, Now: now.UnixMilli(), Panel: p.text}
}

// repeated is a panel with one value of the variable that it is repeated for. Values are
// identifiers, in which nothing has to be escaped.
func (p *panel) repeated(value string) json.RawMessage {
	return json.RawMessage(regexp.MustCompile(`\$\{`+p.Repeat+`(:\w+)?\}`).ReplaceAllLiteralString(string(p.text), value))
}

// options are the options that a variable has, as Grafana makes them of the answer.
func (c *cast) options(t *testing.T, database, statement, regex string) []string {
	t.Helper()
	series, err := c.ask(database, statement)
	require.NoError(t, err)
	require.LessOrEqual(t, len(series), 1, "Grafana takes the first frame alone")
	pattern := regexp.MustCompile(`^(.*)$`)
	if regex != "" {
		// More matches than one, each with a group: each is an option.
		require.Regexp(t, `^/.*/g$`, regex)
		pattern = regexp.MustCompile(strings.TrimSuffix(strings.TrimPrefix(regex, "/"), "/g"))
	}
	var all []string
	for _, s := range series {
		for _, row := range s.Values {
			text, ok := row[1].(string)
			require.True(t, ok, "%s: a row without the column that is asked for: %v", statement, row)
			for _, found := range pattern.FindAllStringSubmatch(text, -1) {
				all = append(all, found[1])
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Nothing in deploy/grafana belongs to one Grafana, one machine or one data source.
func TestGrafanaFilesAreOfNoInstallation(t *testing.T) {
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
				require.NotContains(t, uids, found[1], "two dashboards with one uid")
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
			require.False(t, ids[p.ID], "two panels with one id")
			ids[p.ID] = true
		}
	}
}
