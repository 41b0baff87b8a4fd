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
	// Advisories are the identifiers of those that apply, sorted, with commas between
	// them; "" where none does.
	Advisories string
	// Count is their number, Exploited that of those which CISA lists as exploited.
	Count, Exploited int
	// MaxCVSS is the highest score among them, 0 where none applies.
	MaxCVSS float64
	// FixedIn is the lowest patch of the same release that clears them all, "" where
	// there is none, or none is needed.
	FixedIn string
}

// entry is a release of the catalogue with the verdicts on its patches.
type entry struct {
	*catalog.Release
	holes    []hole // by identifier
	verdicts []step // by rising patch, the first from patch 0 on
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

// against finds a pair of the catalogue that a patch and a build cannot stand beside,
// if there is one, a stated pair before all others: builds rise with patches. A build
// above the one that is known of the same patch may be that patch made anew.
func (e *entry) against(patch int, b release.Build) (pair *catalog.Patch) {
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
func (e *entry) verdict(patch int) *Verdict {
	for i := len(e.verdicts) - 1; i > 0; i-- {
		if e.verdicts[i].from <= patch {
			return &e.verdicts[i].verdict
		}
	}
	return &e.verdicts[0].verdict
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
		h := hole{Advisory: a, until: f.openUntil(a)}
		e.holes = append(e.holes, h)
		if h.until > 0 && h.until < forever {
			steps = append(steps, h.until)
		}
	}
	slices.Sort(steps)
	slices.SortFunc(e.holes, func(a, b hole) int { return strings.Compare(a.ID, b.ID) })
	for _, from := range slices.Compact(steps) {
		e.verdicts = append(e.verdicts, step{from, verdictOn(r.Label, from, e.holes)})
	}
	return e
}

// hole is an advisory as it concerns one release: open in the patches below until.
type hole struct {
	*catalog.Advisory
	until int
}

// forever is the until of a hole that no patch of a release closes.
const forever = release.MaxPatch + 1

// fixes finds out from which patch on a release has the fixes of advisories.
type fixes struct {
	initial    release.Release
	advisories map[string]*catalog.Advisory
	known      map[string]int // what from found, by identifier
}

// openUntil finds the first patch that is not open to an advisory: 0 where none is,
// forever where all are.
func (f *fixes) openUntil(a *catalog.Advisory) int {
	if a.AffectedFrom != nil && f.initial.Compare(*a.AffectedFrom) < 0 {
		return 0
	}
	return f.from(a)
}

// from finds the first patch that has the fix of an advisory or of one that supersedes
// it, forever where none has. A release newer than all that got the fix came with it; of
// one that is older, or was left out, nobody says that it has it.
func (f *fixes) from(a *catalog.Advisory) int {
	if first, found := f.known[a.ID]; found {
		return first
	}
	first, newest := forever, release.Release{}
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
		first = min(first, f.from(f.advisories[id]))
	}
	f.known[a.ID] = first
	return first
}

func verdictOn(initial release.Release, patch int, holes []hole) Verdict {
	var v Verdict
	var ids []string
	fixed := 0
	for _, h := range holes {
		if patch >= h.until {
			continue
		}
		ids = append(ids, h.ID)
		if h.Exploited() {
			v.Exploited++
		}
		v.MaxCVSS = max(v.MaxCVSS, h.CVSS)
		fixed = max(fixed, h.until)
	}
	v.Count = len(ids)
	v.Advisories = strings.Join(ids, ",")
	if fixed > 0 && fixed < forever {
		initial.Patch = fixed
		v.FixedIn = initial.String()
	}
	return v
}
