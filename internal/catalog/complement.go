package catalog

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"telegraf-qlik-sense-version/internal/release"
)

// Complement gives a catalogue with what another one has more, and what that changes,
// one sentence each; c stays as it is. Releases and advisories that c lacks are added.
// Where the other one knows advisories of later days, its entries replace those of c
// under the same identifier; those that an update read in a feed they replace in any case.
// Entries that are to be kept or were set aside stay, and so does one that decides where the
// other one is undecided. What either knows of exploitation stays known.
func (c *Catalog) Complement(other *Catalog) (*Catalog, []string) {
	result := c.clone()
	more := other.clone()
	var changes []string
	for _, r := range more.Releases {
		if !slices.ContainsFunc(result.Releases, func(own Release) bool { return own.Label == r.Label }) {
			result.Releases = append(result.Releases, r)
			changes = append(changes, fmt.Sprintf("%s: added from the built-in catalogue", r.Label))
		}
	}
	result.sortReleases()
	later := other.AdvisoriesAsOf.After(c.AdvisoriesAsOf)
	for _, a := range more.Advisories {
		i := slices.IndexFunc(result.Advisories, func(own Advisory) bool { return own.ID == a.ID })
		switch {
		case i < 0:
			result.Advisories = append(result.Advisories, a)
			changes = append(changes, a.ID+": added from the built-in catalogue")
		default:
			if change := result.Advisories[i].complement(a, later); change != "" {
				changes = append(changes, a.ID+": "+change)
			}
		}
	}
	if len(result.Advisories) > len(c.Advisories) {
		slices.SortFunc(result.Advisories, func(a, b Advisory) int { return strings.Compare(a.ID, b.ID) })
	}
	if later {
		changes = append(changes, fmt.Sprintf("advisories as of %s -> %s", result.AdvisoriesAsOf, more.AdvisoriesAsOf))
		result.AdvisoriesAsOf = more.AdvisoriesAsOf
	}
	if more.ExploitedAsOf.After(result.ExploitedAsOf) {
		changes = append(changes, fmt.Sprintf("exploited as of %s -> %s", result.ExploitedAsOf, more.ExploitedAsOf))
		result.ExploitedAsOf = more.ExploitedAsOf
	}
	result.fit()
	return result, changes
}

// complement replaces an entry by the one of the other catalogue where that is due, and
// returns what happened. later tells that the other catalogue is of a later day.
func (a *Advisory) complement(other Advisory, later bool) (change string) {
	if !other.Exploited() {
		other.ExploitedSince, other.ExploitedDue = a.ExploitedSince, a.ExploitedDue
	}
	other.Ransomware = other.Ransomware || a.Ransomware
	other.Remark = a.Remark // of the last update
	switch {
	case !later && !a.ByMachine(), reflect.DeepEqual(*a, other), a.Decides() && other.Undecided():
	case a.Keep, a.Dismissed != "" && !strings.HasPrefix(a.Dismissed, rejectedByNVD):
		change = "kept as it is in the file; the built-in catalogue has it otherwise"
	default:
		*a = other
		return "brought up to date from the built-in catalogue"
	}
	if !a.Exploited() && other.Exploited() {
		// For the day of exploitation moves on to that of the built-in catalogue as well.
		a.ExploitedSince, a.ExploitedDue, a.Ransomware = other.ExploitedSince, other.ExploitedDue, other.Ransomware
		change = strings.TrimPrefix(change+"; exploited since "+a.ExploitedSince.String(), "; ")
	}
	return change
}

// fit makes entries of two catalogues agree: a patch that fixes something exists, even
// where the release says less, and nothing can be known later than the days say.
func (c *Catalog) fit() {
	newest := c.newestDay()
	for i := range c.Releases {
		if r := &c.Releases[i]; r.LatestPatchAsOf.After(newest) {
			r.LatestPatchAsOf = newest
		}
	}
	c.raiseLatestPatches()
}

func (c *Catalog) raiseLatestPatches() {
	releases := make(map[release.Release]*Release, len(c.Releases))
	for i := range c.Releases {
		releases[c.Releases[i].Label] = &c.Releases[i]
	}
	for _, a := range c.Advisories {
		for _, fix := range a.Fixed {
			if r := releases[fix.Initial()]; r != nil && r.LatestPatch != nil && fix.Patch > *r.LatestPatch {
				r.LatestPatch, r.LatestPatchAsOf = &fix.Patch, later(r.LatestPatchAsOf, a.Published)
			}
		}
	}
}

// clone copies everything that Merge and Complement may change, and what hangs on it.
func (c *Catalog) clone() *Catalog {
	d := *c
	d.Sources, d.Notes = slices.Clone(c.Sources), slices.Clone(c.Notes)
	d.Releases = slices.Clone(c.Releases)
	for i := range d.Releases {
		r := &d.Releases[i]
		r.Track, r.LatestPatch = copied(r.Track), copied(r.LatestPatch)
		r.Patches, r.Sources = slices.Clone(r.Patches), slices.Clone(r.Sources)
	}
	d.Advisories = slices.Clone(c.Advisories)
	for i := range d.Advisories {
		a := &d.Advisories[i]
		a.AffectedFrom = copied(a.AffectedFrom)
		a.Fixed, a.SupersededBy, a.References = slices.Clone(a.Fixed), slices.Clone(a.SupersededBy), slices.Clone(a.References)
	}
	return &d
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}

func (c *Catalog) sortReleases() {
	slices.SortStableFunc(c.Releases, func(a, b Release) int { return a.Label.Compare(b.Label) })
}

// newestDay is the last day that anything in the catalogue can be of.
func (c *Catalog) newestDay() Day {
	return later(c.ReleasesAsOf, later(c.AdvisoriesAsOf, c.ExploitedAsOf))
}

func later(a, b Day) Day {
	if b.After(a) {
		return b
	}
	return a
}
