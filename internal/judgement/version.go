package judgement

import (
	"cmp"
	"fmt"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/release"
)

// byLabel returns the entry for a label, nil if there is none or the build contradicts it.
func (j *Judge) byLabel(label, build string, result *Judgement) *entry {
	r, err := release.Parse(label)
	if err != nil {
		result.Remark = fmt.Sprintf("the release label is %v", err)
		return nil
	}
	result.Release, result.HasMonth, result.HasPatch = r, true, true

	e := j.byRelease[r.Initial()]
	if build != "" && !j.agree(r, build, e, result) {
		result.HasMonth, result.HasPatch = false, false
		result.Reasons = LabelAndBuildDiffer
		return nil
	}
	switch {
	case e == nil:
		result.Remark = fmt.Sprintf("release %q is not in the catalogue: %s", r.Initial(), updateHint)
	case !e.Verified:
		result.Remark = fmt.Sprintf("release %q is only announced in the catalogue: %s", r.Initial(), updateHint)
		return nil
	}
	return e
}

// agree reports whether the build fits the label. An unreadable build contradicts nothing.
func (j *Judge) agree(r release.Release, build string, ofLabel *entry, result *Judgement) bool {
	b, err := release.ParseBuild(build)
	if err != nil {
		return true
	}
	ofBuild := j.byTrack[b.Track]
	switch {
	case ofBuild != nil && ofBuild != ofLabel:
		result.Remark = fmt.Sprintf("the release label says %q, but build %s belongs to %q", r, b, ofBuild.Label)
		return false
	case ofLabel == nil:
		return true
	case ofBuild == nil && ofLabel.Track != nil:
		result.Remark = fmt.Sprintf("the release label says %q, but build %s belongs to another release: those of %q begin with %s",
			r, b, ofLabel.Label, ofLabel.Track)
		return false
	case ofBuild == nil:
		return j.fits(r, b, result)
	}
	p := ofLabel.conflicting(r.Patch, b)
	switch {
	case p == nil:
		return true
	case p.Basis == catalog.Stated:
		result.Remark = fmt.Sprintf("the release label says %q, but build %s does not match it: patch %d is build %s", r, b, p.Patch, p.Build)
		return false
	}
	result.Remark = fmt.Sprintf("the release label says %q, but build %s does not match it if patch %d is build %s, as the catalogue infers: "+
		"it is judged by its label", r, b, p.Patch, p.Build)
	return true
}

// fits reports whether a build on an unknown track fits a release whose track is unknown:
// tracks rise from release to release.
func (j *Judge) fits(r release.Release, b release.Build, result *Judgement) bool {
	for i := range j.Catalog.Releases {
		other := &j.Catalog.Releases[i]
		if other.Track != nil && cmp.Compare(other.Label.Compare(r.Initial()), 0) != other.Track.Compare(b.Track) {
			result.Remark = fmt.Sprintf("the release label says %q, but build %s does not match it: those of %q begin with %s",
				r, b, other.Label, other.Track)
			return false
		}
	}
	return true
}

// updateHint tells an administrator what to do about a release that the catalogue lacks.
const updateHint = `bring the catalogue up to date with "telegraf-qlik-sense-version catalog update FILE", and name the file in catalog_file`

// byBuild returns the entry for a build, nil if there is none.
func (j *Judge) byBuild(build string, result *Judgement) *entry {
	b, err := release.ParseBuild(build)
	if err != nil {
		result.Remark = "there is no release label, and the version is " + err.Error()
		return nil
	}
	e := j.byTrack[b.Track]
	switch {
	case e == nil:
		result.Remark = fmt.Sprintf("there is no release label, and build %s belongs to no release in the catalogue: %s", b, updateHint)
		return nil
	case !e.Verified:
		result.Remark = fmt.Sprintf("there is no release label, and build %s belongs to %q, which is only announced in the catalogue: %s", b, e.Label, updateHint)
		return nil
	}
	result.Release, result.HasMonth = e.Label, true
	if result.Release.Patch, result.HasPatch = e.patchOf(b); !result.HasPatch {
		result.Remark = fmt.Sprintf("there is no release label, and the catalogue is not sure which patch of %q build %s is", e.Label, b)
	}
	return e
}
