//go:build linux

package dashboards

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/stretchr/testify/require"
)

// evaluationStep is how often rules are evaluated here, an hour after a poll: more often is no
// use, for nothing changes between the polls. Beyond the story there are no polls any more.
func evaluationStep(now time.Time) time.Duration {
	if now.After(storyEnd.AddDate(0, 0, 10)) {
		return 24 * time.Hour
	}
	return 6 * time.Hour
}

// testAlerts evaluates every rule through the whole story, an hour after each poll, and
// until the last server is forgotten, and compares who fires when, with which labels and what text.
func testAlerts(t *testing.T, c *cast, every6h, every24h, withStops string) {
	t.Helper()
	g := newGoldenFiles(t)
	for _, rule := range loadRules(t) {
		for _, one := range []struct{ title, database string }{{"polls every 6 hours", every6h}, {"polls every 24 hours", every24h}} {
			g.add(rule.UID, rule.Title, one.title, c.run(t, &rule, one.database))
		}
		if rule.UID == "qlik-sense-not-answering" || rule.UID == "qlik-sense-no-points" {
			g.add(rule.UID, rule.Title, "polls every 6 hours, the agents of TEST and DEV stop", c.run(t, &rule, withStops))
		}
	}
	g.add("message", "Messages", "who fires and who ended", sampleMessage(t))
	g.compare("alerts")
}

// instance is one alert of a rule while it lasts.
type instance struct {
	labels  map[string]string
	pending time.Time
	firing  time.Time // zero before
	text    string
}

// run evaluates a rule through the story and tells what came of it.
func (c *cast) run(t *testing.T, rule *alertRule, database string) string {
	t.Helper()
	active := make(map[string]*instance)
	var told []string
	var noDataSince time.Time
	tell := func(from, to time.Time, what string) {
		told = append(told, fmt.Sprintf("%s to %s: %s\n", from.Format("2006-01-02 15:04"), to.Format("2006-01-02 15:04"), what))
	}
	noData := func(until time.Time) {
		text := "no data, which counts as " + rule.NoDataState
		if rule.NoDataState == "Alerting" {
			text += "\n" + rule.text(t, nil, nil)
		}
		tell(noDataSince, until, text)
	}
	end := storyEnd.AddDate(0, 0, 95)
	for now := storyBegin.Add(-5 * time.Hour); now.Before(end); now = now.Add(evaluationStep(now)) {
		values, numbers, err := c.evaluate(rule, database, now)
		require.NoError(t, err, "%s at %s", rule.UID, now)
		if values == nil && noDataSince.IsZero() {
			noDataSince = now
		}
		if values != nil && !noDataSince.IsZero() {
			noData(now)
			noDataSince = time.Time{}
		}
		met := make(map[string]bool)
		for _, one := range values {
			if one.value == 0 {
				continue
			}
			key := labels(one.labels)
			require.False(t, met[key], "two values with the labels %s", key)
			met[key] = true
			if active[key] == nil {
				active[key] = &instance{labels: one.labels, pending: now}
			}
			if i := active[key]; i.firing.IsZero() && now.Sub(i.pending) >= duration(t, rule.For) {
				i.firing = now
				i.text = rule.text(t, one.labels, numbers)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(active)) {
			if i := active[key]; !met[key] {
				if !i.firing.IsZero() {
					tell(i.firing, now, strings.TrimSpace(key)+"\n"+i.text)
				}
				delete(active, key)
			}
		}
	}
	if !noDataSince.IsZero() {
		noData(end)
	}
	require.Empty(t, active, "alerts without an end")
	slices.Sort(told)
	if len(told) == 0 {
		return "(nothing fires)\n"
	}
	return strings.Join(told, "")
}

// number is a value with labels, as Grafana's expressions have it.
type number struct {
	labels map[string]string
	value  float64
}

// evaluate gives the values of a rule's condition at a moment, nil where there are no
// data, and those of all its queries and expressions. As in Grafana there are no data where
// one of the queries has none.
func (c *cast) evaluate(rule *alertRule, database string, now time.Time) (condition []number, all map[string][]number, err error) {
	all = make(map[string][]number)
	for _, step := range rule.Data {
		var result []number
		switch {
		case step.DatasourceUID != "__expr__":
			result, err = c.askFor(&step, database, now)
			if err == nil && len(result) == 0 {
				return nil, nil, nil
			}
		case step.Model.Type == "reduce":
			// Each series has come as its last value.
			result = all[step.Model.Expression]
		case step.Model.Type == "threshold":
			result, err = threshold(&step, all[step.Model.Expression])
		default:
			err = fmt.Errorf("no expression %q", step.Model.Type)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", step.RefID, err)
		}
		all[step.RefID] = result
	}
	return all[rule.Condition], all, nil
}

// askFor runs a query of a rule, and makes values of its frames as Grafana does for an
// InfluxDB: of a table without a time and with one column of numbers a value for each row,
// whose columns of text are the labels; of series the series. A table with a time is
// refused, other frames are passed over.
func (c *cast) askFor(step *alertStep, database string, now time.Time) ([]number, error) {
	from, to := now.Add(-time.Duration(step.RelativeTimeRange.From)*time.Second), now.Add(-time.Duration(step.RelativeTimeRange.To)*time.Second)
	statement, err := macros(step.Model.Query, now, from, to)
	if err != nil {
		return nil, err
	}
	series, err := c.ask(database, statement)
	if err != nil {
		return nil, err
	}
	var result []number
	for _, f := range c.frames(target{ResultFormat: step.Model.ResultFormat}, series) {
		if step.Model.ResultFormat != "table" {
			if values := f.Fields[1]; values.Type == "number" {
				if last, ok := values.Values[len(values.Values)-1].(float64); ok {
					result = append(result, number{values.Labels, last})
				}
			}
			continue
		}
		var numeric *field
		for _, one := range f.Fields {
			switch {
			case one.Type == "time":
				return nil, fmt.Errorf("input data must be a wide series but got type long: %s", statement)
			case one.Type == "number" && numeric != nil:
				return nil, nil // no data, as Grafana has it
			case one.Type == "number":
				numeric = one
			}
		}
		for i, value := range numeric.Values {
			row := make(map[string]string)
			for _, one := range f.Fields {
				if one.Type == "string" {
					row[one.Name], _ = one.Values[i].(string)
				}
			}
			result = append(result, number{row, value.(float64)})
		}
	}
	return result, nil
}

func threshold(step *alertStep, values []number) ([]number, error) {
	evaluator := step.Model.Conditions[0].Evaluator
	var result []number
	for _, one := range values {
		var met bool
		switch evaluator.Type {
		case "gt":
			met = one.value > evaluator.Params[0]
		case "lt":
			met = one.value < evaluator.Params[0]
		default:
			return nil, fmt.Errorf("no evaluator %q", evaluator.Type)
		}
		value := 0.0
		if met {
			value = 1
		}
		result = append(result, number{one.labels, value})
	}
	return result, nil
}

// alertFuncs are functions of Grafana's that annotations use; it has them from Prometheus.
var alertFuncs = template.FuncMap{
	"reReplaceAll": func(pattern, replacement, text string) string {
		return regexp.MustCompile(pattern).ReplaceAllString(text, replacement)
	},
	"humanizeTimestamp": func(seconds string) (string, error) {
		n, err := strconv.ParseFloat(seconds, 64)
		return time.Unix(int64(n), 0).UTC().String(), err
	},
}

// text is what the annotations of a rule say. As in Grafana, $values holds those numbers
// that have the very labels of the alert.
func (r *alertRule) text(t *testing.T, of map[string]string, all map[string][]number) string {
	t.Helper()
	type value struct {
		Labels map[string]string
		Value  float64
	}
	values := make(map[string]value)
	for ref, numbers := range all {
		for _, one := range numbers {
			if maps.Equal(one.labels, of) {
				values[ref] = value{one.labels, math.Round(one.value*100) / 100}
			}
		}
	}
	var b strings.Builder
	missing := "missingkey=error"
	if of == nil { // no data: an alert without labels, and without this option in Grafana
		missing = "missingkey=invalid"
	}
	for _, name := range []string{"summary", "description"} { // the runbook is no template
		parsed, err := template.New(name).Option(missing).Funcs(alertFuncs).Parse("{{ $labels := .Labels }}{{ $values := .Values }}" + r.Annotations[name])
		require.NoError(t, err)
		b.WriteString("    ")
		require.NoError(t, parsed.Execute(&b, map[string]any{"Labels": of, "Values": values}), r.UID)
		b.WriteString("\n")
	}
	require.NotContains(t, b.String(), "<no value>", r.UID)
	return b.String()
}

// sampleMessage is what the message templates make of some alerts.
func sampleMessage(t *testing.T) string {
	t.Helper()
	type alert struct {
		Labels, Annotations map[string]string
		PanelURL            string
	}
	type alerts struct{ Firing, Resolved []alert }
	const rule, ended = "Qlik Sense server runs a vulnerable version", "a newer answer no longer says so, or there was none for 92 days"
	a := func(server, environment, version string) alert {
		return alert{
			Labels:      map[string]string{"alertname": rule, "source": server, "environment": environment, "release": version},
			Annotations: map[string]string{"summary": server + " (" + environment + ") runs " + version, "description": "Install something else.", "ended": ended},
			PanelURL:    "https://grafana.example.com/d/qlik-sense-fleet?viewPanel=15",
		}
	}
	many := func(from, to int, version string) (all []alert) {
		for i := from; i <= to; i++ {
			all = append(all, a(fmt.Sprintf("prod%d", i), "PROD", version))
		}
		return all
	}
	parsed, err := template.New("").Parse(loadAlerting(t).Templates[0].Template)
	require.NoError(t, err)
	var b strings.Builder
	for _, one := range []struct {
		what string
		alerts
		servers int
	}{
		{"two fire, a third ended", alerts{many(1, 2, "May 2024"), many(3, 3, "May 2024")}, 3},
		{"one ended", alerts{nil, many(1, 1, "May 2024")}, 1},
		{"one goes on with another text: nothing ended", alerts{many(1, 1, "May 2024 Patch 1"), many(1, 1, "May 2024")}, 1},
		{"one of the same name in another environment ended", alerts{many(1, 1, "May 2024"), []alert{a("prod1", "DR", "May 2024")}}, 2},
		{"twenty fire", alerts{many(1, 20, "May 2024"), nil}, 20},
		{"eighteen fire, three ended", alerts{many(1, 18, "May 2024"), many(19, 21, "May 2024")}, 20},
		{"57 fire, of which one with another text, and 21 ended", alerts{many(1, 57, "May 2024 Patch 1"), many(57, 78, "May 2024")}, 20},
	} {
		data := map[string]any{
			"Alerts":            one.alerts,
			"CommonLabels":      map[string]string{"alertname": rule, "environment": "PROD"},
			"CommonAnnotations": map[string]string{"runbook": "docs/alerts.md#qlik-sense-vulnerable", "ended": ended},
		}
		var message strings.Builder
		require.NoError(t, parsed.ExecuteTemplate(&message, "qlik_sense.subject", data))
		message.WriteString("\n\n")
		require.NoError(t, parsed.ExecuteTemplate(&message, "qlik_sense.message", data))
		require.Equal(t, one.servers, strings.Count(message.String(), " runs May"), one.what)
		fmt.Fprintf(&b, "-- %s\n%s\n", one.what, message.String())
	}
	return b.String()
}
