package judgement

import (
	"fmt"
	"slices"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/internal/text"
)

// Weaker returns the entries by which j is less strict than other, one sentence each, sorted:
// advisories that apply to fewer patches, are no longer exploited, were dismissed, or were
// decided although exploited and undecided in other; releases with longer support; and builds
// that count as later patches. Such an entry in a catalogue file can make servers compliant,
// so somebody should look at it.
func (j *Judge) Weaker(other *Judge) []string {
	var found []string
	for _, theirs := range other.Catalog.Releases {
		if sentence := j.laterPatch(&theirs); sentence != "" {
			found = append(found, sentence)
		}
		ours := j.byRelease[theirs.Label]
		if ours != nil && !theirs.EndOfSupport.IsZero() && ours.EndOfSupport.After(theirs.EndOfSupport) {
			found = append(found, fmt.Sprintf("%s is supported until %s instead of %s", theirs.Label, ours.EndOfSupport, theirs.EndOfSupport))
		}
	}
	for i := range other.Catalog.Advisories {
		theirs := &other.Catalog.Advisories[i]
		ours := j.byID[theirs.ID]
		if ours != nil && ours.Dismissed != "" && theirs.Dismissed == "" && (theirs.Decides() || theirs.Exploited()) {
			found = append(found, fmt.Sprintf("%s is dismissed: %s", theirs.ID, text.Quote(ours.Dismissed)))
			continue
		}
		if ours != nil && ours.Decides() && theirs.Undecided() && theirs.Exploited() {
			found = append(found, fmt.Sprintf("%s, which is exploited and undecided, is decided: fixed from %s on",
				theirs.ID, slices.MinFunc(ours.Fixed, release.Release.Compare)))
		}
		if label, patch, open := j.firstMissing(other, theirs.ID); open {
			label.Patch = patch
			found = append(found, fmt.Sprintf("%s does not apply to %s", theirs.ID, label))
		}
		if ours != nil && theirs.Exploited() && !ours.Exploited() {
			found = append(found, theirs.ID+" is not exploited")
		}
	}
	slices.Sort(found)
	return found
}

// laterPatch returns a sentence for the first build of a release that j counts as a later
// patch or release, "" for none: servers that report no label are judged by their build.
func (j *Judge) laterPatch(theirs *catalog.Release) string {
	for _, p := range theirs.Patches {
		e := j.byTrack[p.Build.Track]
		if e == nil || !p.Basis.Sure() {
			continue
		}
		was, is := theirs.Label, e.Label
		was.Patch = p.Patch
		if patch, sure := e.patchOf(p.Build); sure {
			if is.Patch = patch; is.Compare(was) > 0 {
				return fmt.Sprintf("build %s counts as %s instead of %s", p.Build, is, was)
			}
		}
	}
	return ""
}

// firstMissing returns the newest release with a patch that an advisory applies to according to
// other but not to j, and the first such patch.
func (j *Judge) firstMissing(other *Judge, id string) (label release.Release, patch int, found bool) {
	for r, theirs := range other.byRelease {
		ours := j.byRelease[r]
		if ours == nil {
			continue
		}
		ourFix, _ := ours.fixedFrom(id)
		theirFix, _ := theirs.fixedFrom(id)
		if ourFix < theirFix && r.Compare(label) > 0 {
			label, patch, found = r, ourFix, true
		}
	}
	return label, patch, found
}

// fixedFrom returns the first patch that an advisory does not apply to; 0, false for one that
// does not decide.
func (e *entry) fixedFrom(id string) (patch int, decides bool) {
	for _, x := range e.exposures {
		if x.ID == id {
			return x.fixedFrom, true
		}
	}
	return 0, false
}
