// Package judgement judges the version of a Qlik Sense server by a catalogue of
// releases and advisories.
package judgement

import (
	"cmp"
	"fmt"
	"strings"
	"sync"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/release"
)

// Compliance is the judgement in a word; its numbers are those of the field
// compliance_code.
type Compliance int

// The judgements.
const (
	Compliant    Compliance = 0 // no advisory known applies, nor is it below the minimum
	NonCompliant Compliance = 1 // an advisory applies, or it is below the minimum
	Unknown      Compliance = 2 // the catalogue does not tell
)

// String gives the value of the field compliance.
func (c Compliance) String() string {
	switch c {
	case Compliant:
		return "compliant"
	case NonCompliant:
		return "non_compliant"
	}
	return "unknown"
}

// Judgement is what is known of a version. Members that are nil or false are not
// known.
type Judgement struct {
	// Release is what the server runs: as its label says, or else as its build does.
	Release release.Release
	// HasMonth and HasPatch tell which parts of Release are known.
	HasMonth, HasPatch bool
	// Listed is the entry of Release in the catalogue; nil where it has none, and
	// where label and build contradict each other. It is shared: do not change it.
	Listed *catalog.Release
	// Verdict is what the advisories say; nil where Compliance is Unknown. It is
	// shared: do not change it.
	Verdict *Verdict
	// BelowMinimum holds for a release below the minimum; HasMinimum where there is a
	// minimum and the release can be compared with it.
	BelowMinimum, HasMinimum bool
	Compliance               Compliance
	// Remark is what an administrator should know: why Compliance is Unknown, or that
	// label and build name different patches. "" where there is nothing to say.
	Remark string
}

// PatchesBehind is the distance to the newest patch known of the same release, 0 for a
// patch that is newer than that.
func (j *Judgement) PatchesBehind() (behind int, known bool) {
	if j.Listed == nil || j.Listed.LatestPatch == nil || !j.HasPatch {
		return 0, false
	}
	return max(0, *j.Listed.LatestPatch-j.Release.Patch), true
}

// SupportDaysLeft is the number of days from a day to the end of support, negative
// after it.
func (j *Judgement) SupportDaysLeft(day catalog.Day) (days int, known bool) {
	if j.Listed == nil || j.Listed.EndOfSupport.IsZero() {
		return 0, false
	}
	return j.Listed.EndOfSupport.DaysSince(day), true
}

// Judge judges versions by a catalogue. It can be used by several goroutines at the
// same time.
type Judge struct {
	// Catalog is what it judges by; it is shared: do not change it.
	Catalog   *catalog.Catalog
	byRelease map[release.Release]*entry
	byTrack   map[release.Track]*entry
}

// BuiltIn judges by the catalogue that this program was built with.
var BuiltIn = sync.OnceValue(func() *Judge { return New(catalog.BuiltIn()) })

// New makes a judge. The catalogue must be one that was checked, and stay as it is.
func New(c *catalog.Catalog) *Judge {
	j := &Judge{
		Catalog:   c,
		byRelease: make(map[release.Release]*entry, len(c.Releases)),
		byTrack:   make(map[release.Track]*entry, len(c.Releases)),
	}
	for i := range c.Releases {
		e := newEntry(&c.Releases[i], c)
		j.byRelease[e.Label] = e
		if e.Track != nil {
			j.byTrack[*e.Track] = e
		}
	}
	return j
}

// Judge judges a version by the release label and the build that a server tells, each
// of which may be missing (""). The label counts; the build does only where there is
// no label. The zero minimum is none.
func (j *Judge) Judge(label, build string, minimum release.Release) Judgement {
	label, build = strings.TrimSpace(label), strings.TrimSpace(build)
	var result Judgement
	var e *entry
	if label == "" {
		e = j.byBuild(build, &result)
	} else {
		e = j.byLabel(label, build, &result)
	}
	result.compareWith(minimum)

	result.Compliance = Unknown
	if e == nil {
		return result
	}
	result.Listed = e.Release
	if !result.HasPatch {
		return result
	}
	result.Verdict = e.verdict(result.Release.Patch)
	result.Compliance = Compliant
	if result.Verdict.Count > 0 || result.BelowMinimum {
		result.Compliance = NonCompliant
	}
	return result
}

// FixedIn finds the lowest patch of a release that has the fix of an advisory, if
// there is one.
func (j *Judge) FixedIn(id string, r release.Release) (fix release.Release, found bool) {
	e := j.byRelease[r.Initial()]
	if e == nil {
		return release.Release{}, false
	}
	for _, h := range e.holes {
		if h.ID == id && h.until < forever {
			r.Patch = h.until
			return r, true
		}
	}
	return release.Release{}, false
}

// byLabel reads the label and holds the build against it.
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
		return nil
	}
	switch {
	case e == nil:
		result.Remark = fmt.Sprintf("release %q is not in the catalogue: %s", r.Initial(), cure)
	case !e.Verified:
		result.Remark = fmt.Sprintf("release %q is in the catalogue as announced only: %s", r.Initial(), cure)
		return nil
	}
	return e
}

// agree holds the build against the label; one that cannot be read says nothing.
func (j *Judge) agree(r release.Release, build string, ofLabel *entry, result *Judgement) bool {
	b, err := release.ParseBuild(build)
	if err != nil {
		return true
	}
	ofBuild := j.byTrack[b.Track]
	switch {
	case ofBuild != nil && ofBuild != ofLabel:
		result.Remark = fmt.Sprintf("the release label says %q, but build %s is of %q", r, b, ofBuild.Label)
		return false
	case ofLabel == nil:
		return true
	case ofBuild == nil && ofLabel.Track != nil:
		result.Remark = fmt.Sprintf("the release label says %q, but build %s is of another release: those of %q begin with %s",
			r, b, ofLabel.Label, ofLabel.Track)
		return false
	case ofBuild == nil:
		return j.fits(r, b, result)
	}
	p := ofLabel.against(r.Patch, b)
	switch {
	case p == nil:
		return true
	case p.Basis == catalog.Stated:
		result.Remark = fmt.Sprintf("the release label says %q, but build %s does not go with it: patch %d is build %s", r, b, p.Patch, p.Build)
		return false
	}
	result.Remark = fmt.Sprintf("the release label says %q, but build %s does not go with it if patch %d is build %s, as the catalogue infers: "+
		"it is judged by its label", r, b, p.Patch, p.Build)
	return true
}

// fits holds a build of no release in the catalogue against a release without builds
// there: tracks rise from release to release.
func (j *Judge) fits(r release.Release, b release.Build, result *Judgement) bool {
	for i := range j.Catalog.Releases {
		other := &j.Catalog.Releases[i]
		if other.Track != nil && cmp.Compare(other.Label.Compare(r.Initial()), 0) != other.Track.Compare(b.Track) {
			result.Remark = fmt.Sprintf("the release label says %q, but build %s does not go with it: those of %q begin with %s",
				r, b, other.Label, other.Track)
			return false
		}
	}
	return true
}

// cure is what an administrator can do about a release that the catalogue lacks.
const cure = `bring the catalogue up to date with "telegraf-qlik-sense-version catalog update FILE", and name the file in catalog_file`

// byBuild finds the release of a build.
func (j *Judge) byBuild(build string, result *Judgement) *entry {
	b, err := release.ParseBuild(build)
	if err != nil {
		result.Remark = "there is no release label, and the version is " + err.Error()
		return nil
	}
	e := j.byTrack[b.Track]
	switch {
	case e == nil:
		result.Remark = fmt.Sprintf("there is no release label, and build %s is of no release in the catalogue: %s", b, cure)
		return nil
	case !e.Verified:
		result.Remark = fmt.Sprintf("there is no release label, and build %s is of %q, which is in the catalogue as announced only: %s", b, e.Label, cure)
		return nil
	}
	result.Release, result.HasMonth = e.Label, true
	if result.Release.Patch, result.HasPatch = e.patchOf(b); !result.HasPatch {
		result.Remark = fmt.Sprintf("there is no release label, and the catalogue is not sure which patch of %q build %s is", e.Label, b)
	}
	return e
}

// compareWith compares what is known of the release: a month alone is enough unless
// it is that of the minimum and a patch of it is asked for.
func (j *Judgement) compareWith(minimum release.Release) {
	if minimum.IsZero() || !j.HasMonth || !j.HasPatch && minimum.Patch > 0 && j.Release == minimum.Initial() {
		return
	}
	j.HasMinimum = true
	j.BelowMinimum = j.Release.Compare(minimum) < 0
}
