package catalog

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/release"
)

func TestSizeLimits(t *testing.T) {
	text := func(n int) string { return strings.Repeat("x", n) }
	list := func(n int, entry string) []string {
		entries := make([]string, n)
		entries[n-1] = entry
		return entries
	}
	for _, tt := range []struct {
		name     string
		set      func(c *Catalog, over int)
		expected string
	}{
		{"note of a release", func(c *Catalog, over int) { c.Releases[1].Note = text(4096 + over) },
			`release "May 2024": note is 4097 bytes long, the maximum is 4096: shorten it`},
		{"source", func(c *Catalog, over int) { c.Releases[1].Sources = list(3, text(2048+over)) },
			`release "May 2024": sources: entry 3 is 2049 bytes long, the maximum is 2048: shorten it`},
		{"sources", func(c *Catalog, over int) { c.Releases[1].Sources = list(100+over, "") },
			`release "May 2024": sources has 101 entries, the maximum is 100: keep those that matter`},
		{"source of the catalogue", func(c *Catalog, over int) { c.Sources = list(2, text(2048+over)) },
			`catalogue: sources: entry 2 is 2049 bytes long, the maximum is 2048: shorten it`},
		{"sources of the catalogue", func(c *Catalog, over int) { c.Sources = list(100+over, "") },
			`catalogue: sources has 101 entries, the maximum is 100: keep those that matter`},
		{"note of the catalogue", func(c *Catalog, over int) { c.Notes = list(2, text(4096+over)) },
			`catalogue: notes: entry 2 is 4097 bytes long, the maximum is 4096: shorten it`},
		{"notes of the catalogue", func(c *Catalog, over int) { c.Notes = list(100+over, "") },
			`catalogue: notes has 101 entries, the maximum is 100: keep those that matter`},
		{"releases", func(c *Catalog, over int) {
			for i := range 500 - len(c.Releases) + over {
				c.Releases = append(c.Releases, Release{Label: release.Release{Year: 2100 + i, Month: 1}, Sources: []string{"x"}})
			}
		}, `catalogue: there are 501 releases, the maximum is 500: is it a catalogue of Qlik Sense?`},
		{"advisories", func(c *Catalog, over int) {
			for i := range 1000 - len(c.Advisories) + over {
				a := c.Advisories[0]
				a.ID = fmt.Sprintf("CVE-2024-%07d", i)
				c.Advisories = append(c.Advisories, a)
			}
		}, `catalogue: there are 1001 advisories, the maximum is 1000: is it a catalogue of Qlik Sense?`},
		{"summary", func(c *Catalog, over int) { c.Advisories[0].Summary = text(4096 + over) },
			`advisory "CVE-2024-36077": summary is 4097 bytes long, the maximum is 4096: shorten it`},
		{"note", func(c *Catalog, over int) { c.Advisories[0].Note = text(4096 + over) },
			`advisory "CVE-2024-36077": note is 4097 bytes long, the maximum is 4096: shorten it`},
		{"vector", func(c *Catalog, over int) { c.Advisories[0].CVSSVector = text(2048 + over) },
			`advisory "CVE-2024-36077": cvss_vector is 2049 bytes long, the maximum is 2048: shorten it`},
		{"source of the score", func(c *Catalog, over int) { c.Advisories[0].CVSSSource = text(2048 + over) },
			`advisory "CVE-2024-36077": cvss_source is 2049 bytes long, the maximum is 2048: shorten it`},
		{"reference", func(c *Catalog, over int) { c.Advisories[0].References = list(7, text(2048+over)) },
			`advisory "CVE-2024-36077": references: entry 7 is 2049 bytes long, the maximum is 2048: shorten it`},
		{"references", func(c *Catalog, over int) { c.Advisories[0].References = list(100+over, "") },
			`advisory "CVE-2024-36077": references has 101 entries, the maximum is 100: keep those that matter`},
		{"fixed", func(c *Catalog, over int) {
			c.Advisories[0].AffectedFrom, c.Advisories[0].Fixed = nil, nil
			for i := range 100 + over {
				label := release.Release{Year: 2000 + i, Month: 1}
				c.Releases = append(c.Releases, Release{Label: label, Sources: []string{"x"}})
				c.Advisories[0].Fixed = append(c.Advisories[0].Fixed, label)
			}
		}, `advisory "CVE-2024-36077": fixed has 101 entries, the maximum is 100: keep those that matter`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := good(t)
			tt.set(c, 0)
			require.NoError(t, c.Check())
			c = good(t)
			tt.set(c, 1)
			require.EqualError(t, c.Check(), tt.expected)
		})
	}

	c := linked(t, 102, func(i int) []int {
		return map[int][]int{0: between(1, 101), 1: between(2, 102)}[i]
	})
	require.NoError(t, c.Check())
	c.Advisories[2].SupersededBy = append(c.Advisories[2].SupersededBy, "CVE-2024-00101")
	require.EqualError(t, c.Check(), `advisory "CVE-2024-00000": superseded_by has 101 entries, the maximum is 100: keep those that matter`)
}

// The highest allowed numbers are accepted.
func TestHighestNumbers(t *testing.T) {
	c := good(t)
	r := &c.Releases[1]
	*r.LatestPatch = release.MaxPatch
	r.Patches = append(r.Patches, Patch{Patch: release.MaxPatch, Build: release.Build{Track: *r.Track, Number: 999}, Basis: Stated})
	c.Advisories[0].CVSS = 10
	require.NoError(t, c.Check())
}

// An invalid identifier does not fill a log.
func TestLongIdentifier(t *testing.T) {
	c := good(t)
	c.Advisories[1].ID = strings.Repeat("x", MaxSize)
	c.Advisories[1].SupersededBy = []string{strings.Repeat("y", MaxSize)}
	err := c.Check()
	require.ErrorContains(t, err, "is not an identifier")
	require.ErrorContains(t, err, "which is not listed")
	require.Less(t, len(err.Error()), 1000)
}

func TestUndecided(t *testing.T) {
	c := good(t)
	require.False(t, c.Advisories[0].Undecided())
	require.Equal(t, []*Advisory{&c.Advisories[1]}, c.Undecided())
	c.Advisories[0].Verified = false
	require.Len(t, c.Undecided(), 2)

	require.Contains(t, c.Advisories[1].Decision("catalog.toml"), `below id = "GHSA-8qvr-jr3j-p3rg" in catalog.toml, write `)
	require.Contains(t, c.Advisories[1].Decision(BuiltInName), `in a catalogue of your own ("telegraf-qlik-sense-version catalog update FILE" makes one`)

	undecided := BuiltIn().Undecided()
	ids := make([]string, 0, len(undecided))
	for _, a := range undecided {
		ids = append(ids, a.ID)
	}
	require.Subset(t, ids, []string{"CVE-2021-36761", "CVE-2025-61138", "CVE-2025-7783"}, "an update may bring more")
}
