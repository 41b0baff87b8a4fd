package catalog_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/release"
)

// trimmed returns the built-in catalogue without some of its releases, their fixes and some of
// its advisories; with drop, also without some fixes in the remaining releases.
func trimmed(t *testing.T, random *rand.Rand, drop bool) *catalog.Catalog {
	t.Helper()
	content, err := catalog.BuiltIn().Encode("")
	require.NoError(t, err)
	for {
		c, err := catalog.Parse(content)
		require.NoError(t, err)
		some := random.Float64()
		c.Releases = slices.DeleteFunc(c.Releases, func(catalog.Release) bool { return random.Float64() < some })
		listed := make(map[release.Release]bool)
		for _, r := range c.Releases {
			listed[r.Label] = true
		}
		gone := make(map[string]bool)
		c.Advisories = slices.DeleteFunc(c.Advisories, func(a catalog.Advisory) bool {
			gone[a.ID] = random.Float64() < some/2
			return gone[a.ID]
		})
		for i := range c.Advisories {
			a := &c.Advisories[i]
			a.Fixed = slices.DeleteFunc(a.Fixed, func(fix release.Release) bool {
				return !listed[fix.Initial()] || drop && random.Float64() < some/2
			})
			a.SupersededBy = slices.DeleteFunc(a.SupersededBy, func(id string) bool { return gone[id] })
			if a.AffectedFrom != nil && !listed[*a.AffectedFrom] {
				a.AffectedFrom = nil
			}
		}
		if c.Check() == nil {
			return c
		}
	}
}

// Additions never make a server look less affected than by the file or, if the file lacks its
// release, than by the built-in catalogue.
func TestCompletedCataloguesNeverLessStrict(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	builtIn := judgement.BuiltIn()
	open := func(j *judgement.Judge, label string) (advisories []string, judged bool) {
		v := j.Judge(label, "", &judgement.Policy{}, j.Catalog.AdvisoriesAsOf).Verdict
		if v == nil {
			return nil, false
		}
		for _, a := range v.Advisories {
			advisories = append(advisories, a.ID)
		}
		return advisories, true
	}
	added := 0
	for range 30 {
		c := trimmed(t, random, random.IntN(2) == 0)
		undecided := make(map[string]bool) // in the file itself, so not caused by the additions
		for _, a := range c.Undecided() {
			undecided[a.ID] = true
		}
		completed, _ := c.CompletedBy(catalog.BuiltIn())
		before, after := judgement.New(c), judgement.New(completed)
		for _, r := range catalog.BuiltIn().Releases {
			own := slices.ContainsFunc(c.Releases, func(own catalog.Release) bool { return own.Label == r.Label })
			for patch := range 32 {
				r.Label.Patch = patch
				now, judged := open(after, r.Label.String())
				if !judged {
					require.False(t, own && r.Verified, r.Label)
					continue
				}
				if own {
					was, _ := open(before, r.Label.String())
					require.Subset(t, append(now, ""), was, r.Label)
					continue
				}
				added++
				builtIn, _ := open(builtIn, r.Label.String())
				builtIn = slices.DeleteFunc(builtIn, func(id string) bool { return undecided[id] })
				require.Subset(t, append(now, ""), builtIn, r.Label)
			}
		}
	}
	require.Greater(t, added, 1000)
}
