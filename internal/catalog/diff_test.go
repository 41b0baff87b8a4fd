package catalog

import (
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/release"
)

func TestDiff(t *testing.T) {
	old := good(t)
	require.Empty(t, old.Diff(good(t)))
	newer := good(t)
	newer.ExploitedAsOf = newer.AdvisoriesAsOf
	newer.Releases = newer.Releases[:1]
	*newer.Releases[0].LatestPatch = 5
	newer.Releases[0].Patches[1].Basis = Stated
	newer.Advisories[0].ReadBy = Machine
	newer.Advisories = append(newer.Advisories, Advisory{ID: "CVE-2026-1", Fixed: []release.Release{newer.Releases[0].Label}})
	require.Equal(t, []string{
		"exploited_as_of: 2025-08-25 -> 2026-01-31",
		"release February 2024: latest_patch: 4 -> 5",
		"release February 2024: patches: [0 is 14.173.3 (stated), 4 is 14.173.8 (derived)] -> [0 is 14.173.3 (stated), 4 is 14.173.8 (stated)]",
		"release May 2024: removed",
		"advisory CVE-2024-36077: read_by: none -> machine",
		"advisory CVE-2026-1: new: id: CVE-2026-1",
		"advisory CVE-2026-1: new: fixed: [February 2024]",
	}, old.Diff(newer))
}
