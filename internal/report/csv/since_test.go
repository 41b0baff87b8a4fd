package csv

import (
	"bytes"
	"encoding/csv"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/baseline"
	"telegraf-qlik-sense-version/internal/golden"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/report/json"
	"telegraf-qlik-sense-version/internal/report/reporttest"
)

// since compares a report with an earlier one, and returns it as CSV.
func since(t *testing.T, before, after *report.Report) (text string, rows [][]string) {
	t.Helper()
	var document, out bytes.Buffer
	require.NoError(t, json.Write(&document, before))
	b, err := baseline.Parse(document.Bytes())
	require.NoError(t, err)
	after.Since = b.Compare(after)
	require.NoError(t, Plain.Write(&out, after))
	text = out.String()
	rows, err = csv.NewReader(&out).ReadAll() // refuses rows of other lengths
	require.NoError(t, err)
	for n, row := range rows {
		for i, cell := range row {
			if n == 0 || !numeric(rows[0][i]) {
				require.NotRegexp(t, formula, cell)
			}
		}
	}
	return text, rows
}

func TestSince(t *testing.T) {
	before, after := reporttest.Changes(t)
	plain := read(t, after)
	text, rows := since(t, before, after)
	golden.Require(t, "testdata/since.csv", text)
	require.Len(t, rows, len(plain)+2, "servers that only the baseline has come last")
	last := len(rows[0]) - 1
	for i, row := range plain {
		require.Equal(t, row, rows[i][:last])
	}
	require.Equal(t, "since_baseline", rows[0][last])
	require.Equal(t, "upgraded,fixed", rows[1][last])
	require.Equal(t, "unchanged", cellOf(t, rows, 9, "since_baseline"), "no answer then and now")
	require.Equal(t, "vanished.example.com", cellOf(t, rows, len(rows)-2, "source"))
	require.Equal(t, "PROD", cellOf(t, rows, len(rows)-2, "environment"))
	require.Empty(t, cellOf(t, rows, len(rows)-2, "result"))
}

// A tag may have the name of the column, and a baseline may have other tags.
func TestSinceTags(t *testing.T) {
	run := func(key string) *report.Report {
		r := reporttest.Report(t, reporttest.Environment{Name: "PROD", Servers: []reporttest.Server{reporttest.Runs("qlik1.example.com", "May 2025", "")}})
		r.Blocks[0].Round.Block.Tags = map[string]string{key: "A"}
		return r
	}
	require.Equal(t, "A", cellOf(t, read(t, run("since_baseline")), 1, "since_baseline"), "the name is free without a baseline")
	_, rows := since(t, run("old"), run("since_baseline"))
	require.Equal(t, []string{"", "A"}, []string{cellOf(t, rows, 1, "old"), cellOf(t, rows, 2, "old")})
	require.Equal(t, []string{"A", ""}, []string{cellOf(t, rows, 1, "tag_since_baseline"), cellOf(t, rows, 2, "tag_since_baseline")})
	require.Equal(t, []string{"new", "vanished"}, []string{cellOf(t, rows, 1, "since_baseline"), cellOf(t, rows, 2, "since_baseline")})
}

func TestHostileSince(t *testing.T) {
	for _, s := range reporttest.Texts {
		hostile := reporttest.Hostile(t, func(string) string { return s })
		hostile.Only = nil
		_, rows := since(t, hostile, reporttest.Mixed(t))
		require.Len(t, rows, 1+15+12)
		since(t, reporttest.Mixed(t), hostile)
	}
}
