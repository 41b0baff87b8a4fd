//go:build linux

package dashboards

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// frame is a data frame as Grafana's InfluxDB data source makes it.
type frame struct {
	RefID  string   `json:"refId"`
	Name   string   `json:"name"`
	Fields []*field `json:"fields"`
}

type field struct {
	Name   string            `json:"name"`
	Type   string            `json:"type"` // "time", "string" or "number"
	Labels map[string]string `json:"labels,omitempty"`
	Config map[string]string `json:"config"`
	Values []any             `json:"values"` // string, float64 or nil; times are milliseconds
}

type influxSeries struct {
	Name    string
	Tags    map[string]string
	Columns []string
	Values  [][]any
}

func (sim *simulation) query(database, statement string) ([]influxSeries, error) {
	return queryInfluxDB(sim.DB.URL, database, statement)
}

// queryInfluxDB runs a query as Grafana's backend does.
func queryInfluxDB(influxdb, database, statement string) ([]influxSeries, error) {
	response, err := http.Get(influxdb + "/query?" + url.Values{"db": {database}, "epoch": {"ms"}, "q": {statement}}.Encode())
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		Error   string
		Results []struct {
			Error  string
			Series []influxSeries
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if answer.Error != "" || len(answer.Results) != 1 || answer.Results[0].Error != "" {
		return nil, fmt.Errorf("%s: %+v", statement, answer)
	}
	return answer.Results[0].Series, nil
}

// frames converts a result to frames, with the server names of the scenario instead of addresses.
func (sim *simulation) frames(t target, series []influxSeries) []*frame {
	all := frames(t, series)
	for _, f := range all {
		f.Name = sim.withNames(f.Name)
		for _, one := range f.Fields {
			one.Labels = maps.Clone(one.Labels)
			for key, value := range one.Labels {
				one.Labels[key] = sim.withNames(value)
			}
			for i, value := range one.Values {
				if text, ok := value.(string); ok {
					one.Values[i] = sim.withNames(text)
				}
			}
		}
	}
	return all
}

// frames converts a result to frames: one per series and column, or a single table with the tags as
// columns.
func frames(t target, series []influxSeries) []*frame {
	if len(series) == 0 {
		return nil
	}
	if t.ResultFormat == "table" {
		return []*frame{tableFrame(t, series)}
	}
	var all []*frame
	for _, s := range series {
		for column := 1; column < len(s.Columns); column++ {
			name := s.Name + "." + s.Columns[column]
			if t.Alias != "" {
				name = alias(t.Alias, s.Tags)
			}
			value := &field{Name: "Value", Labels: s.Tags, Config: map[string]string{"displayNameFromDS": name}}
			times := &field{Name: "Time", Type: "time"}
			for _, row := range s.Values {
				times.Values = append(times.Values, row[0])
				value.Values = append(value.Values, row[column])
			}
			value.setType()
			all = append(all, &frame{RefID: t.RefID, Name: name, Fields: []*field{times, value}})
		}
	}
	return all
}

func alias(text string, tags map[string]string) string {
	for key, value := range tags {
		text = strings.ReplaceAll(text, "$tag_"+key, value)
	}
	return text
}

func tableFrame(t target, series []influxSeries) *frame {
	f := &frame{RefID: t.RefID, Name: series[0].Name}
	column := func(name string, cell func(influxSeries, []any) any) *field {
		one := &field{Name: name, Config: map[string]string{"displayNameFromDS": name}}
		for _, s := range series {
			for _, row := range s.Values {
				one.Values = append(one.Values, cell(s, row))
			}
		}
		one.setType()
		f.Fields = append(f.Fields, one)
		return one
	}
	first := column(series[0].Columns[0], func(_ influxSeries, row []any) any { return row[0] })
	if first.Name == "time" {
		first.Name, first.Type, first.Config = "Time", "time", nil
	}
	for _, key := range slices.Sorted(maps.Keys(series[0].Tags)) { // Grafana's order is random
		column(key, func(s influxSeries, _ []any) any { return s.Tags[key] }).Type = "string"
	}
	for i := 1; i < len(series[0].Columns); i++ {
		column(series[0].Columns[i], func(_ influxSeries, row []any) any { return row[i] })
	}
	return f
}

// setType derives the type of a column from its values; without any it is "number".
func (f *field) setType() {
	f.Type = "number"
	if slices.ContainsFunc(f.Values, func(value any) bool { _, text := value.(string); return text }) {
		f.Type = "string"
	}
}
