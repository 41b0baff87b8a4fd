package csv

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/golden"
	"telegraf-qlik-sense-version/internal/plan"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/report/reporttest"
)

func planOf(t *testing.T, r *report.Report) (text []byte, rows [][]string) {
	t.Helper()
	p, err := plan.New(r, plan.Options{Waves: []string{"DEV", "PROD"}})
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, Plain.WritePlan(&out, p))
	rows, err = csv.NewReader(bytes.NewReader(out.Bytes())).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 1+r.Summary.Servers, "each server once")
	return out.Bytes(), rows
}

func TestPlan(t *testing.T) {
	text, rows := planOf(t, reporttest.Mixed(t))
	golden.Require(t, "testdata/plan.csv", string(text))
	require.Equal(t, strings.Count(string(text), "\n"), strings.Count(string(text), "\r\n"))
	require.Equal(t, "1", cellOf(t, rows, 1, "wave"))
	require.Equal(t, "DEV", cellOf(t, rows, 1, "wave_name"))
}

func TestPlanSites(t *testing.T) {
	text, _ := planOf(t, reporttest.Sites(t))
	require.Contains(t, string(text), `Central,"central,engine,proxy"`)
}

func TestHostilePlan(t *testing.T) {
	for _, s := range reporttest.Texts {
		_, rows := planOf(t, reporttest.Hostile(t, func(string) string { return s }))
		for _, row := range rows {
			for i, cell := range row {
				if !numeric(rows[0][i]) {
					require.NotRegexp(t, formula, cell)
				}
			}
		}
	}
}
