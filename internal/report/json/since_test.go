package json

import (
	"testing"

	"github.com/stretchr/testify/require"

	earlier "telegraf-qlik-sense-version/internal/baseline"
	"telegraf-qlik-sense-version/internal/golden"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/report/reporttest"
)

// since compares a report with an earlier one.
func since(t *testing.T, before, after *report.Report) *report.Report {
	t.Helper()
	b, err := earlier.Parse(jsonOf(t, before))
	require.NoError(t, err)
	after.Since = b.Compare(after)
	return after
}

func TestSince(t *testing.T) {
	before, after := reporttest.Changes(t)
	plain := jsonOf(t, after)
	text := jsonOf(t, since(t, before, after))
	end := len(plain) - len("\n}\n")
	require.Equal(t, string(plain[:end]), string(text[:end]), "the comparison comes last")
	golden.Require(t, "testdata/since.json", "{"+string(text[end+1:]))
	require.NotContains(t, string(text[end:]), "null")
	require.Equal(t, newDocument(after).Baseline, read(t, after).Baseline)

	again := since(t, after, after).Since // a document with a comparison is a baseline as well
	changed, _, _ := again.Changed()
	require.Empty(t, changed)
	require.Empty(t, again.Remarks)
}

func TestHostileSince(t *testing.T) {
	for _, s := range reporttest.Texts {
		hostile := reporttest.Hostile(t, func(string) string { return s })
		hostile.Only = nil
		for _, r := range []*report.Report{since(t, hostile, reporttest.Mixed(t)), since(t, reporttest.Mixed(t), hostile)} {
			d := read(t, r)
			require.Equal(t, r.Since.Then.Servers, d.Baseline.Then.Servers)
			require.Equal(t, valid(r.Since.Program), d.Baseline.Program)
			require.Len(t, d.Baseline.Changed, 15+12)
		}
	}
}
