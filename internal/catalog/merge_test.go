package catalog

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/release"
)

func day(t *testing.T, text string) Day {
	t.Helper()
	d, err := ParseDay(text)
	require.NoError(t, err)
	return d
}

// entry returns an entry of the vendor's list.
func entry(t *testing.T, label, build, published string) Listed {
	t.Helper()
	r, err := release.Parse(label)
	require.NoError(t, err)
	b, err := release.ParseBuild(build)
	require.NoError(t, err)
	l := Listed{Release: r, Build: b}
	if published != "" {
		l.Published = day(t, published)
	}
	return l
}

func TestMerge(t *testing.T) {
	const may = "label = \"May 2025\"\nverified = true\n"
	const patch3 = "\npatches = [{patch=3, build=\"14.231.8\", basis=\"stated\"}]\n"
	tests := []struct {
		name    string
		before  string
		list    [][3]string
		after   string // keys of the release in question
		changes []string
	}{
		{
			name:   "newer patch",
			before: may + "track = \"14.231\"\nlatest_patch = 15\nlatest_patch_as_of = 2026-05-21\npatches = [{patch=15, build=\"14.231.27\", basis=\"stated\"}]",
			list:   [][3]string{{"May 2025 Patch 17", "14.231.30", "2026-07-01"}},
			after: may + "track = \"14.231\"\nlatest_patch = 17\nlatest_patch_as_of = 2026-07-01\npatches = [{patch=15, build=\"14.231.27\", basis=\"stated\"}, " +
				"{patch=17, build=\"14.231.30\", basis=\"stated\"}]\nsources = [\"x\", \"VENDOR\"]",
			changes: []string{"May 2025: latest patch 15 -> 17, 1 build added"},
		},
		{
			name:    "older patch than the latest",
			before:  may + "track = \"14.231\"\nlatest_patch = 15\nlatest_patch_as_of = 2026-05-21",
			list:    [][3]string{{"May 2025 Patch 3", "14.231.8", "2025-08-01"}},
			after:   may + "track = \"14.231\"\nlatest_patch = 15\nlatest_patch_as_of = 2026-07-01" + patch3 + "sources = [\"x\", \"VENDOR\"]",
			changes: []string{"May 2025: 1 build added"},
		},
		{
			name:   "nothing new",
			before: may + "track = \"14.231\"\nlatest_patch = 3\nlatest_patch_as_of = 2026-05-21" + patch3 + "note = \"n\"",
			list:   [][3]string{{"May 2025 Patch 3", "14.231.8", "2025-08-01"}},
			after:  may + "track = \"14.231\"\nlatest_patch = 3\nlatest_patch_as_of = 2026-07-01" + patch3 + "note = \"n\"\nsources = [\"x\"]",
		},
		{
			name: "pairs that are not sure",
			before: may + "track = \"14.231\"\nlatest_patch = 4\nlatest_patch_as_of = 2025-11-22\npatches = [\n" +
				"{patch=1, build=\"14.231.6\", basis=\"counted\"}, {patch=2, build=\"14.231.7\", basis=\"counted\"},\n" +
				"{patch=3, build=\"14.231.8\", basis=\"ambiguous\"}, {patch=4, build=\"14.231.9\", basis=\"ambiguous\"},\n" +
				"{patch=6, build=\"14.231.11\", basis=\"ambiguous\"}]\nnote = \"counted\"",
			// The same patch with another build, the same build for another patch, and a confirmed pair.
			list: [][3]string{{"May 2025 Patch 1", "14.231.6", ""}, {"May 2025 Patch 3", "14.231.9", ""}},
			after: may + "track = \"14.231\"\nlatest_patch = 3\nlatest_patch_as_of = 2026-07-01\npatches = [\n" +
				"{patch=1, build=\"14.231.6\", basis=\"stated\"}, {patch=2, build=\"14.231.7\", basis=\"counted\"},\n" +
				"{patch=3, build=\"14.231.9\", basis=\"stated\"}, {patch=6, build=\"14.231.11\", basis=\"ambiguous\"}]\n" +
				"note = \"Before the vendor's list was read: counted\"\nsources = [\"x\", \"VENDOR\"]",
			changes: []string{
				"May 2025: latest patch 4 -> 3, 1 build confirmed",
				"May 2025 Patch 3: build 14.231.8 (ambiguous) -> 14.231.9 (stated)",
				"May 2025 Patch 4: build 14.231.9 (ambiguous) dropped: it does not fit the vendor's list",
			},
		},
		{
			name: "sure pairs give way too, and the note is marked once",
			before: may + "track = \"14.231\"\nlatest_patch = 9\nlatest_patch_as_of = 2025-11-22\npatches = [\n" +
				"{patch=1, build=\"14.231.6\", basis=\"stated\"}, {patch=2, build=\"14.231.8\", basis=\"derived\"}]\n" +
				"note = \"Before the vendor's list was read: n\"",
			list: [][3]string{{"May 2025 Patch 1", "14.231.9", ""}},
			after: may + "track = \"14.231\"\nlatest_patch = 9\nlatest_patch_as_of = 2026-07-01\npatches = [{patch=1, build=\"14.231.9\", basis=\"stated\"}]\n" +
				"note = \"Before the vendor's list was read: n\"\nsources = [\"x\", \"VENDOR\"]",
			changes: []string{
				"May 2025 Patch 1: build 14.231.6 (stated) -> 14.231.9 (stated)",
				"May 2025 Patch 2: build 14.231.8 (derived) dropped: it does not fit the vendor's list",
			},
		},
		{
			name:   "announced until now",
			before: "label = \"May 2025\"\nverified = false\nend_of_support = 2027-05-12\nnote = \"not seen\"",
			list:   [][3]string{{"May 2025 Initial Release", "14.231.5", "2025-05-20"}, {"May 2025 Patch 1", "14.231.6", "2025-06-20"}},
			after: may + "track = \"14.231\"\nlatest_patch = 1\nlatest_patch_as_of = 2026-07-01\nend_of_support = 2027-05-12\n" +
				"patches = [{patch=0, build=\"14.231.5\", basis=\"stated\"}, {patch=1, build=\"14.231.6\", basis=\"stated\"}]\nsources = [\"x\", \"VENDOR\"]\n" +
				"note = \"Before the vendor's list was read: not seen\"",
			changes: []string{"May 2025: now verified, track 14.231, latest patch unknown -> 1, 2 builds added"},
		},
		{
			name:   "end of support not known until now",
			before: may,
			list:   [][3]string{{"May 2025", "14.231.5", "2025-05-12"}, {"May 2025", "14.231.5", "2025-05-12"}},
			after: may + "track = \"14.231\"\nlatest_patch = 0\nlatest_patch_as_of = 2026-07-01\nend_of_support = 2027-05-12\nend_of_support_estimate = true\n" +
				"patches = [{patch=0, build=\"14.231.5\", basis=\"stated\"}]\nsources = [\"x\", \"VENDOR\"]",
			changes: []string{"May 2025: track 14.231, latest patch unknown -> 0, end of support 2027-05-12 (estimate), 1 build added"},
		},
		{
			name:   "uploaded long after its month",
			before: may,
			list:   [][3]string{{"May 2025", "14.231.5", "2026-05-12"}},
			after: may + "track = \"14.231\"\nlatest_patch = 0\nlatest_patch_as_of = 2026-07-01\npatches = [{patch=0, build=\"14.231.5\", basis=\"stated\"}]\n" +
				"sources = [\"x\", \"VENDOR\"]",
			changes: []string{"May 2025: track 14.231, latest patch unknown -> 0, 1 build added"},
		},
		{
			name:   "latest patch known on a later day",
			before: may + "latest_patch = 3\nlatest_patch_as_of = 2026-06-30\ntrack = \"14.231\"\nsources = [\"VENDOR\"]",
			list:   [][3]string{{"May 2025 Patch 2", "14.231.8", ""}},
			after: may + "latest_patch = 3\nlatest_patch_as_of = 2026-07-01\ntrack = \"14.231\"\nsources = [\"VENDOR\"]\n" +
				"patches = [{patch=2, build=\"14.231.8\", basis=\"stated\"}]",
			changes: []string{"May 2025: 1 build added"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := oneRelease(t, tt.before, "2025-11-22")
			untouched := oneRelease(t, tt.before, "2025-11-22")
			list := make([]Listed, 0, len(tt.list))
			for _, e := range tt.list {
				list = append(list, entry(t, e[0], e[1], e[2]))
			}
			merged, report, err := c.Merge(list, day(t, "2026-07-01"))
			require.NoError(t, err)
			require.Empty(t, report.LeftOut)
			require.NoError(t, merged.Check())
			require.Equal(t, tt.changes, report.Changes)
			require.Equal(t, untouched, c, "Merge must not touch the original")
			require.Equal(t, oneRelease(t, tt.after, "2026-07-01"), merged)

			again, report, err := merged.Merge(list, day(t, "2026-07-01"))
			require.NoError(t, err)
			require.Empty(t, report.Changes, "a second merge changes nothing")
			require.Equal(t, merged, again)
		})
	}
}

// oneRelease returns a catalogue with one release, given by its keys.
func oneRelease(t *testing.T, keys, asOf string) *Catalog {
	t.Helper()
	keys = strings.ReplaceAll(keys, "VENDOR", vendorList)
	if !strings.Contains(keys, "sources = ") {
		keys += "\nsources = [\"x\"]\n"
	}
	text := "schema = 1\nreleases_as_of = " + asOf + "\nadvisories_as_of = 2026-06-30\nexploited_as_of = 2025-08-25\n[[release]]\n" + keys +
		"\n[[advisory]]\nid = \"CVE-2025-0001\"\nsummary = \"s\"\npublished = 2025-01-01\nfixed = [\"May 2025\"]\nverified = true\nreferences = [\"x\"]\n"
	c, errs := decode(text)
	require.Empty(t, errs)
	require.NoError(t, c.Check())
	return c
}

func TestMergeAddsReleases(t *testing.T) {
	c := good(t)
	merged, report, err := c.Merge([]Listed{
		entry(t, "May 2027 Patch 1", "14.310.7", "2027-06-08"),
		entry(t, "November 2023 Patch 2", "14.159.6", "2023-12-20"),
		entry(t, "May 2027", "14.310.5", "2027-05-08"),
	}, day(t, "2027-07-01"))
	require.NoError(t, err)
	require.Empty(t, report.LeftOut)
	require.NoError(t, merged.Check())
	require.Equal(t, []string{
		"November 2023: new release, track 14.159, latest patch 2",
		"May 2027: new release, track 14.310, latest patch 1",
	}, report.Changes)
	require.Len(t, merged.Releases, 4)
	require.Len(t, c.Releases, 2)

	oldest, newest := merged.Releases[0], merged.Releases[3]
	require.Equal(t, "November 2023", oldest.Label.String())
	require.True(t, oldest.EndOfSupport.IsZero(), "the day of the initial release is not known")
	require.Equal(t, "May 2027", newest.Label.String())
	require.Equal(t, day(t, "2029-05-08"), newest.EndOfSupport)
	require.True(t, newest.EndOfSupportEstimate)
	require.True(t, newest.Verified)
	require.Equal(t, []string{vendorList}, newest.Sources)
	require.Equal(t, day(t, "2027-07-01"), newest.LatestPatchAsOf)
	require.Equal(t, c.Releases, merged.Releases[1:3], "entries that are not in the list stay")
}

// Support ends two years after a release, if the day in the list is within two months of the
// release's month.
func TestEndOfSupport(t *testing.T) {
	for published, want := range map[string]string{
		"2027-02-27": "unknown", "2027-02-28": "2029-02-28", "2027-05-12": "2029-05-12", "2027-07-02": "2029-07-02", "2027-07-03": "unknown", "": "unknown",
	} {
		merged, _, err := good(t).Merge([]Listed{entry(t, "May 2027", "14.310.5", published)}, day(t, "2027-08-01"))
		require.NoError(t, err)
		require.Equal(t, want, merged.Releases[2].EndOfSupport.String(), published)
	}
}

func TestMergeDays(t *testing.T) {
	list := []Listed{entry(t, "May 2024 Patch 1", "14.187.5", "")}
	for asOf, want := range map[string]string{"2025-01-01": "2025-11-22", "2025-11-22": "2025-11-22", "2026-12-01": "2026-12-01"} {
		c := good(t)
		merged, _, err := c.Merge(list, day(t, asOf))
		require.NoError(t, err)
		require.NoError(t, merged.Check())
		require.Equal(t, day(t, want), merged.ReleasesAsOf)
		require.Equal(t, day(t, want), merged.Releases[1].LatestPatchAsOf)
		require.Equal(t, c.AdvisoriesAsOf, merged.AdvisoriesAsOf)
		require.Equal(t, c.ExploitedAsOf, merged.ExploitedAsOf)
		require.Equal(t, c.Releases[0], merged.Releases[0])
	}
}

// A listed release with a contradiction is left out and its entry in the catalogue is kept; the others are
// merged.
func TestMergeSkipsContradictions(t *testing.T) {
	type entries [][2]string
	// The catalogue knows February 2024 as 14.173 and May 2024 as 14.187.
	tests := []struct {
		name     string
		list     entries
		expected []string
	}{
		{"one label, builds of two tracks", entries{{"May 2024", "14.187.4"}, {"May 2024", "14.188.5"}},
			[]string{`May 2024 left out: the vendor's list says that "May 2024" is build 14.187.4 and that "May 2024" is build 14.188.5: ` +
				`builds of one release share a track`}},
		{"one build, two patches", entries{{"May 2024 Patch 1", "14.187.4"}, {"May 2024", "14.187.4"}},
			[]string{`May 2024 left out: the vendor's list says that "May 2024" is build 14.187.4 and that "May 2024 Patch 1" is build 14.187.4: ` +
				`builds rise with patches`}},
		{"builds in another order than patches", entries{{"May 2024 Patch 1", "14.187.6"}, {"May 2024 Patch 2", "14.187.5"}},
			[]string{`May 2024 left out: the vendor's list says that "May 2024 Patch 1" is build 14.187.6 and that "May 2024 Patch 2" is build 14.187.5: ` +
				`builds rise with patches`}},
		{"one release, two tracks", entries{{"May 2024", "14.187.4"}, {"May 2024 Patch 1", "14.188.5"}},
			[]string{`May 2024 left out: the vendor's list says that "May 2024" is build 14.187.4 and that "May 2024 Patch 1" is build 14.188.5: ` +
				`builds of one release share a track`}},
		{"another track than the catalogue's", entries{{"May 2024 Patch 9", "14.188.20"}},
			[]string{`May 2024 left out: the vendor's list says that "May 2024 Patch 9" is build 14.188.20, but its builds begin with 14.187: is it the right list?`}},
		{"another track than the catalogue's, and another release", entries{{"May 2024 Patch 9", "14.188.20"}, {"November 2024", "14.180.6"}},
			[]string{`May 2024 left out: the vendor's list says that "May 2024 Patch 9" is build 14.188.20, but its builds begin with 14.187: is it the right list?`,
				`November 2024 left out: the vendor's list does not fit the catalogue: ` +
					`release "November 2024": track 14.180 is lower than 14.187 of the older "May 2024"`}},
		{"track of another release of the catalogue", entries{{"November 2024", "14.187.6"}},
			[]string{`November 2024 left out: the vendor's list does not fit the catalogue: release "November 2024": track 14.187 is that of "May 2024" already`}},
		{"track lower than that of an older release", entries{{"November 2024", "14.180.6"}},
			[]string{`November 2024 left out: the vendor's list does not fit the catalogue: ` +
				`release "November 2024": track 14.180 is lower than 14.187 of the older "May 2024"`}},
		{"one track, two new releases", entries{{"November 2024", "14.212.5"}, {"May 2025", "14.212.6"}},
			[]string{`November 2024 left out: the vendor's list says that "November 2024" is build 14.212.5 and that "May 2025" is build 14.212.6: ` +
				`two releases cannot share a track`,
				`May 2025 left out: the vendor's list says that "November 2024" is build 14.212.5 and that "May 2025" is build 14.212.6: ` +
					`two releases cannot share a track`}},
		{"two new releases in another order than their tracks", entries{{"November 2024", "14.231.5"}, {"May 2025", "14.212.6"}},
			[]string{`November 2024 left out: the vendor's list says that "November 2024" is build 14.231.5 and that "May 2025" is build 14.212.6: ` +
				`builds rise with releases`,
				`May 2025 left out: the vendor's list says that "November 2024" is build 14.231.5 and that "May 2025" is build 14.212.6: ` +
					`builds rise with releases`}},
		{"one track, one release that the catalogue knows", entries{{"May 2024", "14.187.4"}, {"November 2024", "14.187.6"}},
			[]string{`November 2024 left out: the vendor's list does not fit the catalogue: release "November 2024": track 14.187 is that of "May 2024" already`}},
		{"one that contradicts itself tells nothing about others",
			entries{{"November 2024", "14.231.7"}, {"November 2024 Patch 1", "14.212.6"}, {"May 2025", "14.231.5"}},
			[]string{`November 2024 left out: the vendor's list says that "November 2024" is build 14.231.7 and that "November 2024 Patch 1" is build 14.212.6: ` +
				`builds of one release share a track`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list := []Listed{entry(t, "February 2024 Patch 9", "14.173.15", "")}
			for _, e := range tt.list {
				list = append(list, entry(t, e[0], e[1], ""))
			}
			merged, report, err := good(t).Merge(list, day(t, "2026-12-01"))
			require.NoError(t, err)
			require.NoError(t, merged.Check())
			require.Equal(t, tt.expected, report.LeftOut)
			leftOut := make(map[string]bool)
			for _, line := range report.LeftOut {
				label, _, _ := strings.Cut(line, " left out: ")
				leftOut[label] = true
			}
			require.Contains(t, report.Changes, "February 2024: latest patch 4 -> 9, 1 build added")

			var others []Listed
			for _, e := range list {
				if !leftOut[e.Release.Initial().String()] {
					others = append(others, e)
				}
			}
			expected, expectedReport, err := good(t).Merge(others, day(t, "2026-12-01"))
			require.NoError(t, err)
			require.Equal(t, expected, merged, "as if the list lacked the excluded entries")
			require.Equal(t, expectedReport.Changes, report.Changes)

			// A list without other releases is an error.
			if len(others) == 1 {
				merged, report, err = good(t).Merge(list[1:], day(t, "2026-12-01"))
				require.EqualError(t, err, "nothing in the vendor's list can be used: is it the right list?\n"+strings.Join(tt.expected, "\n"))
				require.Nil(t, merged)
				require.Empty(t, report.Changes)
			}
		})
	}
}

// The list of another product is refused, and so is an empty one.
func TestMergeWrongList(t *testing.T) {
	const right = "is it the right list?"
	other := []Listed{entry(t, "February 2024", "22.1.4", ""), entry(t, "May 2024", "22.2.4", "")}
	for _, list := range [][]Listed{other, nil} {
		merged, _, err := good(t).Merge(list, day(t, "2026-12-01"))
		require.Nil(t, merged)
		require.ErrorContains(t, err, right)
		require.Equal(t, len(list)+1, strings.Count(err.Error(), right), err)
	}
}

func TestMergeNamesSomeContradictions(t *testing.T) {
	var list []Listed
	for year := 2030; year < 2042; year++ {
		list = append(list, entry(t, fmt.Sprintf("May %d", year), "15.1.1", ""))
	}
	_, _, err := good(t).Merge(list[:10], day(t, "2026-12-01"))
	require.Len(t, strings.Split(err.Error(), "\n"), 11, "all are named")
	_, report, err := good(t).Merge(list, day(t, "2026-12-01"))
	require.Len(t, report.LeftOut, 12)
	require.Len(t, strings.Split(err.Error(), "\n"), 12)
	require.ErrorContains(t, err, "\nMay 2039 left out: ")
	require.ErrorContains(t, err, "\n2 more releases left out")
}

// Two builds of a patch are not a contradiction: the later one replaced the other.
func TestMergeLaterBuildOfPatch(t *testing.T) {
	merged, report, err := good(t).Merge([]Listed{
		entry(t, "May 2024 Patch 1", "14.187.6", ""), entry(t, "May 2024 Patch 1", "14.187.5", ""), entry(t, "May 2024 Patch 1", "14.187.7", ""),
		entry(t, "May 2024", "14.187.6", ""),
	}, day(t, "2026-12-01"))
	require.NoError(t, err)
	require.Empty(t, report.LeftOut)
	require.NoError(t, merged.Check())
	require.Equal(t, []string{
		"May 2024 Patch 1: the vendor lists build 14.187.5 and build 14.187.6; the later one is taken",
		"May 2024 Patch 1: the vendor lists build 14.187.6 and build 14.187.7; the later one is taken",
	}, report.Changes[:2])
	for _, r := range merged.Releases {
		if r.Label.String() == "May 2024" {
			require.Contains(t, r.Patches, Patch{Patch: 1, Build: release.Build{Track: release.Track{Major: 14, Minor: 187}, Number: 7}, Basis: Stated})
		}
	}
}

// An advisory may name a patch before the vendor lists it: the release is merged anyway.
func TestMergeAfterAdvisory(t *testing.T) {
	c := good(t)
	r := &c.Releases[1]
	r.LatestPatch, r.LatestPatchAsOf, r.Patches = nil, Day{}, nil
	c.Advisories[0].Fixed = append(c.Advisories[0].Fixed[:0:0], release.Release{Year: 2024, Month: time.May, Patch: 6})
	c.Advisories[0].AffectedFrom = nil
	require.NoError(t, c.Check())
	list := []Listed{{Release: r.Label, Build: release.Build{Track: *r.Track, Number: 4}}}
	merged, report, err := c.Merge(list, c.AdvisoriesAsOf)
	require.NoError(t, err)
	require.Empty(t, report.LeftOut)
	require.Equal(t, 6, *merged.Releases[1].LatestPatch)
	require.NoError(t, merged.Check())
}

// With a complete vendor list, every build in the built-in catalogue is stated.
func TestMergeIntoBuiltIn(t *testing.T) {
	before := BuiltIn().clone()
	var list []Listed
	for _, r := range BuiltIn().Releases {
		for _, p := range r.Patches {
			label := r.Label
			label.Patch = p.Patch
			list = append(list, Listed{Release: label, Build: p.Build})
		}
	}
	merged, report, err := BuiltIn().Merge(list, BuiltIn().ReleasesAsOf)
	require.NoError(t, err)
	require.Empty(t, report.LeftOut)
	require.NoError(t, merged.Check())
	for _, r := range merged.Releases {
		for _, p := range r.Patches {
			require.Equal(t, Stated, p.Basis, r.Label)
		}
	}
	require.True(t, reflect.DeepEqual(before, BuiltIn()), "the built-in catalogue must stay as it is")
}
