package table

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/golden"
	"telegraf-qlik-sense-version/internal/plan"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/report/reporttest"
	"telegraf-qlik-sense-version/internal/terminal"
)

func planOf(t *testing.T, r *report.Report, options terminal.Options) string {
	t.Helper()
	p, err := plan.New(r, plan.Options{Waves: []string{"DEV", "PROD"}})
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, WritePlan(&out, p, options))
	return out.String()
}

func TestPlan(t *testing.T) {
	r := reporttest.Mixed(t)
	wide := planOf(t, r, terminal.Options{})
	golden.Require(t, "testdata/plan.txt", wide)
	requireFits(t, wide, 100)
	golden.Require(t, "testdata/plan-80.txt", planOf(t, r, terminal.Options{Width: 80}))
	coloured := planOf(t, r, terminal.Options{Colour: true})
	require.NotEqual(t, wide, coloured)
	require.Equal(t, wide, colours.ReplaceAllString(coloured, ""))
	for columns := 20; columns <= 200; columns += 9 {
		requireFits(t, planOf(t, r, terminal.Options{Width: columns}), columns)
	}
}

func TestPlanSites(t *testing.T) {
	text := planOf(t, reporttest.Sites(t), terminal.Options{})
	requireFits(t, text, 100)
	require.Contains(t, text, "qlik3.example.com")
	require.Contains(t, text, "Rim 2: no roles")
	require.Contains(t, text, "nodes of the site found, listed by qlik")
}

func TestHostilePlan(t *testing.T) {
	for _, s := range reporttest.Texts {
		r := reporttest.Hostile(t, func(string) string { return s })
		for _, columns := range []int{20, 72, 100} {
			requireFits(t, planOf(t, r, terminal.Options{Width: columns}), columns)
		}
	}
}

func TestPlanLargeFleet(t *testing.T) {
	text := planOf(t, reporttest.Large(t, 2000), terminal.Options{Width: 160})
	requireFits(t, text, 160)
	_, lines, _ := strings.Cut(text, "For the change request")
	require.Less(t, strings.Count(lines, "\n"), 60, "a line for each wave and target, not for each server")
}
