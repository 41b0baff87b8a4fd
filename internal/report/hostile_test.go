package report

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// hostile are texts that a server, a catalogue or the settings could hold to break
// what is made of them.
var hostile = []string{
	"", " ", "a b", "line\nend\r\nagain", "\ttab", "\x1b[31mred\x1b[0m\x1b]0;title\x07", "\u009b31mC1", "null\x00del\x7f",
	"\u202eevil\u202c", "\u2066isolate\u2069", "\u200bzero\u200dwidth\ufeff", "line\u2028and\u2029paragraph",
	strings.Repeat("w", 1024), strings.Repeat("漢字", 512), strings.Repeat("👩‍💻☁️", 100), strings.Repeat("e"+strings.Repeat("\u0301", 9), 30),
	"漢 字 漢字", "\U0001F1E8\U0001F1ED", "ﷺ\u1160\u115f\u3164", "=1+1", "+1", "-1", "@SUM(A1)", "\r=1", "  =1", "\u00a0=1", "\u200b=1", "\ufeff-2",
	"＝1", "＋1", "－1", "＠1", "\u2212cmd", "\u0301=1", "a;=cmd|' /C calc'!A0", `"quoted", and "more"`, "'", "<script>alert(1)</script>&amp;",
	"\xff\xfe", "cut\xe2\x82", "%s%d%!", "a=b", "no_break_at_all_" + strings.Repeat("_", 90), "\u00a0\u00a0", strings.Repeat("a\u00a0", 200),
	"\ue000private\U000e0041tag", "host.with.many.parts." + strings.Repeat("part.", 40),
}

// fill puts a text into every string below value and makes what is missing.
func fill(value reflect.Value, random *rand.Rand, texts func() string) {
	switch value.Kind() {
	case reflect.String:
		value.SetString(texts())
	case reflect.Int:
		value.SetInt(int64(random.IntN(4000) - 1000))
	case reflect.Float64:
		value.SetFloat(float64(random.IntN(1000)) / 8)
	case reflect.Bool:
		value.SetBool(random.IntN(2) == 1)
	case reflect.Pointer:
		value.Set(reflect.New(value.Type().Elem()))
		fill(value.Elem(), random, texts)
	case reflect.Slice:
		value.Set(reflect.MakeSlice(value.Type(), 2, 2))
		for i := range 2 {
			fill(value.Index(i), random, texts)
		}
	case reflect.Map:
		value.Set(reflect.MakeMap(value.Type()))
		for range 2 {
			value.SetMapIndex(reflect.ValueOf(texts()), reflect.ValueOf(texts()))
		}
	case reflect.Struct:
		if value.Type() == reflect.TypeFor[time.Time]() {
			value.Set(reflect.ValueOf(time.Unix(random.Int64N(4e9), 0).UTC()))
			return
		}
		for i := range value.NumField() {
			fill(value.Field(i), random, texts)
		}
	default:
		panic(fmt.Sprintf("the model has a member that fill does not know: %v", value.Type()))
	}
}

// hostileReport has one text everywhere.
func hostileReport(s string) *Report {
	r := new(Report)
	fill(reflect.ValueOf(r).Elem(), rand.New(rand.NewPCG(1, 1)), func() string { return s })
	withKindsOfServers(r)
	return r
}

// randomReport has a random mixture of them.
func randomReport(random *rand.Rand) *Report {
	r := new(Report)
	fill(reflect.ValueOf(r).Elem(), random, func() string {
		var s strings.Builder
		for range 1 + random.IntN(4) {
			s.WriteString(hostile[random.IntN(len(hostile))])
		}
		return s.String()
	})
	withKindsOfServers(r)
	return r
}

// withKindsOfServers adds to the failed servers some that answered, in words that are
// known and in others.
func withKindsOfServers(r *Report) {
	for i := range r.Blocks {
		b := &r.Blocks[i]
		for _, compliance := range []string{"compliant", "non_compliant", "unknown", b.Catalog} {
			s := b.Servers[0]
			s.Failure, s.Compliance = nil, compliance
			one, none := 1, ""
			s.BelowMinimum, s.VersionMismatch = &one, &one
			b.Servers = append(b.Servers, s)
			s.FixedIn = &none
			b.Servers = append(b.Servers, s, Server{Source: s.Source, Compliance: compliance})
		}
	}
}

// hugeFleet is 2,000 servers as a fleet of that size has them, built in memory.
func hugeFleet() *Report {
	r := &Report{Schema: Schema, Program: "telegraf-qlik-sense-version v0.0.0-test", AskedAt: time.Date(2026, 11, 21, 8, 30, 0, 0, time.UTC)}
	r.Catalogs = []Catalog{{Name: "built in", ReleasesAsOf: "2026-11-01", AdvisoriesAsOf: "2026-11-01", ExploitedAsOf: "2026-11-01"}}
	number := func(n int) *int { return &n }
	fix := "May 2024 Patch 10"
	for i := range 20 {
		b := Block{Tags: map[string]string{"environment": fmt.Sprintf("E%02d", i)}, Catalog: "built in"}
		for j := range 100 {
			s := Server{Source: fmt.Sprintf("qlik%04d.example.com", 100*i+j), Result: "success", Compliance: "compliant", ComplianceCode: number(0),
				ReleaseLabel: "May 2025 Patch 15", Version: "14.231.27", PatchesBehind: number(0), AdvisoryCount: number(0), SupportDaysLeft: number(172)}
			s.Host = s.Source + ":9032"
			switch j % 10 {
			case 7:
				s.Compliance, s.ComplianceCode, s.FixedIn = "non_compliant", number(1), &fix
				s.Advisories, s.AdvisoryCount, s.ExploitedAdvisoryCount = []string{"CVE-2024-55579"}, number(1), number(0)
			case 8:
				s = Server{Source: s.Source, Host: s.Host, Result: "timeout", ResultCode: 4,
					Failure: &Failure{Step: "connection", Cause: "the TCP connection was not established in time", Hint: "check that the server is up"}}
			}
			b.Servers = append(b.Servers, s)
		}
		r.Blocks = append(r.Blocks, b)
	}
	r.summarise()
	return r
}

// copyOf is a deep copy, to see that an output leaves a report as it was.
func copyOf(t *testing.T, r *Report) *Report {
	t.Helper()
	text, err := json.Marshal(r)
	require.NoError(t, err)
	c := new(Report)
	require.NoError(t, json.Unmarshal(text, c))
	return c
}
