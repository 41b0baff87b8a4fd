package json

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/discovery"
	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/golden"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/report/reporttest"
)

func jsonOf(t *testing.T, r *report.Report) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, Write(&out, r))
	return out.Bytes()
}

// decoded is a document whose servers are read without a model.
type decoded struct {
	document
	Blocks []struct {
		block
		Site    map[string]any   `json:"site"`
		Servers []map[string]any `json:"servers"`
	} `json:"blocks"`
}

// read reads a document, refuses unknown members, and compares the servers with the report.
func read(t *testing.T, r *report.Report) *decoded {
	t.Helper()
	d := new(decoded)
	decoder := json.NewDecoder(bytes.NewReader(jsonOf(t, r)))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(d))
	require.Len(t, d.Blocks, len(r.Blocks))
	for i := range r.Blocks {
		require.Len(t, d.Blocks[i].Servers, len(r.Blocks[i].Servers))
		for j := range r.Blocks[i].Servers {
			requireServer(t, r.Blocks[i].Servers[j], d.Blocks[i].Servers[j])
		}
	}
	return d
}

// requireServer compares every field with the table of fields.
func requireServer(t *testing.T, s *report.Server, got map[string]any) {
	t.Helper()
	want := map[string]any{"source": s.Server.Source(), "host": s.Server.String()}
	for _, f := range fleet.Fields {
		switch value := f.Value(s.Result).(type) {
		case nil:
		case int:
			want[f.Name] = float64(value)
		case string:
			want[f.Name] = valid(value)
		case []string:
			list := make([]any, 0, len(value))
			for _, one := range value {
				list = append(list, valid(one))
			}
			want[f.Name] = list
		default:
			want[f.Name] = value
		}
	}
	require.Regexp(t, `^[0-9a-f]{16}$`, got["id"])
	want["id"] = got["id"]
	if s.Judgement.Remark != "" {
		want["remark"] = valid(s.Judgement.Remark)
	}
	if !s.Answered() {
		failure, _ := got["failure"].(map[string]any)
		require.Equal(t, valid(s.Outcome.Cause), failure["cause"])
		want["failure"] = got["failure"]
	}
	require.Equal(t, want, got)
}

// valid returns a text as valid UTF-8, as encoding/json does.
func valid(s string) string { return string([]rune(s)) }

func TestJSON(t *testing.T) {
	r := reporttest.Mixed(t)
	golden.Require(t, "testdata/report.json", string(jsonOf(t, r)))
	d := read(t, r)
	require.Equal(t, newDocument(r).Summary, d.Summary)
	require.Equal(t, newDocument(r).Advisories, d.Advisories)
	require.Equal(t, newDocument(r).Undecided, d.Undecided)
	require.Equal(t, newDocument(r).Catalogs, d.Catalogs)
}

// The members of a server come in the order of the table of fields.
func TestOrderOfMembers(t *testing.T) {
	r := reporttest.Mixed(t)
	r.Blocks[0].Servers[3].Node = &discovery.Node{Name: "Rim"}
	text := string(jsonOf(t, r))
	begin := strings.Index(text, `"source": "127.41.1.4"`)
	text = text[begin : begin+strings.Index(text[begin:], "\n        }")]
	place := -1
	for _, name := range append([]string{"source", "host"}, fieldNames()...) {
		at := strings.Index(text, "\n          \""+name+`": `)
		if name == "source" {
			at = 0
		}
		require.Greater(t, at, place, name)
		place = at
	}
}

// A block has its site, complete or not.
func TestSites(t *testing.T) {
	r := reporttest.Sites(t)
	golden.Require(t, "testdata/sites.json", string(jsonOf(t, r)))
	d := read(t, r)
	require.Equal(t, map[string]any{
		"source": "qlik1.example.com", "host": "qlik1.example.com", "complete": true, "result": "success", "result_code": 0.0, "response_time": 0.25,
		"nodes": 3.0, "answered_by": "qlik2.example.com", "nodes_vanished": 0.0, "nodes_unusable": 0.0, "nodes_elsewhere": 0.0,
		"failed_attempts": []any{map[string]any{"host": "qlik1.example.com", "result": "authentication_failed", "failure": map[string]any{
			"step": "HTTP", "cause": "the server answered with HTTP status 401 Unauthorized", "hint": "check discover_user",
		}}},
	}, d.Blocks[0].Site)
	require.Equal(t, false, d.Blocks[2].Site["complete"])
	require.NotContains(t, d.Blocks[2].Site, "nodes", "what is not known is left out")
	require.Len(t, d.Blocks[2].Site["failed_attempts"], 2)
	require.Nil(t, read(t, reporttest.Mixed(t)).Blocks[0].Site, "where no nodes were asked for")
}

func fieldNames() []string {
	names := make([]string, 0, len(fleet.Fields))
	for _, f := range fleet.Fields {
		names = append(names, f.Name)
	}
	return names
}

// The share counts all servers, and is null if there are none.
func TestPercent(t *testing.T) {
	compliant := reporttest.Runs("qlik1.example.com", "May 2025 Patch 15", "14.231.27")
	unknown := reporttest.Runs("qlik2.example.com", "November 2026", "14.290.4")
	silent := reporttest.Fails("qlik3.example.com", poll.Outcome{Result: poll.Timeout})
	silent2 := reporttest.Fails("qlik4.example.com", poll.Outcome{Result: poll.Timeout})
	for _, test := range []struct {
		servers       []reporttest.Server
		all, answered string
	}{
		{[]reporttest.Server{compliant, unknown, silent, silent2}, "25", "50"},
		{[]reporttest.Server{compliant}, "100", "100"},
		{[]reporttest.Server{silent}, "0", "null"},
		{nil, "null", "null"},
	} {
		text := string(jsonOf(t, reporttest.Report(t, reporttest.Environment{Servers: test.servers})))
		require.Equal(t, 2, strings.Count(text, `"proven_compliant_percent": `+test.all+","), "of the fleet and of its block")
		require.Equal(t, 2, strings.Count(text, `"compliant_percent_of_answered": `+test.answered+","))
	}
}

func TestCatalogs(t *testing.T) {
	day := func(daysAgo int) catalog.Day { return catalog.DayOf(reporttest.At.AddDate(0, 0, -daysAgo)) }
	r := reporttest.Compliant(t, nil, reporttest.JudgeBy(func(c *catalog.Catalog) {
		c.ReleasesAsOf, c.AdvisoriesAsOf, c.ExploitedAsOf = day(1), day(-2), day(456)
	}))
	require.Equal(t, []catalogue{{
		Name: "built in", ReleasesAsOf: "2026-11-23", AdvisoriesAsOf: "2026-11-26", ExploitedAsOf: "2025-08-25",
		ReleasesAge: 1, AdvisoriesAge: -2, ExploitedAge: 456, Digest: r.Blocks[0].Round.Judge.Catalog.Digest(), Weaker: []string{},
	}}, read(t, r).Catalogs)
}

func TestBlock(t *testing.T) {
	r := reporttest.Compliant(t, func(s *fleet.Settings) {
		s.MinimumRelease, s.RequireSupport, s.SameVersion, s.CatalogMaxAge, s.Tags = "May 2025 Patch 3", true, false, 90*24*time.Hour, nil
	}, nil)
	b := read(t, r).Blocks[0]
	require.Equal(t, map[string]string{}, b.Tags)
	require.Equal(t, "May 2025 Patch 3", b.MinimumRelease.String())
	require.True(t, b.RequireSupport)
	require.False(t, b.SameVersion)
	require.Equal(t, 90, b.CatalogMaxAge)
	require.Equal(t, 1, b.Summary.Compliant)
	require.NotContains(t, b.Servers[0], "version_mismatch")
}

func TestUndecided(t *testing.T) {
	since := catalog.DayOf(reporttest.At)
	r := reporttest.Compliant(t, nil, reporttest.JudgeBy(func(c *catalog.Catalog) {
		c.Advisories = append(c.Advisories[:0:0],
			catalog.Advisory{ID: "CVE-2027-1", Summary: "one", ReadBy: catalog.Machine, Source: "https://example.com", Note: "no list",
				References: []string{"https://example.com/1"}},
			catalog.Advisory{ID: "CVE-2027-3", Summary: "three", Dismissed: "not ours"},
			catalog.Advisory{ID: "CVE-2027-2", Summary: "two", ExploitedSince: since})
	}))
	require.Equal(t, []undecided{
		{ID: "CVE-2027-1", Summary: "one", Catalog: "built in", ReadBy: "machine", Source: "https://example.com", Note: "no list",
			References: []string{"https://example.com/1"}},
		{ID: "CVE-2027-2", Summary: "two", Catalog: "built in", ExploitedSince: "2026-11-24", References: []string{}},
	}, read(t, r).Undecided)
	require.Equal(t, []dismissed{{ID: "CVE-2027-3", Summary: "three", Reason: "not ours", Catalog: "built in", References: []string{}}}, read(t, r).Dismissed)
	require.Equal(t, catalog.NVDNotice, read(t, r).Notice)
}

func TestLargeFleet(t *testing.T) { read(t, reporttest.Large(t, 2000)) }

func TestHostile(t *testing.T) {
	for _, s := range reporttest.Texts {
		r := reporttest.Hostile(t, func(string) string { return s })
		d := read(t, r)
		require.Equal(t, valid(s), d.Program)
		require.Equal(t, valid(s), d.Advisories[0].Summary)
		require.Equal(t, map[string]string{valid(s): valid(s)}, d.Blocks[1].Tags)
	}
	random := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		read(t, reporttest.Hostile(t, reporttest.Mixture(random)))
	}
	angled := reporttest.Hostile(t, func(string) string { return "<a&b>" })
	text := string(jsonOf(t, angled))
	require.NotContains(t, text, `\u003c`)
	require.Contains(t, text, `"product_name": "<a&b>",`)
	require.True(t, strings.HasSuffix(text, "\n}\n"))
}

// The year 9999 is the last that JSON can represent.
func TestCertificateYear9999(t *testing.T) {
	end := time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)
	r := reporttest.Report(t, reporttest.Environment{Servers: []reporttest.Server{
		reporttest.Fails("qlik1.example.com", poll.Outcome{
			Result: poll.TLSError, Step: poll.StepTLS, ServerCertificate: &poll.Certificate{NotAfter: end},
		}),
	}})
	require.Contains(t, string(jsonOf(t, r)), `"not_after": "9999-12-31T23:59:59Z"`)
}

// A server that cannot be encoded is an error and is not left out.
func TestNotEncodable(t *testing.T) {
	r := reporttest.Report(t, reporttest.Environment{Servers: []reporttest.Server{
		reporttest.Fails("qlik1.example.com", poll.Outcome{
			Result: poll.TLSError, Step: poll.StepTLS, ServerCertificate: &poll.Certificate{NotAfter: time.Date(10000, time.January, 1, 0, 0, 0, 0, time.UTC)},
		}),
	}})
	require.Error(t, Write(&bytes.Buffer{}, r))
}

// Percentages can be null, arrays cannot.
func TestNoNullArrays(t *testing.T) {
	certificates := reporttest.Fails("qlik1.example.com", poll.Outcome{
		Result: poll.TLSError, Step: poll.StepTLS, ServerCertificate: new(poll.Certificate), ClientCertificate: new(poll.Certificate),
	})
	for _, test := range []struct {
		report *report.Report
		null   []string
	}{
		{new(report.Report), []string{".summary.proven_compliant_percent", ".summary.compliant_percent_of_answered"}},
		{reporttest.Report(t, reporttest.Environment{Servers: []reporttest.Server{certificates}}),
			[]string{".summary.compliant_percent_of_answered", ".blocks[0].summary.compliant_percent_of_answered"}},
	} {
		var document any
		require.NoError(t, json.Unmarshal(jsonOf(t, test.report), &document))
		require.ElementsMatch(t, test.null, nulls(document, ""))
	}
}

func nulls(value any, place string) []string {
	var found []string
	switch value := value.(type) {
	case nil:
		return []string{place}
	case []any:
		for i := range value {
			found = append(found, nulls(value[i], fmt.Sprintf("%s[%d]", place, i))...)
		}
	case map[string]any:
		for key := range value {
			found = append(found, nulls(value[key], place+"."+key)...)
		}
	}
	return found
}

// full is a writer that fails like a full disk.
type full struct{ err error }

func (f full) Write([]byte) (int, error) { return 0, f.err }

func TestWriteError(t *testing.T) {
	broken := errors.New("no space left")
	require.ErrorIs(t, Write(full{broken}, reporttest.Large(t, 10)), broken)
}
