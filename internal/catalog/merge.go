package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"telegraf-qlik-sense-version/internal/text"
)

// vendorList is the page with the vendor's releases, for people.
const vendorList = "https://github.com/qlik-download/qlik-sense-server/releases"

// MergeReport is the result of a merge, one sentence each.
type MergeReport struct {
	Changes []string
	Remarks []string // what was found but not taken
	LeftOut []string // releases of the vendor's list that contradict it or the catalogue
}

// Merge returns a copy of the catalogue, which must have passed Check, with the vendor's list as
// of a day merged in. The vendor's builds replace those in the catalogue. A release that
// contradicts the list or the catalogue is left out, and its entry in the catalogue stays. If
// no release is left, the error has a line for each.
func (c *Catalog) Merge(list []Listed, asOf Day) (*Catalog, MergeReport, error) {
	releases := group(list)
	compareEntries(releases)
	compareWithCatalog(c, releases, asOf)
	compareWithEachOther(releases)
	report := MergeReport{LeftOut: leftOut(releases)}
	if len(report.LeftOut) == len(releases) {
		return nil, report, nothingTaken(report.LeftOut)
	}
	merged, changes := c.with(asOf, accepted(releases)...)
	report.Changes = changes
	return merged, report, nil
}

// with returns a copy of the catalogue with listed releases merged in, and the changes.
func (c *Catalog) with(asOf Day, releases ...*listedRelease) (merged *Catalog, changes []string) {
	merged = c.clone()
	merged.ReleasesAsOf = Later(merged.ReleasesAsOf, asOf)
	for _, listed := range releases {
		changes = append(changes, listed.remarks...)
	}
	own := merged.byLabel()
	var added []Release
	for _, listed := range releases {
		if r := own[listed.label]; r != nil {
			changes = append(changes, mergeRelease(r, listed.entries, asOf)...)
			continue
		}
		r := Release{Label: listed.label, Verified: true}
		mergeRelease(&r, listed.entries, asOf)
		added = append(added, r)
		changes = append(changes, fmt.Sprintf("%s: new release, track %s, latest patch %d", r.Label, r.Track, *r.LatestPatch))
	}
	merged.Releases = append(merged.Releases, added...)
	merged.sort()
	merged.raiseLatestPatches() // an advisory may name a patch before the vendor's list does
	return merged, changes
}

// mergeRelease brings one release up to date and returns the changes.
func mergeRelease(r *Release, entries []Listed, asOf Day) []string {
	var facts []string // joined to one sentence
	if !r.Verified {
		facts = append(facts, "now verified")
		r.Verified, r.Note = true, markOutdated(r.Note)
	}
	if track := entries[0].Build.Track; r.Track == nil {
		facts = append(facts, fmt.Sprintf("track %s", track))
		r.Track = &track
	}

	merged := mergePatches(r.Patches, entries)
	r.Patches = merged.patches
	if latest := latestPatch(r, merged.dropped); r.LatestPatch == nil {
		facts = append(facts, fmt.Sprintf("latest patch unknown -> %d", latest))
		r.LatestPatch = &latest
	} else if *r.LatestPatch != latest {
		facts = append(facts, fmt.Sprintf("latest patch %d -> %d", *r.LatestPatch, latest))
		r.LatestPatch = &latest
	}
	r.LatestPatchAsOf = Later(r.LatestPatchAsOf, asOf)

	if day := endOfSupport(entries[0]); r.EndOfSupport.IsZero() && !day.IsZero() {
		facts = append(facts, fmt.Sprintf("end of support %s (estimate)", day))
		r.EndOfSupport, r.EndOfSupportEstimate = day, true
	}
	facts = append(facts, merged.facts...)

	var changes []string
	if len(facts) > 0 {
		changes = append(changes, fmt.Sprintf("%s: %s", r.Label, strings.Join(facts, ", ")))
	}
	changes = append(changes, merged.changes...)
	if len(changes) > 0 && !slices.Contains(r.Sources, vendorList) {
		r.Sources = append(r.Sources, vendorList)
	}
	if merged.changed() {
		r.Note = markOutdated(r.Note)
	}
	return changes
}

// mergedPatches is the result of mergePatches.
type mergedPatches struct {
	patches Patches
	dropped []Patch
	facts   []string
	changes []string // a sentence for each dropped build
}

func (m *mergedPatches) changed() bool { return len(m.facts)+len(m.changes) > 0 }

// mergePatches adds the vendor's builds and drops those that contradict them.
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

// contradicts reports whether two builds cannot both be right: builds of a release rise with its
// patches.
func (p Patch) contradicts(other Patch) bool {
	return p.Build.Track != other.Build.Track ||
		cmp.Compare(p.Patch, other.Patch) != cmp.Compare(p.Build.Number, other.Build.Number)
}

// latestPatch returns the newest patch known to exist. Ambiguous ones do not count, nor does the
// previous latest patch if its build was dropped.
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

// supportMonths is how long the vendor supports an on-premises release.
const supportMonths = 24

// endOfSupport estimates the end of support from the day of the initial release. It is unknown
// if the entry is a patch, or if the day is far from the month in the label: then it is the
// day of an upload, not of the release.
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

// markOutdated marks a note as written before the vendor's list was read.
func markOutdated(note string) string {
	const mark = "Before the vendor's list was read: "
	if note == "" || strings.HasPrefix(note, mark) {
		return note
	}
	return mark + note
}
