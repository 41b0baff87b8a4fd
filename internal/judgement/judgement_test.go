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

func ids(v *Verdict) []string {
	if v.Advisories == "" {
		return nil
	}
	return strings.Split(v.Advisories, ",")
}

// A later patch of the same release is never open to more, and what is said to fix a
// release does.
func TestLaterPatchesAreNeverOpenToMore(t *testing.T) {
	judge := BuiltIn()
	for _, listed := range judge.Catalog.Releases {
		if !listed.Verified {
			continue
		}
		var before []string
		for patch := range release.MaxPatch + 1 {
			r := listed.Label
			r.Patch = patch
			j := judge.Judge(r.String(), "", release.Release{})
			require.NotNil(t, j.Verdict, r)
			v := j.Verdict
			open := ids(v)
			require.Len(t, open, v.Count)
			require.LessOrEqual(t, v.Exploited, v.Count)
			require.IsIncreasing(t, append([]string{"A"}, append(open, "Z")...), r)
			require.Equal(t, v.Count > 0, v.MaxCVSS > 0, r)
			if patch > 0 {
				require.Subset(t, before, open, r)
			}
			before = open

			if v.FixedIn == "" {
				continue
			}
			require.Positive(t, v.Count, r)
			fix, err := release.Parse(v.FixedIn)
			require.NoError(t, err)
			require.Equal(t, listed.Label, fix.Initial())
			require.Greater(t, fix.Patch, patch)
			require.Zero(t, judge.Judge(v.FixedIn, "", release.Release{}).Verdict.Count, "%s fixes %s", v.FixedIn, r)
			fix.Patch--
			require.NotZero(t, judge.Judge(fix.String(), "", release.Release{}).Verdict.Count, "%s is the first that fixes %s", v.FixedIn, r)
		}
	}
}

// What deserves no judgement gets none, in whatever way label and build are combined.
func TestContradictionsAreNeverJudged(t *testing.T) {
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
			j := judge.Judge(labelled.Label.String(), fmt.Sprintf("%s.%d", built.Track, number), release.Release{})
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
		{"", "14.187.18", true, true, Unknown},
		{"", "14.231.6", true, false, Unknown},
		{"", "14.212.8", false, false, Unknown}, // a patch of the month that the minimum is of
		{"", "14.300.1", false, false, Unknown},
		{"", "", false, false, Unknown},
	}
	for _, tt := range tests {
		t.Run(tt.label+","+tt.build, func(t *testing.T) {
			j := BuiltIn().Judge(tt.label, tt.build, minimum)
			require.Equal(t, tt.known, j.HasMinimum)
			require.Equal(t, tt.below, j.BelowMinimum)
			require.Equal(t, tt.want, j.Compliance)

			without := BuiltIn().Judge(tt.label, tt.build, release.Release{})
			require.False(t, without.HasMinimum || without.BelowMinimum)
		})
	}
}

func TestSupportDaysLeft(t *testing.T) {
	j := BuiltIn().Judge("May 2025", "", release.Release{})
	day := func(year int, month time.Month, d int) catalog.Day {
		return catalog.DayOf(time.Date(year, month, d, 23, 59, 0, 0, time.UTC))
	}
	for want, on := range map[int]catalog.Day{
		172: day(2026, time.November, 21), 1: day(2027, time.May, 11), 0: day(2027, time.May, 12), -1: day(2027, time.May, 13), -366: day(2028, time.May, 12),
	} {
		left, known := j.SupportDaysLeft(on)
		require.True(t, known)
		require.Equal(t, want, left)
	}
	j = BuiltIn().Judge("May 2027", "", release.Release{})
	_, known := j.SupportDaysLeft(day(2027, time.May, 1))
	require.False(t, known)
}

// made is a small catalogue whose advisories the rules can be tried on.
func made(t *testing.T, advisories string) *Judge {
	t.Helper()
	var text strings.Builder
	text.WriteString("schema = 1\nreleases_as_of = 2026-01-01\nadvisories_as_of = 2026-01-01\nexploited_as_of = 2026-01-01\n")
	for _, label := range []string{"May 2023", "August 2023", "November 2023", "February 2024", "May 2024"} {
		fmt.Fprintf(&text, "[[release]]\nlabel = %q\nverified = true\nsources = [\"test\"]\n", label)
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
			advisory("CVE-2024-0001", `fixed = []`) + advisory("CVE-2024-0003", "fixed = [\"May 2024\"]\naffected_from = \"May 2024\"") +
				strings.Replace(advisory("CVE-2024-0002", `fixed = ["May 2024 Patch 5"]`), "verified = true", "verified = false", 1),
			map[string]string{"May 2023": " > ", "May 2024": " > "},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			judge := made(t, tt.advisories)
			for label, want := range tt.want {
				v := judge.Judge(label, "", release.Release{}).Verdict
				require.Equal(t, want, v.Advisories+" > "+v.FixedIn, label)
			}
		})
	}
}

// Each advisory is looked at once, however many ways lead to it.
func TestSupersessionIsNotExponential(t *testing.T) {
	var text strings.Builder
	for i := range 60 {
		later := make([]string, 0, 60)
		for j := i + 1; j < 60; j++ {
			later = append(later, fmt.Sprintf("%q", fmt.Sprintf("CVE-2024-%04d", j)))
		}
		text.WriteString(advisory(fmt.Sprintf("CVE-2024-%04d", i), `fixed = ["May 2024"]`+"\nsuperseded_by = ["+strings.Join(later, ", ")+"]"))
	}
	require.Equal(t, 60, made(t, text.String()).Judge("February 2024", "", release.Release{}).Verdict.Count)
}

func TestScoreAndExploitation(t *testing.T) {
	judge := made(t, advisory("CVE-2024-0001", "cvss = 4.3\nfixed = [\"May 2024 Patch 1\"]")+
		advisory("CVE-2024-0002", "cvss = 9.1\nfixed = [\"May 2024 Patch 2\"]\nexploited_since = 2024-02-03")+
		advisory("CVE-2024-0003", "cvss = 7.5\nfixed = [\"May 2024 Patch 3\"]\nexploited_since = 2024-02-03"))
	for label, want := range map[string]Verdict{
		"May 2024":         {"CVE-2024-0001,CVE-2024-0002,CVE-2024-0003", 3, 2, 9.1, "May 2024 Patch 3"},
		"May 2024 Patch 1": {"CVE-2024-0002,CVE-2024-0003", 2, 2, 9.1, "May 2024 Patch 3"},
		"May 2024 Patch 2": {"CVE-2024-0003", 1, 1, 7.5, "May 2024 Patch 3"},
		"May 2024 Patch 3": {"", 0, 0, 0, ""},
	} {
		require.Equal(t, want, *judge.Judge(label, "", release.Release{}).Verdict, label)
	}
}

func FuzzJudge(f *testing.F) {
	f.Add("February 2024 Patch 1", "14.173.4")
	f.Add("", "14.187.14")
	f.Add("Qlik Sense 3.2 SRX", "10.25.0-20170209151927")
	judge := BuiltIn()
	f.Fuzz(func(t *testing.T, label, build string) {
		j := judge.Judge(label, build, release.Release{Year: 2024, Month: time.May})
		require.Equal(t, j.Verdict == nil, j.Compliance == Unknown)
		if j.Compliance == Unknown {
			require.NotEmpty(t, j.Remark)
			return
		}
		require.NotNil(t, j.Listed)
		require.True(t, j.HasMonth && j.HasPatch && j.HasMinimum)
		require.Equal(t, j.Verdict.Count > 0 || j.BelowMinimum, j.Compliance == NonCompliant)
	})
}

// Verdicts are made in advance, so that judging what is known leaves nothing behind.
func TestJudgingNeedsNoMemory(t *testing.T) {
	judge := BuiltIn()
	for _, c := range []struct{ label, build string }{
		{"May 2024 Patch 9", "14.187.14"}, {"Qlik Sense November 2024 Initial Release", ""}, {"", "14.139.5"}, {"May 2022 Patch 18", "14.67.34"},
	} {
		require.Zero(t, testing.AllocsPerRun(100, func() { judge.Judge(c.label, c.build, release.Release{}) }), "%+v", c)
	}
}

func BenchmarkJudge(b *testing.B) {
	judge := BuiltIn()
	for _, c := range []struct{ name, label, build string }{
		{"vulnerable", "August 2023 Patch 1", "14.139.5"},
		{"compliant", "November 2025", "14.254.6"},
		{"build alone", "", "14.187.14"},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				judge.Judge(c.label, c.build, release.Release{Year: 2024, Month: time.May, Patch: 10})
			}
		})
	}
	// Whatever servers tell: the labelled set, nonsense included.
	b.Run("labelled cases", func(b *testing.B) {
		cases := labelledCases(b)
		rand.New(rand.NewPCG(1, 1)).Shuffle(len(cases), func(i, j int) { cases[i], cases[j] = cases[j], cases[i] })
		b.ReportAllocs()
		b.ResetTimer()
		for i := range b.N {
			c := &cases[i%len(cases)]
			judge.Judge(c.Label, c.Build, release.Release{})
		}
	})
}
