package table

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/baseline"
	"telegraf-qlik-sense-version/internal/golden"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/report/json"
	"telegraf-qlik-sense-version/internal/report/reporttest"
	"telegraf-qlik-sense-version/internal/terminal"
)

// since compares a report with an earlier one.
func since(t *testing.T, before, after *report.Report) *report.Report {
	t.Helper()
	var document bytes.Buffer
	require.NoError(t, json.Write(&document, before))
	b, err := baseline.Parse(document.Bytes())
	require.NoError(t, err)
	after.Since = b.Compare(after)
	return after
}

// section is the part of the table about the comparison.
func section(t *testing.T, table string) string {
	t.Helper()
	_, after, found := strings.Cut(table, "\nSince ")
	require.True(t, found)
	text, _, _ := strings.Cut(after, "\n\n")
	return "Since " + text + "\n"
}

func TestSince(t *testing.T) {
	r := since(t, reporttest.Mixed(t), reporttest.Mixed(t))
	require.Contains(t, tableOf(t, r, terminal.Options{}), "\nSince 2026-11-24 08:30 UTC\nservers: 15 -> 15, ")
	require.Contains(t, tableOf(t, r, terminal.Options{}), "\n15 servers unchanged\n\n")

	before, after := reporttest.Changes(t)
	r = since(t, before, after)
	wide := tableOf(t, r, terminal.Options{})
	golden.Require(t, "testdata/since.txt", section(t, wide))
	require.Equal(t, wide, colours.ReplaceAllString(tableOf(t, r, terminal.Options{Colour: true}), ""))
	for columns := 20; columns <= 200; columns += 3 {
		requireFits(t, tableOf(t, r, terminal.Options{Width: columns}), columns)
	}
}

func TestSinceRollout(t *testing.T) {
	var waves strings.Builder
	for done := range 1 + len(reporttest.Waves) {
		r := since(t, reporttest.Rollout(t, 0), reporttest.Rollout(t, done))
		fmt.Fprintf(&waves, "After %d waves\n\n%s\n", done, section(t, tableOf(t, r, terminal.Options{})))
	}
	golden.Require(t, "testdata/rollout.txt", waves.String())
}

func TestHostileSince(t *testing.T) {
	for _, s := range reporttest.Texts {
		hostile := reporttest.Hostile(t, func(string) string { return s })
		hostile.Only = nil
		for _, r := range []*report.Report{since(t, hostile, reporttest.Mixed(t)), since(t, reporttest.Mixed(t), hostile)} {
			for _, columns := range []int{20, 72, 100} {
				requireFits(t, tableOf(t, r, terminal.Options{Width: columns}), columns)
			}
		}
	}
}
