package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func jsonOf(t *testing.T, r *Report) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, r.WriteJSON(&out))
	return out.Bytes()
}

func TestJSON(t *testing.T) {
	r := mixedFleet(t)
	requireGolden(t, "report.json", jsonOf(t, r))
	requireRoundTrip(t, r)
}

func TestJSONOfHugeFleet(t *testing.T) {
	requireRoundTrip(t, hugeFleet().withoutNull())
}

func requireRoundTrip(t *testing.T, r *Report) {
	t.Helper()
	got := new(Report)
	decoder := json.NewDecoder(bytes.NewReader(jsonOf(t, r)))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(got))
	require.Equal(t, r, got)
}

func TestJSONHostile(t *testing.T) {
	for _, s := range hostile {
		r := hostileReport(strings.ToValidUTF8(s, "\ufffd"))
		requireRoundTrip(t, r.withoutNull())
		require.True(t, json.Valid(jsonOf(t, hostileReport(s))))
	}
	random := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		require.True(t, json.Valid(jsonOf(t, randomReport(random))))
	}
	require.Contains(t, string(jsonOf(t, &Report{Program: "<a&b>"})), `"program": "<a&b>",`)
	require.True(t, bytes.HasSuffix(jsonOf(t, new(Report)), []byte("\n}\n")))
}

// Where nothing is known, only the percentage of nothing is null.
func TestJSONHasNoNullArrays(t *testing.T) {
	failure := &Failure{ServerCertificate: new(Certificate), ClientCertificate: new(Certificate)}
	for _, r := range []*Report{
		{},
		{Catalogs: make([]Catalog, 1), Advisories: make([]Advisory, 1), Blocks: []Block{{}, {Servers: []Server{{}, {Failure: failure}}}},
			Summary: Summary{Versions: make([]Count, 1)}},
	} {
		before := copyOf(t, r)
		var document any
		require.NoError(t, json.Unmarshal(jsonOf(t, r), &document))
		require.Equal(t, []string{".summary.compliant_percent"}, nulls(document, ""))
		require.Equal(t, before, copyOf(t, r), "the report itself stays as it is")
		require.Equal(t, r.Blocks == nil, before.Blocks == nil)
	}
}

func nulls(value any, place string) []string {
	var found []string
	switch value := value.(type) {
	case nil:
		return []string{place}
	case []any:
		for i := range value {
			found = append(found, nulls(value[i], fmt.Sprintf("%s[%d]", place, i))...)
		}
	case map[string]any:
		for key := range value {
			found = append(found, nulls(value[key], place+"."+key)...)
		}
	}
	return found
}

// Every member of the document is described, in its order and with its type, and
// nothing else is.
func TestJSONIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../deploy/check-json.md")
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
	model := make(map[string][]string)
	members(reflect.TypeFor[Report](), model)
	for name, want := range model {
		require.Equal(t, want, described[name], name)
	}
	require.Len(t, described, len(model))
}

// members lists the members of a type and of those below it, each with its type.
func members(of reflect.Type, model map[string][]string) {
	name := sectionOf(of)
	for field := range of.Fields() {
		key, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		kind := kindOf(field.Type)
		switch {
		case options == "omitempty":
			kind += ", optional"
		case field.Type.Kind() == reflect.Pointer:
			kind += " or null"
		}
		model[name] = append(model[name], key+": "+kind)
		below := field.Type
		for below.Kind() == reflect.Slice || below.Kind() == reflect.Pointer {
			below = below.Elem()
		}
		if below.Kind() == reflect.Struct && below != reflect.TypeFor[time.Time]() {
			if _, known := model[sectionOf(below)]; !known {
				members(below, model)
			}
		}
	}
}

func sectionOf(t reflect.Type) string {
	if t == reflect.TypeFor[Count]() {
		return "version"
	}
	return strings.ToLower(t.Name())
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
		if t == reflect.TypeFor[time.Time]() {
			return "time"
		}
		return sectionOf(t)
	}
	panic("the model has a member that is not described: " + t.String())
}
