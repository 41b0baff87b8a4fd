package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"telegraf-qlik-sense-version/internal/text"
)

// VendorList is where the vendor lists its releases, for people.
const VendorList = "https://github.com/qlik-download/qlik-sense-server/releases"

// MergeReport is what a merge did, one sentence each.
type MergeReport struct {
	Changes []string
	Remarks []string // what was found and not taken
	LeftOut []LeftOut
}

// Merge returns the catalogue, which must be in order, with what the vendor's list says as of
// a day; c stays as it is. The vendor's word goes over everything that the catalogue has on a
// pair of patch and build. A release of the list that contradicts the list or the catalogue is
// left out and keeps what the catalogue has. The error, one line for each release, is that of
// a list that is empty, or of which all releases were left out.
func (c *Catalog) Merge(list []Listed, asOf Day) (*Catalog, MergeReport, error) {
	releases := group(list)
	compareEntries(releases)
	compareWithCatalog(c, releases, asOf)
	compareWithEachOther(releases)
	report := MergeReport{LeftOut: leftOut(releases)}
	if len(report.LeftOut) == len(releases) {
		return nil, report, nothingTaken(report.LeftOut)
	}
	merged, changes := c.with(asOf, taken(releases)...)
	report.Changes = changes
	return merged, report, nil
}

// with returns a copy of the catalogue with releases of the vendor's list, and what they
// change, one sentence each.
func (c *Catalog) with(asOf Day, releases ...*listedRelease) (merged *Catalog, changes []string) {
	merged = c.clone()
	merged.ReleasesAsOf = later(merged.ReleasesAsOf, asOf)
	for _, listed := range releases {
		changes = append(changes, listed.remarks...)
	}
	known := len(merged.Releases)
	for _, listed := range releases {
		i := slices.IndexFunc(merged.Releases[:known], func(r Release) bool { return r.Label == listed.label })
		if i < 0 {
			r := Release{Label: listed.label, Verified: true}
			mergeRelease(&r, listed.entries, asOf)
			merged.Releases = append(merged.Releases, r)
			changes = append(changes, fmt.Sprintf("%s: new release, track %s, latest patch %d", r.Label, r.Track, *r.LatestPatch))
			continue
		}
		changes = append(changes, mergeRelease(&merged.Releases[i], listed.entries, asOf)...)
	}
	merged.sortReleases()
	merged.raiseLatestPatches() // an advisory may name a patch before the vendor's list does
	return merged, changes
}

// mergeRelease brings one release up to date and says what that changes.
func mergeRelease(r *Release, entries []Listed, asOf Day) []string {
	var facts []string // in one sentence
	if !r.Verified {
		facts = append(facts, "now verified")
		r.Verified, r.Note = true, outdated(r.Note)
	}
	if track := entries[0].Build.Track; r.Track == nil {
		facts = append(facts, fmt.Sprintf("track %s", track))
		r.Track = &track
	}

	pairs := mergePatches(r.Patches, entries)
	r.Patches = pairs.patches
	if latest := latestPatch(r, pairs.dropped); r.LatestPatch == nil {
		facts = append(facts, fmt.Sprintf("latest patch unknown -> %d", latest))
		r.LatestPatch = &latest
	} else if *r.LatestPatch != latest {
		facts = append(facts, fmt.Sprintf("latest patch %d -> %d", *r.LatestPatch, latest))
		r.LatestPatch = &latest
	}
	r.LatestPatchAsOf = later(r.LatestPatchAsOf, asOf)

	if day := endOfSupport(entries[0]); r.EndOfSupport.IsZero() && !day.IsZero() {
		facts = append(facts, fmt.Sprintf("end of support %s (estimate)", day))
		r.EndOfSupport, r.EndOfSupportEstimate = day, true
	}
	facts = append(facts, pairs.facts...)

	var changes []string
	if len(facts) > 0 {
		changes = append(changes, fmt.Sprintf("%s: %s", r.Label, strings.Join(facts, ", ")))
	}
	changes = append(changes, pairs.changes...)
	if len(changes) > 0 && !slices.Contains(r.Sources, VendorList) {
		r.Sources = append(r.Sources, VendorList)
	}
	if pairs.changed() {
		r.Note = outdated(r.Note)
	}
	return changes
}

// mergedPatches is what becomes of the pairs of patch and build of a release.
type mergedPatches struct {
	patches Patches
	dropped []Patch
	facts   []string
	changes []string // a sentence for each pair that was dropped
}

func (m *mergedPatches) changed() bool { return len(m.facts)+len(m.changes) > 0 }

// mergePatches puts the vendor's pairs in and drops what contradicts them.
func mergePatches(old []Patch, entries []Listed) mergedPatches {
	var m mergedPatches
	added, confirmed := 0, 0
	for _, e := range entries {
		m.patches = append(m.patches, Patch{Patch: e.Release.Patch, Build: e.Build, Basis: Stated})
	}
	vendor := m.patches
	for _, p := range old {
		same := slices.IndexFunc(vendor, func(v Patch) bool { return v.Patch == p.Patch })
		switch {
		case same >= 0 && vendor[same].Build == p.Build:
			if p.Basis != Stated {
				confirmed++
			}
		case same >= 0:
			m.dropped = append(m.dropped, p)
			m.changes = append(m.changes, fmt.Sprintf("%s: build %s (%s) -> %s (%s)",
				entries[same].Release, p.Build, p.Basis, vendor[same].Build, Stated))
		case slices.ContainsFunc(vendor, p.contradicts):
			m.dropped = append(m.dropped, p)
			label := entries[0].Release.Initial()
			label.Patch = p.Patch
			m.changes = append(m.changes, fmt.Sprintf("%s: build %s (%s) dropped: it does not fit the vendor's list", label, p.Build, p.Basis))
		default:
			m.patches = append(m.patches, p)
		}
	}
	for _, v := range vendor {
		if !slices.ContainsFunc(old, func(p Patch) bool { return p.Patch == v.Patch }) {
			added++
		}
	}
	if added > 0 {
		m.facts = append(m.facts, text.Plural(added, "build")+" added")
	}
	if confirmed > 0 {
		m.facts = append(m.facts, text.Plural(confirmed, "build")+" confirmed")
	}
	slices.SortFunc(m.patches, func(a, b Patch) int { return cmp.Compare(a.Patch, b.Patch) })
	return m
}

// contradicts reports whether two pairs cannot both be right: patches of a release and
// their builds rise together.
func (p Patch) contradicts(other Patch) bool {
	return p.Build.Track != other.Build.Track ||
		cmp.Compare(p.Patch, other.Patch) != cmp.Compare(p.Build.Number, other.Build.Number)
}

// latestPatch is the newest patch that is known to exist: not of an ambiguous pair, and
// not the one that was known until now where its pair turned out to be wrong.
func latestPatch(r *Release, dropped []Patch) int {
	latest := 0
	for _, p := range r.Patches {
		if p.Basis != Ambiguous {
			latest = max(latest, p.Patch)
		}
	}
	if r.LatestPatch != nil && !slices.ContainsFunc(dropped, func(p Patch) bool { return p.Patch == *r.LatestPatch }) {
		latest = max(latest, *r.LatestPatch)
	}
	return latest
}

// supportMonths is how long the vendor supports a release, by its rule for products on
// the customer's premises.
const supportMonths = 24

// endOfSupport is estimated from the day of the initial release. It is unknown where the
// entry is that of a patch, and where the day is far from the month in the label: then
// it is that of an upload, not of the release.
func endOfSupport(first Listed) Day {
	const near = 62 // days
	if first.Release.Patch != 0 || first.Published.IsZero() {
		return Day{}
	}
	if off := first.Published.DaysSince(firstDay(first.Release)); off < -near || off > near {
		return Day{}
	}
	return first.Published.AddMonths(supportMonths)
}

// outdated marks a note that was written before the vendor's list was read.
func outdated(note string) string {
	const mark = "Before the vendor's list was read: "
	if note == "" || strings.HasPrefix(note, mark) {
		return note
	}
	return mark + note
}
