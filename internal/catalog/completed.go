package catalog

import (
	"cmp"
	"fmt"
	"slices"

	"telegraf-qlik-sense-version/internal/release"
)

// CompletedBy adds to c, read from a file, the releases and advisories that only the built-in
// catalogue has. It returns c itself if nothing is missing, else a copy. added lists them by
// label or identifier, with a remark on those that were left out or changed because the file
// contradicts them.
//
// The days of c stay, and so do its entries, except that they get fixes in added releases, and
// a higher latest patch if an added fix names one. An added entry may be later than the days,
// which Check would refuse. Nothing is added that would make a server look less affected than
// both catalogues say.
func (c *Catalog) CompletedBy(builtIn *Catalog) (completed *Catalog, added []string) {
	completed, more := c.clone(), builtIn.clone()
	n := completion{catalog: completed, own: completed.byID(), builtIn: more.byID()}
	own := completed.byLabel()
	missing := slices.DeleteFunc(more.Releases, func(r Release) bool { return own[r.Label] != nil })
	n.addFixes(missing)
	for _, r := range missing {
		remark := n.contradiction(&r)
		if remark == "" {
			n.releases = append(n.releases, r)
		}
		added = append(added, r.Label.String()+remark)
	}
	for _, a := range more.Advisories {
		if n.own[a.ID] == nil {
			remark := n.unlink(&a)
			n.advisories = append(n.advisories, a)
			added = append(added, a.ID+remark)
		}
	}
	if len(added) == 0 {
		return c, nil
	}
	completed.Releases = append(completed.Releases, n.releases...)
	completed.Advisories = append(completed.Advisories, n.advisories...)
	completed.sort()
	completed.raiseLatestPatches()
	return completed, added
}

// completion is the state of CompletedBy.
type completion struct {
	catalog      *Catalog // from the file
	own, builtIn map[string]*Advisory
	releases     []Release // to add
	advisories   []Advisory
}

// addFixes adds fixes in the missing releases to the file's entries. The file cannot name a fix
// in a release that it does not list, and a release newer than all fixes would count as fixed.
func (n *completion) addFixes(missing []Release) {
	labels := make(map[release.Release]bool, len(missing))
	for _, r := range missing {
		labels[r.Label] = true
	}
	for id, a := range n.own {
		if b := n.builtIn[id]; b != nil && a.Decides() && b.Decides() {
			for _, fix := range b.Fixed {
				if labels[fix.Initial()] {
					a.Fixed = append(a.Fixed, fix)
				}
			}
		}
	}
}

// contradiction returns why a release cannot be added, "" if it can: servers that run it would
// be mistaken for another release, or count as fixed without proof.
func (n *completion) contradiction(r *Release) string {
	for i := range n.catalog.Releases {
		if own := &n.catalog.Releases[i]; r.contradicts(own) {
			return fmt.Sprintf(" (left out: its track %s contradicts %s of %q in the file)", r.Track, own.Track, own.Label)
		}
	}
	for i := range n.catalog.Advisories {
		a := &n.catalog.Advisories[i]
		if a.Decides() && !a.decidesFor(r.Label, n.builtIn[a.ID]) {
			return fmt.Sprintf(" (left out: fixed of %s in the file does not tell whether it is affected)", a.ID)
		}
	}
	return ""
}

// contradicts reports whether the tracks of two releases cannot both be right: each release has
// its own, and tracks rise with labels.
func (r *Release) contradicts(other *Release) bool {
	return r.Track != nil && other.Track != nil &&
		r.Track.Compare(*other.Track) != cmp.Compare(r.Label.Compare(other.Label), 0)
}

// decidesFor reports whether the fixes of an advisory decide if a release is affected that was not
// listed when they were written. builtIn is the built-in entry, nil for none.
func (a *Advisory) decidesFor(r release.Release, builtIn *Advisory) bool {
	if builtIn != nil && !builtIn.Decides() {
		builtIn = nil
	}
	isFix := func(fix release.Release) bool { return fix.Initial() == r }
	switch {
	case a.isAffectedAfter(r):
		return builtIn == nil || builtIn.isAffectedAfter(r)
	case slices.ContainsFunc(a.Fixed, isFix), r.Compare(a.newestFix()) < 0:
		return true
	case builtIn != nil:
		return builtIn.isAffectedAfter(r) || r.Compare(builtIn.newestFix()) > 0
	}
	// A release published after the advisory includes the fix.
	return firstDay(r).After(a.Published)
}

// isAffectedAfter reports whether only releases newer than r are affected.
func (a *Advisory) isAffectedAfter(r release.Release) bool {
	return a.AffectedFrom != nil && r.Compare(*a.AffectedFrom) < 0
}

func (a *Advisory) newestFix() release.Release {
	return slices.MaxFunc(a.Fixed, release.Release.Compare)
}

// unlink removes from superseded_by of an added advisory those whose fixes differ in the file:
// the added advisory would count as fixed by them.
func (n *completion) unlink(a *Advisory) (remark string) {
	a.SupersededBy = slices.DeleteFunc(a.SupersededBy, func(id string) bool {
		if n.sameFixes(id) {
			return false
		}
		remark = fmt.Sprintf(" (without superseded_by %s, whose fixes differ in the file)", id)
		return true
	})
	return remark
}

// sameFixes reports whether the file has the same fixes as the built-in catalogue for an
// advisory and all that supersede it. One that the file lacks is added, so its fixes are the same.
func (n *completion) sameFixes(id string) bool {
	a, b := n.own[id], n.builtIn[id]
	if a == nil {
		return true
	}
	return a.Decides() == b.Decides() && sameElements(a.Fixed, b.Fixed) && sameElements(a.SupersededBy, b.SupersededBy) &&
		!slices.ContainsFunc(a.SupersededBy, func(id string) bool { return !n.sameFixes(id) })
}

func sameElements[T comparable](a, b []T) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(e T) bool { return !slices.Contains(b, e) })
}
