package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"telegraf-qlik-sense-version/internal/release"
)

// CompletedBy adds the releases and advisories that c, read from a file, lacks and the
// built-in catalogue has. It returns c itself where nothing is missing, else a copy; added
// names what was added by label or identifier, with a remark behind what was left out or
// changed because the file contradicts it.
//
// The days of c stay, and so do its entries, but for what they say of the added: fixes for
// added releases, and a latest patch that an added fix shows to exist. An added entry may be
// later than the days, which Check would refuse. Nothing is added by which a server would be
// open to less than both catalogues say.
func (c *Catalog) CompletedBy(builtIn *Catalog) (completed *Catalog, added []string) {
	completed, more := c.clone(), builtIn.clone()
	n := completion{catalog: completed, own: completed.byID(), builtIn: more.byID()}
	missing := slices.DeleteFunc(more.Releases, func(r Release) bool {
		return slices.ContainsFunc(c.Releases, func(own Release) bool { return own.Label == r.Label })
	})
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
	completed.sortReleases()
	completed.Advisories = append(completed.Advisories, n.advisories...)
	slices.SortFunc(completed.Advisories, func(a, b Advisory) int { return strings.Compare(a.ID, b.ID) })
	completed.raiseLatestPatches()
	return completed, added
}

// completion is the work of CompletedBy.
type completion struct {
	catalog      *Catalog // of the file
	own, builtIn map[string]*Advisory
	releases     []Release // to add
	advisories   []Advisory
}

// addFixes completes what the file says of the missing releases: it could not name a fix in
// a release that it does not list, and a release newer than all named ones counts as fixed.
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

// contradiction returns why a release cannot be added, "" where it can: servers that run it
// would be taken for another release, or for fixed though nobody says that they are.
func (n *completion) contradiction(r *Release) string {
	for i := range n.catalog.Releases {
		if own := &n.catalog.Releases[i]; r.contradicts(own) {
			return fmt.Sprintf(" (left out: its track %s does not go with %s of %q in the file)", r.Track, own.Track, own.Label)
		}
	}
	for i := range n.catalog.Advisories {
		a := &n.catalog.Advisories[i]
		if a.Decides() && !a.tells(r.Label, n.builtIn[a.ID]) {
			return fmt.Sprintf(" (left out: what the file names in fixed of %s does not tell whether it is affected)", a.ID)
		}
	}
	return ""
}

// contradicts reports whether the tracks of two releases cannot both be right: no two
// releases have the same one, and tracks rise with labels.
func (r *Release) contradicts(other *Release) bool {
	return r.Track != nil && other.Track != nil &&
		r.Track.Compare(*other.Track) != cmp.Compare(r.Label.Compare(other.Label), 0)
}

// tells reports whether the fixes of an advisory tell of a release that was not in the list
// when they were named. builtIn is the built-in entry, nil where there is none.
func (a *Advisory) tells(r release.Release, builtIn *Advisory) bool {
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
	// One that came after the advisory came with the fix.
	return firstDay(r).After(a.Published)
}

// isAffectedAfter reports whether only releases newer than r are affected.
func (a *Advisory) isAffectedAfter(r release.Release) bool {
	return a.AffectedFrom != nil && r.Compare(*a.AffectedFrom) < 0
}

func (a *Advisory) newestFix() release.Release {
	return slices.MaxFunc(a.Fixed, release.Release.Compare)
}

// unlink removes from an advisory to be added those superseding it whose fixes the file has
// otherwise: by such a fix, which may be none, the added advisory would count as fixed, too.
func (n *completion) unlink(a *Advisory) (remark string) {
	a.SupersededBy = slices.DeleteFunc(a.SupersededBy, func(id string) bool {
		if n.sameFixes(id) {
			return false
		}
		remark = fmt.Sprintf(" (not superseded_by %s, whose fixes the file has otherwise)", id)
		return true
	})
	return remark
}

// sameFixes reports whether the file has the built-in fixes for an advisory and for all that
// supersede it. An advisory that it lacks is added with them.
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

func (c *Catalog) byID() map[string]*Advisory {
	advisories := make(map[string]*Advisory, len(c.Advisories))
	for i := range c.Advisories {
		advisories[c.Advisories[i].ID] = &c.Advisories[i]
	}
	return advisories
}
