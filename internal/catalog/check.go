package catalog

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"telegraf-qlik-sense-version/internal/release"
)

// PartDay is a part of a catalogue and how far its data reach.
type PartDay struct {
	Part string // "releases", "advisories" or "exploited"
	Day  Day
}

// String returns for example "releases as of 2026-11-24".
func (p PartDay) String() string { return p.Part + " as of " + p.Day.String() }

func (p PartDay) key() string { return p.Part + "_as_of" }

// Days returns the days of all parts.
func (c *Catalog) Days() []PartDay {
	return []PartDay{{"releases", c.ReleasesAsOf}, {"advisories", c.AdvisoriesAsOf}, {"exploited", c.ExploitedAsOf}}
}

// CheckDays returns an error for each day in the future; see Day.InFuture.
func (c *Catalog) CheckDays(today Day) error {
	var errs []error
	for _, p := range c.Days() {
		if p.Day.InFuture(today) {
			errs = append(errs, fmt.Errorf("%s: %s is in the future: check it, or the clock of this machine", p.key(), p.Day))
		}
	}
	return errors.Join(errs...)
}

// Check finds contradictions and missing values. The error joins all of them, one line each,
// which begins with the entry.
func (c *Catalog) Check() error {
	k := &checker{
		catalog:    c,
		releases:   make(map[release.Release]*Release, len(c.Releases)),
		tracks:     make(map[release.Track]release.Release, len(c.Releases)),
		advisories: make(map[string]*Advisory, len(c.Advisories)),
	}
	for _, p := range c.Days() {
		if p.Day.IsZero() {
			k.errorsIn(p.key())("is missing")
		}
	}
	c.checkSizes(k.errorsIn("catalogue"))
	k.checkUsable()
	for i := range c.Releases {
		k.release(&c.Releases[i])
	}
	k.checkOrder()
	for i := range c.Advisories {
		a := &c.Advisories[i]
		if k.advisories[a.ID] != nil {
			k.errorsIn(a.title())("is listed twice")
		}
		k.advisories[a.ID] = a
	}
	k.findCycles()
	for i := range c.Advisories {
		k.advisory(&c.Advisories[i])
	}
	return errors.Join(k.errs...)
}

type checker struct {
	catalog    *Catalog
	releases   map[release.Release]*Release
	tracks     map[release.Track]release.Release
	advisories map[string]*Advisory
	components map[string]int // see findCycles
	errs       []error
}

// errorsIn returns a function that adds an error about an entry.
func (k *checker) errorsIn(entry string) (errorf func(format string, args ...any)) {
	return func(format string, args ...any) {
		k.errs = append(k.errs, fmt.Errorf("%s: %s", entry, fmt.Sprintf(format, args...)))
	}
}

func (r *Release) title() string { return fmt.Sprintf("release %q", r.Label) }

func (a *Advisory) title() string { return fmt.Sprintf("advisory %.60q", a.ID) }

// checkUsable refuses a catalogue by which nothing can be judged: without advisories that decide,
// every server would look compliant.
func (k *checker) checkUsable() {
	c := k.catalog
	if len(c.Releases) == 0 {
		k.errorsIn("release")("there is none: nothing could be judged")
	}
	if !slices.ContainsFunc(c.Advisories, func(a Advisory) bool { return a.Decides() }) {
		k.errorsIn("advisory")("there is none that decides (verified = true, a release in fixed, and not dismissed), so every server would look compliant: " +
			"copy or update the file again, or add one")
	}
}

func (k *checker) release(r *Release) {
	if r.Label.IsZero() {
		k.errorsIn("release")("a release lacks its label")
		return
	}
	errorf := k.errorsIn(r.title())
	if r.Label.Patch != 0 {
		errorf("label must be that of an initial release, without a patch")
		return
	}
	if k.releases[r.Label] != nil {
		errorf("is listed twice")
	}
	k.releases[r.Label] = r

	if r.Track != nil {
		if other, taken := k.tracks[*r.Track]; taken {
			errorf("track %s is that of %q already", r.Track, other)
		}
		k.tracks[*r.Track] = r.Label
	}
	switch {
	case r.LatestPatch == nil && r.LatestPatchAsOf.IsZero():
	case r.LatestPatch == nil || r.LatestPatchAsOf.IsZero():
		errorf("latest_patch and latest_patch_as_of belong together: one of them is missing")
	case *r.LatestPatch < 0 || *r.LatestPatch > release.MaxPatch:
		errorf("latest_patch %d: patches are numbered from 0 to %d", *r.LatestPatch, release.MaxPatch)
	case r.LatestPatchAsOf.After(k.catalog.newestDay()):
		errorf("latest_patch_as_of %s is after all days of the catalogue", r.LatestPatchAsOf)
	}
	if r.EndOfSupportEstimate && r.EndOfSupport.IsZero() {
		errorf("end_of_support_estimate without end_of_support")
	}
	if !r.EndOfSupport.IsZero() && !r.EndOfSupport.After(firstDay(r.Label)) {
		errorf("end_of_support %s is not after the release", r.EndOfSupport)
	}
	if len(r.Sources) == 0 {
		errorf("sources are missing: say where this is known from")
	}
	r.checkSizes(errorf)
	checkPatches(r, errorf)
}

func checkPatches(r *Release, errorf func(string, ...any)) {
	if len(r.Patches) > 0 && r.Track == nil {
		errorf("track is missing, but there are builds")
		return
	}
	for i, p := range r.Patches {
		switch {
		case p.Patch < 0 || p.Patch > release.MaxPatch:
			errorf("patch %d: patches are numbered from 0 to %d", p.Patch, release.MaxPatch)
		case p.Build == release.Build{}:
			errorf("patch %d lacks its build", p.Patch)
		case p.Build.Track != *r.Track:
			errorf("patch %d: build %s is not of track %s", p.Patch, p.Build, r.Track)
		case !p.Basis.known():
			errorf("patch %d: basis %.60q is none of stated, derived, checked, counted, ambiguous", p.Patch, p.Basis)
		case r.LatestPatch != nil && p.Patch > *r.LatestPatch && p.Basis != Ambiguous:
			errorf("patch %d is newer than latest_patch %d", p.Patch, *r.LatestPatch)
		case i > 0 && (p.Patch <= r.Patches[i-1].Patch || p.Build.Number <= r.Patches[i-1].Build.Number):
			errorf("patch %d, build %s, does not come after patch %d, build %s",
				p.Patch, p.Build, r.Patches[i-1].Patch, r.Patches[i-1].Build)
		}
	}
}

// checkOrder checks that tracks rise with labels.
func (k *checker) checkOrder() {
	var previous *Release
	for _, r := range slices.SortedFunc(slices.Values(k.catalog.Releases), func(a, b Release) int { return a.Label.Compare(b.Label) }) {
		if r.Track == nil || r.Label.IsZero() {
			continue
		}
		if previous != nil && r.Track.Compare(*previous.Track) < 0 {
			k.errorsIn(r.title())("track %s is lower than %s of the older %q", r.Track, previous.Track, previous.Label)
		}
		previous = &r
	}
}

var identifier = regexp.MustCompile(`^(CVE-\d{4}-\d{4,19}|GHSA(-[2-9cfghjmpqrvwx]{4}){3})$`)

func (k *checker) advisory(a *Advisory) {
	errorf := k.errorsIn(a.title())
	if !identifier.MatchString(a.ID) {
		errorf("is not an identifier such as CVE-2023-41265 or GHSA-8qvr-jr3j-p3rg")
	}
	if a.Summary == "" {
		errorf("summary is missing")
	}
	if len(a.References) == 0 {
		errorf("references are missing: say where this is known from")
	}
	if math.IsNaN(a.CVSS) || a.CVSS < 0 || a.CVSS > 10 {
		errorf("cvss %v: scores are from 0 to 10", a.CVSS)
	}
	switch {
	case a.Published.IsZero() && (a.Decides() || !a.Exploited()):
		errorf("published is missing")
	case a.Published.After(k.catalog.AdvisoriesAsOf):
		errorf("published %s is after advisories_as_of %s", a.Published, k.catalog.AdvisoriesAsOf)
	}
	switch {
	case a.ExploitedSince.After(k.catalog.ExploitedAsOf):
		errorf("exploited_since %s is after exploited_as_of %s", a.ExploitedSince, k.catalog.ExploitedAsOf)
	case a.ExploitedSince.After(a.ExploitedDue) && !a.ExploitedDue.IsZero():
		errorf("exploited_due %s is before exploited_since %s", a.ExploitedDue, a.ExploitedSince)
	case !a.ExploitedDue.IsZero() && !a.Exploited():
		errorf("exploited_due without exploited_since")
	case a.Ransomware && !a.Exploited():
		errorf("ransomware without exploited_since")
	}
	a.checkOrigin(errorf)
	a.checkSizes(errorf)
	k.fixes(a, errorf)
	k.supersession(a, errorf)
}

// checkOrigin checks where the entry comes from and why it was dismissed.
func (a *Advisory) checkOrigin(errorf func(string, ...any)) {
	switch {
	case a.ReadBy != "" && !a.ByMachine():
		errorf("read_by %.60q: write read_by = %q for an entry that an update read, and nothing for one of your own", a.ReadBy, Machine)
	case a.ByMachine() && a.Source == "":
		errorf("source is missing, but the entry says read_by = %q", Machine)
	}
	if a.Dismissed != "" && strings.TrimSpace(a.Dismissed) == "" {
		errorf("dismissed is blank: write why the advisory was set aside")
	}
}

func (k *checker) fixes(a *Advisory, errorf func(string, ...any)) {
	seen := make(map[release.Release]bool, len(a.Fixed))
	for _, fix := range a.Fixed {
		r := k.releases[fix.Initial()]
		switch {
		case r == nil:
			errorf("fixed in %q, a release that is not listed", fix)
		case seen[fix.Initial()]:
			errorf("fixed in %q and in another patch of the same release: name the first one alone", fix)
		case r.LatestPatch != nil && fix.Patch > *r.LatestPatch:
			errorf("fixed in %q, which is newer than latest_patch %d", fix, *r.LatestPatch)
		case a.AffectedFrom != nil && fix.Initial().Compare(*a.AffectedFrom) < 0:
			errorf("fixed in %q, which is older than affected_from %q", fix, a.AffectedFrom)
		}
		seen[fix.Initial()] = true
	}
	if a.AffectedFrom != nil && k.releases[*a.AffectedFrom] == nil {
		errorf("affected_from %q is not an initial release that is listed", a.AffectedFrom)
	}
}
