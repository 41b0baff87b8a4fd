package catalog

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"telegraf-qlik-sense-version/internal/release"
)

// Complement returns a copy of c with the newer data of another catalogue, and the changes, one
// sentence each. Releases and advisories that c lacks are added. An advisory in both is
// replaced if the other catalogue's advisories are as of a later day or an update read c's
// entry from a feed; it stays if it is marked keep, was dismissed, or decides while the other
// one is undecided, or if both are from a feed and c's from a later version of the record. An
// advisory exploited in either stays exploited.
func (c *Catalog) Complement(other *Catalog) (*Catalog, []string) {
	result := c.clone()
	more := other.clone()
	var changes []string
	ownReleases, ownAdvisories := result.byLabel(), result.byID()
	for _, r := range more.Releases {
		if ownReleases[r.Label] == nil {
			result.Releases = append(result.Releases, r)
			changes = append(changes, fmt.Sprintf("%s: added from the built-in catalogue", r.Label))
		}
	}
	later := other.AdvisoriesAsOf.After(c.AdvisoriesAsOf)
	var added []Advisory
	for _, a := range more.Advisories {
		if own := ownAdvisories[a.ID]; own == nil {
			added = append(added, a)
			changes = append(changes, a.ID+": added from the built-in catalogue")
		} else if change := own.complement(a, later); change != "" {
			changes = append(changes, a.ID+": "+change)
		}
	}
	if result.Advisories = append(result.Advisories, added...); len(changes) > 0 {
		result.sort()
	}
	if later {
		changes = append(changes, fmt.Sprintf("advisories as of %s -> %s", result.AdvisoriesAsOf, more.AdvisoriesAsOf))
		result.AdvisoriesAsOf = more.AdvisoriesAsOf
	}
	if more.ExploitedAsOf.After(result.ExploitedAsOf) {
		changes = append(changes, fmt.Sprintf("exploited as of %s -> %s", result.ExploitedAsOf, more.ExploitedAsOf))
		result.ExploitedAsOf = more.ExploitedAsOf
	}
	result.reconcile()
	return result, changes
}

// complement replaces an entry with that of the other catalogue if Complement's rules say so,
// and returns the change. later is set if the other catalogue is of a later day.
func (a *Advisory) complement(other Advisory, later bool) (change string) {
	if !other.Exploited() {
		other.ExploitedSince, other.ExploitedDue = a.ExploitedSince, a.ExploitedDue
	}
	other.Ransomware = other.Ransomware || a.Ransomware
	other.Remark = a.Remark
	switch {
	case !later && !a.ByMachine(), reflect.DeepEqual(*a, other), a.Decides() && other.Undecided(),
		a.ByMachine() && other.ByMachine() && a.RecordModified.After(other.RecordModified):
	case a.Keep, a.Dismissed != "" && !strings.HasPrefix(a.Dismissed, rejectedByNVD):
		change = "kept as in the file, although it differs in the built-in catalogue"
	default:
		*a = other
		return "brought up to date from the built-in catalogue"
	}
	if !a.Exploited() && other.Exploited() {
		// exploited_as_of becomes that of the built-in catalogue, so its marks must be there.
		a.ExploitedSince, a.ExploitedDue, a.Ransomware = other.ExploitedSince, other.ExploitedDue, other.Ransomware
		change = strings.TrimPrefix(change+"; exploited since "+a.ExploitedSince.String(), "; ")
	}
	return change
}

// reconcile makes merged entries consistent: no entry is later than the days of the catalogue, and
// a patch that has a fix exists.
func (c *Catalog) reconcile() {
	newest := c.newestDay()
	for i := range c.Releases {
		if r := &c.Releases[i]; r.LatestPatchAsOf.After(newest) {
			r.LatestPatchAsOf = newest
		}
	}
	c.raiseLatestPatches()
}

// raiseLatestPatches makes the latest patch of each release at least that of every fix.
func (c *Catalog) raiseLatestPatches() {
	releases := c.byLabel()
	for _, a := range c.Advisories {
		for _, fix := range a.Fixed {
			if r := releases[fix.Initial()]; r != nil && r.LatestPatch != nil && fix.Patch > *r.LatestPatch {
				r.LatestPatch, r.LatestPatchAsOf = &fix.Patch, Later(r.LatestPatchAsOf, a.Published)
			}
		}
	}
}

// clone returns a deep copy.
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

// sort sorts releases by age and advisories by identifier.
func (c *Catalog) sort() {
	slices.SortStableFunc(c.Releases, func(a, b Release) int { return a.Label.Compare(b.Label) })
	slices.SortStableFunc(c.Advisories, func(a, b Advisory) int { return strings.Compare(a.ID, b.ID) })
}

func (c *Catalog) byLabel() map[release.Release]*Release {
	releases := make(map[release.Release]*Release, len(c.Releases))
	for i := range c.Releases {
		releases[c.Releases[i].Label] = &c.Releases[i]
	}
	return releases
}

func (c *Catalog) byID() map[string]*Advisory {
	advisories := make(map[string]*Advisory, len(c.Advisories))
	for i := range c.Advisories {
		advisories[c.Advisories[i].ID] = &c.Advisories[i]
	}
	return advisories
}

// newestDay returns the latest of the catalogue's days.
func (c *Catalog) newestDay() Day {
	return Later(c.ReleasesAsOf, Later(c.AdvisoriesAsOf, c.ExploitedAsOf))
}
