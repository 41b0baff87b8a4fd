package json

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/golden"
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
	golden.Require(t, "testdata/plan.json", string(text))
	require.NotContains(t, string(text), "null")
}

func TestPlanSites(t *testing.T) {
	text := string(planOf(t, reporttest.Sites(t), plan.Options{}))
	require.Contains(t, text, `"node_name": "Central",`)
	require.Contains(t, text, `"node_roles": [`)
	require.Regexp(t, `(?s)"sites": \[.*"answered_by": "qlik.*"warnings"`, text)
}

// A plan identifies servers as a report does.
func TestPlanIdentifiesAsReport(t *testing.T) {
	r := reporttest.Mixed(t)
	var reported struct {
		Blocks []struct{ Servers []struct{ ID, Source string } }
	}
	var out bytes.Buffer
	require.NoError(t, Write(&out, r))
	require.NoError(t, json.Unmarshal(out.Bytes(), &reported))
	ids := make(map[string]string)
	for _, block := range reported.Blocks {
		for _, server := range block.Servers {
			ids[server.ID] = server.Source
		}
	}
	var d planDocument
	require.NoError(t, json.Unmarshal(planOf(t, r, plan.Options{}), &d))
	require.Len(t, d.Waves[0].Servers, len(ids))
	for _, server := range d.Waves[0].Servers {
		require.Equal(t, ids[server.ID], server.Source)
	}
}

// A plan marks servers that were judged by other data than the settings name.
func TestPlanFallbackCatalogue(t *testing.T) {
	unread := reporttest.Environment{Name: "PROD", Problem: "catalog.toml: no such file", Servers: []reporttest.Server{
		reporttest.Runs("127.41.1.1", "May 2025 Patch 15", "14.231.27"),
	}}
	fine := reporttest.Environment{Name: "TEST", Servers: []reporttest.Server{reporttest.Runs("127.41.1.2", "May 2025 Patch 15", "14.231.27")}}
	var d planDocument
	require.NoError(t, json.Unmarshal(planOf(t, reporttest.Report(t, unread, fine), plan.Options{}), &d))
	require.Equal(t, "catalog.toml: no such file", d.Waves[0].Servers[0].CatalogProblem)
	require.Empty(t, d.Waves[0].Servers[1].CatalogProblem)
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
