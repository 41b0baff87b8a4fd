package qlik_sense_version

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/influxdata/telegraf/plugins/parsers/influx"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/golden"
	"telegraf-qlik-sense-version/internal/poll"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	return string(text)
}

// section returns the text between a heading and the next one of the same level.
func section(t *testing.T, heading string) string {
	t.Helper()
	_, text, found := strings.Cut("\n"+readme(t), "\n"+heading+"\n")
	require.True(t, found, "no section %q", heading)
	level, _, _ := strings.Cut(heading, " ")
	text, _, _ = strings.Cut(text, "\n"+level+" ")
	return text
}

// block returns the first code block in a language.
func block(t *testing.T, text, language string) string {
	t.Helper()
	_, text, found := strings.Cut(text, "\n```"+language+"\n")
	require.True(t, found)
	text, _, found = strings.Cut(text, "```\n")
	require.True(t, found)
	return text
}

func TestReadmeSampleConfig(t *testing.T) {
	sample := block(t, section(t, "## Configuration"), "toml")
	if golden.Update() {
		text := strings.Replace(readme(t), sample, New().SampleConfig(), 1)
		require.NoError(t, os.WriteFile("README.md", []byte(text), 0o600))
		return
	}
	require.Equal(t, New().SampleConfig(), sample, "run go test ./plugins/... -update")
}

// The headings that Telegraf's README linter requires, in order.
func TestReadmeHeadings(t *testing.T) {
	var headings []string
	for _, heading := range regexp.MustCompile(`(?m)^#{1,2} .*$`).FindAllString(readme(t), -1) {
		if !strings.HasPrefix(heading, "# Ask ") { // of sample.conf
			headings = append(headings, heading)
		}
	}
	require.Equal(t, []string{
		"# Qlik Sense Version Input Plugin",
		"## Global configuration options <!-- @/docs/includes/plugin_config.md -->",
		"## Configuration",
		"## Metrics",
		"## Troubleshooting",
		"## Example Output",
	}, headings)
}

// The README lists exactly the fields that the test cases produce, with their types.
func TestReadmeFields(t *testing.T) {
	for name, table := range map[string]map[string]string{measurement: types(fleet.Fields), siteMeasurement: types(fleet.SiteFields)} {
		produced := producedFields(t, name)
		require.Equal(t, produced, documentedFields(t, name))
		require.Equal(t, table, produced)
	}
}

func types[T any](fields []fleet.FieldOf[T]) map[string]string {
	all := make(map[string]string)
	for _, f := range fields {
		all[f.Name] = map[fleet.Type]string{fleet.String: "string", fleet.List: "string", fleet.Integer: "int", fleet.Float: "float"}[f.Type]
	}
	return all
}

func producedFields(t *testing.T, measurement string) map[string]string {
	t.Helper()
	produced := make(map[string]string)
	for _, folder := range testCases(t) {
		for _, point := range expected(t, folder) {
			if point.Name() != measurement {
				continue
			}
			for _, f := range point.FieldList() {
				kind := map[string]string{"string": "string", "int64": "int", "float64": "float"}[fmt.Sprintf("%T", f.Value)]
				require.NotEmpty(t, kind, "%s is of an unexpected type", f.Key)
				if known, found := produced[f.Key]; found {
					require.Equal(t, known, kind, "%s has two types", f.Key)
				}
				produced[f.Key] = kind
			}
		}
	}
	return produced
}

// documentedFields returns the fields of a measurement in the README, with their types.
func documentedFields(t *testing.T, measurement string) map[string]string {
	t.Helper()
	_, list, found := strings.Cut(section(t, "## Metrics"), "- "+measurement+"\n")
	require.True(t, found)
	list, _, _ = strings.Cut(list, "\n- ")
	_, list, found = strings.Cut(list, "  - fields:\n")
	require.True(t, found)
	documented := make(map[string]string)
	for _, match := range regexp.MustCompile(`(?m)^    - ([a-z_]+) \(([a-z]+),`).FindAllStringSubmatch(list, -1) {
		require.NotContains(t, documented, match[1])
		documented[match[1]] = match[2]
	}
	return documented
}

// The README lists exactly the tags that do not come from the settings.
func TestReadmeTags(t *testing.T) {
	produced := make(map[string]bool)
	for _, folder := range testCases(t) {
		static := settings(t, folder, make([]string, len(servers(t, folder)))).Tags
		for _, point := range expected(t, folder) {
			for key, value := range point.Tags() {
				if want, found := static[key]; found {
					require.Equal(t, want, value)
				} else {
					produced[key] = true
				}
			}
		}
	}
	_, list, found := strings.Cut(section(t, "## Metrics"), "  - tags:\n")
	require.True(t, found)
	list, _, found = strings.Cut(list, "  - fields:\n")
	require.True(t, found)
	documented := make(map[string]bool)
	for _, match := range regexp.MustCompile("(?m)^    - ([a-z_]+)").FindAllStringSubmatch(list, -1) {
		documented[match[1]] = true
	}
	require.Equal(t, produced, documented)
}

// The tables of results in the README and in docs/troubleshooting.md agree with the code. The test
// cases produce all results except the one for a file that vanishes while the plugin runs.
func TestReadmeResults(t *testing.T) {
	known := make(map[string]string)
	for _, result := range results() {
		known[strconv.Itoa(int(result))] = result.String()
	}
	page, err := os.ReadFile("../../../docs/troubleshooting.md")
	require.NoError(t, err)
	for _, text := range []string{section(t, "### `result` / `result_code`"), string(page)} {
		documented := make(map[string]string)
		for _, row := range regexp.MustCompile("(?m)^\\| *(\\d+) *\\| *`([a-z_]+)` *\\|").FindAllStringSubmatch(text, -1) {
			documented[row[1]] = row[2]
		}
		require.Equal(t, known, documented)
	}

	produced := map[string]string{strconv.Itoa(int(poll.ConfigurationError)): poll.ConfigurationError.String()}
	for _, folder := range testCases(t) {
		for _, point := range expected(t, folder) {
			produced[fmt.Sprint(field(t, point, "result_code"))] = field(t, point, "result").(string)
		}
	}
	require.Equal(t, known, produced)
}

// The example output contains every field and no other.
func TestReadmeExampleOutput(t *testing.T) {
	parser := &influx.Parser{}
	require.NoError(t, parser.Init())
	points, err := parser.Parse([]byte(block(t, section(t, "## Example Output"), "text")))
	require.NoError(t, err)
	require.NotEmpty(t, points)

	exampleFields := make(map[string]bool)
	for _, point := range points {
		require.Equal(t, points[0].Time(), point.Time(), "the points must be of one round")
		for name := range point.Fields() {
			exampleFields[point.Name()+" "+name] = true
		}
	}
	documented := make(map[string]bool)
	for _, measurement := range []string{measurement, siteMeasurement} {
		for name := range documentedFields(t, measurement) {
			documented[measurement+" "+name] = true
		}
	}
	require.Equal(t, documented, exampleFields)
}

func TestReadmeLinks(t *testing.T) {
	for _, match := range regexp.MustCompile(`(?m)^\[[^\]]+\]: (\S+)$`).FindAllStringSubmatch(readme(t), -1) {
		if strings.HasPrefix(match[1], "https://") {
			continue
		}
		file, _, _ := strings.Cut(match[1], "#")
		_, err := os.Stat(filepath.FromSlash(file))
		require.NoError(t, err)
	}
}
