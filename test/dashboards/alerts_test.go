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

// evaluationStep is the interval at which rules are evaluated here, an hour after each poll: nothing
// changes between polls. After the scenario there are no more polls, so once a day is enough.
func evaluationStep(now time.Time) time.Duration {
	if now.After(scenarioEnd.AddDate(0, 0, 10)) {
		return 24 * time.Hour
	}
	return 6 * time.Hour
}

// testAlerts evaluates every rule over the whole scenario, an hour after each poll, and on until the
// last server has left the queried time range. The golden files hold when each alert fires, with
// which labels and text.
func testAlerts(t *testing.T, sim *simulation, every6h, every24h, withStops string) {
	t.Helper()
	g := newGoldenFiles(t)
	for _, rule := range loadRules(t) {
		for _, one := range []struct{ title, database string }{{"polls every 6 hours", every6h}, {"polls every 24 hours", every24h}} {
			g.add(rule.UID, rule.Title, one.title, sim.evaluateTimeline(t, &rule, one.database))
		}
		if rule.UID == "qlik-sense-not-answering" || rule.UID == "qlik-sense-no-points" {
			g.add(rule.UID, rule.Title, "polls every 6 hours, the agents of TEST and DEV stop", sim.evaluateTimeline(t, &rule, withStops))
		}
	}
	g.add("message", "Messages", "firing and resolved alerts", sampleMessage(t))
	g.compare("alerts")
}

// instance is one alert of a rule while it lasts.
type instance struct {
	labels  map[string]string
	pending time.Time // since when the condition is met
	firing  time.Time // since when it fires; zero while it is pending
	text    string
}

// evaluateTimeline evaluates a rule over the scenario and returns when it fired, with labels and text.
func (sim *simulation) evaluateTimeline(t *testing.T, rule *alertRule, database string) string {
	t.Helper()
	active := make(map[string]*instance)
	var lines []string
	var noDataSince time.Time
	add := func(from, to time.Time, what string) {
		lines = append(lines, fmt.Sprintf("%s to %s: %s\n", from.Format("2006-01-02 15:04"), to.Format("2006-01-02 15:04"), what))
	}
	addNoData := func(until time.Time) {
		text := "no data, which counts as " + rule.NoDataState
		if rule.NoDataState == "Alerting" {
			text += "\n" + rule.text(t, nil, nil)
		}
		add(noDataSince, until, text)
	}
	end := scenarioEnd.AddDate(0, 0, 95)
	for now := scenarioStart.Add(-5 * time.Hour); now.Before(end); now = now.Add(evaluationStep(now)) {
		values, numbers, err := sim.evaluate(rule, database, now)
		require.NoError(t, err, "%s at %s", rule.UID, now)
		if values == nil && noDataSince.IsZero() {
			noDataSince = now
		}
		if values != nil && !noDataSince.IsZero() {
			addNoData(now)
			noDataSince = time.Time{}
		}
		met := make(map[string]bool)
		for _, one := range values {
			if one.value == 0 {
				continue
			}
			key := labelText(one.labels)
			require.False(t, met[key], "two values with labels %s", key)
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
					add(i.firing, now, strings.TrimSpace(key)+"\n"+i.text)
				}
				delete(active, key)
			}
		}
	}
	if !noDataSince.IsZero() {
		addNoData(end)
	}
	require.Empty(t, active, "alerts that never resolve")
	slices.Sort(lines)
	if len(lines) == 0 {
		return "(nothing fires)\n"
	}
	return strings.Join(lines, "")
}

// number is a value with labels, as in Grafana's expressions.
type number struct {
	labels map[string]string
	value  float64
}

// evaluate returns the values of a rule's condition at a time, nil for "no data", and the values of all
// its queries and expressions. As in Grafana, one query without data makes the whole rule "no data".
func (sim *simulation) evaluate(rule *alertRule, database string, now time.Time) (condition []number, all map[string][]number, err error) {
	all = make(map[string][]number)
	for _, step := range rule.Data {
		var result []number
		switch {
		case step.DatasourceUID != "__expr__":
			result, err = sim.queryRule(&step, database, now)
			if err == nil && len(result) == 0 {
				return nil, nil, nil
			}
		case step.Model.Type == "reduce":
			// queryRule has already reduced each series to its last value.
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

// queryRule runs a query of a rule and converts its frames to values as Grafana does for InfluxDB: a
// table without a time and with one numeric column gives a value per row, labelled by its string
// columns; a time series gives its last value. A table with a time is an error, one with
// several numeric columns is no data.
func (sim *simulation) queryRule(step *alertStep, database string, now time.Time) ([]number, error) {
	from, to := now.Add(-time.Duration(step.RelativeTimeRange.From)*time.Second), now.Add(-time.Duration(step.RelativeTimeRange.To)*time.Second)
	statement, err := macros(step.Model.Query, now, from, to)
	if err != nil {
		return nil, err
	}
	series, err := sim.query(database, statement)
	if err != nil {
		return nil, err
	}
	var result []number
	for _, f := range sim.frames(target{ResultFormat: step.Model.ResultFormat}, series) {
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

// alertFuncs are the template functions, taken by Grafana from Prometheus, that annotations use.
var alertFuncs = template.FuncMap{
	"reReplaceAll": func(pattern, replacement, text string) string {
		return regexp.MustCompile(pattern).ReplaceAllString(text, replacement)
	},
	"humanizeTimestamp": func(seconds string) (string, error) {
		n, err := strconv.ParseFloat(seconds, 64)
		return time.Unix(int64(n), 0).UTC().String(), err
	},
}

// text renders the annotations of a rule. As in Grafana, $values holds only the numbers whose
// labels equal those of the alert.
func (r *alertRule) text(t *testing.T, alertLabels map[string]string, all map[string][]number) string {
	t.Helper()
	type value struct {
		Labels map[string]string
		Value  float64
	}
	values := make(map[string]value)
	for ref, numbers := range all {
		for _, one := range numbers {
			if maps.Equal(one.labels, alertLabels) {
				values[ref] = value{one.labels, math.Round(one.value*100) / 100}
			}
		}
	}
	var b strings.Builder
	missing := "missingkey=error"
	if alertLabels == nil { // no data: Grafana does not set missingkey=error for the alert without labels
		missing = "missingkey=invalid"
	}
	for _, name := range []string{"summary", "description"} { // the runbook is not a template
		parsed, err := template.New(name).Option(missing).Funcs(alertFuncs).Parse("{{ $labels := .Labels }}{{ $values := .Values }}" + r.Annotations[name])
		require.NoError(t, err)
		b.WriteString("    ")
		require.NoError(t, parsed.Execute(&b, map[string]any{"Labels": alertLabels, "Values": values}), r.UID)
		b.WriteString("\n")
	}
	require.NotContains(t, b.String(), "<no value>", r.UID)
	return b.String()
}

// sampleMessage renders the message templates for sample alerts.
func sampleMessage(t *testing.T) string {
	t.Helper()
	type alert struct {
		Labels, Annotations map[string]string
		PanelURL            string
	}
	type alerts struct{ Firing, Resolved []alert }
	const rule, ended = "Qlik Sense server runs a vulnerable version", "a newer answer no longer says so, or there was none for 92 days"
	newAlert := func(server, environment, version string) alert {
		return alert{
			Labels:      map[string]string{"alertname": rule, "source": server, "environment": environment, "release": version},
			Annotations: map[string]string{"summary": server + " (" + environment + ") runs " + version, "description": "Install something else.", "ended": ended},
			PanelURL:    "https://grafana.example.com/d/qlik-sense-fleet?viewPanel=15",
		}
	}
	many := func(from, to int, version string) (all []alert) {
		for i := from; i <= to; i++ {
			all = append(all, newAlert(fmt.Sprintf("prod%d", i), "PROD", version))
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
		{"one of the same name in another environment ended", alerts{many(1, 1, "May 2024"), []alert{newAlert("prod1", "DR", "May 2024")}}, 2},
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
