// Package catalog holds what is known of the releases of Qlik Sense Enterprise on
// Windows and of the security advisories that concern them: the data, how it is
// read, checked, brought up to date and written. It judges nothing.
package catalog

import (
	_ "embed"
	"fmt"
	"sync"

	"telegraf-qlik-sense-version/internal/release"
)

// Catalog is the data of one file. Its days tell how far the data reaches.
type Catalog struct {
	// Schema is the version of the format, see Schema.
	Schema int `toml:"schema"`
	// EndsWith is "end" for a file that closes with the empty table [end], so that one that
	// was cut off can be told from a whole one; "" for one without.
	EndsWith string `toml:"ends_with,omitempty"`
	// ReleasesAsOf is the day on which the vendor's list of releases was read.
	ReleasesAsOf Day `toml:"releases_as_of"`
	// AdvisoriesAsOf is the day up to which advisories were looked for.
	AdvisoriesAsOf Day `toml:"advisories_as_of"`
	// ExploitedAsOf is the day of the list of exploited vulnerabilities (CISA KEV).
	ExploitedAsOf Day `toml:"exploited_as_of"`
	// Sources are those of the catalogue as a whole.
	Sources []string `toml:"sources"`
	// Notes are remarks on the catalogue as a whole, with the day that each is of where it has
	// one. Updates leave them alone.
	Notes Notes `toml:"notes,omitempty"`

	Releases   []Release  `toml:"release"`  // oldest first
	Advisories []Advisory `toml:"advisory"` // by identifier
}

// NVDNotice is the line that NVD's terms ask for wherever its data are shown.
const NVDNotice = "This product uses data from the NVD API but is not endorsed or certified by the NVD."

// OldAfter is the age in days from which on a part of a catalogue is called old: in 2025
// a supported release got one or two patches a month.
const OldAfter = 180

// Schema is the version of the format that this program reads and writes.
const Schema = 1

// Release is an initial release and its patches.
type Release struct {
	Label release.Release `toml:"label"`
	// Track is what its builds begin with, nil where no build is known.
	Track *release.Track `toml:"track,omitempty"`
	// LatestPatch is the newest patch that is known, nil where that is not known. It
	// is a lower bound: newer ones may have come since LatestPatchAsOf.
	LatestPatch     *int `toml:"latest_patch,omitempty"`
	LatestPatchAsOf Day  `toml:"latest_patch_as_of,omitempty"`
	// EndOfSupport is the last day of support, zero where it is not known.
	EndOfSupport Day `toml:"end_of_support,omitempty"`
	// EndOfSupportEstimate marks a day that the vendor did not publish: 24 months
	// after the release, by the vendor's rule.
	EndOfSupportEstimate bool `toml:"end_of_support_estimate,omitempty"`
	// Verified is false for a release that was announced but not seen: it is
	// information, and a server that runs it is not judged.
	Verified bool `toml:"verified"`
	// Patches are the builds that are known, oldest first.
	Patches Patches  `toml:"patches,omitempty"`
	Sources []string `toml:"sources"`
	Note    string   `toml:"note,omitempty"`
}

// Patch is a patch of a release, 0 being the initial release, and its build.
type Patch struct {
	Patch int           `toml:"patch"`
	Build release.Build `toml:"build"`
	Basis Basis         `toml:"basis"`
}

// Basis says how it is known that a build is a certain patch.
type Basis string

// The bases, from the surest to the least sure.
const (
	Stated    Basis = "stated"    // a source names the patch and the build together
	Derived   Basis = "derived"   // counted in the vendor's tags between two stated pairs
	Checked   Basis = "checked"   // counted past the last stated pair, and days of fixes agree
	Counted   Basis = "counted"   // counted past the last stated pair: may be off by one
	Ambiguous Basis = "ambiguous" // the count and the days of fixes disagree
)

// Sure reports whether a basis is good enough to tell the patch from the build.
func (b Basis) Sure() bool { return b == Stated || b == Derived || b == Checked }

func (b Basis) known() bool { return b.Sure() || b == Counted || b == Ambiguous }

// Advisory is a vulnerability of Qlik Sense.
type Advisory struct {
	ID      string `toml:"id"` // of CVE, or of GitHub's advisories
	Summary string `toml:"summary"`
	// Published is zero where CISA lists the advisory and no record of it has been read yet.
	Published Day `toml:"published,omitempty"`
	// CVSS is the score, 0 where there is none.
	CVSS       float64 `toml:"cvss,omitempty"`
	CVSSVector string  `toml:"cvss_vector,omitempty"`
	CVSSSource string  `toml:"cvss_source,omitempty"`
	// ExploitedSince is the day on which CISA listed it as exploited, zero where it
	// has not.
	ExploitedSince Day `toml:"exploited_since,omitempty"`
	// ExploitedDue is the day until which CISA wants federal agencies to have acted, zero where
	// its list names none.
	ExploitedDue Day `toml:"exploited_due,omitempty"`
	// Ransomware is set where CISA knows of its use by ransomware groups.
	Ransomware bool `toml:"ransomware,omitempty"`
	// Fixed are the first releases with the fix, one of each month at most.
	Fixed []release.Release `toml:"fixed"`
	// AffectedFrom is the first release that is affected, nil where nothing limits it.
	AffectedFrom *release.Release `toml:"affected_from,omitempty"`
	// SupersededBy are advisories whose fixes hold this one's fix as well.
	SupersededBy []string `toml:"superseded_by,omitempty"`
	// Verified is set where the advisory was read in the record of the CVE or in NVD.
	Verified   bool     `toml:"verified"`
	References []string `toml:"references"`
	// ReadBy is Machine for an entry that an update read in a feed, "" for one that somebody
	// wrote.
	ReadBy string `toml:"read_by,omitempty"`
	// Source is where the machine read it.
	Source string `toml:"source,omitempty"`
	// Status is NVD's word for the state of its record, for example "Deferred".
	Status string `toml:"status,omitempty"`
	// RecordModified is the last change of NVD's record as it was when the entry was made
	// from it, zero where that is not known.
	RecordModified Day `toml:"record_modified,omitempty"`
	// Keep is set for an entry that somebody edited: an update leaves it alone.
	Keep bool `toml:"keep,omitempty"`
	// Dismissed is the reason for which the advisory was set aside, "" for one that was not.
	Dismissed string `toml:"dismissed,omitempty"`
	Note      string `toml:"note,omitempty"`
	// Remark is what an update found in the record and did not take, since somebody wrote
	// the entry.
	Remark string `toml:"remark,omitempty"`
}

// Severity is the qualitative rating of a CVSS score, "" for no score.
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

// Machine is the ReadBy of an entry that nobody has looked at.
const Machine = "machine"

// ByMachine reports whether an update read the entry in a feed.
func (a *Advisory) ByMachine() bool { return a.ReadBy == Machine }

// Decides reports whether servers are judged by the advisory. Of the others nobody can tell
// which releases they concern, or they were dismissed.
func (a *Advisory) Decides() bool { return a.Verified && len(a.Fixed) > 0 && a.Dismissed == "" }

// Undecided reports whether servers are not judged by the advisory though it is about Qlik
// Sense: nobody can map it to releases yet.
func (a *Advisory) Undecided() bool { return !a.Decides() && a.Dismissed == "" }

// Undecided returns the advisories about Qlik Sense that nobody can map to releases yet, by
// identifier. They are shared with c: do not change them.
func (c *Catalog) Undecided() []*Advisory {
	var undecided []*Advisory
	for i := range c.Advisories {
		if a := &c.Advisories[i]; a.Undecided() {
			undecided = append(undecided, a)
		}
	}
	return undecided
}

// Decision says how somebody decides an undecided advisory, or sets it aside, in the
// catalogue of a name: that of its file, or BuiltInName.
func (a *Advisory) Decision(name string) string {
	place := "in " + name
	if name == BuiltInName {
		place = `in a catalogue of your own ("telegraf-qlik-sense-version catalog update FILE" makes one, and the setting catalog_file names it)`
	}
	return fmt.Sprintf("below id = %q %s, write the first fixed releases, fixed = [\"May 2025 Patch 3\"], with published, verified = true and keep = true; "+
		"or the reason to set it aside, dismissed = \"...\"", a.ID, place)
}

// Exploited reports whether CISA knows that the vulnerability is being exploited.
func (a *Advisory) Exploited() bool { return !a.ExploitedSince.IsZero() }

// BuiltInName is what the built-in catalogue is called where others have the name of a file.
const BuiltInName = "built in"

//go:embed catalog.toml
var builtIn string

// BuiltIn is the catalogue that this program was built with. It is shared: do not
// change it.
var BuiltIn = sync.OnceValue(func() *Catalog {
	// Without the first of Parse's readings, whose memory would stay with the process.
	c, err := decodeChecked(builtIn)
	if err != nil {
		panic("the built-in catalogue: " + err.Error()) // a test reads it
	}
	return c
})
