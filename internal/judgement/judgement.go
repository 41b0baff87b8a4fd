// Package judgement judges the version of a Qlik Sense server by a catalogue of
// releases and advisories.
package judgement

import (
	"cmp"
	"fmt"
	"slices"
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
	Compliant    Compliance = 0 // proven: fresh data know of nothing against it
	NonCompliant Compliance = 1 // an advisory applies, or it is out of policy
	Unknown      Compliance = 2 // neither is proven
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

// Reasons are what decided that a version is not compliant; 0 for one that is.
type Reasons uint16

// The reasons, in the order of their names.
const (
	Advisories          Reasons = 1 << iota // an advisory applies
	BelowMinimum                            // Policy.Minimum
	CatalogTooOld                           // the advisory data are older than Policy.MaxAge, or of the future
	LabelAndBuildDiffer                     // they name two releases
	OutOfSupport                            // Policy.RequireSupport
	ReleaseUnknown                          // it cannot be read, or the catalogue lacks it
	SupportUnknown                          // Policy.RequireSupport, and the catalogue lacks the end of support
	UndecidedAdvisory                       // one is exploited and nobody can map it to releases yet
)

var reasonNames = [...]string{
	"advisories", "below_minimum", "catalog_too_old", "label_and_build_differ",
	"out_of_support", "release_unknown", "support_unknown", "undecided_advisory",
}

// Names returns the values of the field compliance_reason, sorted.
func (r Reasons) Names() []string {
	names := make([]string, 0, len(reasonNames))
	for i, name := range reasonNames {
		if r&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// Policy is what a server must fulfil beside being open to no known advisory.
type Policy struct {
	Minimum        release.Release // the zero Release is none
	RequireSupport bool            // the end of its support has not come
	// MaxAge is how old advisory data may be to prove compliance, in days; 0 sets no limit.
	MaxAge int
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
	// Verdict is what the advisories say; nil where the release or its patch is not
	// known. It is shared: do not change it.
	Verdict *Verdict
	// BelowMinimum is set for a release below the minimum; HasMinimum where there is a
	// minimum and the release can be compared with it.
	BelowMinimum, HasMinimum bool
	Compliance               Compliance
	Reasons                  Reasons
	// Remark is what an administrator should know of the version: why it cannot be judged,
	// or that label and build name different patches. "" where there is nothing to say.
	Remark string

	day catalog.Day // of the judgement
}

// PatchesBehind is the distance to the newest patch known of the same release, 0 for a
// patch that is newer than that.
func (j *Judgement) PatchesBehind() (behind int, known bool) {
	if j.Listed == nil || j.Listed.LatestPatch == nil || !j.HasPatch {
		return 0, false
	}
	return max(0, *j.Listed.LatestPatch-j.Release.Patch), true
}

// SupportDaysLeft is the number of days to the end of support, negative after it.
func (j *Judgement) SupportDaysLeft() (days int, known bool) {
	if j.Listed == nil || j.Listed.EndOfSupport.IsZero() {
		return 0, false
	}
	return j.Listed.EndOfSupport.DaysSince(j.day), true
}

// Unsupported reports whether the end of support is known to have passed.
func (j *Judgement) Unsupported() bool {
	days, known := j.SupportDaysLeft()
	return known && days < 0
}

// ExposedDays is the number of days since the oldest advisory that applies was
// published; not known where none applies.
func (j *Judgement) ExposedDays() (days int, known bool) {
	if j.Verdict == nil || len(j.Verdict.Advisories) == 0 {
		return 0, false
	}
	return max(0, j.day.DaysSince(j.Verdict.Published)), true
}

// Judge judges versions by a catalogue. It can be used by several goroutines at the
// same time.
type Judge struct {
	// Catalog is what it judges by; it is shared: do not change it.
	Catalog *catalog.Catalog
	// Undecided is the number of advisories that nobody can map to releases yet.
	Undecided int

	byRelease map[release.Release]*entry
	byTrack   map[release.Track]*entry
	// undecidedExploited is set where an undecided advisory is known to be exploited.
	undecidedExploited bool
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
	undecided := c.Undecided()
	j.Undecided = len(undecided)
	j.undecidedExploited = slices.ContainsFunc(undecided, (*catalog.Advisory).Exploited)
	return j
}

// Judge judges a version on a day, by the release label and the build that a server
// tells, each of which may be missing (""). The label counts; the build does only where
// there is no label.
func (j *Judge) Judge(label, build string, policy *Policy, day catalog.Day) Judgement {
	label, build = strings.TrimSpace(label), strings.TrimSpace(build)
	result := Judgement{day: day}
	var e *entry
	if label == "" {
		e = j.byBuild(build, &result)
	} else {
		e = j.byLabel(label, build, &result)
	}
	result.compareWith(policy.Minimum)
	if e != nil {
		result.Listed = e.Release
		if result.HasPatch {
			result.Verdict = e.verdict(result.Release.Patch)
		}
	}
	result.decide(policy, j.unproven(policy, day))
	return result
}

// unproven returns why the data prove nothing compliant on a day.
func (j *Judge) unproven(policy *Policy, day catalog.Day) (reasons Reasons) {
	asOf := j.Catalog.AdvisoriesAsOf
	if policy.MaxAge > 0 && day.DaysSince(asOf) > policy.MaxAge || asOf.InFuture(day) {
		reasons |= CatalogTooOld
	}
	if j.undecidedExploited {
		reasons |= UndecidedAdvisory
	}
	return reasons
}

// decide sets Compliance and Reasons. What speaks against a release needs no fresh data;
// compliant is what is left when nothing speaks against it and nothing is unproven.
func (j *Judgement) decide(policy *Policy, unproven Reasons) {
	if j.Listed == nil {
		j.Compliance = Unknown
		if j.Reasons == 0 {
			j.Reasons = ReleaseUnknown
		}
		return
	}
	var against Reasons
	if j.Verdict != nil && len(j.Verdict.Advisories) > 0 {
		against |= Advisories
	}
	if j.BelowMinimum {
		against |= BelowMinimum
	}
	if policy.RequireSupport {
		switch left, known := j.SupportDaysLeft(); {
		case !known:
			unproven |= SupportUnknown
		case left < 0:
			against |= OutOfSupport
		}
	}
	if j.Verdict == nil {
		unproven |= ReleaseUnknown
	}
	switch {
	case against != 0:
		j.Compliance, j.Reasons = NonCompliant, against
	case unproven != 0:
		j.Compliance, j.Reasons = Unknown, unproven
	default:
		j.Compliance, j.Reasons = Compliant, 0
	}
}

// FixedIn finds the lowest patch of a release that has the fix of an advisory, if
// there is one.
func (j *Judge) FixedIn(id string, r release.Release) (fix release.Release, found bool) {
	e := j.byRelease[r.Initial()]
	if e == nil {
		return release.Release{}, false
	}
	for _, x := range e.exposures {
		if x.ID == id && x.fixedFrom < noFix {
			r.Patch = x.fixedFrom
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
		result.Reasons = LabelAndBuildDiffer
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
	p := ofLabel.conflicting(r.Patch, b)
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
