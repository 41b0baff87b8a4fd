package csv

import (
	"bytes"
	"encoding/csv"
	"errors"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/golden"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/report/reporttest"
)

// numeric reports whether a column holds numbers, which may begin with a minus.
func numeric(name string) bool {
	return slices.ContainsFunc(fleet.Fields, func(f fleet.Field) bool {
		return f.Name == name && (f.Type == fleet.Integer || f.Type == fleet.Float)
	})
}

// formula matches what a spreadsheet could run, even one that starts cells at semicolons.
var formula = regexp.MustCompile(`(?:^|;)[\s\pZ\pC\pM\x{2800}\x{3164}\x{115f}\x{1160}\x{ffa0}]*[=+\-@＝＋－＠﹦﹢﹣﹫−]`)

// read writes a report, checks its form, and returns the rows.
func read(t *testing.T, r *report.Report) [][]string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, Plain.Write(&out, r))
	require.True(t, utf8.Valid(out.Bytes()))
	require.Equal(t, strings.Count(out.String(), "\n"), strings.Count(out.String(), "\r\n"))
	require.False(t, bytes.HasPrefix(out.Bytes(), []byte("\ufeff")))
	rows, err := csv.NewReader(&out).ReadAll() // refuses rows of other lengths
	require.NoError(t, err)
	unlisted := 0
	for _, b := range r.Blocks {
		if site := b.Site(); site != nil && !site.Listed {
			unlisted++
		}
	}
	require.Len(t, rows, 1+r.Summary.Servers+unlisted)
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(rows[0]))), len(rows[0]), "no name twice: %q", rows[0])
	for n, row := range rows {
		for i, cell := range row {
			require.NotRegexp(t, `[\x00-\x1f\x7f-\x{9f}]`, cell)
			if n > 0 && numeric(rows[0][i]) {
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
	r := reporttest.Mixed(t)
	var out bytes.Buffer
	require.NoError(t, Plain.Write(&out, r))
	golden.Require(t, "testdata/report.csv", out.String())

	rows := read(t, r)
	require.Equal(t, "CVE-2023-48365,CVE-2024-36077,CVE-2024-55579,CVE-2024-55580", cellOf(t, rows, 4, "advisories"))
	require.Equal(t, "advisories,below_minimum", cellOf(t, rows, 4, "compliance_reason"))
	require.Equal(t, "-452", cellOf(t, rows, 4, "support_days_left"), "numbers are not quoted")
	require.Empty(t, cellOf(t, rows, 5, "advisory_count"), "an unknown number is empty, not 0")
	require.Equal(t, "3", cellOf(t, rows, 5, "undecided_advisory_count"), "known without an answer, too")
	require.Equal(t, "May 2024 Patch 10", cellOf(t, rows, 5, "minimum_release"))
	require.Equal(t, "2025-08-25", cellOf(t, rows, 5, "catalog_exploited_as_of"))
}

// A site whose nodes could not be listed has its own row, which does not count as a server.
func TestSites(t *testing.T) {
	r := reporttest.Sites(t)
	var out bytes.Buffer
	require.NoError(t, Plain.Write(&out, r))
	golden.Require(t, "testdata/sites.csv", out.String())
	rows := read(t, r)
	require.Len(t, rows, 1+4+2)
	column := func(name string) (cells []string) {
		for _, row := range rows[1:] {
			cells = append(cells, row[slices.Index(rows[0], name)])
		}
		return cells
	}
	require.Equal(t, []string{"qlik1.example.com", "qlik2.example.com", "qlik3.example.com", "qlik4.example.com", "", ""}, column("source"))
	require.Equal(t, []string{"central,engine,proxy", "engine", "", "", "", ""}, column("node_roles"))
	require.Equal(t, []string{"true", "true", "true", "false", "false", "false"}, column("site_complete"))
	require.Equal(t, []string{"success", "success", "timeout", "success", "authentication_failed", "authentication_failed"}, column("result"))
	require.Equal(t, "qlik5.example.com", column("site")[5])
	require.Empty(t, column("compliance")[5])
	require.Empty(t, column("id")[5], "a site has no identifier")
}

// An Excel with a decimal comma needs the byte order mark to recognise UTF-8, and semicolons between cells.
// Apostrophes are needed only at the start of a cell.
func TestExcel(t *testing.T) {
	r := reporttest.Report(t, reporttest.Environment{Name: "Zürich; =1", Servers: []reporttest.Server{
		reporttest.Runs("qlik1.example.com", "August 2023 Patch 1", "14.139.5"), reporttest.Replies("qlik2.example.com", []byte(`{"version":"-1"}`)),
	}})
	var out, plain bytes.Buffer
	require.NoError(t, Excel.Write(&out, r))
	require.NoError(t, Plain.Write(&plain, r))
	text, found := strings.CutPrefix(out.String(), "\xef\xbb\xbfasked_at;source;host;id;environment;result;")
	require.True(t, found, text[:80])
	require.Contains(t, text, ";\"Zürich; =1\";success;0;0,125;")
	require.Contains(t, text, ";CVE-2023-48365,CVE-2024-36077,CVE-2024-55579,CVE-2024-55580;9,9;")
	require.Contains(t, text, ";'-1;")
	require.Contains(t, plain.String(), ",Zürich;' =1,success,0,0.125,")

	// Otherwise the cells are the same.
	reader := csv.NewReader(strings.NewReader(strings.TrimPrefix(out.String(), "\ufeff")))
	reader.Comma = ';'
	excel, err := reader.ReadAll()
	require.NoError(t, err)
	for i, row := range read(t, r) {
		for j, cell := range row {
			if _, err := strconv.ParseFloat(cell, 64); err == nil {
				cell = strings.Replace(cell, ".", ",", 1)
			}
			require.Equal(t, strings.ReplaceAll(cell, ";' =", "; ="), excel[i][j])
		}
	}
}

// The columns are identity and tags, then the table of fields, then what only a report has.
func TestColumns(t *testing.T) {
	rows := read(t, reporttest.Mixed(t))
	fields := make([]string, 0, len(fleet.Fields))
	for _, f := range fleet.Fields {
		fields = append(fields, f.Name)
	}
	require.Equal(t, slices.Concat([]string{"asked_at", "source", "host", "id", "environment"}, fields, []string{
		"minimum_release", "step", "cause", "hint", "remark", "catalog_releases_as_of", "catalog_advisories_as_of", "catalog_exploited_as_of",
		"site", "site_result", "site_complete", "certificate_expires", "end_of_support", "severity", "exposed_since", "exploited_since", "exploited_due",
		"catalog_sha256", "program", "machine", "account", "settings", "settings_sha256",
	}), rows[0])
}

func TestFieldCell(t *testing.T) {
	for _, test := range []struct {
		value any
		want  string
	}{
		{nil, ""}, {"text", "text"}, {"=1", "'=1"}, {-3, "-3"}, {0, "0"}, {0.125, "0.125"}, {9.0, "9"}, {[]string{}, ""}, {[]string{"a", "b"}, "a,b"},
		{[]string{"=1"}, "'=1"}, {true, "true"},
	} {
		require.Equal(t, test.want, Plain.field(test.value), "%v", test.value)
	}
}

func TestLargeFleet(t *testing.T) {
	r := reporttest.Large(t, 2000)
	rows := read(t, r)
	for n, b := range r.Blocks {
		for i, s := range b.Servers {
			require.Equal(t, s.Server.String(), cellOf(t, rows, 1+200*n+i, "host"))
			require.Equal(t, "ENV-"+strconv.Itoa(n+1), cellOf(t, rows, 1+200*n+i, "environment"))
		}
	}
	require.Len(t, read(t, new(report.Report)), 1)
}

func TestHostile(t *testing.T) {
	for _, s := range reporttest.Texts {
		read(t, reporttest.Hostile(t, func(string) string { return s }))
	}
	random := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		read(t, reporttest.Hostile(t, reporttest.Mixture(random)))
	}
}

func TestTags(t *testing.T) {
	r := reporttest.Large(t, 401) // three environments
	r.Summary.Servers = 3
	for i, tags := range []map[string]string{{"host": "h", "tag_host": "th", "Zone": "z"}, {"step": "s", "=a": "1", "'=a": "2"}, nil} {
		b := r.Blocks[i]
		b.Servers, b.Round.Block.Tags = b.Servers[:1], tags
	}
	rows := read(t, r)
	require.Equal(t, []string{"asked_at", "source", "host", "id", "'=a", "tag_'=a", "Zone", "tag_host", "tag_step", "tag_tag_host", "result"}, rows[0][:11])
	require.Equal(t, []string{"", "", "z", "h", "", "th"}, rows[1][4:10])
	require.Equal(t, []string{"2", "1", "", "", "s", ""}, rows[2][4:10])
	require.Equal(t, []string{"", "", "", "", "", ""}, rows[3][4:10])
}

// full is a writer that fails like a full disk.
type full struct{ err error }

func (f full) Write([]byte) (int, error) { return 0, f.err }

func TestWriteError(t *testing.T) {
	broken := errors.New("no space left")
	require.ErrorIs(t, Plain.Write(full{broken}, reporttest.Large(t, 10)), broken)
}

func TestSafeCell(t *testing.T) {
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
		require.Equal(t, want, Plain.escape(in), "%q", in)
	}
}
