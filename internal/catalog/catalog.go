// Package catalog reads, checks, updates and writes the data on releases of Qlik Sense
// Enterprise on Windows and their security advisories. It judges nothing.
package catalog

import (
	_ "embed"
	"fmt"
	"sync"

	"telegraf-qlik-sense-version/internal/release"
)

// Catalog is the data of one file. Its days tell how recent the data are.
type Catalog struct {
	// Schema is the version of the format; see the constant Schema.
	Schema int `toml:"schema"`
	// EndsWith is "end" for a file whose last line is the empty table [end], so that a file that
	// was cut off is recognized; "" for a file without it.
	EndsWith string `toml:"ends_with,omitempty"`
	// ReleasesAsOf is the day of the vendor's list of releases.
	ReleasesAsOf Day `toml:"releases_as_of"`
	// AdvisoriesAsOf is the day up to which advisories are covered.
	AdvisoriesAsOf Day `toml:"advisories_as_of"`
	// ExploitedAsOf is the day of the list of exploited vulnerabilities (CISA KEV).
	ExploitedAsOf Day      `toml:"exploited_as_of"`
	Sources       []string `toml:"sources"`
	// Notes are remarks on the whole catalogue. Updates keep them.
	Notes Notes `toml:"notes,omitempty"`

	Releases   []Release  `toml:"release"`  // oldest first
	Advisories []Advisory `toml:"advisory"` // sorted by identifier
}

// NVDNotice is the notice that NVD's terms of use require wherever its data are shown.
const NVDNotice = "This product uses data from the NVD API but is not endorsed or certified by the NVD."

// OldAfter is the age in days from which a part of a catalogue counts as old: in 2025 a
// supported release got one or two patches a month.
const OldAfter = 180

// Schema is the version of the format that this program reads and writes.
const Schema = 1

// Release is an initial release and its patches.
type Release struct {
	Label release.Release `toml:"label"`
	// Track is nil if no build is known.
	Track *release.Track `toml:"track,omitempty"`
	// LatestPatch is the newest known patch, nil if unknown. It is a lower bound: newer ones
	// may have come out since LatestPatchAsOf.
	LatestPatch     *int `toml:"latest_patch,omitempty"`
	LatestPatchAsOf Day  `toml:"latest_patch_as_of,omitempty"`
	// EndOfSupport is the last day of support, zero if unknown.
	EndOfSupport Day `toml:"end_of_support,omitempty"`
	// EndOfSupportEstimate is set if the vendor did not publish the day: it is 24 months after
	// the release, by the vendor's rule.
	EndOfSupportEstimate bool `toml:"end_of_support_estimate,omitempty"`
	// Verified is false for a release that was only announced: a server that runs it is not
	// judged.
	Verified bool `toml:"verified"`
	// Patches are the known builds, oldest first.
	Patches Patches  `toml:"patches,omitempty"`
	Sources []string `toml:"sources"`
	Note    string   `toml:"note,omitempty"`
}

// Patch is a patch of a release and its build; 0 is the initial release.
type Patch struct {
	Patch int           `toml:"patch"`
	Build release.Build `toml:"build"`
	Basis Basis         `toml:"basis"`
}

func (p Patch) String() string { return fmt.Sprintf("%d is %s (%s)", p.Patch, p.Build, p.Basis) }

// Basis is how it is known that a build is a certain patch.
type Basis string

// The bases, from most to least certain.
const (
	Stated    Basis = "stated"    // a source names the patch and the build together
	Derived   Basis = "derived"   // counted in the vendor's tags between two stated patches
	Checked   Basis = "checked"   // counted past the last stated patch, and the days of fixes agree
	Counted   Basis = "counted"   // counted past the last stated patch: may be off by one
	Ambiguous Basis = "ambiguous" // the count and the days of fixes disagree
)

// Sure reports whether the basis is good enough to tell the patch from the build.
func (b Basis) Sure() bool { return b == Stated || b == Derived || b == Checked }

func (b Basis) known() bool { return b.Sure() || b == Counted || b == Ambiguous }

// Advisory is a vulnerability of Qlik Sense.
type Advisory struct {
	ID      string `toml:"id"` // CVE or GHSA
	Summary string `toml:"summary"`
	// Published is zero if CISA lists the advisory but its record has not been read yet.
	Published Day `toml:"published,omitempty"`
	// CVSS is the score, 0 for none.
	CVSS       float64 `toml:"cvss,omitempty"`
	CVSSVector string  `toml:"cvss_vector,omitempty"`
	CVSSSource string  `toml:"cvss_source,omitempty"`
	// ExploitedSince is the day on which CISA listed it as exploited, zero if it did not.
	ExploitedSince Day `toml:"exploited_since,omitempty"`
	// ExploitedDue is CISA's due date for federal agencies, zero for none.
	ExploitedDue Day `toml:"exploited_due,omitempty"`
	// Ransomware is set if CISA knows of its use in ransomware campaigns.
	Ransomware bool `toml:"ransomware,omitempty"`
	// Fixed are the first patches with the fix, at most one for each release.
	Fixed []release.Release `toml:"fixed"`
	// AffectedFrom is the first affected release, nil for all.
	AffectedFrom *release.Release `toml:"affected_from,omitempty"`
	// SupersededBy are advisories whose fixes include this one's.
	SupersededBy []string `toml:"superseded_by,omitempty"`
	// Verified is set if the advisory was read in the CVE record or in NVD.
	Verified   bool     `toml:"verified"`
	References []string `toml:"references"`
	// ReadBy is Machine for an entry that an update read from a feed, "" for one that somebody
	// wrote.
	ReadBy string `toml:"read_by,omitempty"`
	// Source is the page of the feed's entry, for ReadBy Machine.
	Source string `toml:"source,omitempty"`
	// Status is the status of NVD's record, for example "Deferred".
	Status string `toml:"status,omitempty"`
	// RecordModified is when the version of NVD's record that the entry is based on was last
	// modified, zero if unknown.
	RecordModified Day `toml:"record_modified,omitempty"`
	// Keep is set for an entry that updates must not change.
	Keep bool `toml:"keep,omitempty"`
	// Dismissed is why the advisory is not judged by, "" if it was not dismissed.
	Dismissed string `toml:"dismissed,omitempty"`
	Note      string `toml:"note,omitempty"`
	// Remark is how NVD's record differs from an entry that somebody wrote, as of the last
	// update.
	Remark string `toml:"remark,omitempty"`
}

// Severity returns the qualitative rating of a CVSS score, "" for no score.
//
// Source: CVSS v3.1 specification, section 5.
func Severity(score float64) string {
	switch {
	case score >= 9:
		return "critical"
	case score >= 7:
		return "high"
	case score >= 4:
		return "medium"
	case score > 0:
		return "low"
	}
	return ""
}

// Machine is the ReadBy of an entry that no person has reviewed.
const Machine = "machine"

// ByMachine reports whether an update read the entry from a feed.
func (a *Advisory) ByMachine() bool { return a.ReadBy == Machine }

// Decides reports whether servers are judged by the advisory. Others are not mapped to releases
// or were dismissed.
func (a *Advisory) Decides() bool { return a.Verified && len(a.Fixed) > 0 && a.Dismissed == "" }

// Undecided reports whether the advisory is not mapped to releases yet, so that servers cannot
// be judged by it.
func (a *Advisory) Undecided() bool { return !a.Decides() && a.Dismissed == "" }

// Undecided returns the undecided advisories. They are shared with c: do not change them.
func (c *Catalog) Undecided() []*Advisory {
	var undecided []*Advisory
	for i := range c.Advisories {
		if a := &c.Advisories[i]; a.Undecided() {
			undecided = append(undecided, a)
		}
	}
	return undecided
}

// Decision tells people how to decide or dismiss an undecided advisory in a catalogue: name is
// its file, or BuiltInName.
func (a *Advisory) Decision(name string) string {
	place := "in " + name
	if name == BuiltInName {
		place = `in a catalogue of your own ("telegraf-qlik-sense-version catalog update FILE" makes one, and the setting catalog_file names it)`
	}
	return fmt.Sprintf("below id = %q %s, write the first fixed releases, fixed = [\"May 2025 Patch 3\"], with published, verified = true and keep = true; "+
		"or the reason to set it aside, dismissed = \"...\"", a.ID, place)
}

// Exploited reports whether CISA lists the vulnerability as exploited.
func (a *Advisory) Exploited() bool { return !a.ExploitedSince.IsZero() }

// BuiltInName is the name of the built-in catalogue where others have that of their file.
const BuiltInName = "built in"

//go:embed catalog.toml
var builtIn string

// BuiltIn returns the built-in catalogue. It is shared: do not change it.
var BuiltIn = sync.OnceValue(func() *Catalog {
	// Not Parse: its first pass would raise the memory use of the process for good.
	c, err := decodeChecked(builtIn)
	if err != nil {
		panic("the built-in catalogue: " + err.Error()) // a test reads it
	}
	return c
})
