//go:build linux

package dashboards

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
)

// dashboard is the part of a dashboard's JSON that the tests run; types.cjs checks all of it.
type dashboard struct {
	UID    string
	Title  string
	Panels []*panel
	Time   struct{ From, To string }

	Templating struct{ List []*variable }

	Annotations struct {
		List []struct {
			Name   string
			Target struct{ Query, TitleColumn, TextColumn, TagsColumn string }
		}
	}

	queries []string // all queries of the file, wherever they are
}

type panel struct {
	ID      int
	Type    string
	Title   string
	Targets []target
	Repeat  string

	text json.RawMessage
}

// UnmarshalJSON also keeps the JSON text, for render.cjs.
func (p *panel) UnmarshalJSON(text []byte) error {
	type plain panel
	p.text = slices.Clone(text)
	return json.Unmarshal(text, (*plain)(p))
}

type target struct {
	RefID        string
	Query        string
	RawQuery     bool
	ResultFormat string
	Alias        string

	// For Grafana's data source "Dashboard": the panel whose rows are used, and whether they are
	// used as transformed by that panel.
	PanelID        int
	WithTransforms bool
}

type variable struct {
	Name     string
	Type     string
	Query    string
	Regex    string
	AllValue string
	Multi    bool
	Current  struct{ Value any }
}

func loadDashboard(t testing.TB, name string) *dashboard {
	t.Helper()
	text, err := os.ReadFile(rig.Root + "/deploy/grafana/dashboards/" + name + ".json")
	require.NoError(t, err)
	d := new(dashboard)
	require.NoError(t, json.Unmarshal(text, d))
	var all any
	require.NoError(t, json.Unmarshal(text, &all))
	d.queries = queriesIn(all)
	require.NotEmpty(t, d.queries)
	return d
}

func queriesIn(value any) []string {
	var found []string
	switch value := value.(type) {
	case string:
		if strings.Contains(value, `FROM "qlik_sense_`) {
			found = append(found, value)
		}
	case []any:
		for _, one := range value {
			found = append(found, queriesIn(one)...)
		}
	case map[string]any:
		for _, one := range value {
			found = append(found, queriesIn(one)...)
		}
	}
	return found
}

func (d *dashboard) variable(name string) *variable {
	for _, one := range d.Templating.List {
		if one.Name == name {
			return one
		}
	}
	return nil
}

// view is what a dashboard is evaluated with: a database, a time and the selected variable values.
type view struct {
	database string
	now      time.Time
	selected map[string][]string // values of variables; "All" is the variable's allValue
	filter   string              // condition of the ad hoc variable, in InfluxQL
}

// timeRange returns the dashboard's default time range, relative to the view's time.
func (v *view) timeRange(d *dashboard) (from, to time.Time, err error) {
	days, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(d.Time.From, "now-"), "d"))
	return v.now.AddDate(0, 0, -days), v.now, err
}

var (
	variableRef  = regexp.MustCompile(`\$\{(\w+)(?::(\w+))?\}`)
	unresolved   = regexp.MustCompile(`\$[{\w]`)
	regexSpecial = regexp.MustCompile(`[\\^$*+?.()|\[\]{}/]`)
)

// interpolate replaces variables in a text as Grafana's templating does.
func (v *view) interpolate(d *dashboard, text string) (string, error) {
	var failure error
	text = variableRef.ReplaceAllStringFunc(text, func(found string) string {
		parts := variableRef.FindStringSubmatch(found)
		name, format := parts[1], parts[2]
		one := d.variable(name)
		if one == nil {
			failure = fmt.Errorf("no variable %s for %s", name, text)
			return found
		}
		values, ok := v.selected[name]
		if !ok {
			values = []string{one.value()}
		}
		if slices.Equal(values, []string{"All"}) {
			return one.AllValue // never escaped
		}
		if len(values) > 1 && !one.Multi {
			failure = fmt.Errorf("%s takes one value", name)
		}
		if format == "regex" {
			values = slices.Clone(values)
			for i := range values {
				values[i] = regexSpecial.ReplaceAllString(values[i], `\$0`)
			}
		}
		if len(values) == 1 {
			return values[0]
		}
		return "(" + strings.Join(values, "|") + ")"
	})
	return text, failure
}

// value returns the variable's value as saved in the file.
func (one *variable) value() string {
	switch value := one.Current.Value.(type) {
	case string:
		return value
	case []any:
		if len(value) == 1 && value[0] == "$__all" {
			return "All"
		}
	}
	return ""
}

// statement returns a query as Grafana's InfluxDB data source sends it: variables are replaced first,
// in the browser; then the ad hoc filter is inserted after the first WHERE; then macros are expanded.
func (v *view) statement(d *dashboard, query string, from, to time.Time) (string, error) {
	text, err := v.interpolate(d, query)
	if err != nil {
		return "", err
	}
	if v.filter != "" {
		before, after, found := strings.Cut(text, "WHERE")
		if !found {
			return "", fmt.Errorf("no place for the ad hoc filter in %s", text)
		}
		text = before + "WHERE " + v.filter + " AND" + after
	}
	return macros(text, v.now, from, to)
}

// macros expands the macros of a query as Grafana does, and replaces InfluxDB's now() by the given time.
func macros(text string, now, from, to time.Time) (string, error) {
	text = strings.ReplaceAll(text, "$timeFilter", fmt.Sprintf("time >= %dms and time <= %dms", from.UnixMilli(), to.UnixMilli()))
	text = strings.ReplaceAll(text, "now()", fmt.Sprintf("%dms", now.UnixMilli()))
	if unresolved.MatchString(text) {
		return "", fmt.Errorf("a variable is not interpolated in %s", text)
	}
	return text, nil
}
