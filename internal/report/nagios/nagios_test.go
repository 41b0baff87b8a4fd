package nagios

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/golden"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/report/reporttest"
)

// format matches a line of a Nagios plugin: text, a bar, and performance data.
var format = regexp.MustCompile(`^QLIK SENSE (OK|WARNING|CRITICAL|UNKNOWN): [^|\pC\x{2028}\x{2029}]+ \|` +
	`( [a-z_]+=-?\d+(;(-?\d+)?:?(;(-?\d+)?:?(;\d+(;\d+)?)?)?)?)+\n$`)

func write(t *testing.T, r *report.Report, thresholds Thresholds) (State, string) {
	t.Helper()
	var out bytes.Buffer
	state, err := Write(&out, r, thresholds)
	require.NoError(t, err)
	require.Regexp(t, format, out.String())
	require.True(t, strings.HasPrefix(out.String(), "QLIK SENSE "+state.String()+": "), out.String())
	return state, out.String()
}

// fresh are data as old as the report.
var fresh = func(c *catalog.Catalog) {
	today := catalog.DayOf(reporttest.At)
	c.ReleasesAsOf, c.AdvisoriesAsOf, c.ExploitedAsOf = today, today, today
}

// oneBlock is a report of a block that is judged by fresh data.
func oneBlock(t *testing.T, servers ...reporttest.Server) *report.Report {
	t.Helper()
	return reporttest.Report(t, reporttest.Environment{Name: "PROD", Judge: reporttest.JudgeBy(fresh), Servers: servers})
}

func days(n int) Thresholds { return Thresholds{Warning: n} }

func TestFleets(t *testing.T) {
	var all strings.Builder
	for _, r := range []*report.Report{
		reporttest.Compliant(t, nil, nil), reporttest.Mixed(t), reporttest.Demonstration(t), reporttest.Sites(t), reporttest.Large(t, 1000),
	} {
		_, line := write(t, r, days(30))
		all.WriteString(line)
	}
	golden.Require(t, "testdata/lines.txt", all.String())
}

// Known problems come first, then unknown states, then what is about to expire.
func TestStates(t *testing.T) {
	current := func() reporttest.Server { return reporttest.Runs("qlik1", "May 2025 Patch 15", "14.231.27") }
	expiring := func(in time.Duration) reporttest.Server {
		return reporttest.Fails("qlik2", poll.Outcome{Result: poll.TLSError, CertificateExpiry: reporttest.At.Add(in)})
	}
	silent := expiring(400 * 24 * time.Hour)
	open := reporttest.Runs("qlik3", "May 2024 Patch 9", "14.187.14")
	exploited := reporttest.Runs("qlik4", "August 2023 Patch 1", "14.139.5")
	strange := reporttest.Runs("qlik5", "November 2026", "14.290.4")
	for name, tt := range map[string]struct {
		servers  []reporttest.Server
		expected State
		words    string
	}{
		"in order":      {[]reporttest.Server{current()}, OK, "OK: 1 of 1 proven compliant, 3 advisories undecided | servers=1;;;0 "},
		"out of step":   {[]reporttest.Server{current().Differs()}, Warning, "; qlik1 (PROD): out of step |"},
		"no answer":     {[]reporttest.Server{current().Differs(), silent}, Unknown, "; qlik2 (PROD): no answer (tls_error); qlik1 (PROD): out of step |"},
		"not judged":    {[]reporttest.Server{current(), strange}, Unknown, "; qlik5 (PROD): unknown ("},
		"certificate":   {[]reporttest.Server{expiring(23 * time.Hour)}, Unknown, "no answer (tls_error), certificate ends in 0 days |"},
		"expired":       {[]reporttest.Server{expiring(-time.Hour)}, Unknown, "no answer (tls_error), certificate ended 1 day ago |"},
		"in time":       {[]reporttest.Server{expiring(25 * time.Hour)}, Unknown, "no answer (tls_error) |"},
		"not compliant": {[]reporttest.Server{silent, open}, Critical, "; qlik3 (PROD): May 2024 Patch 9 is not compliant (advisories"},
		"exploited":     {[]reporttest.Server{silent, open, exploited}, Critical, "; qlik4 (PROD): open to known exploited CVE-"},
	} {
		state, line := write(t, oneBlock(t, tt.servers...), days(1))
		require.Equal(t, tt.expected, state, name)
		require.Contains(t, line, tt.words, name)
	}

	// Exploited advisories come first, whatever the order of the servers.
	_, line := write(t, oneBlock(t, open, exploited), days(1))
	require.Less(t, strings.Index(line, "qlik4"), strings.Index(line, "qlik3"))
	require.Contains(t, line, " exploited=1;;0;0;2 ")
}

func TestThresholds(t *testing.T) {
	judge := reporttest.JudgeBy(func(c *catalog.Catalog) {
		fresh(c)
		for i := range c.Releases {
			c.Releases[i].EndOfSupport = catalog.DayOf(reporttest.At.AddDate(0, 0, -3))
		}
	})
	r := reporttest.Compliant(t, nil, judge)
	state, line := write(t, r, days(30))
	require.Equal(t, Warning, state)
	require.Contains(t, line, "; qlik1.example.com (PROD): support ended 3 days ago, certificate ends in 1 day |")
	require.Contains(t, line, " support_days_left=-3;30: certificate_days_left=1;30:\n")
	critical := 1
	state, line = write(t, r, Thresholds{Warning: 30, Critical: &critical})
	require.Equal(t, Critical, state)
	require.Contains(t, line, " support_days_left=-3;30:;1: certificate_days_left=1;30:;1:\n")
	critical = -3
	state, _ = write(t, r, Thresholds{Warning: 30, Critical: &critical})
	require.Equal(t, Warning, state)
	state, _ = write(t, r, days(-3))
	require.Equal(t, OK, state)
}

// Old data, and a catalogue that cannot be read, are warnings.
func TestData(t *testing.T) {
	r := reporttest.Compliant(t, func(s *fleet.Settings) { s.CatalogMaxAge = 1000 * 24 * time.Hour }, reporttest.JudgeBy(func(c *catalog.Catalog) {
		fresh(c)
		c.AdvisoriesAsOf = c.AdvisoriesAsOf.AddMonths(-13)
	}))
	state, line := write(t, r, days(0))
	require.Equal(t, Warning, state)
	require.Contains(t, line, "Advisories are ")

	r = reporttest.Compliant(t, nil, reporttest.JudgeBy(fresh))
	state, _ = write(t, r, days(0))
	require.Equal(t, OK, state)
	r.Problems = []string{"catalog.toml | is\nmissing"}
	state, line = write(t, r, days(0))
	require.Equal(t, Warning, state)
	require.Contains(t, line, "; judged by other data: catalog.toml / is missing |")
}

// A limited report makes no claim about sites, and compares nothing.
func TestOnly(t *testing.T) {
	r := oneBlock(t, reporttest.Runs("qlik1", "May 2025 Patch 15", "14.231.27"))
	r.Only = []string{"qlik1"}
	_, line := write(t, r, days(0))
	require.NotContains(t, line, "out_of_step")
	r.Only = nil
	_, line = write(t, r, days(0))
	require.Contains(t, line, "out_of_step=0")
	sites := reporttest.Sites(t)
	sites.Only = []string{"qlik4.example.com"}
	_, line = write(t, sites, days(0))
	require.NotContains(t, line, "could not be listed")
}

func TestNoServers(t *testing.T) {
	state, line := write(t, reporttest.Report(t), days(30))
	require.Equal(t, Unknown, state)
	require.Contains(t, line, "no server was asked")
}

func TestHostile(t *testing.T) {
	mixture := reporttest.Mixture(rand.New(rand.NewPCG(1, 2)))
	for _, s := range append([]string{"a|b", "a\u2028b", "a\x1b[31m"}, reporttest.Texts...) {
		_, line := write(t, reporttest.Hostile(t, func(string) string { return s }), days(30))
		require.Less(t, len(line), 2<<10)
	}
	for range 50 {
		write(t, reporttest.Hostile(t, mixture), days(30))
	}
}

func TestFailure(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, Failure(&out, errors.New("settings.conf:3: hosts: a | b\nsettings.conf:4: timeout")))
	require.Equal(t, "QLIK SENSE UNKNOWN: settings.conf:3: hosts: a / b settings.conf:4: timeout\n", out.String())
}
