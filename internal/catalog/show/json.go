package show

import (
	"encoding/json"
	"io"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/release"
)

// schema is the version of the document below. It rises when a key is removed or changes its
// meaning; keys may be added at any time.
const schema = 1

// catalogJSON is what "catalog show --output json" prints: releases by age, advisories by
// identifier, days as 2026-11-21. Unknown values are omitted.
type catalogJSON struct {
	Schema         int            `json:"schema"`
	Catalog        string         `json:"catalog"` // the file, or "built in"
	ReleasesAsOf   asOfJSON       `json:"releases_as_of"`
	AdvisoriesAsOf asOfJSON       `json:"advisories_as_of"`
	ExploitedAsOf  asOfJSON       `json:"exploited_as_of"`
	Releases       []releaseJSON  `json:"releases"`
	Advisories     []advisoryJSON `json:"advisories"`
	Sources        []string       `json:"sources"`
	Notes          []string       `json:"notes,omitempty"` // on the whole catalogue
	Notice         string         `json:"notice"`          // required by NVD's terms of use
}

// asOfJSON is how far a part of the catalogue reaches.
type asOfJSON struct {
	Day     catalog.Day `json:"day"`
	AgeDays int         `json:"age_days"` // negative if the clock is behind
}

type releaseJSON struct {
	Label                release.Release `json:"label"`
	Track                *release.Track  `json:"track,omitempty"`
	LatestPatch          *int            `json:"latest_patch,omitempty"` // a lower bound
	LatestPatchAsOf      catalog.Day     `json:"latest_patch_as_of,omitzero"`
	EndOfSupport         catalog.Day     `json:"end_of_support,omitzero"`
	EndOfSupportEstimate bool            `json:"end_of_support_estimate"`
	Verified             bool            `json:"verified"` // false: only announced, not judged
	Builds               []buildJSON     `json:"builds"`   // sorted by patch; 0 is the initial release
	Sources              []string        `json:"sources"`
	Note                 string          `json:"note,omitempty"`
}

type buildJSON struct {
	Patch int           `json:"patch"`
	Build release.Build `json:"build"`
	Basis catalog.Basis `json:"basis"` // stated, derived, checked, counted or ambiguous
	Sure  bool          `json:"sure"`  // good enough to tell the patch from the build
}

type advisoryJSON struct {
	ID             string            `json:"id"`
	Summary        string            `json:"summary"`
	Published      catalog.Day       `json:"published,omitzero"`
	CVSS           float64           `json:"cvss,omitempty"`
	CVSSVector     string            `json:"cvss_vector,omitempty"`
	CVSSSource     string            `json:"cvss_source,omitempty"`
	ExploitedSince catalog.Day       `json:"exploited_since,omitzero"` // from CISA
	ExploitedDue   catalog.Day       `json:"exploited_due,omitzero"`
	Ransomware     bool              `json:"ransomware"`
	Fixed          []release.Release `json:"fixed"` // the first releases with the fix
	AffectedFrom   *release.Release  `json:"affected_from,omitempty"`
	SupersededBy   []string          `json:"superseded_by,omitempty"`
	Decides        bool              `json:"decides"`   // false: servers are not judged by it
	Undecided      bool              `json:"undecided"` // not mapped to releases yet
	Dismissed      string            `json:"dismissed,omitempty"`
	ReadBy         string            `json:"read_by,omitempty"` // "machine", omitted for an entry that somebody wrote
	Source         string            `json:"source,omitempty"`
	Status         string            `json:"status,omitempty"` // of NVD's record
	RecordModified catalog.Day       `json:"record_modified,omitzero"`
	Keep           bool              `json:"keep"`
	References     []string          `json:"references"`
	Note           string            `json:"note,omitempty"`
	Remark         string            `json:"remark,omitempty"`
}

// JSON writes a catalogue for programs. name is its file, or "built in".
func JSON(w io.Writer, c *catalog.Catalog, name string, today catalog.Day) error {
	s := catalogJSON{
		Schema:         schema,
		Catalog:        name,
		ReleasesAsOf:   asOfJSON{c.ReleasesAsOf, today.DaysSince(c.ReleasesAsOf)},
		AdvisoriesAsOf: asOfJSON{c.AdvisoriesAsOf, today.DaysSince(c.AdvisoriesAsOf)},
		ExploitedAsOf:  asOfJSON{c.ExploitedAsOf, today.DaysSince(c.ExploitedAsOf)},
		Releases:       make([]releaseJSON, 0, len(c.Releases)),
		Advisories:     make([]advisoryJSON, 0, len(c.Advisories)),
		Sources:        nonNil(c.Sources),
		Notes:          c.Notes,
		Notice:         catalog.NVDNotice,
	}
	for i := range c.Releases {
		s.Releases = append(s.Releases, newReleaseJSON(&c.Releases[i]))
	}
	for i := range c.Advisories {
		s.Advisories = append(s.Advisories, newAdvisoryJSON(&c.Advisories[i]))
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(s)
}

func newReleaseJSON(r *catalog.Release) releaseJSON {
	s := releaseJSON{
		Label:                r.Label,
		Track:                r.Track,
		LatestPatch:          r.LatestPatch,
		LatestPatchAsOf:      r.LatestPatchAsOf,
		EndOfSupport:         r.EndOfSupport,
		EndOfSupportEstimate: r.EndOfSupportEstimate,
		Verified:             r.Verified,
		Builds:               make([]buildJSON, 0, len(r.Patches)),
		Sources:              nonNil(r.Sources),
		Note:                 r.Note,
	}
	for _, p := range r.Patches {
		s.Builds = append(s.Builds, buildJSON{p.Patch, p.Build, p.Basis, p.Basis.Sure()})
	}
	return s
}

func newAdvisoryJSON(a *catalog.Advisory) advisoryJSON {
	return advisoryJSON{
		ID:             a.ID,
		Summary:        a.Summary,
		Published:      a.Published,
		CVSS:           a.CVSS,
		CVSSVector:     a.CVSSVector,
		CVSSSource:     a.CVSSSource,
		ExploitedSince: a.ExploitedSince, ExploitedDue: a.ExploitedDue,
		Ransomware:     a.Ransomware,
		Fixed:          nonNil(a.Fixed),
		AffectedFrom:   a.AffectedFrom,
		SupersededBy:   a.SupersededBy,
		Decides:        a.Decides(),
		Undecided:      a.Undecided(),
		Dismissed:      a.Dismissed,
		ReadBy:         a.ReadBy,
		Source:         a.Source,
		Status:         a.Status,
		RecordModified: a.RecordModified,
		Keep:           a.Keep,
		References:     nonNil(a.References),
		Note:           a.Note,
		Remark:         a.Remark,
	}
}

// nonNil returns a list that JSON does not encode as null.
func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
