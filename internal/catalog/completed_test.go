package catalog

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/release"
)

func label(t *testing.T, text string) release.Release {
	t.Helper()
	r, err := release.Parse(text)
	require.NoError(t, err)
	return r
}

func labels(t *testing.T, texts ...string) (releases []release.Release) {
	t.Helper()
	for _, text := range texts {
		releases = append(releases, label(t, text))
	}
	return releases
}

// fixing returns an advisory with the given first fixed releases.
func fixing(t *testing.T, id, published string, fixed ...string) Advisory {
	t.Helper()
	return Advisory{
		ID: id, Summary: "s", Published: day(t, published), Verified: true, References: []string{"r"}, Fixed: labels(t, fixed...),
	}
}

// listing returns a catalogue of some releases, each with the track 14.YYMM.
func listing(t *testing.T, names []string, advisories ...Advisory) *Catalog {
	t.Helper()
	c := &Catalog{Schema: Schema, ReleasesAsOf: day(t, "2024-07-01"), AdvisoriesAsOf: day(t, "2024-07-01"), ExploitedAsOf: day(t, "2024-07-01")}
	for _, r := range labels(t, names...) {
		c.Releases = append(c.Releases, Release{
			Label: r, Track: &release.Track{Major: 14, Minor: (r.Year-2000)*100 + int(r.Month)}, Verified: true, Sources: []string{"s"},
		})
	}
	c.Advisories = advisories
	return c
}

func TestCompletedBy(t *testing.T) {
	c, builtIn := good(t), newer(t)
	completed, added := c.CompletedBy(builtIn)
	require.Equal(t, []string{"November 2024", "CVE-2026-1000"}, added)

	require.Equal(t, c.ReleasesAsOf, completed.ReleasesAsOf)
	require.Equal(t, c.AdvisoriesAsOf, completed.AdvisoriesAsOf)
	require.Equal(t, c.ExploitedAsOf, completed.ExploitedAsOf)
	require.Len(t, completed.Releases, 3)
	require.Equal(t, c.Releases[0], completed.Releases[0])
	require.Equal(t, 12, *completed.Releases[1].LatestPatch, "a patch that fixes something exists")
	require.Equal(t, builtIn.Releases[2], completed.Releases[2], "the day it is known of stays true")
	require.Equal(t, []string{"CVE-2024-36077", "CVE-2026-1000", "GHSA-8qvr-jr3j-p3rg"},
		[]string{completed.Advisories[0].ID, completed.Advisories[1].ID, completed.Advisories[2].ID})
	require.Equal(t, c.Advisories[0], completed.Advisories[0], "entries of the file are not replaced")
	require.Equal(t, c.Advisories[1], completed.Advisories[2])
	require.Equal(t, builtIn.Advisories[2], completed.Advisories[1])

	require.Equal(t, good(t), c)
	require.Equal(t, newer(t), builtIn)
	completed.Releases[2].Sources[0], *completed.Releases[2].LatestPatch, completed.Advisories[1].Fixed[0].Year = "changed", 1, 1
	completed.Releases[0].Sources[0], completed.Advisories[0].Fixed[0].Year = "changed", 1
	require.Equal(t, good(t), c)
	require.Equal(t, newer(t), builtIn)
}

func TestCompletedByOlderCatalogue(t *testing.T) {
	c := newer(t)
	for _, builtIn := range []*Catalog{good(t), newer(t)} {
		completed, added := c.CompletedBy(builtIn)
		require.Same(t, c, completed)
		require.Empty(t, added)
	}
	completed, added := BuiltIn().CompletedBy(BuiltIn())
	require.Same(t, BuiltIn(), completed)
	require.Empty(t, added)
}

// A catalogue of one built-in release and advisory is completed to the whole built-in one.
func TestCompletedByBuiltIn(t *testing.T) {
	trimmed := BuiltIn().clone()
	trimmed.Releases = slices.DeleteFunc(trimmed.Releases, func(r Release) bool { return r.Label != label(t, "May 2022") })
	trimmed.Advisories = slices.DeleteFunc(trimmed.Advisories, func(a Advisory) bool { return a.ID != "CVE-2023-48365" })
	trimmed.Advisories[0].Fixed = labels(t, "May 2022 Patch 16")
	require.NoError(t, trimmed.Check())

	completed, added := trimmed.CompletedBy(BuiltIn())
	require.Len(t, added, len(BuiltIn().Releases)+len(BuiltIn().Advisories)-2)
	for _, entry := range added {
		require.NotContains(t, entry, "(")
	}
	require.Equal(t, BuiltIn().Releases, completed.Releases)
	require.Len(t, completed.Advisories, len(BuiltIn().Advisories))
	for i, a := range completed.Advisories {
		require.Equal(t, BuiltIn().Advisories[i].ID, a.ID)
		require.ElementsMatch(t, BuiltIn().Advisories[i].Fixed, a.Fixed)
		require.Equal(t, BuiltIn().Advisories[i].SupersededBy, a.SupersededBy)
	}
	require.NoError(t, completed.Check())
}

// Entries that contradict the file are left out, with a remark.
func TestExcludedReleases(t *testing.T) {
	const v1, v2 = "CVE-2023-0001", "CVE-2023-0002"
	all := []string{"May 2022", "May 2023", "November 2023", "May 2024"}
	decides := fixing(t, v1, "2023-06-01", "May 2023 Patch 1", "May 2022 Patch 1")
	for _, tt := range []struct {
		name     string
		file     *Catalog
		builtIn  *Catalog
		expected []string
	}{
		{
			"track of another release",
			func() *Catalog {
				c := listing(t, []string{"May 2022", "May 2023"}, decides)
				c.Releases[1].Track.Minor = 2405
				return c
			}(),
			listing(t, all, decides),
			[]string{
				`November 2023 (left out: its track 14.2311 contradicts 14.2405 of "May 2023" in the file)`,
				`May 2024 (left out: its track 14.2405 contradicts 14.2405 of "May 2023" in the file)`,
			},
		},
		{
			"no track to compare",
			func() *Catalog {
				c := listing(t, []string{"May 2022", "May 2023"}, decides)
				c.Releases[1].Track = nil
				return c
			}(),
			listing(t, all, decides),
			[]string{"November 2023", "May 2024"},
		},
		{
			"an advisory of the file alone: only what came after it came with its fix",
			listing(t, []string{"May 2022"}, fixing(t, v2, "2023-11-15", "May 2022 Patch 9")),
			listing(t, all, decides),
			[]string{
				`May 2023 (left out: fixed of CVE-2023-0002 in the file does not tell whether it is affected)`,
				`November 2023 (left out: fixed of CVE-2023-0002 in the file does not tell whether it is affected)`,
				"May 2024", v1,
			},
		},
		{
			"one that the built-in catalogue has as information alone",
			listing(t, []string{"May 2022"}, fixing(t, v1, "2023-11-15", "May 2022 Patch 9")),
			listing(t, []string{"May 2023", "May 2024"}, func() Advisory { a := decides; a.Verified = false; return a }()),
			[]string{`May 2023 (left out: fixed of CVE-2023-0001 in the file does not tell whether it is affected)`, "May 2024"},
		},
		{
			"one that is information in the file alone tells nothing and is the file's affair",
			listing(t, []string{"May 2022"}, fixing(t, v1, "2023-11-15"), fixing(t, v2, "2022-04-15", "May 2022")),
			listing(t, []string{"May 2023"}, decides, fixing(t, v2, "2022-04-15", "May 2022")),
			[]string{"May 2023"},
		},
		{
			"older than all that the file names: affected, whoever is right",
			listing(t, []string{"May 2024"}, fixing(t, v2, "2024-06-01", "May 2024 Patch 2")),
			listing(t, []string{"May 2023"}, decides),
			[]string{"May 2023", v1},
		},
		{
			"the built-in fix of a newer release is missing in the file",
			listing(t, []string{"May 2022", "May 2024"}, fixing(t, v1, "2024-06-01", "May 2022 Patch 1")),
			listing(t, []string{"November 2023", "May 2024"}, fixing(t, v1, "2024-06-01", "May 2024 Patch 2", "May 2022 Patch 1")),
			[]string{`November 2023 (left out: fixed of CVE-2023-0001 in the file does not tell whether it is affected)`},
		},
		{
			"affected from a later release on, in the file alone",
			listing(t, []string{"May 2024"}, func() Advisory {
				a := fixing(t, v1, "2024-06-01", "May 2024 Patch 2")
				a.AffectedFrom = &release.Release{Year: 2024, Month: 5}
				return a
			}()),
			listing(t, []string{"May 2023", "May 2024"}, fixing(t, v1, "2024-06-01", "May 2024 Patch 2")),
			[]string{`May 2023 (left out: fixed of CVE-2023-0001 in the file does not tell whether it is affected)`},
		},
		{
			"affected from a later release on, in both",
			listing(t, []string{"May 2024"}, func() Advisory {
				a := fixing(t, v1, "2024-06-01", "May 2024 Patch 2")
				a.AffectedFrom = &release.Release{Year: 2024, Month: 5}
				return a
			}()),
			listing(t, []string{"May 2023", "May 2024"}, func() Advisory {
				a := fixing(t, v1, "2024-06-01", "May 2024 Patch 2")
				a.AffectedFrom = &release.Release{Year: 2024, Month: 5}
				return a
			}()),
			[]string{"May 2023"},
		},
		{
			"affected from a later release on, in the file alone",
			listing(t, []string{"May 2024"}, func() Advisory {
				a := fixing(t, v1, "2024-06-01", "May 2024 Patch 2")
				a.AffectedFrom = &release.Release{Year: 2024, Month: 5}
				return a
			}()),
			listing(t, []string{"May 2023", "May 2024"}, func() Advisory {
				a := fixing(t, v1, "2024-06-01", "May 2024 Patch 2")
				a.AffectedFrom = &release.Release{Year: 2023, Month: 5}
				return a
			}()),
			[]string{`May 2023 (left out: fixed of CVE-2023-0001 in the file does not tell whether it is affected)`},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.NoError(t, tt.file.Check())
			completed, added := tt.file.CompletedBy(tt.builtIn)
			require.Equal(t, tt.expected, added)
			have := make(map[string]bool)
			for _, r := range completed.Releases {
				have[r.Label.String()] = true
			}
			for _, entry := range added {
				if name, _, left := strings.Cut(entry, " (left out"); !strings.HasPrefix(entry, "CVE-") {
					require.Equal(t, !left, have[name], entry)
				}
			}
			require.Len(t, completed.Releases, len(have))
		})
	}
}

// A release newer than all fixes of an advisory counts as fixed, but a file without that release
// cannot name its fix.
func TestFixesOfAddedReleases(t *testing.T) {
	file := listing(t, []string{"May 2022"}, fixing(t, "CVE-2023-0001", "2023-06-01", "May 2022 Patch 1"))
	builtIn := listing(t, []string{"May 2022", "May 2023"}, fixing(t, "CVE-2023-0001", "2023-06-01", "May 2023 Patch 4", "May 2022 Patch 3"))
	completed, added := file.CompletedBy(builtIn)
	require.Equal(t, []string{"May 2023"}, added)
	require.Equal(t, labels(t, "May 2022 Patch 1", "May 2023 Patch 4"), completed.Advisories[0].Fixed)
	require.Equal(t, labels(t, "May 2022 Patch 1"), file.Advisories[0].Fixed)
}

// An added advisory counts as fixed by one that supersedes it, so the file must have the same
// fixes for that one as the built-in catalogue.
func TestAddedSupersededAdvisory(t *testing.T) {
	const first, second, third = "CVE-2023-0001", "CVE-2023-0002", "CVE-2023-0003"
	superseded := func(a Advisory, by ...string) Advisory {
		a.SupersededBy = by
		return a
	}
	builtIn := func() *Catalog {
		return listing(t, []string{"May 2022", "May 2023"},
			superseded(fixing(t, first, "2023-06-01", "May 2023 Patch 1"), second),
			superseded(fixing(t, second, "2023-06-02", "May 2023 Patch 2", "May 2022 Patch 2"), third),
			fixing(t, third, "2023-06-03", "May 2023 Patch 3"),
		)
	}
	require.NoError(t, builtIn().Check())
	for name, tt := range map[string]struct {
		change func(second, third *Advisory)
		kept   bool
	}{
		"same":                     {func(_, _ *Advisory) {}, true},
		"same in another order":    {func(a, _ *Advisory) { slices.Reverse(a.Fixed) }, true},
		"information":              {func(a, _ *Advisory) { a.Verified, a.Fixed = false, nil }, false},
		"without a fix":            {func(a, _ *Advisory) { a.Fixed = nil }, false},
		"not verified":             {func(a, _ *Advisory) { a.Verified = false }, false},
		"a fix less":               {func(a, _ *Advisory) { a.Fixed = a.Fixed[1:] }, false},
		"an earlier fix":           {func(a, _ *Advisory) { a.Fixed[0].Patch = 1 }, false},
		"an earlier fix beyond it": {func(_, b *Advisory) { b.Fixed[0].Patch = 1 }, false},
		"not superseded":           {func(a, _ *Advisory) { a.SupersededBy = nil }, false},
	} {
		t.Run(name, func(t *testing.T) {
			file := builtIn()
			file.Advisories = file.Advisories[1:]
			tt.change(&file.Advisories[0], &file.Advisories[1])
			completed, added := file.CompletedBy(builtIn())
			require.Equal(t, first, completed.Advisories[0].ID)
			if tt.kept {
				require.Equal(t, []string{first}, added)
				require.Equal(t, []string{second}, completed.Advisories[0].SupersededBy)
				return
			}
			require.Equal(t, []string{first + " (without superseded_by " + second + ", whose fixes differ in the file)"}, added)
			require.Empty(t, completed.Advisories[0].SupersededBy)
		})
	}
}
