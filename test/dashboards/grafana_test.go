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

// What of a dashboard's JSON is run; the whole of it is checked against Grafana's types.
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

	queries []string // all of the file, wherever they are
}

type panel struct {
	ID      int
	Type    string
	Title   string
	Targets []target
	Repeat  string

	text json.RawMessage
}

// UnmarshalJSON keeps the text too, for Grafana's own code.
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

	// Of Grafana's data source "Dashboard": the panel whose rows are taken, and whether as it
	// has transformed them.
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

// view is what a reader of a dashboard sees: a database, a moment, and what is chosen.
type view struct {
	database string
	now      time.Time
	chosen   map[string][]string // values of variables; "All" is the variable's allValue
	filter   string              // of the ad hoc variable: a tag and its value, as InfluxQL
}

// timeRange is that of the dashboard.
func (v *view) timeRange(d *dashboard) (from, to time.Time, err error) {
	days, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(d.Time.From, "now-"), "d"))
	return v.now.AddDate(0, 0, -days), v.now, err
}

var (
	reference = regexp.MustCompile(`\$\{(\w+)(?::(\w+))?\}`)
	leftOver  = regexp.MustCompile(`\$[{\w]`)
	special   = regexp.MustCompile(`[\\^$*+?.()|\[\]{}/]`)
)

// interpolate puts variables into a text as Grafana's templating does.
func (v *view) interpolate(d *dashboard, text string) (string, error) {
	var failed error
	text = reference.ReplaceAllStringFunc(text, func(found string) string {
		parts := reference.FindStringSubmatch(found)
		name, format := parts[1], parts[2]
		one := d.variable(name)
		if one == nil {
			failed = fmt.Errorf("no variable %s, for %s", name, text)
			return found
		}
		values, ok := v.chosen[name]
		if !ok {
			values = []string{one.value()}
		}
		if slices.Equal(values, []string{"All"}) {
			return one.AllValue // never escaped
		}
		if len(values) > 1 && !one.Multi {
			failed = fmt.Errorf("%s takes one value", name)
		}
		if format == "regex" {
			values = slices.Clone(values)
			for i := range values {
				values[i] = special.ReplaceAllString(values[i], `\$0`)
			}
		}
		if len(values) == 1 {
			return values[0]
		}
		return "(" + strings.Join(values, "|") + ")"
	})
	return text, failed
}

// value is what a variable has in the file.
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

// statement is a query as Grafana's InfluxDB data source sends it: variables first, in the
// browser; then the ad hoc filter, behind the first WHERE; then the macros.
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

// present and past are the ways in which queries speak of now, whatever the time range.
var (
	present = regexp.MustCompile(`time > now\(\) - (\d+[dh])`)
	past    = regexp.MustCompile(`time < now\(\) - (\d+[dh])`)
)

// macros does what Grafana does to a query; and now, which is InfluxDB's, is that of the story.
func macros(text string, now, from, to time.Time) (string, error) {
	text = strings.ReplaceAll(text, "$timeFilter", fmt.Sprintf("time >= %dms and time <= %dms", from.UnixMilli(), to.UnixMilli()))
	text = present.ReplaceAllString(text, fmt.Sprintf("time > %[1]dms - $1 AND time <= %[1]dms", now.UnixMilli()))
	text = past.ReplaceAllString(text, fmt.Sprintf("time < %dms - $1", now.UnixMilli()))
	if leftOver.MatchString(text) {
		return "", fmt.Errorf("something is not interpolated in %s", text)
	}
	if strings.Contains(text, "now()") {
		return "", fmt.Errorf("a time of another kind than the others in %s", text)
	}
	return text, nil
}
