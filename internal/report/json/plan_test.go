package json

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/plan"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/report/reporttest"
)

func planOf(t *testing.T, r *report.Report, options plan.Options) []byte {
	t.Helper()
	p, err := plan.New(r, options)
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, WritePlan(&out, p))
	return out.Bytes()
}

func TestPlan(t *testing.T) {
	text := planOf(t, reporttest.Mixed(t), plan.Options{Waves: []string{"DEV", "PROD"}})
	reporttest.RequireGolden(t, "plan.json", text)
	require.NotContains(t, string(text), "null")
}

func TestPlanOfSites(t *testing.T) {
	text := string(planOf(t, reporttest.Sites(t), plan.Options{}))
	require.Contains(t, text, `"node_name": "Central",`)
	require.Contains(t, text, `"node_roles": [`)
	require.Regexp(t, `(?s)"sites": \[.*"answered_by": "qlik.*"warnings"`, text)
}

func TestHostilePlan(t *testing.T) {
	for _, s := range reporttest.Texts {
		r := reporttest.Hostile(t, func(string) string { return s })
		var d planDocument
		require.NoError(t, json.Unmarshal(planOf(t, r, plan.Options{}), &d))
		require.Equal(t, valid(s), d.Program)
		require.Len(t, d.Waves[0].Servers, r.Summary.Servers)
	}
}
