package baseline

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/plan"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/report/json"
	"telegraf-qlik-sense-version/internal/report/reporttest"
)

func documentOf(t *testing.T, r *report.Report) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, json.Write(&out, r))
	return out.String()
}

func parse(t *testing.T, document string) *Baseline {
	t.Helper()
	b, err := Parse([]byte(document))
	require.NoError(t, err)
	return b
}

func since(t *testing.T, before, after *report.Report) *report.Comparison {
	t.Helper()
	return parse(t, documentOf(t, before)).Compare(after)
}

// lines are the changes, one line for each server.
func lines(c *report.Comparison) (all []string) {
	changed, _, _ := c.Changed()
	for _, s := range changed {
		all = append(all, strings.TrimSuffix(s.Source, ".example.com")+": "+s.Words())
	}
	return all
}

// A report has no changes relative to itself.
func TestOwnBaseline(t *testing.T) {
	reports := map[string]*report.Report{
		"mixed": reporttest.Mixed(t), "large": reporttest.Large(t, 2000), "sites": reporttest.Sites(t), "empty": reporttest.Report(t),
	}
	for i, s := range reporttest.Texts {
		reports[fmt.Sprintf("hostile %d", i)] = reporttest.Hostile(t, func(string) string { return s })
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for i := range 20 {
		reports[fmt.Sprintf("mixture %d", i)] = reporttest.Hostile(t, reporttest.Mixture(random))
	}
	for name, r := range reports {
		c := since(t, r, r)
		changed, unchanged, notCompared := c.Changed()
		require.Empty(t, changed, name)
		require.Equal(t, r.Summary.Servers, unchanged, name)
		require.Zero(t, notCompared, name)
		require.Equal(t, c.Then, c.Now, name)
		require.Equal(t, r.Summary.Servers, c.Now.Servers, name)
		require.Empty(t, c.Closed, name)
		require.Empty(t, c.Opened, name)
		if len(r.Only) == 0 {
			require.Empty(t, c.Remarks, name)
		}
	}
}

// The counts are those of the summary.
func TestCounts(t *testing.T) {
	before, after := reporttest.Changes(t)
	c := since(t, before, after)
	require.Equal(t, before.Summary.Counts, c.Then)
	require.Equal(t, after.Summary.Counts, c.Now)
	require.True(t, c.Whole)
}

func TestChanges(t *testing.T) {
	before, after := reporttest.Changes(t)
	c := since(t, before, after)
	require.Equal(t, []string{
		"fixed: upgraded, fixed",
		"partly: upgraded, newly open by newer data",
		"downgraded: downgraded",
		"opened: downgraded, newly open by the change of version",
		"data: newly open by newer data",
		"other: runs another version",
		"dark: gone dark",
		"back: back",
		"new: new",
		"policy: newly out of policy",
		"closed: closed by newer data",
		"unreadable: runs another version, not judged any more",
		"proven: proven now",
		"vanished: vanished",
		"node2: not asked: the nodes of its site could not be listed",
	}, lines(c))
	changed, unchanged, _ := c.Changed()
	require.Equal(t, 3, unchanged)
	require.Equal(t, []string{"CVE-2024-55579"}, changed[0].Closed)
	require.Equal(t, []string{"CVE-2023-48365", "CVE-2024-36077"}, changed[1].Closed)
	require.Equal(t, []string{"CVE-2024-55580"}, changed[1].OpenedByData, "the earlier version is open to it as well")
	require.Equal(t, []string{"CVE-2024-55579", "CVE-2024-55580"}, changed[3].OpenedByUpdate)
	require.Equal(t, []string{"CVE-2024-55580"}, changed[4].OpenedByData)
	require.Equal(t, []string{"CVE-2023-48365"}, changed[10].Closed)
	require.Nil(t, changed[13].Now)
	require.Equal(t, "May 2024 Patch 9 not compliant", changed[13].Then.Version()+" "+changed[13].Then.Word())
	require.Equal(t, "no answer: timeout", changed[6].Now.Version()+changed[6].Now.Word())
	require.Equal(t, []report.Tally{{ID: "CVE-2023-48365", Servers: 2}, {ID: "CVE-2024-36077", Servers: 1}, {ID: "CVE-2024-55579", Servers: 1}}, c.Closed)
	require.Equal(t, []report.Tally{{ID: "CVE-2024-55579", Servers: 1}, {ID: "CVE-2024-55580", Servers: 3}}, c.Opened)
}

// Each wave fixes exactly the servers that the plan assigns to it.
func TestRollout(t *testing.T) {
	before := reporttest.Rollout(t, 0)
	p, err := plan.New(before, plan.Options{Waves: reporttest.Waves})
	require.NoError(t, err)
	require.Len(t, p.Waves, 3)
	for done := range 4 {
		after := reporttest.Rollout(t, done)
		c := since(t, before, after)
		require.Empty(t, c.Remarks)
		found := make(map[string]*report.Compared)
		changed, _, _ := c.Changed()
		for _, s := range changed {
			found[s.Source] = s
		}
		for i, wave := range p.Waves {
			for _, row := range wave.Rows {
				s := found[row.Server.Server.Source()]
				if i >= done || row.Action == plan.Nothing {
					require.Nil(t, s)
					continue
				}
				require.NotNil(t, s, row.Server.Server.Source())
				require.Equal(t, row.Target.String(), s.Now.Label, "as planned")
				require.Equal(t, "upgraded, fixed", s.Words())
				require.ElementsMatch(t, row.Closes(), s.Closed)
				delete(found, s.Source)
			}
		}
		require.Empty(t, found)
		if done == len(p.Waves) {
			require.Zero(t, after.Status())
		}
	}
}

// Servers match by host name and tags, whatever the case, the port, the path and the order.
func TestMatch(t *testing.T) {
	run := func(hosts ...string) *report.Report {
		e := reporttest.Environment{Name: "PROD"}
		for i, host := range hosts {
			e.Servers = append(e.Servers, reporttest.Runs(host, fmt.Sprintf("May 2025 Patch %d", i+1), ""))
		}
		return reporttest.Report(t, e)
	}
	for _, test := range []struct {
		before, after *report.Report
		want          []string
	}{
		{run("a", "b"), run("a", "b"), nil},
		{run("a", "b"), run("B", "A"), []string{"B: downgraded", "A: upgraded"}},
		{run("a"), run("https://a:9032/path"), nil},
		{run("a."), run("A:9033"), nil},
		{run("a"), run("b"), []string{"b: new", "a: vanished"}},
		{run("a"), reporttest.Report(t, reporttest.Environment{Name: "TEST", Servers: []reporttest.Server{reporttest.Runs("a", "May 2025 Patch 1", "")}}),
			[]string{"a: new", "a: vanished"}},
	} {
		require.Equal(t, test.want, lines(since(t, test.before, test.after)))
	}
}

// Versions without a label are compared by their builds; unknown ones are not compared.
func TestDirection(t *testing.T) {
	for _, test := range []struct{ before, after [2]string }{
		{[2]string{"May 2025 Patch 3", ""}, [2]string{"May 2025 Patch 15", ""}},
		{[2]string{"May 2025 Patch 15", ""}, [2]string{"November 2025", ""}},
		{[2]string{"", "14.231.8"}, [2]string{"", "14.231.27"}},
		{[2]string{"", "14.187.14"}, [2]string{"", "14.231.8"}},
		{[2]string{"", "14.187.14"}, [2]string{"May 2025 Patch 3", "14.231.8"}},
		{[2]string{"May 2025 Patch 3", "14.231.8"}, [2]string{"May 2025 Patch 3", "14.231.9"}},
		{[2]string{"May 2090 Patch 1", ""}, [2]string{"May 2090 Patch 2", ""}},
	} {
		run := func(version [2]string) *report.Report {
			return reporttest.Report(t, reporttest.Environment{Servers: []reporttest.Server{reporttest.Runs("a", version[0], version[1])}})
		}
		require.Equal(t, report.Upgraded, since(t, run(test.before), run(test.after)).Servers[0].Changes[0], "%q", test)
		require.Equal(t, report.Downgraded, since(t, run(test.after), run(test.before)).Servers[0].Changes[0], "%q", test)
	}
}

func TestLimited(t *testing.T) {
	before, after := reporttest.Changes(t)
	limited := reporttest.Report(t, reporttest.Environment{Name: "PROD", Change: reporttest.AtLeast("November 2023"), Servers: []reporttest.Server{
		reporttest.Runs("fixed.example.com", "May 2024 Patch 12", ""),
	}})
	limited.Only = []string{"fixed.example.com"}
	c := since(t, before, limited)
	require.Equal(t, []string{"fixed: upgraded, fixed"}, lines(c))
	require.Equal(t, 1, c.Then.Servers)
	require.True(t, c.Whole)
	require.Contains(t, c.Remarks, "Only the servers that this report is limited to are compared.")

	c = since(t, limited, after)
	require.NotContains(t, strings.Join(lines(c), "\n"), "new")
	require.NotContains(t, strings.Join(c.Remarks, "\n"), "a block")
	require.Equal(t, []int{1, 1}, []int{c.Then.Servers, c.Now.Servers})
	require.False(t, c.Whole)
	require.Contains(t, c.Remarks, "The baseline is limited to some servers: 15 servers of this report are not compared.")
}

// A server that is not judged any more lowers the counts but closes no advisory.
func TestNoJudgementClosesNothing(t *testing.T) {
	open := reporttest.Runs("qlik1.example.com", "May 2024 Patch 9", "14.187.14")
	dark := reporttest.Fails("qlik1.example.com", poll.Outcome{Result: poll.Timeout})
	of := func(servers ...reporttest.Server) *report.Report {
		return reporttest.Report(t, reporttest.Environment{Name: "PROD", Servers: servers})
	}
	for name, after := range map[string]*report.Report{
		"no answer":        of(dark),
		"no longer polled": of(),
		"unknown release":  of(reporttest.Runs("qlik1.example.com", "May 2090", "")),
	} {
		c := since(t, of(open), after)
		require.Contains(t, c.Remarks, "1 server was not compliant then and is not judged now: nothing is proven closed there, though the counts are lower.", name)
		require.Empty(t, c.Closed, name)
	}
	require.Empty(t, since(t, of(dark), of(dark)).Remarks)
	require.Empty(t, since(t, of(open), of(open)).Remarks)
}

func TestRemarks(t *testing.T) {
	before, after := reporttest.Changes(t)
	require.Equal(t, []string{
		"1 server was not compliant then and is not judged now: nothing is proven closed there, though the counts are lower.",
		"Other settings: minimum_release was not set and is May 2025 (environment=TEST).",
		"Other data: advisories were of 2026-10-24 and are of 2026-11-21 (built in).",
	}, since(t, before, after).Remarks)
	const all = "(environment=PROD, environment=TEST, environment=DEV, environment=SITE)."
	for replaced, want := range map[[2]string]string{
		{`"schema": 1`, `"schema": 2`}: "The baseline has schema 2, but this program fully understands only 1: " +
			"values that are compared may have had another meaning.",
		{`"asked_at": "2026-10`, `"asked_at": "2027-10`}:         "The baseline is later than this report, of 2027-10-24 08:30 UTC.",
		{`"environment": "DEV"`, `"environment": "D"`}:           "Other settings: a block that only the baseline has (environment=D).",
		{`"environment": "SITE"`, `"environment": "S"`}:          "Other settings: a block that the baseline does not have (environment=SITE).",
		{`"require_support": false`, `"require_support": true`}:  "Other settings: require_support was true and is false " + all,
		{`"catalog": "built in"`, `"catalog": "/c.toml"`}:        "Other settings: the catalogue was /c.toml and is built in " + all,
		{`"catalog_max_age_days": 180`, `"x": 0`}:                "Other settings: catalog_max_age was 0d and is 180d " + all,
		{`"releases_as_of": "2025`, `"releases_as_of": "2024`}:   "Other data: releases were of 2024-11-22 and are of 2025-11-22 (built in).",
		{`"exploited_as_of": "2025`, `"exploited_as_of": "2024`}: "Other data: known exploitation were of 2024-08-25 and are of 2025-08-25 (built in).",
	} {
		document := strings.ReplaceAll(documentOf(t, before), replaced[0], replaced[1])
		require.Contains(t, parse(t, document).Compare(after).Remarks, want)
	}
	many := since(t, reporttest.Report(t), reporttest.Large(t, 2000)).Remarks
	require.Equal(t, []string{
		"Other settings: a block that the baseline does not have " +
			"(environment=ENV-1, environment=ENV-2, environment=ENV-3, environment=ENV-4, environment=ENV-5 and 5 more).",
	}, many)
}

func TestRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "report.json")
	const advice = ": name a document that check --output json wrote"
	planned, err := os.ReadFile("../report/json/testdata/plan.json")
	require.NoError(t, err)
	for content, want := range map[string]string{
		"":                           "it cannot be read: unexpected end of JSON input",
		"source,host\n":              "it cannot be read: invalid character 's' looking for beginning of value",
		"null":                       "it is not a report",
		"\xff\xfe{\x00":              "it is UTF-16, as Windows PowerShell redirects output: write it with --output-file",
		"[]":                         "it cannot be read: json: cannot unmarshal array",
		string(planned):              "it is not a report",
		`{"schema":1,"blocks":[]}`:   "it does not say when servers were asked",
		`{"schema":"1","blocks":[]}`: "it cannot be read: json: cannot unmarshal string",
		`{"schema":1,"asked_at":"yesterday","blocks":[]}`:                                         "it cannot be read: parsing time",
		`{"schema":1,"asked_at":"2026-11-24T08:30:00Z","blocks":[null]}`:                          "it has an empty catalogue or block",
		`{"schema":1,"asked_at":"2026-11-24T08:30:00Z","blocks":[],"catalogs":[null]}`:            "it has an empty catalogue or block",
		`{"schema":1,"asked_at":"2026-11-24T08:30:00Z","blocks":[{"servers":[null]}]}`:            "it has a server without a name",
		`{"schema":1,"asked_at":"2026-11-24T08:30:00Z","blocks":[{"servers":[{}]}]}`:              "it has a server without a name",
		`{"schema":1,"asked_at":"2026-11-24T08:30:00Z","blocks":[]} {}`:                           "it cannot be read: invalid character '{' after top-level value",
		`{"schema":1,"blocks":[` + strings.Repeat("{},", maxObjects) + `{}]}`:                     "it has 262146 objects, more than the 262144 that are read",
		`{"schema":1,"blocks":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`: "it cannot be read: invalid character '[' exceeded max depth",
	} {
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		_, err := Read(context.Background(), file)
		require.ErrorContains(t, err, "--baseline "+file+": "+want)
		require.True(t, strings.HasSuffix(err.Error(), advice), err)
	}
	_, err = Read(context.Background(), filepath.Dir(file))
	require.ErrorContains(t, err, "is not a regular file"+advice)
	require.NoError(t, os.Truncate(file, maxSize+1))
	_, err = Read(context.Background(), file)
	require.ErrorContains(t, err, "is larger than 67108864 bytes"+advice)

	// With the byte order mark of Windows PowerShell.
	require.NoError(t, os.WriteFile(file, []byte("\ufeff"+documentOf(t, reporttest.Mixed(t))), 0o600))
	b, err := Read(context.Background(), file)
	require.NoError(t, err)
	require.Equal(t, reporttest.At, b.Compare(reporttest.Mixed(t)).AskedAt)
}

// A server of the baseline with missing or invalid members proves nothing.
func TestInvalidMembers(t *testing.T) {
	const document = `{"schema":1,"asked_at":"2026-11-24T08:30:00Z","blocks":[{"servers":[{"source":"a",%s}]}]}`
	after := reporttest.Report(t, reporttest.Environment{Servers: []reporttest.Server{reporttest.Runs("a", "May 2025 Patch 15", "14.231.27")}})
	for members, want := range map[string]string{
		`"result":"success"`: "runs another version, proven now",
		`"result":"success","compliance":"perfect","version":"x"`:                         "runs another version, proven now",
		`"result":"?","compliance":"non_compliant"`:                                       "back",
		`"compliance":"non_compliant"`:                                                    "back",
		`"result":"success","release_year":-9,"release_month":99,"patch":-1`:              "upgraded, proven now",
		`"result":"success","compliance":"non_compliant","advisories":["a","b","a"]`:      "runs another version, fixed",
		`"result":"success","compliance":"non_compliant","advisories":null,"patch":null`:  "runs another version, fixed",
		`"result":"success","release_label":"May 2025 Patch 15","version":"14.231.27"`:    "proven now",
		`"result":"success","release_label":"May 2025 Patch 15","compliance":"compliant"`: "runs another version",
	} {
		c := parse(t, fmt.Sprintf(document, members)).Compare(after)
		require.Equal(t, want, c.Servers[0].Words(), members)
	}
}

// Documents with many duplicates are compared like others, in less than quadratic time.
func TestManyServers(t *testing.T) {
	var document strings.Builder
	document.WriteString(`{"schema":1,"asked_at":"2026-11-24T08:30:00Z","blocks":[`)
	for range 20_000 {
		document.WriteString(`{"servers":[{"source":"a","advisories":["b"]}]},`)
	}
	document.WriteString(`{"tags":{"a":"b"}}]}`)
	c := parse(t, document.String()).Compare(reporttest.Large(t, 2000))
	require.Len(t, c.Servers, 22_000)
	require.Len(t, c.Remarks, 2)
}

// Advisories of a version that can no longer be judged are not closed.
func TestNoLongerJudged(t *testing.T) {
	run := func(label string) *report.Report {
		return reporttest.Report(t, reporttest.Environment{Servers: []reporttest.Server{reporttest.Runs("a", label, "")}})
	}
	c := since(t, run("May 2024 Patch 9"), run("Summer"))
	require.Equal(t, []string{"a: runs another version, not judged any more"}, lines(c))
	require.Empty(t, c.Servers[0].Closed)
	require.Empty(t, c.Closed)
	require.Equal(t, []string{"a: runs another version"}, lines(since(t, run("Summer"), run("Spring"))))
}

// Servers with the same name are matched in order.
func TestSameName(t *testing.T) {
	r := reporttest.Report(t,
		reporttest.Environment{Name: "A", Servers: []reporttest.Server{reporttest.Runs("a", "May 2024 Patch 9", "")}},
		reporttest.Environment{Name: "B", Servers: []reporttest.Server{reporttest.Runs("a", "May 2025 Patch 15", "")}},
	)
	for i := range r.Blocks {
		r.Blocks[i].Round.Block.Tags = nil
	}
	require.Empty(t, lines(since(t, r, r)))
}
