package reporttest

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/internal/report"
)

// Texts are hostile texts that servers, catalogues or settings could contain.
var Texts = []string{
	"", " ", "a b", "line\nend\r\nagain", "\ttab", "\x1b[31mred\x1b[0m\x1b]0;title\x07", "\u009b31mC1", "null\x00del\x7f",
	"\u202eevil\u202c", "\u2066isolate\u2069", "\u200bzero\u200dwidth\ufeff", "line\u2028and\u2029paragraph",
	strings.Repeat("w", 1024), strings.Repeat("漢字", 512), strings.Repeat("👩‍💻☁️", 100), strings.Repeat("e"+strings.Repeat("\u0301", 9), 30),
	"漢 字 漢字", "\U0001F1E8\U0001F1ED", "ﷺ\u1160\u115f\u3164", "=1+1", "+1", "-1", "@SUM(A1)", "\r=1", "  =1", "\u00a0=1", "\u200b=1", "\ufeff-2",
	"＝1", "＋1", "－1", "＠1", "\u2212cmd", "\u0301=1", "a;=cmd|' /C calc'!A0", `"quoted", and "more"`, "'", "<script>alert(1)</script>&amp;",
	"\xff\xfe", "cut\xe2\x82", "%s%d%!", "a=b", "no_break_at_all_" + strings.Repeat("_", 90), "\u00a0\u00a0", strings.Repeat("a\u00a0", 200),
	"\ue000private\U000e0041tag", "host.with.many.parts." + strings.Repeat("part.", 40),
}

// Mixture returns a function that combines Texts at random.
func Mixture(random *rand.Rand) func(string) string {
	return func(string) string {
		var s strings.Builder
		for range 1 + random.IntN(4) {
			s.WriteString(Texts[random.IntN(len(Texts))])
		}
		return s.String()
	}
}

// Hostile is a report of servers of all kinds. Every text from outside comes from a function, which is
// given the purpose of the text.
func Hostile(t testing.TB, text func(what string) string) *report.Report {
	t.Helper()
	blocks := make([]Environment, 2)
	for i := range blocks {
		blocks[i] = Environment{
			Change: AtLeast("May 2024 Patch 10"), Judge: hostileJudge(text), Catalog: text("catalog"),
			Servers: []Server{
				Runs("qlik1.example.com", "May 2024 Patch 12", "14.187.20").Differs(),
				Runs("qlik2.example.com", "May 2024 Patch 3", "14.187.8").IsNode(text("node"), text("role")), // vulnerable
				Runs("qlik3.example.com", "May 2022 Patch 3", "14.67.8"),                                     // and no patch helps
				Runs("qlik4.example.com", "November 2090", "14.290.4"),                                       // not judged
				Runs("https://qlik5.example.com/a%20b", "May 2024", "1.2"),                                   // below the minimum
				Fails("qlik6.example.com", poll.Outcome{
					Result: poll.TLSError, Step: poll.StepTLS, Cause: text("cause"), Hint: text("hint"),
					ServerCertificate: hostileCertificate(text), ClientCertificate: hostileCertificate(text),
				}),
			},
		}
	}
	r := Report(t, blocks...)
	r.Program, r.Only = text("program"), []string{text("only"), text("only")}
	for i, b := range r.Blocks {
		b.Round.Site = Unlisted("qlik1.example.com")
		b.Round.Site.Attempts[0].Cause, b.Round.Site.Attempts[0].Hint = text("cause"), text("hint")
		b.Round.Block.Tags = map[string]string{text("tag"): text("tag")}
		b.Round.Catalog = blocks[i].Catalog
		for _, s := range b.Servers {
			if s.Answered() {
				s.Judgement.Remark = text("remark")
				info := s.Outcome.Info
				info.ReleaseLabel, info.Version, info.ProductName = text("label"), text("version"), text("product")
				info.DeploymentType, info.SenseID, info.ContentHash = text("deployment"), text("id"), text("hash")
				info.DeprecatedProductVersion, info.CopyrightYearRange = text("deprecated"), text("copyright")
			}
		}
	}
	// The versions were counted before their texts were replaced.
	for i := range r.Summary.Versions {
		r.Summary.Versions[i].Label, r.Summary.Versions[i].Build = text("label"), text("version")
	}
	return r
}

func hostileCertificate(text func(string) string) *poll.Certificate {
	return &poll.Certificate{
		Subject: text("subject"), Names: []string{text("name"), text("name")}, Issuer: text("issuer"), NotBefore: time.Unix(0, 0).UTC(), NotAfter: At,
	}
}

func hostileJudge(text func(string) string) *judgement.Judge {
	day := catalog.DayOf(At)
	advisory := func() catalog.Advisory {
		return catalog.Advisory{
			ID: text("advisory"), Summary: text("summary"), Published: day, CVSS: 9.9, Verified: true, References: []string{text("reference"), text("reference")},
		}
	}
	exposing := func() catalog.Advisory {
		a := advisory()
		a.CVSSSource, a.ExploitedSince, a.Fixed = text("source"), day, []release.Release{parse("May 2024 Patch 10")}
		return a
	}
	patch := 12
	return judgement.New(&catalog.Catalog{
		ReleasesAsOf: day, AdvisoriesAsOf: day, ExploitedAsOf: day,
		Releases: []catalog.Release{
			{Label: parse("May 2022"), Verified: true, EndOfSupport: day.AddMonths(-12)},
			{Label: parse("May 2024"), Verified: true, LatestPatch: &patch, EndOfSupport: day.AddMonths(12)},
		},
		Advisories: []catalog.Advisory{exposing(), exposing(), advisory()},
	})
}

func parse(label string) release.Release {
	r, err := release.Parse(label)
	if err != nil {
		panic(err)
	}
	return r
}
