// Package judgement judges the version of a Qlik Sense server by a catalogue of
// releases and advisories.
package judgement

import (
	"slices"
	"strings"
	"sync"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/release"
)

// Compliance is the outcome of a judgement; its values are those of the field
// compliance_code.
type Compliance int

// The outcomes.
const (
	Compliant    Compliance = 0 // proven by fresh data
	NonCompliant Compliance = 1 // an advisory applies, or the version is out of policy
	Unknown      Compliance = 2 // neither can be proven
)

// String returns the value of the field compliance.
func (c Compliance) String() string {
	switch c {
	case Compliant:
		return "compliant"
	case NonCompliant:
		return "non_compliant"
	}
	return "unknown"
}

// Reasons is the set of reasons why a version is not compliant; 0 if it is.
type Reasons uint16

// The reasons, sorted by name.
const (
	Advisories          Reasons = 1 << iota // an advisory applies
	BelowMinimum                            // Policy.Minimum
	CatalogTooOld                           // the advisory data are older than Policy.MaxAge, or dated in the future
	LabelAndBuildDiffer                     // they belong to different releases or, as a source states, to different patches
	OutOfSupport                            // Policy.RequireSupport
	ReleaseUnknown                          // the release cannot be read, or the catalogue lacks it
	SupportUnknown                          // Policy.RequireSupport, but the catalogue lacks the end of support
	UndecidedAdvisory                       // an exploited one is not mapped to releases yet
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

// Policy is what a server must meet besides having no known advisory.
type Policy struct {
	Minimum        release.Release // the zero Release for none
	RequireSupport bool            // it must not be past its end of support
	// MaxAge is the age in days up to which advisory data prove compliance; 0 for no limit.
	MaxAge int
}

// Judgement is what is known about a version. A field that is nil or false is unknown.
type Judgement struct {
	// Release is what the server runs, by its label or, without one, by its build.
	Release release.Release
	// HasMonth and HasPatch report which parts of Release are known.
	HasMonth, HasPatch bool
	// Listed is the catalogue's entry for Release; nil if there is none, or if label and
	// build contradict each other. It is shared: do not change it.
	Listed *catalog.Release
	// Verdict lists the advisories that apply; nil if the release or its patch is unknown.
	// It is shared: do not change it.
	Verdict *Verdict
	// BelowMinimum is set if the release is below the minimum; HasMinimum if there is a
	// minimum and the release can be compared with it.
	BelowMinimum, HasMinimum bool
	Compliance               Compliance
	Reasons                  Reasons
	// Remark tells an administrator why the version cannot be judged, or that label and build
	// name different patches. "" for none.
	Remark string

	day catalog.Day // of the judgement
}

// PatchesBehind returns the distance to the newest known patch of the same release, 0 for a
// patch newer than that.
func (j *Judgement) PatchesBehind() (behind int, known bool) {
	if j.Listed == nil || j.Listed.LatestPatch == nil || !j.HasPatch {
		return 0, false
	}
	return max(0, *j.Listed.LatestPatch-j.Release.Patch), true
}

// SupportDaysLeft returns the number of days to the end of support, negative after it.
func (j *Judgement) SupportDaysLeft() (days int, known bool) {
	if j.Listed == nil || j.Listed.EndOfSupport.IsZero() {
		return 0, false
	}
	return j.Listed.EndOfSupport.DaysSince(j.day), true
}

// Unsupported reports whether the release is known to be past its end of support.
func (j *Judgement) Unsupported() bool {
	days, known := j.SupportDaysLeft()
	return known && days < 0
}

// ExposedDays returns the number of days since the oldest advisory that applies was
// published; unknown if none applies.
func (j *Judgement) ExposedDays() (days int, known bool) {
	if j.Verdict == nil || len(j.Verdict.Advisories) == 0 {
		return 0, false
	}
	return max(0, j.day.DaysSince(j.Verdict.Published)), true
}

// Judge judges versions by a catalogue. It is safe for concurrent use.
type Judge struct {
	// Catalog is shared: do not change it.
	Catalog *catalog.Catalog
	// Undecided is the number of advisories not mapped to releases yet.
	Undecided int

	byRelease map[release.Release]*entry
	byTrack   map[release.Track]*entry
	byID      map[string]*catalog.Advisory
	// undecidedExploited is set if an undecided advisory is known to be exploited.
	undecidedExploited bool
}

// BuiltIn returns the judge for the built-in catalogue.
var BuiltIn = sync.OnceValue(func() *Judge { return New(catalog.BuiltIn()) })

// New returns a judge for a catalogue, which must have passed Check and must not change.
func New(c *catalog.Catalog) *Judge {
	j := &Judge{
		Catalog:   c,
		byRelease: make(map[release.Release]*entry, len(c.Releases)),
		byTrack:   make(map[release.Track]*entry, len(c.Releases)),
		byID:      make(map[string]*catalog.Advisory, len(c.Advisories)),
	}
	for i := range c.Advisories {
		j.byID[c.Advisories[i].ID] = &c.Advisories[i]
	}
	for i := range c.Releases {
		e := j.newEntry(&c.Releases[i])
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

// Judge judges a version on a given day, from the release label and the build that a server
// reports, each of which may be missing (""). The build only decides if there is no label.
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

// unproven returns why the data cannot prove compliance on a given day.
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

// decide sets Compliance and Reasons. A reason against a version needs no fresh data; only a
// version with nothing against it and nothing unproven is compliant.
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

// FixedIn returns the lowest patch of a release that has the fix for an advisory, if any.
func (j *Judge) FixedIn(id string, r release.Release) (fix release.Release, found bool) {
	e := j.byRelease[r.Initial()]
	if e == nil {
		return release.Release{}, false
	}
	patch, decides := e.fixedFrom(id)
	if !decides || patch == noFix {
		return release.Release{}, false
	}
	r.Patch = patch
	return r, true
}

// compareWith compares the release with the minimum. Without a known patch, the month decides
// unless the minimum is a patch of the same release.
func (j *Judgement) compareWith(minimum release.Release) {
	if minimum.IsZero() || !j.HasMonth || !j.HasPatch && minimum.Patch > 0 && j.Release == minimum.Initial() {
		return
	}
	j.HasMinimum = true
	j.BelowMinimum = j.Release.Compare(minimum) < 0
}
