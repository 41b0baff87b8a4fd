package judgement

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/release"
)

// today is a day on which the built-in data are up to date.
var today = dayOf(2026, time.November, 24)

func dayOf(year int, month time.Month, day int) catalog.Day {
	return catalog.DayOf(time.Date(year, month, day, 23, 59, 0, 0, time.UTC))
}

// judged judges a version without a policy.
func judged(j *Judge, label, build string) Judgement { return j.Judge(label, build, &Policy{}, today) }

func ids(v *Verdict) []string {
	names := make([]string, 0, len(v.Advisories))
	for _, a := range v.Advisories {
		names = append(names, a.ID)
	}
	return names
}

// A later patch of a release is never affected by more advisories, and the patch in FixedIn is
// affected by none.
func TestLaterPatchesNeverAddAdvisories(t *testing.T) {
	judge := BuiltIn()
	for _, listed := range judge.Catalog.Releases {
		if !listed.Verified {
			continue
		}
		var before []string
		for patch := range release.MaxPatch + 1 {
			r := listed.Label
			r.Patch = patch
			j := judged(judge, r.String(), "")
			require.NotNil(t, j.Verdict, r)
			v := j.Verdict
			open := ids(v)
			require.LessOrEqual(t, v.Exploited, len(open))
			require.IsIncreasing(t, append([]string{"A"}, append(open, "Z")...), r)
			require.Equal(t, len(open) > 0, v.MaxCVSS > 0, r)
			if patch > 0 {
				require.Subset(t, before, open, r)
			}
			before = open

			if v.FixedIn == "" {
				continue
			}
			require.NotEmpty(t, open, r)
			fix, err := release.Parse(v.FixedIn)
			require.NoError(t, err)
			require.Equal(t, listed.Label, fix.Initial())
			require.Greater(t, fix.Patch, patch)
			require.Empty(t, judged(judge, v.FixedIn, "").Verdict.Advisories, "%s fixes %s", v.FixedIn, r)
			fix.Patch--
			require.NotEmpty(t, judged(judge, fix.String(), "").Verdict.Advisories, "%s is the first that fixes %s", v.FixedIn, r)
		}
	}
}

// No combination of an unreadable label and a build is judged.
func TestContradictionsNotJudged(t *testing.T) {
	judge := BuiltIn()
	for _, labelled := range judge.Catalog.Releases {
		for _, built := range judge.Catalog.Releases {
			if built.Track == nil {
				continue
			}
			number := 3
			if len(built.Patches) > 0 {
				number = built.Patches[0].Build.Number
			}
			j := judged(judge, labelled.Label.String(), fmt.Sprintf("%s.%d", built.Track, number))
			same := labelled.Label == built.Label
			require.Equal(t, same && labelled.Verified, j.Compliance != Unknown, "%s, %s", labelled.Label, built.Track)
			if !same {
				require.NotEmpty(t, j.Remark)
				require.Nil(t, j.Listed)
				require.Nil(t, j.Verdict)
				require.False(t, j.HasMonth || j.HasPatch)
			}
		}
	}
}

func TestMinimum(t *testing.T) {
	minimum := release.Release{Year: 2024, Month: time.November, Patch: 3}
	tests := []struct {
		label, build string
		known, below bool
		want         Compliance
	}{
		{"November 2024 Patch 3", "", true, false, Compliant},
		{"November 2024 Patch 2", "", true, true, NonCompliant},
		{"November 2024", "14.212.5", true, true, NonCompliant},
		{"November 2024 Patch 4", "", true, false, Compliant},
		{"May 2024 Patch 27", "", true, true, NonCompliant},
		{"May 2025", "", true, false, Compliant},
		{"May 2027", "", true, false, Unknown},
		{"July 2023", "", true, true, Unknown},
		{"November 2026", "", true, false, Unknown},
		{"Qlik Sense 3.2 SRX", "10.25.0", false, false, Unknown},
		{"November 2024", "14.187.4", false, false, Unknown},
		{"", "14.187.14", true, true, NonCompliant},
		{"", "14.187.18", true, true, NonCompliant}, // whichever patch of May 2024 it is
		{"", "14.231.6", true, false, Unknown},
		{"", "14.212.8", false, false, Unknown}, // a patch of the month that the minimum is of
		{"", "14.300.1", false, false, Unknown},
		{"", "", false, false, Unknown},
	}
	for _, tt := range tests {
		t.Run(tt.label+","+tt.build, func(t *testing.T) {
			j := BuiltIn().Judge(tt.label, tt.build, &Policy{Minimum: minimum}, today)
			require.Equal(t, tt.known, j.HasMinimum)
			require.Equal(t, tt.below, j.BelowMinimum)
			require.Equal(t, tt.want, j.Compliance)

			without := judged(BuiltIn(), tt.label, tt.build)
			require.False(t, without.HasMinimum || without.BelowMinimum)
		})
	}
	j := BuiltIn().Judge("", "14.212.8", &Policy{Minimum: minimum.Initial()}, today)
	require.True(t, j.HasMinimum && !j.BelowMinimum, "whichever patch of November 2024 it is")
}

func TestSupportDaysLeft(t *testing.T) {
	for want, on := range map[int]catalog.Day{
		172: dayOf(2026, time.November, 21), 1: dayOf(2027, time.May, 11), 0: dayOf(2027, time.May, 12), -1: dayOf(2027, time.May, 13),
		-366: dayOf(2028, time.May, 12),
	} {
		j := BuiltIn().Judge("May 2025", "", &Policy{}, on)
		left, known := j.SupportDaysLeft()
		require.True(t, known)
		require.Equal(t, want, left)
		require.Equal(t, want < 0, j.Unsupported())
	}
	j := judged(BuiltIn(), "May 2027", "")
	_, known := j.SupportDaysLeft()
	require.False(t, known)
	require.False(t, j.Unsupported())
}

// made returns a judge for a small catalogue with the given advisories.
func made(t *testing.T, advisories string) *Judge {
	t.Helper()
	var text strings.Builder
	text.WriteString("schema = 1\nreleases_as_of = 2026-01-01\nadvisories_as_of = 2026-01-01\nexploited_as_of = 2026-01-01\n")
	for label, more := range map[string]string{
		"May 2023": "", "August 2023": "", "November 2023": "", "February 2024": "",
		"May 2024": "track = \"14.200\"\n" +
			"patches = [{ patch = 1, build = \"14.200.2\", basis = \"derived\" }, { patch = 3, build = \"14.200.5\", basis = \"stated\" }, " +
			"{ patch = 4, build = \"14.200.9\", basis = \"counted\" }]\n",
		"August 2024": "end_of_support = 2026-08-31\n",
	} {
		fmt.Fprintf(&text, "[[release]]\nlabel = %q\nverified = true\nsources = [\"test\"]\n%s", label, more)
	}
	c, err := catalog.Parse([]byte(text.String() + advisories))
	require.NoError(t, err)
	return New(c)
}

func advisory(id, more string) string {
	return fmt.Sprintf("[[advisory]]\nid = %q\nsummary = \"s\"\npublished = 2024-01-01\nverified = true\nreferences = [\"test\"]\n%s\n", id, more)
}

func TestRules(t *testing.T) {
	tests := []struct {
		name       string
		advisories string
		want       map[string]string // label: advisories > fixed_in
	}{
		{
			"a release between fixed ones that got no fix is open for good",
			advisory("CVE-2024-0001", `fixed = ["May 2023 Patch 2", "February 2024 Patch 1"]`),
			map[string]string{
				"May 2023 Patch 1": "CVE-2024-0001 > May 2023 Patch 2", "May 2023 Patch 2": " > ", "August 2023 Patch 9": "CVE-2024-0001 > ",
				"February 2024": "CVE-2024-0001 > February 2024 Patch 1", "February 2024 Patch 1": " > ", "May 2024": " > ",
			},
		},
		{
			"affected from a release on",
			advisory("CVE-2024-0001", "fixed = [\"February 2024 Patch 1\"]\naffected_from = \"November 2023\""),
			map[string]string{"August 2023": " > ", "November 2023 Patch 9": "CVE-2024-0001 > ", "February 2024": "CVE-2024-0001 > February 2024 Patch 1"},
		},
		{
			"the highest of several fixes",
			advisory("CVE-2024-0002", `fixed = ["May 2024 Patch 3"]`) + advisory("CVE-2024-0001", `fixed = ["May 2024 Patch 5"]`),
			map[string]string{
				"May 2024 Patch 2": "CVE-2024-0001,CVE-2024-0002 > May 2024 Patch 5", "May 2024 Patch 3": "CVE-2024-0001 > May 2024 Patch 5",
				"May 2024 Patch 5": " > ",
			},
		},
		{
			"one without a fix leaves no patch to install",
			advisory("CVE-2024-0001", `fixed = ["August 2023 Patch 2", "May 2024"]`) + advisory("CVE-2024-0002", `fixed = ["May 2024"]`),
			map[string]string{"August 2023": "CVE-2024-0001,CVE-2024-0002 > ", "August 2023 Patch 2": "CVE-2024-0002 > "},
		},
		{
			"superseded twice over: the fix of the last is that of the first",
			advisory("CVE-2024-0001", "fixed = [\"May 2023 Patch 1\"]\nsuperseded_by = [\"CVE-2024-0002\"]") +
				advisory("CVE-2024-0002", "fixed = [\"August 2023 Patch 2\", \"May 2023 Patch 4\"]\nsuperseded_by = [\"CVE-2024-0003\"]") +
				advisory("CVE-2024-0003", `fixed = ["November 2023 Patch 3", "August 2023 Patch 5"]`),
			map[string]string{
				"May 2023":              "CVE-2024-0001,CVE-2024-0002,CVE-2024-0003 > ",
				"May 2023 Patch 1":      "CVE-2024-0002,CVE-2024-0003 > ",
				"August 2023":           "CVE-2024-0002,CVE-2024-0003 > August 2023 Patch 5",
				"August 2023 Patch 2":   "CVE-2024-0003 > August 2023 Patch 5",
				"August 2023 Patch 5":   " > ",
				"November 2023":         "CVE-2024-0003 > November 2023 Patch 3",
				"November 2023 Patch 3": " > ",
				"February 2024":         " > ",
			},
		},
		{
			"information never decides",
			advisory("CVE-2024-0001", `fixed = []`) + advisory("CVE-2024-0003", `fixed = ["May 2023 Patch 1"]`) +
				strings.Replace(advisory("CVE-2024-0002", `fixed = ["May 2024 Patch 5"]`), "verified = true", "verified = false", 1),
			map[string]string{"May 2023": "CVE-2024-0003 > May 2023 Patch 1", "May 2024": " > "},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			judge := made(t, tt.advisories)
			for label, want := range tt.want {
				j := judged(judge, label, "")
				require.Equal(t, want, strings.Join(ids(j.Verdict), ",")+" > "+j.Verdict.FixedIn, label)
				require.Equal(t, j.Verdict.FixedIn, highestFix(judge, &j), "%s: what fixes all is the highest of what fixes each", label)
			}
		})
	}
}

// highestFix returns the highest of the patches that fix what applies, "" if one has no fix.
func highestFix(judge *Judge, j *Judgement) string {
	highest := j.Release
	for _, a := range j.Verdict.Advisories {
		fix, found := judge.FixedIn(a.ID, j.Release)
		if !found {
			return ""
		}
		if fix.Compare(highest) > 0 {
			highest = fix
		}
	}
	if highest == j.Release {
		return ""
	}
	return highest.String()
}

func TestNoFixIsKnown(t *testing.T) {
	judge := made(t, advisory("CVE-2024-0001", `fixed = ["May 2024 Patch 3"]`))
	for id, label := range map[string]string{"CVE-2024-0001": "May 2025", "CVE-2024-0002": "May 2024"} {
		r, err := release.Parse(label)
		require.NoError(t, err)
		fix, found := judge.FixedIn(id, r)
		require.False(t, found, "%s in %s", id, label)
		require.Zero(t, fix)
	}
}

// A label that contradicts a stated build is refused, an inferred one causes a remark, and a counted one
// is ignored.
func TestPairsOfPatchAndBuild(t *testing.T) {
	const refused, remarked = `does not match it: patch 3 is build 14.200.5`, `does not match it if patch 1 is build 14.200.2, as the catalogue infers`
	judge := made(t, advisory("CVE-2024-0001", `fixed = ["May 2023 Patch 1"]`))
	for _, tt := range []struct{ label, build, remark string }{
		{"May 2024 Patch 1", "14.200.2", ""},
		{"May 2024 Patch 2", "14.200.3", ""},
		{"May 2024 Patch 3", "14.200.5", ""},
		{"May 2024 Patch 3", "14.200.6", ""}, // rebuilt
		{"May 2024 Patch 4", "14.200.8", ""},
		{"May 2024 Patch 2", "14.200.2", remarked},
		{"May 2024", "14.200.2", remarked},
		{"May 2024 Patch 1", "14.200.1", remarked},
		{"May 2024 Patch 2", "14.200.5", refused},
		{"May 2024 Patch 4", "14.200.5", refused},
		{"May 2024 Patch 3", "14.200.2", refused}, // also contradicts the inferred pair
	} {
		j := judged(judge, tt.label, tt.build)
		require.Contains(t, j.Remark, tt.remark, "%s, %s", tt.label, tt.build)
		require.Equal(t, tt.remark == "", j.Remark == "", "%s, %s: %s", tt.label, tt.build, j.Remark)
		require.Equal(t, tt.remark == refused, j.Compliance == Unknown, "%s, %s", tt.label, tt.build)
	}
}

// Each advisory is visited once, however many paths lead to it.
func TestSupersessionIsNotExponential(t *testing.T) {
	var text strings.Builder
	for i := range 60 {
		later := make([]string, 0, 60)
		for j := i + 1; j < 60; j++ {
			later = append(later, fmt.Sprintf("%q", fmt.Sprintf("CVE-2024-%04d", j)))
		}
		text.WriteString(advisory(fmt.Sprintf("CVE-2024-%04d", i), `fixed = ["May 2024"]`+"\nsuperseded_by = ["+strings.Join(later, ", ")+"]"))
	}
	require.Len(t, judged(made(t, text.String()), "February 2024", "").Verdict.Advisories, 60)
}

func TestScoreAndExploitation(t *testing.T) {
	judge := made(t, advisory("CVE-2024-0001", "cvss = 4.3\nfixed = [\"May 2024 Patch 1\"]")+
		strings.Replace(advisory("CVE-2024-0002", "cvss = 9.1\nfixed = [\"May 2024 Patch 2\"]\nexploited_since = 2024-02-03"), "2024-01-01", "2023-12-31", 1)+
		advisory("CVE-2024-0003", "cvss = 7.5\nfixed = [\"May 2024 Patch 3\"]\nexploited_since = 2024-02-03"))
	for label, want := range map[string]struct {
		ids       string
		exploited int
		max       float64
		fixedIn   string
		exposed   int // days, -1 where not known
	}{
		"May 2024":         {"CVE-2024-0001,CVE-2024-0002,CVE-2024-0003", 2, 9.1, "May 2024 Patch 3", 1059},
		"May 2024 Patch 1": {"CVE-2024-0002,CVE-2024-0003", 2, 9.1, "May 2024 Patch 3", 1059},
		"May 2024 Patch 2": {"CVE-2024-0003", 1, 7.5, "May 2024 Patch 3", 1058},
		"May 2024 Patch 3": {"", 0, 0, "", -1},
	} {
		j := judged(judge, label, "")
		require.Equal(t, want.ids, strings.Join(ids(j.Verdict), ","), label)
		require.Equal(t, want.exploited, j.Verdict.Exploited, label)
		require.InDelta(t, want.max, j.Verdict.MaxCVSS, 1e-9, label)
		require.Equal(t, want.fixedIn, j.Verdict.FixedIn, label)
		days, known := j.ExposedDays()
		require.Equal(t, want.exposed >= 0, known, label)
		require.Equal(t, max(want.exposed, 0), days, label)
	}
}

// Reasons against a version take precedence over unproven ones, and both over compliant.
func TestReasons(t *testing.T) {
	fixedInMay := advisory("CVE-2024-0001", `fixed = ["May 2024 Patch 3"]`)
	exploited := advisory("CVE-2024-0002", "fixed = []\nexploited_since = 2024-02-03")
	minimum := release.Release{Year: 2024, Month: time.May, Patch: 4}
	fresh, old := dayOf(2026, time.June, 30), dayOf(2026, time.July, 1) // 180 and 181 days
	tests := []struct {
		name         string
		advisories   string
		label, build string
		policy       Policy
		on           catalog.Day
		want         Compliance
		reasons      string
	}{
		{"nothing is known against it", fixedInMay, "May 2024 Patch 3", "", Policy{MaxAge: 180}, fresh, Compliant, ""},
		{"an advisory", fixedInMay, "May 2024 Patch 2", "", Policy{MaxAge: 180}, fresh, NonCompliant, "advisories"},
		{"below the minimum", fixedInMay, "May 2024 Patch 3", "", Policy{Minimum: minimum}, fresh, NonCompliant, "below_minimum"},
		{"both", fixedInMay, "May 2024", "", Policy{Minimum: minimum}, fresh, NonCompliant, "advisories,below_minimum"},
		{"data a day too old prove nothing", fixedInMay, "May 2024 Patch 3", "", Policy{MaxAge: 180}, old, Unknown, "catalog_too_old"},
		{"and need not to condemn", fixedInMay, "May 2024 Patch 2", "", Policy{MaxAge: 180}, old, NonCompliant, "advisories"},
		{"no limit", fixedInMay, "May 2024 Patch 3", "", Policy{}, old, Compliant, ""},
		{"data of tomorrow", fixedInMay, "May 2024 Patch 3", "", Policy{}, dayOf(2025, time.December, 31), Compliant, ""},
		{"data of the future prove nothing", fixedInMay, "May 2024 Patch 3", "", Policy{}, dayOf(2025, time.December, 30), Unknown, "catalog_too_old"},
		{"exploited and mapped by nobody", fixedInMay + exploited, "May 2024 Patch 3", "", Policy{}, fresh, Unknown, "undecided_advisory"},
		{"exploited and dismissed", fixedInMay + exploited + "dismissed = \"not reachable\"\n", "May 2024 Patch 3", "", Policy{}, fresh, Compliant, ""},
		{"dismissed, though a fix is known", fixedInMay + advisory("CVE-2024-0009", "fixed = [\"May 2024 Patch 9\"]\ndismissed = \"not reachable\""),
			"May 2024 Patch 3", "", Policy{}, fresh, Compliant, ""},
		{"all that is unproven", fixedInMay + exploited, "May 2024 Patch 3", "", Policy{MaxAge: 180, RequireSupport: true}, old, Unknown,
			"catalog_too_old,support_unknown,undecided_advisory"},
		{"supported", fixedInMay, "August 2024", "", Policy{RequireSupport: true}, dayOf(2026, time.August, 31), Compliant, ""},
		{"support has ended", fixedInMay, "August 2024", "", Policy{RequireSupport: true}, dayOf(2026, time.September, 1), NonCompliant, "out_of_support"},
		{"nobody asks for support", fixedInMay, "August 2024", "", Policy{}, dayOf(2026, time.September, 1), Compliant, ""},
		{"no end of support is known", fixedInMay, "May 2024 Patch 3", "", Policy{RequireSupport: true}, fresh, Unknown, "support_unknown"},
		{"no such release", fixedInMay, "June 2024", "", Policy{Minimum: minimum}, old, Unknown, "release_unknown"},
		{"below the minimum in a release that is not listed", fixedInMay, "March 2024", "", Policy{Minimum: minimum}, fresh, Unknown, "release_unknown"},
		{"no release at all", fixedInMay, "QlikView", "", Policy{}, fresh, Unknown, "release_unknown"},
		{"nothing", fixedInMay, "", "", Policy{}, fresh, Unknown, "release_unknown"},
		{"two releases", fixedInMay, "May 2024 Patch 3", "14.200.1", Policy{}, fresh, Unknown, "label_and_build_differ"},
		{"a build of no known patch", fixedInMay, "", "14.200.7", Policy{}, fresh, Unknown, "release_unknown"},
		{"a build of no known patch, by old data", fixedInMay, "", "14.200.7", Policy{MaxAge: 180}, old, Unknown, "catalog_too_old,release_unknown"},
		{"support has ended, and an advisory", fixedInMay + advisory("CVE-2024-0003", `fixed = ["August 2024 Patch 1"]`), "August 2024", "",
			Policy{RequireSupport: true}, dayOf(2026, time.September, 1), NonCompliant, "advisories,out_of_support"},
		{"a build of no known patch below the minimum", fixedInMay, "", "14.200.7", Policy{Minimum: release.Release{Year: 2025, Month: time.May}}, fresh,
			NonCompliant, "below_minimum"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := made(t, tt.advisories).Judge(tt.label, tt.build, &tt.policy, tt.on)
			require.Equal(t, tt.want, j.Compliance)
			require.Equal(t, tt.reasons, strings.Join(j.Reasons.Names(), ","))
		})
	}
}

func TestReasonNames(t *testing.T) {
	all := Reasons(1<<len(reasonNames) - 1).Names()
	require.Equal(t, []string{"advisories", "below_minimum", "catalog_too_old", "label_and_build_differ", "out_of_support", "release_unknown",
		"support_unknown", "undecided_advisory"}, all)
	require.Equal(t, []string{"undecided_advisory"}, UndecidedAdvisory.Names())
	require.Empty(t, Reasons(0).Names())
}

func FuzzJudge(f *testing.F) {
	f.Add("February 2024 Patch 1", "14.173.4")
	f.Add("", "14.187.14")
	f.Add("", "14.187.18")
	f.Add("Qlik Sense 3.2 SRX", "10.25.0-20170209151927")
	judge := BuiltIn()
	f.Fuzz(func(t *testing.T, label, build string) {
		policy := &Policy{Minimum: release.Release{Year: 2024, Month: time.May}, RequireSupport: true, MaxAge: 180}
		j := judge.Judge(label, build, policy, today)
		require.Equal(t, j.Reasons == 0, j.Compliance == Compliant)
		switch j.Compliance {
		case Unknown:
			require.Zero(t, j.Reasons&(Advisories|BelowMinimum|OutOfSupport))
			require.True(t, j.Remark != "" || j.Reasons == SupportUnknown)
		case Compliant:
			require.NotNil(t, j.Listed)
			require.True(t, j.HasMonth && j.HasPatch && j.HasMinimum && !j.BelowMinimum && !j.Unsupported())
			require.Empty(t, j.Verdict.Advisories)
		case NonCompliant:
			require.NotNil(t, j.Listed)
			require.True(t, j.BelowMinimum || j.Unsupported() || len(j.Verdict.Advisories) > 0)
		}
		require.NotEqual(t, Compliant, judge.Judge(label, build, policy, dayOf(2020, time.May, 1)).Compliance)
	})
}

// Verdicts are computed in advance, so that judging a known version allocates nothing.
func TestJudgeAllocations(t *testing.T) {
	judge, policy := BuiltIn(), &Policy{RequireSupport: true, MaxAge: 180}
	for _, c := range []struct{ label, build string }{
		{"May 2024 Patch 9", "14.187.14"}, {"Qlik Sense November 2024 Initial Release", ""}, {"", "14.139.5"}, {"May 2022 Patch 18", "14.67.34"},
	} {
		require.Zero(t, testing.AllocsPerRun(100, func() { judge.Judge(c.label, c.build, policy, today) }), "%+v", c)
	}
}

func BenchmarkJudge(b *testing.B) {
	judge, policy := BuiltIn(), &Policy{Minimum: release.Release{Year: 2024, Month: time.May, Patch: 10}, MaxAge: 180}
	for _, c := range []struct{ name, label, build string }{
		{"vulnerable", "August 2023 Patch 1", "14.139.5"},
		{"compliant", "November 2025", "14.254.6"},
		{"build alone", "", "14.187.14"},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				judge.Judge(c.label, c.build, policy, today)
			}
		})
	}
	// The labelled cases, including invalid versions, cover what servers report.
	b.Run("labelled cases", func(b *testing.B) {
		cases := labelledCases(b)
		rand.New(rand.NewPCG(1, 1)).Shuffle(len(cases), func(i, j int) { cases[i], cases[j] = cases[j], cases[i] })
		b.ReportAllocs()
		b.ResetTimer()
		for i := range b.N {
			c := &cases[i%len(cases)]
			judge.Judge(c.Label, c.Build, policy, today)
		}
	})
}
