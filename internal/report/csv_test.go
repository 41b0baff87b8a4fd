package report

import (
	"bytes"
	"encoding/csv"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// ours are the columns of numbers and times, which may begin with a minus.
var ours = []string{
	"asked_at", "result_code", "release_year", "release_month", "patch", "latest_patch", "patches_behind", "compliance_code", "advisory_count",
	"exploited_advisory_count", "max_cvss", "support_days_left", "below_minimum", "version_mismatch", "response_time", "http_response_code",
	"certificate_expiry",
}

// formula is what a spreadsheet could run, also where a semicolon parts cells.
var formula = regexp.MustCompile(`(?:^|;)[\s\pZ\pC\pM\x{2800}\x{3164}\x{115f}\x{1160}\x{ffa0}]*[=+\-@＝＋－＠﹦﹢﹣﹫−]`)

// readCSV reads what WriteCSV wrote and holds it against the report.
func readCSV(t *testing.T, r *Report) [][]string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, r.WriteCSV(&out))
	require.True(t, utf8.Valid(out.Bytes()))
	require.Equal(t, strings.Count(out.String(), "\n"), strings.Count(out.String(), "\r\n"))
	require.False(t, bytes.HasPrefix(out.Bytes(), []byte("\ufeff")))
	rows, err := csv.NewReader(&out).ReadAll() // refuses rows of other lengths
	require.NoError(t, err)
	servers := 0
	for _, b := range r.Blocks {
		servers += len(b.Servers)
	}
	require.Len(t, rows, 1+servers)
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(rows[0]))), len(rows[0]), "no name twice: %q", rows[0])
	for n, row := range rows {
		for i, cell := range row {
			require.NotRegexp(t, `[\x00-\x1f\x7f-\x{9f}]`, cell)
			if n > 0 && slices.Contains(ours, rows[0][i]) {
				continue
			}
			require.NotRegexp(t, formula, cell)
		}
	}
	return rows
}

func cellOf(t *testing.T, rows [][]string, row int, name string) string {
	t.Helper()
	i := slices.Index(rows[0], name)
	require.GreaterOrEqual(t, i, 0, name)
	return rows[row][i]
}

func TestCSV(t *testing.T) {
	r := mixedFleet(t)
	before := copyOf(t, r)
	var out bytes.Buffer
	require.NoError(t, r.WriteCSV(&out))
	requireGolden(t, "report.csv", out.Bytes())
	require.Equal(t, before, copyOf(t, r))

	rows := readCSV(t, r)
	require.Equal(t, "asked_at,source,host,environment,result,result_code,release_label,version,release_year,release_month,patch,latest_patch,"+
		"patches_behind,compliance,compliance_code,advisory_count,exploited_advisory_count,advisories,max_cvss,fixed_in,support_days_left,"+
		"below_minimum,version_mismatch,minimum_release,product_name,deployment_type,sense_id,content_hash,deprecated_product_version,"+
		"copyright_year_range,response_time,http_response_code,certificate_expiry,step,cause,hint,remark,catalog_releases_as_of,"+
		"catalog_advisories_as_of", strings.Join(rows[0], ","))
	require.Equal(t, "CVE-2023-48365,CVE-2024-36077,CVE-2024-55579,CVE-2024-55580", cellOf(t, rows, 4, "advisories"))
	require.Equal(t, "-449", cellOf(t, rows, 4, "support_days_left"), "our own numbers stay numbers")
	require.Empty(t, cellOf(t, rows, 5, "advisory_count"), "what is not known is empty, not 0")
}

func TestCSVOfHugeFleet(t *testing.T) {
	r := hugeFleet()
	rows := readCSV(t, r)
	for n, b := range r.Blocks {
		for i, s := range b.Servers {
			require.Equal(t, s.Host, cellOf(t, rows, 1+100*n+i, "host"))
			require.Equal(t, "E"+strconv.Itoa(n/10)+strconv.Itoa(n%10), cellOf(t, rows, 1+100*n+i, "environment"))
		}
	}
	require.Len(t, readCSV(t, new(Report)), 1)
}

func TestCSVHostile(t *testing.T) {
	for _, s := range hostile {
		readCSV(t, hostileReport(s))
	}
	random := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		readCSV(t, randomReport(random))
	}
}

func TestCSVTags(t *testing.T) {
	server := []Server{{Source: "s"}}
	rows := readCSV(t, &Report{Blocks: []Block{
		{Tags: map[string]string{"host": "h", "tag_host": "th", "Zone": "z"}, Servers: server},
		{Tags: map[string]string{"step": "s", "=a": "1", "'=a": "2"}, Servers: server},
		{Servers: server},
	}})
	require.Equal(t, []string{"asked_at", "source", "host", "'=a", "tag_'=a", "Zone", "tag_host", "tag_step", "tag_tag_host", "result"}, rows[0][:10])
	require.Equal(t, []string{"s", "", "", "", "z", "h", "", "th"}, rows[1][1:9])
	require.Equal(t, []string{"s", "", "2", "1", "", "", "s", ""}, rows[2][1:9])
	require.Equal(t, []string{"s", "", "", "", "", "", "", ""}, rows[3][1:9])
}

func TestSafe(t *testing.T) {
	for in, want := range map[string]string{
		"":                         "",
		"May 2025 Patch 3":         "May 2025 Patch 3",
		"a=b -c":                   "a=b -c",
		"=1+1":                     "'=1+1",
		"+1":                       "'+1",
		"-1":                       "'-1",
		"@A1":                      "'@A1",
		"\t=1":                     "' =1",
		"\ttext":                   "' text",
		"\r\ntext":                 "'  text",
		" text":                    " text",
		" \u00a0\u200b\ufeff=1":    "' \u00a0\u200b\ufeff=1",
		"\x00=1":                   "' =1",
		"\u0301\u3164=1":           "'\u0301\u3164=1",
		"\u2800-":                  "'\u2800-",
		"＝1":                       "'＝1",
		"＋1":                       "'＋1",
		"－1":                       "'－1",
		"＠1":                       "'＠1",
		"a;=1;b; @c":               "a;'=1;b;' @c",
		"\xff=1":                   "\ufffd=1",
		"two\nlines\x1b[31m\u009b": "two lines [31m ",
	} {
		require.Equal(t, want, safe(in), "%q", in)
	}
}
