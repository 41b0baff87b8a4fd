package feed

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/release"
)

func labels(t testing.TB, texts ...string) (releases []release.Release) {
	t.Helper()
	for _, text := range texts {
		r, err := release.Parse(text)
		require.NoError(t, err)
		releases = append(releases, r)
	}
	return releases
}

func TestReadText(t *testing.T) {
	const about = "An issue was discovered in Qlik Sense Enterprise for Windows. "
	list := func(text string) string { return about + "This is fixed in " + text }
	many := make([]string, 0, 101)
	for i := range 101 {
		many = append(many, fmt.Sprintf("%s %d", [...]string{"February", "May", "August", "November"}[i%4], 2017+i/4))
	}
	tests := []struct {
		name, text string
		fixed      string // joined by a bar; "" if a person must decide
		err        string
	}{
		{"a clean list", list("May 2027 Patch 3, February 2027 Patch 5, and November 2026 Patch 12."),
			"May 2027 Patch 3|February 2027 Patch 5|November 2026 Patch 12", ""},
		{"one release", list("May 2027."), "May 2027", ""},
		{"no suffix, IR, Initial Release", list("May 2026 IR, February 2026 Initial Release and November 2025."), "May 2026|February 2026|November 2025", ""},
		{"builds", about + "This has been fixed in May 2024 (14.187.4), and February 2024 Patch 4 (14.173.8).", "May 2024|February 2024 Patch 4", ""},
		{"odd spacing", "  " + list("May\u00a02027  Patch\n3 ,February 2027 Patch 5 ,  and\tNovember 2026  Patch 12 ."),
			"May 2027 Patch 3|February 2027 Patch 5|November 2026 Patch 12", ""},
		{"no comma, no space", list("may 2027 PATCH3 and February 2027 patch 5 or November 2026 ir."), "May 2027 Patch 3|February 2027 Patch 5|November 2026", ""},
		{"fixed versions are", about + "The fixed versions are May 2027 Patch 3 and February 2027. " +
			"NOTE: this issue exists because of an incomplete fix for CVE-2027-0001.",
			"May 2027 Patch 3|February 2027", ""},
		{"patch levels that lack", "Flaws in QlikView Server before 12.30; and Qlik Sense Enterprise installations that lack these patch levels: " +
			"February 2018 Patch 4, or April 2018 Patch 3. A user may read files.", "February 2018 Patch 4|April 2018 Patch 3", ""},
		{"affected releases that the list fixes", "Qlik Sense May 2027 Patch 2 and earlier and February 2027 Patch 4 and earlier, before May 2027 Patch 3. " +
			"This is fixed in May 2027 Patch 3, and February 2027 Patch 5.", "May 2027 Patch 3|February 2027 Patch 5", ""},
		{"a release that got no fix", "Qlik Sense August 2026 and earlier. This is fixed in May 2027 Patch 3.", "May 2027 Patch 3", ""},
		{"builds in one range", "Qlik Sense February 2024 Patch 3 (14.173.3 through 14.173.7). This is fixed in February 2024 Patch 4.",
			"February 2024 Patch 4", ""},

		{"no list", about + "It allows SSRF.", "", "the text has no list of fixed releases"},
		{"nothing", "", "", "no list"},
		{"ends in prose", list("May 2027 Patch 3, February 2027 Patch 5, and later releases."), "", `cannot be read, starting at "later releases."`},
		{"ends in the middle", list("May 2027 Patch 3, February 2027 Patch"), "", `cannot be read, starting at " Patch"`},
		{"no full stop", list("May 2027 Patch 1"), "", `cannot be read, starting at ""`},
		{"a full stop within a number", list("May 2027 Patch 1.2."), "", `cannot be read, starting at ".2."`},
		{"zeros in front", list("May 2027 Patch 07."), "", `"May 2027 Patch 07", which is not a release`},
		{"three digits", list("May 2027 Patch 107."), "", `"May 2027 Patch 107", which is not a release`},
		{"short month", list("Nov 2026 Patch 7."), "", "cannot be read"},
		{"QlikView's word", list("May 2023 SR2."), "", `cannot be read, starting at " SR2."`},
		{"zero width", list("May\u200b 2027."), "", "cannot be read"},
		{"a year that no release can have", list("May 2016."), "", `"May 2016", which is not a release`},
		{"twice", list("May 2027 Patch 3, and May 2027 Patch 4."), "", "names May 2027 twice"},
		{"two lists", list("May 2027. QlikView is fixed in May 2026."), "", "more than one list"},
		{"as many as there can be", list(strings.Join(many[:100], ", ") + "."), strings.Join(many[:100], "|"), ""},
		{"too many", list(strings.Join(many, ", ") + "."), "", "more than 100 releases"},
		{"builds that do not rise", list("May 2024 (14.173.8), February 2024 Patch 4 (14.187.4), and November 2023."), "",
			"the builds of February 2024 Patch 4 and May 2024"},
		{"builds of one track", list("May 2024 (14.187.4), and February 2024 Patch 4 (14.187.8)."), "", "the builds of February 2024 Patch 4 and May 2024"},
		{"an affected patch that the first one of the list fixes", "Qlik Sense February 2027 Patch 6 and earlier. " +
			"This is fixed in February 2027 Patch 5, and May 2027 Patch 3.", "", "also names February 2027 Patch 6, which is fixed according to the list"},
		{"a build that is none", list("May 2024 (14.187.99999999999)."), "", "which is not a build"},
		{"not", about + "This is not fixed in May 2027.", "", `before the list are not understood: "This is not "`},
		{"will", about + "It will be fixed in May 2027.", "", "not understood"},
		{"partially", about + "This was partially fixed in May 2027.", "", "not understood"},
		{"another product's", "Qlik Sense is not affected. The flaw in QlikView is fixed in May 2027.", "", "not understood"},
		{"of two products", "Qlik Sense and QlikView have a flaw. This is fixed in May 2027.", "", "the text is also about QlikView"},
		{"not those of Qlik Sense", "QlikView installations that lack these patch levels: May 2027.", "", "not understood"},
		{"an incomplete fix", list("May 2027 Patch 3. However, the fix is incomplete."), "", `may change its meaning: "incomplete"`},
		{"still affected", list("May 2027 Patch 3. Sites with a proxy are still affected."), "", `may change its meaning: "still"`},
		{"later ones affected", list("May 2027 Patch 3. Later releases have the flaw."), "", `may change its meaning: "Later"`},
		{"affected again", list("May 2027 Patch 3. August 2026 has it again."), "", `may change its meaning: "again"`},
		{"a release behind the list", list("May 2027 Patch 3. August 2027 brought the flaw back."), "",
			"also names August 2027, which is fixed according to the list"},
		{"the second release behind the list", list("May 2027 Patch 3. February 2027 had the flaw first, August 2027 brought it back."), "",
			"also names August 2027, which is fixed according to the list"},
		{"affected by itself", "Qlik Sense May 2027 Patch 3 and earlier. This is fixed in May 2027 Patch 3.", "", "also names May 2027 Patch 3"},
		{"before a later one", "Qlik Sense before August 2027 IR. This is fixed in May 2027 Patch 3.", "", "also names August 2027"},
		{"before a later patch", "Qlik Sense before May 2027 Patch 4. This is fixed in May 2027 Patch 3.", "", "also names May 2027 Patch 4"},
		{"a patch of no release", list("May 2027 Patch 3. Patch 2 has a workaround."), "", `names "Patch 2" without a release`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readText(tt.text)
			if tt.fixed == "" {
				require.ErrorContains(t, err, tt.err)
				require.Nil(t, got)
				return
			}
			require.NoError(t, err)
			require.Equal(t, labels(t, strings.Split(tt.fixed, "|")...), got.fixed)
			require.Contains(t, strings.Join(strings.Fields(tt.text), " "), got.sentence)
			require.Contains(t, strings.ToLower(got.sentence), strings.ToLower(strings.Fields(tt.fixed)[0]), "the sentence has the list")
		})
	}
}

func FuzzReadText(f *testing.F) {
	for _, record := range samples(f) {
		f.Add(record.english())
	}
	f.Add("This is fixed in May 2027 Patch 3 (14.300.5) ,and  February 2027 IR. NOTE: before May 2027.")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := readText(text)
		if err != nil {
			require.Nil(t, got)
			require.NotContains(t, err.Error(), "\n")
			return
		}
		require.NotEmpty(t, got.fixed)
		require.LessOrEqual(t, len(got.fixed), maxFixed)
		normal := strings.ToLower(strings.Join(strings.Fields(text), " "))
		require.Contains(t, normal, strings.ToLower(got.sentence))
		initials := make(map[release.Release]bool)
		for _, r := range got.fixed {
			require.False(t, initials[r.Initial()], "one fix of each release")
			initials[r.Initial()] = true
			require.Contains(t, normal, strings.ToLower(r.Initial().String()), "what is read stands in the text")
		}
		again, err := readText(strings.Join(strings.Fields(text), "  "))
		require.NoError(t, err)
		require.Equal(t, got, again, "spacing does not matter")
	})
}
