package csv

import (
	"bytes"
	"encoding/csv"
	"fmt"
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
	unlisted := 0
	for _, b := range r.Blocks {
		if b.Site() != nil && !b.Site().Listed {
			unlisted++
		}
	}
	require.Len(t, rows, 1+r.Summary.Servers+unlisted, "each server once")
	return out.Bytes(), rows
}

func TestPlan(t *testing.T) {
	text, rows := planOf(t, reporttest.Mixed(t))
	golden.Require(t, "testdata/plan.csv", string(text))
	require.Equal(t, strings.Count(string(text), "\n"), strings.Count(string(text), "\r\n"))
	require.Equal(t, "1", cellOf(t, rows, 1, "wave"))
	require.Equal(t, "DEV", cellOf(t, rows, 1, "wave_name"))
}

// A site whose nodes could not be listed has its own row: without one, a plan of nothing else would
// look as if there were nothing to do.
func TestPlanSites(t *testing.T) {
	text, rows := planOf(t, reporttest.Sites(t))
	require.Contains(t, string(text), `Central,"central,engine,proxy"`)
	for i, environment := range []string{"TEST", "DEV"} {
		row := 5 + i
		require.Equal(t, environment, cellOf(t, rows, row, "environment"))
		require.Empty(t, cellOf(t, rows, row, "source"))
		require.Empty(t, cellOf(t, rows, row, "id"))
		require.Equal(t, "find_out", cellOf(t, rows, row, "action"))
		require.Equal(t, fmt.Sprintf("the nodes of site qlik%d.example.com could not be listed: the server answered with HTTP status 401 Unauthorized", 4+i),
			cellOf(t, rows, row, "why"))
		require.Contains(t, cellOf(t, rows, row, "warnings"), "Site qlik4.example.com: some of its servers are missing here.")
	}
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
