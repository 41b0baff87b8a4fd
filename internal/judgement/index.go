package judgement

import (
	"slices"
	"strings"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/release"
)

// Verdict is what the advisories say about a patch of a release. All patches between one fix
// and the next share it.
type Verdict struct {
	// Advisories that apply, sorted by identifier.
	Advisories []*catalog.Advisory
	// Exploited is the number of them that CISA lists as exploited.
	Exploited int
	// MaxCVSS is the highest score among them, 0 for none.
	MaxCVSS float64
	// Published is the day on which the oldest of them was published.
	Published catalog.Day
	// FixedIn is the lowest patch of the same release that fixes them all, "" if there is
	// none or none is needed.
	FixedIn string
}

// entry is a release in the catalogue with the verdicts on its patches.
type entry struct {
	*catalog.Release
	exposures []exposure // sorted by identifier
	verdicts  []step     // sorted by patch, the first for patch 0
}

// step is the verdict for all patches from one up to the next step.
type step struct {
	from    int
	verdict Verdict
}

// patchOf returns the patch that a build is, if the catalogue is sure of it.
func (e *entry) patchOf(b release.Build) (patch int, sure bool) {
	for _, p := range e.Patches {
		if p.Build == b && p.Basis.Sure() {
			return p.Patch, true
		}
	}
	return 0, false
}

// conflicting returns the entry that contradicts patch and build, or nil; a stated one is
// preferred. Builds rise with patches, but a build above the known one of the same patch may
// be a rebuild.
func (e *entry) conflicting(patch int, b release.Build) (conflict *catalog.Patch) {
	for i := range e.Patches {
		p := &e.Patches[i]
		if !p.Basis.Sure() || conflict != nil && p.Basis != catalog.Stated {
			continue
		}
		switch {
		case p.Patch < patch && b.Number <= p.Build.Number,
			p.Patch == patch && b.Number < p.Build.Number,
			p.Patch > patch && b.Number >= p.Build.Number:
			if conflict = p; p.Basis == catalog.Stated {
				return conflict
			}
		}
	}
	return conflict
}

// verdict returns the verdict on a patch.
func (e *entry) verdict(patch int) (v *Verdict) {
	for i := range e.verdicts {
		if e.verdicts[i].from <= patch {
			v = &e.verdicts[i].verdict
		}
	}
	return v
}

// newEntry judges all patches of a release in advance.
func (j *Judge) newEntry(r *catalog.Release) *entry {
	f := fixes{initial: r.Label, advisories: j.byID, known: make(map[string]int)}
	e := &entry{Release: r}
	steps := []int{0}
	for i := range j.Catalog.Advisories {
		a := &j.Catalog.Advisories[i]
		if !a.Decides() {
			continue
		}
		x := exposure{Advisory: a, fixedFrom: f.fixedFrom(a)}
		e.exposures = append(e.exposures, x)
		if x.fixedFrom < noFix {
			steps = append(steps, x.fixedFrom)
		}
	}
	slices.Sort(steps)
	slices.SortFunc(e.exposures, func(a, b exposure) int { return strings.Compare(a.ID, b.ID) })
	for _, from := range slices.Compact(steps) {
		e.verdicts = append(e.verdicts, step{from, verdictOn(r.Label, from, e.exposures)})
	}
	return e
}

// exposure is an advisory and the first patch of a release that it does not apply to.
type exposure struct {
	*catalog.Advisory
	fixedFrom int
}

// noFix is the fixedFrom of an advisory that applies to all patches of a release.
const noFix = release.MaxPatch + 1

// fixes finds the first patch of a release that has the fix for an advisory.
type fixes struct {
	initial    release.Release
	advisories map[string]*catalog.Advisory
	known      map[string]int // results of from, by identifier
}

// fixedFrom returns the first patch that an advisory does not apply to: 0 if it applies to
// none, noFix if it applies to all.
func (f *fixes) fixedFrom(a *catalog.Advisory) int {
	if a.AffectedFrom != nil && f.initial.Compare(*a.AffectedFrom) < 0 {
		return 0
	}
	return f.from(a)
}

// from returns the first patch that has the fix for an advisory, or for one that supersedes
// it, noFix if none has. A release newer than all that got the fix includes it; one that is
// older, or not listed, does not count as fixed.
func (f *fixes) from(a *catalog.Advisory) int {
	if first, found := f.known[a.ID]; found {
		return first
	}
	first, newest := noFix, release.Release{}
	for _, fix := range a.Fixed {
		if fix.Initial() == f.initial {
			first = fix.Patch
		}
		if fix.Compare(newest) > 0 {
			newest = fix
		}
	}
	if f.initial.Compare(newest) > 0 {
		first = 0
	}
	for _, id := range a.SupersededBy {
		if by := f.advisories[id]; by.Dismissed == "" {
			first = min(first, f.from(by))
		}
	}
	f.known[a.ID] = first
	return first
}

func verdictOn(initial release.Release, patch int, exposures []exposure) Verdict {
	var v Verdict
	fixed := 0
	for _, x := range exposures {
		if patch >= x.fixedFrom {
			continue
		}
		v.Advisories = append(v.Advisories, x.Advisory)
		if x.Exploited() {
			v.Exploited++
		}
		if v.Published.IsZero() || v.Published.After(x.Published) {
			v.Published = x.Published
		}
		v.MaxCVSS = max(v.MaxCVSS, x.CVSS)
		fixed = max(fixed, x.fixedFrom)
	}
	if fixed > 0 && fixed < noFix {
		initial.Patch = fixed
		v.FixedIn = initial.String()
	}
	return v
}
