package fleet

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/golden"
	"telegraf-qlik-sense-version/internal/text"
)

// documentation is a file that lists the fields.
type documentation struct {
	file, head string
	row        func(docField) string
}

// docField is a field without its type parameter.
type docField struct {
	Name    string
	Type    Type
	Unit    string
	Meaning string
}

const tableHead = "| field | type | meaning |\n| --- | --- | --- |\n"

var documentations = []documentation{
	{"../../docs/metrics.md", tableHead, func(f docField) string {
		return fmt.Sprintf("| `%s` | %s | %s |\n", f.Name, strings.Replace(string(f.Type), "list", "string", 1), sentence(f))
	}},
	{"../../deploy/check-json.md", tableHead, func(f docField) string {
		kind := map[Type]string{String: "string", Integer: "integer", Float: "number", List: "array of string"}[f.Type]
		return fmt.Sprintf("| `%s` | %s | %s |\n", f.Name, kind, strings.Replace(sentence(f), ", comma-separated", "", 1))
	}},
	{"../../plugins/inputs/qlik_sense_version/README.md", "", func(f docField) string {
		kind := map[Type]string{String: "string", Integer: "int", Float: "float", List: "string"}[f.Type]
		return indented(fmt.Sprintf("- %s (%s, %s)", f.Name, kind, sentence(f)), 4, 80)
	}},
}

func sentence(f docField) string {
	s := f.Meaning
	if f.Unit != "" {
		s = f.Unit + " " + s
	}
	if f.Type == List {
		s += "; sorted, comma-separated"
	}
	return s
}

// indented wraps an item of a list.
func indented(item string, blanks, width int) string {
	var lines strings.Builder
	line := strings.Repeat(" ", blanks)
	for word := range strings.FieldsSeq(item) {
		if len(line)+1+len(word) > width {
			lines.WriteString(line + "\n")
			line = strings.Repeat(" ", blanks+1)
		}
		if strings.TrimSpace(line) != "" || strings.Contains(lines.String(), "\n") {
			line += " "
		}
		line += word
	}
	return lines.String() + line + "\n"
}

func documented[T any](fields []FieldOf[T]) (all []docField) {
	for _, f := range fields {
		all = append(all, docField{f.Name, f.Type, f.Unit, f.Meaning})
	}
	return all
}

// The documentation lists the fields as in the tables.
func TestDocumentedFields(t *testing.T) {
	for name, fields := range map[string][]docField{"fields": documented(Fields), "site fields": documented(SiteFields)} {
		for _, d := range documentations {
			var rows strings.Builder
			rows.WriteString(d.head)
			for _, f := range fields {
				rows.WriteString(d.row(f))
			}
			golden.RequirePart(t, d.file, "<!-- "+name+" -->", "<!-- end of "+name+" -->", rows.String())
		}
	}
}

func TestFields(t *testing.T) {
	seen := make(map[string]bool)
	for _, f := range slices.Concat(documented(Fields), documented(SiteFields)) {
		if shared := []string{"result", "result_code", "response_time"}; seen[f.Name] && slices.Contains(shared, f.Name) {
			continue
		}
		require.Regexp(t, `^[a-z_]+$`, f.Name)
		require.False(t, seen[f.Name], f.Name)
		seen[f.Name] = true
		require.Contains(t, []Type{String, Integer, Float, List}, f.Type)
		require.NotEmpty(t, f.Meaning)
		require.Equal(t, text.OneLine(f.Meaning), f.Meaning)
		require.NotContains(t, f.Meaning, "|")
	}
}
