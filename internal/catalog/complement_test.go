package catalog

import (
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/release"
)

// newer returns a later version of the good catalogue.
func newer(t *testing.T) *Catalog {
	t.Helper()
	c := good(t)
	c.AdvisoriesAsOf, c.ExploitedAsOf, c.ReleasesAsOf = day(t, "2026-09-30"), day(t, "2026-09-01"), day(t, "2026-10-31")
	november := release.Release{Year: 2024, Month: 11}
	patch := 3
	c.Releases = append(c.Releases, Release{
		Label: november, LatestPatch: &patch, LatestPatchAsOf: c.ReleasesAsOf, Verified: true, Sources: []string{"s"},
	})
	*c.Releases[1].LatestPatch = 12
	c.Advisories[1].ExploitedSince, c.Advisories[1].Ransomware = day(t, "2026-08-01"), true
	c.Advisories = append(c.Advisories, Advisory{
		ID: "CVE-2026-1000", Summary: "New", Published: day(t, "2026-09-15"), Verified: true, References: []string{"r"},
		Fixed: []release.Release{{Year: 2024, Month: 5, Patch: 12}, {Year: 2024, Month: 11, Patch: 1}},
	})
	require.NoError(t, c.Check())
	return c
}

func TestComplement(t *testing.T) {
	c, other := good(t), newer(t)
	c.Advisories[0].Note, c.Advisories[0].Keep = "edited", true
	result, changes := c.Complement(other)
	require.NoError(t, result.Check())
	require.Equal(t, []string{
		"November 2024: added from the built-in catalogue",
		"CVE-2024-36077: kept as in the file, although it differs in the built-in catalogue",
		"GHSA-8qvr-jr3j-p3rg: brought up to date from the built-in catalogue",
		"CVE-2026-1000: added from the built-in catalogue",
		"advisories as of 2026-01-31 -> 2026-09-30",
		"exploited as of 2025-08-25 -> 2026-09-01",
	}, changes)
	require.Equal(t, "edited", result.Advisories[0].Note)
	require.True(t, result.Advisories[2].Ransomware)
	require.Equal(t, day(t, "2026-09-30"), result.AdvisoriesAsOf)
	require.Equal(t, day(t, "2026-09-01"), result.ExploitedAsOf)
	require.Equal(t, c.ReleasesAsOf, result.ReleasesAsOf, "the vendor's list was not read for the file's releases")

	may, november := result.Releases[1], result.Releases[2]
	require.Equal(t, 12, *may.LatestPatch, "a patch that fixes something exists")
	require.Equal(t, day(t, "2026-09-15"), may.LatestPatchAsOf)
	require.Equal(t, day(t, "2026-09-30"), november.LatestPatchAsOf, "nothing is known later than the days of the catalogue say")

	untouched := good(t)
	untouched.Advisories[0].Note, untouched.Advisories[0].Keep = "edited", true
	require.Equal(t, untouched, c)
	require.Equal(t, newer(t), other)
}

// The result shares no memory with its sources.
func TestResultsAreCopies(t *testing.T) {
	c := good(t)
	results := make([]*Catalog, 0, 2)
	merged, _, err := c.Merge([]Listed{entry(t, "May 2024 Patch 1", "14.187.5", "")}, c.ReleasesAsOf)
	require.NoError(t, err)
	complete, _ := c.Complement(good(t))
	results = append(results, merged, complete)
	for _, result := range results {
		result.Sources[0] = "changed"
		r, a := &result.Releases[0], &result.Advisories[0]
		r.Track.Minor, *r.LatestPatch, r.Patches[0].Patch, r.Sources[0] = 1, 1, 1, "changed"
		a.AffectedFrom.Year, a.Fixed[0].Year, a.References[0] = 1, 1, "changed"
	}
	require.Equal(t, good(t), c)
}

func TestComplementOfOlderCatalogue(t *testing.T) {
	c := newer(t)
	for _, other := range []*Catalog{good(t), newer(t)} {
		result, changes := c.Complement(other)
		require.Empty(t, changes)
		require.Equal(t, c, result)
	}
}

// An entry from a later version of NVD's record is not replaced by one from an earlier version.
func TestComplementKeepsLaterRecord(t *testing.T) {
	fromRecord := func(modified string, c *Catalog) *Advisory {
		a := &c.Advisories[0]
		a.ReadBy, a.Source, a.RecordModified = Machine, "https://nvd.nist.gov/vuln/detail/"+a.ID, day(t, modified)
		return a
	}
	c, other := newer(t), good(t)
	fromRecord("2026-09-01", c).Fixed[0].Patch++
	fromRecord("2026-01-01", other)
	result, changes := c.Complement(other)
	require.Empty(t, changes)
	require.Equal(t, c, result)

	fromRecord("2026-09-02", other)
	result, changes = c.Complement(other)
	require.Equal(t, []string{other.Advisories[0].ID + ": brought up to date from the built-in catalogue"}, changes)
	require.Equal(t, other.Advisories[0].Fixed, result.Advisories[0].Fixed)
}
