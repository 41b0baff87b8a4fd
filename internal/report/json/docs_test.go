package json

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/release"
)

// The page describes exactly the members of the document, in order and with their types.
func TestDocumentation(t *testing.T) {
	model := make(map[string][]string)
	members(reflect.TypeFor[document](), model)
	members(reflect.TypeFor[failure](), model) // of a server, which is no struct
	members(reflect.TypeFor[attempt](), model) // of a site, which is none either
	model["server"] = []string{"id: string", "source: string", "host: string", "remark: string, optional", "failure: failure, optional"}
	kinds := map[fleet.Type]string{fleet.String: "string", fleet.Integer: "integer", fleet.Float: "number", fleet.List: "array of string"}
	for _, f := range fleet.Fields {
		model["server"] = append(model["server"], f.Name+": "+kinds[f.Type])
	}
	model["site"] = []string{
		"source: string", "host: string", "complete: boolean", "nodes_elsewhere: integer", "failed_attempts: array of attempt",
	}
	for _, f := range fleet.SiteFields {
		model["site"] = append(model["site"], f.Name+": "+kinds[f.Type])
	}
	requireDescribed(t, "check-json.md", model)
}

// The same for a plan, except for members that it shares with a report.
func TestDocumentationOfPlans(t *testing.T) {
	model := make(map[string][]string)
	members(reflect.TypeFor[planDocument](), model)
	for _, name := range []string{"origin", "file", "catalog"} {
		delete(model, name) // on the page of check
	}
	requireDescribed(t, "plan-json.md", model)
}

// requireDescribed compares the tables of a page with a model, the members of each section.
func requireDescribed(t *testing.T, page string, model map[string][]string) {
	t.Helper()
	text, err := os.ReadFile("../../../deploy/" + page)
	require.NoError(t, err)
	described := make(map[string][]string)
	section := ""
	for line := range strings.Lines(string(text)) {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			section = strings.TrimSpace(title)
			described[section] = nil
		}
		if cells := strings.Split(line, " | "); strings.HasPrefix(line, "| `") {
			require.Len(t, cells, 3, line)
			require.NotEmpty(t, strings.Trim(cells[2], " |\n"), line)
			described[section] = append(described[section], strings.Trim(cells[0], "| `")+": "+cells[1])
		}
	}
	for name, want := range model {
		require.Equal(t, want, described[name], name)
	}
	require.Len(t, described, len(model))
}

// members collects the members of a type and of the types within it.
func members(of reflect.Type, model map[string][]string) {
	name := sectionOf(of)
	for field := range of.Fields() {
		key, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		kind := kindOf(field.Type)
		switch {
		case options == "omitempty", options == "omitzero":
			kind += ", optional"
		case field.Type.Kind() == reflect.Pointer:
			kind += " or null"
		}
		model[name] = append(model[name], key+": "+kind)
		below := field.Type
		for below.Kind() == reflect.Slice || below.Kind() == reflect.Pointer {
			below = below.Elem()
		}
		if below.Kind() == reflect.Struct && below != reflect.TypeFor[time.Time]() && below != reflect.TypeFor[server]() && below != reflect.TypeFor[site]() &&
			below != reflect.TypeFor[release.Release]() {
			if _, known := model[sectionOf(below)]; !known {
				members(below, model)
			}
		}
	}
}

func sectionOf(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[document]():
		return "report"
	case reflect.TypeFor[catalogue]():
		return "catalog"
	case reflect.TypeFor[planDocument]():
		return "plan"
	case reflect.TypeFor[plannedServer]():
		return "planned server"
	case reflect.TypeFor[undecided]():
		return "undecided advisory"
	case reflect.TypeFor[dismissed]():
		return "dismissed advisory"
	}
	return strings.ToLower(t.Name()) // those of package report are exported
}

func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Int:
		return "integer"
	case reflect.Float64:
		return "number"
	case reflect.Bool:
		return "boolean"
	case reflect.Pointer:
		return kindOf(t.Elem())
	case reflect.Slice:
		return "array of " + kindOf(t.Elem())
	case reflect.Map:
		return "object of " + kindOf(t.Elem())
	case reflect.Struct:
		switch t {
		case reflect.TypeFor[time.Time]():
			return "time"
		case reflect.TypeFor[release.Release]():
			return "string"
		}
		return sectionOf(t)
	}
	panic("the model has a member that is not described: " + t.String())
}
