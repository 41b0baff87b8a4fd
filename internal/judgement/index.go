package judgement

import (
	"slices"
	"strings"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/release"
)

// Verdict is what the advisories say of a release. The patches of a release share a
// few of them: those between one fix and the next.
type Verdict struct {
	// Advisories are those that apply, by identifier.
	Advisories []*catalog.Advisory
	// Exploited is the number of those which CISA lists as exploited.
	Exploited int
	// MaxCVSS is the highest score among them, 0 where none applies.
	MaxCVSS float64
	// Published is the day on which the oldest of them was published.
	Published catalog.Day
	// FixedIn is the lowest patch of the same release that clears them all, "" where
	// there is none, or none is needed.
	FixedIn string
}

// entry is a release of the catalogue with the verdicts on its patches.
type entry struct {
	*catalog.Release
	exposures []exposure // by identifier
	verdicts  []step     // by rising patch, the first from patch 0 on
}

// step is the verdict from one patch up to the next step.
type step struct {
	from    int
	verdict Verdict
}

// patchOf finds the patch of a build, if the catalogue is sure of it.
func (e *entry) patchOf(b release.Build) (patch int, sure bool) {
	for _, p := range e.Patches {
		if p.Build == b && p.Basis.Sure() {
			return p.Patch, true
		}
	}
	return 0, false
}

// conflicting returns the pair of the catalogue that contradicts patch and build, or nil;
// a stated pair before all others. Builds rise with patches, and a build above the one
// that is known of the same patch may be that patch made anew.
func (e *entry) conflicting(patch int, b release.Build) (pair *catalog.Patch) {
	for i := range e.Patches {
		p := &e.Patches[i]
		if !p.Basis.Sure() || pair != nil && p.Basis != catalog.Stated {
			continue
		}
		switch {
		case p.Patch < patch && b.Number <= p.Build.Number,
			p.Patch == patch && b.Number < p.Build.Number,
			p.Patch > patch && b.Number >= p.Build.Number:
			if pair = p; p.Basis == catalog.Stated {
				return pair
			}
		}
	}
	return pair
}

// verdict finds that on a patch.
func (e *entry) verdict(patch int) (v *Verdict) {
	for i := range e.verdicts {
		if e.verdicts[i].from <= patch {
			v = &e.verdicts[i].verdict
		}
	}
	return v
}

// newEntry judges all patches of a release in advance.
func newEntry(r *catalog.Release, c *catalog.Catalog) *entry {
	f := fixes{initial: r.Label, advisories: make(map[string]*catalog.Advisory, len(c.Advisories)), known: make(map[string]int)}
	for i := range c.Advisories {
		f.advisories[c.Advisories[i].ID] = &c.Advisories[i]
	}
	e := &entry{Release: r}
	steps := []int{0}
	for i := range c.Advisories {
		a := &c.Advisories[i]
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

// exposure is an advisory as it concerns one release: it applies to the patches below
// fixedFrom.
type exposure struct {
	*catalog.Advisory
	fixedFrom int
}

// noFix is the fixedFrom of an advisory that no patch of a release fixes.
const noFix = release.MaxPatch + 1

// fixes finds out from which patch on a release has the fixes of advisories.
type fixes struct {
	initial    release.Release
	advisories map[string]*catalog.Advisory
	known      map[string]int // what from found, by identifier
}

// fixedFrom finds the first patch that an advisory does not apply to: 0 where it applies
// to none, noFix where it applies to all.
func (f *fixes) fixedFrom(a *catalog.Advisory) int {
	if a.AffectedFrom != nil && f.initial.Compare(*a.AffectedFrom) < 0 {
		return 0
	}
	return f.from(a)
}

// from finds the first patch that has the fix of an advisory or of one that supersedes
// it, noFix where none has. A release newer than all that got the fix came with it; of
// one that is older, or was left out, nobody says that it has it.
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
