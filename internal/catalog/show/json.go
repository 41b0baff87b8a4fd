package show

import (
	"encoding/json"
	"io"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/release"
)

// schema is the version of the document below. It rises where a key is removed
// or gets another meaning; keys may be added at any time.
const schema = 1

// catalogJSON is what "catalog show --output json" prints: releases from the oldest,
// advisories by identifier, days as 2026-11-21. What is not known is left out.
type catalogJSON struct {
	Schema         int            `json:"schema"`
	Catalog        string         `json:"catalog"` // the file, or "built in"
	ReleasesAsOf   asOfJSON       `json:"releases_as_of"`
	AdvisoriesAsOf asOfJSON       `json:"advisories_as_of"`
	ExploitedAsOf  asOfJSON       `json:"exploited_as_of"`
	Releases       []releaseJSON  `json:"releases"`
	Advisories     []advisoryJSON `json:"advisories"`
	Sources        []string       `json:"sources"`
	Notes          []string       `json:"notes,omitempty"` // on the catalogue as a whole
	Notice         string         `json:"notice"`          // what NVD's terms ask for
}

// asOfJSON is how far a part of the catalogue reaches.
type asOfJSON struct {
	Day     string `json:"day"`
	AgeDays int    `json:"age_days"` // negative where the clock is behind
}

type releaseJSON struct {
	Label                string      `json:"label"`
	Track                string      `json:"track,omitempty"`
	LatestPatch          *int        `json:"latest_patch,omitempty"` // a lower bound
	LatestPatchAsOf      string      `json:"latest_patch_as_of,omitempty"`
	EndOfSupport         string      `json:"end_of_support,omitempty"`
	EndOfSupportEstimate bool        `json:"end_of_support_estimate"`
	Verified             bool        `json:"verified"` // false: only announced, and not judged
	Builds               []buildJSON `json:"builds"`   // from patch 0, the initial release, up
	Sources              []string    `json:"sources"`
	Note                 string      `json:"note,omitempty"`
}

type buildJSON struct {
	Patch int    `json:"patch"`
	Build string `json:"build"`
	Basis string `json:"basis"` // stated, derived, checked, counted or ambiguous
	Sure  bool   `json:"sure"`  // good enough to tell the patch from the build
}

type advisoryJSON struct {
	ID             string   `json:"id"`
	Summary        string   `json:"summary"`
	Published      string   `json:"published,omitempty"`
	CVSS           float64  `json:"cvss,omitempty"`
	CVSSVector     string   `json:"cvss_vector,omitempty"`
	CVSSSource     string   `json:"cvss_source,omitempty"`
	ExploitedSince string   `json:"exploited_since,omitempty"` // by CISA's list
	ExploitedDue   string   `json:"exploited_due,omitempty"`
	Ransomware     bool     `json:"ransomware"`
	Fixed          []string `json:"fixed"` // the first releases with the fix
	AffectedFrom   string   `json:"affected_from,omitempty"`
	SupersededBy   []string `json:"superseded_by,omitempty"`
	Decides        bool     `json:"decides"`   // false: no server is judged by it
	Undecided      bool     `json:"undecided"` // nobody can map it to releases yet
	Dismissed      string   `json:"dismissed,omitempty"`
	ReadBy         string   `json:"read_by,omitempty"` // "machine", or left out for an entry that somebody wrote
	Source         string   `json:"source,omitempty"`
	Status         string   `json:"status,omitempty"` // of NVD's record
	RecordModified string   `json:"record_modified,omitempty"`
	Keep           bool     `json:"keep"`
	References     []string `json:"references"`
	Note           string   `json:"note,omitempty"`
	Remark         string   `json:"remark,omitempty"`
}

// JSON writes a catalogue for programs. The name is that of its file, or "built in".
func JSON(w io.Writer, c *catalog.Catalog, name string, today catalog.Day) error {
	s := catalogJSON{
		Schema:         schema,
		Catalog:        name,
		ReleasesAsOf:   asOfJSON{c.ReleasesAsOf.String(), today.DaysSince(c.ReleasesAsOf)},
		AdvisoriesAsOf: asOfJSON{c.AdvisoriesAsOf.String(), today.DaysSince(c.AdvisoriesAsOf)},
		ExploitedAsOf:  asOfJSON{c.ExploitedAsOf.String(), today.DaysSince(c.ExploitedAsOf)},
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
		Label:                r.Label.String(),
		LatestPatch:          r.LatestPatch,
		LatestPatchAsOf:      dayText(r.LatestPatchAsOf),
		EndOfSupport:         dayText(r.EndOfSupport),
		EndOfSupportEstimate: r.EndOfSupportEstimate,
		Verified:             r.Verified,
		Builds:               make([]buildJSON, 0, len(r.Patches)),
		Sources:              nonNil(r.Sources),
		Note:                 r.Note,
	}
	if r.Track != nil {
		s.Track = r.Track.String()
	}
	for _, p := range r.Patches {
		s.Builds = append(s.Builds, buildJSON{p.Patch, p.Build.String(), string(p.Basis), p.Basis.Sure()})
	}
	return s
}

func newAdvisoryJSON(a *catalog.Advisory) advisoryJSON {
	s := advisoryJSON{
		ID:             a.ID,
		Summary:        a.Summary,
		Published:      dayText(a.Published),
		CVSS:           a.CVSS,
		CVSSVector:     a.CVSSVector,
		CVSSSource:     a.CVSSSource,
		ExploitedSince: dayText(a.ExploitedSince), ExploitedDue: dayText(a.ExploitedDue),
		Ransomware:     a.Ransomware,
		Fixed:          labelsOf(a.Fixed),
		SupersededBy:   a.SupersededBy,
		Decides:        a.Decides(),
		Undecided:      a.Undecided(),
		Dismissed:      a.Dismissed,
		ReadBy:         a.ReadBy,
		Source:         a.Source,
		Status:         a.Status,
		RecordModified: dayText(a.RecordModified),
		Keep:           a.Keep,
		References:     nonNil(a.References),
		Note:           a.Note,
		Remark:         a.Remark,
	}
	if a.AffectedFrom != nil {
		s.AffectedFrom = a.AffectedFrom.String()
	}
	return s
}

func dayText(day catalog.Day) string {
	if day.IsZero() {
		return ""
	}
	return day.String()
}

func labelsOf(releases []release.Release) []string {
	texts := make([]string, 0, len(releases))
	for _, r := range releases {
		texts = append(texts, r.String())
	}
	return texts
}

// nonNil returns a list that is never null in JSON.
func nonNil(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}
