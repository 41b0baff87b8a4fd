package main

import (
	"encoding/json"
	"io"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/release"
)

// shownSchema is the version of the document below. It rises where a key is removed
// or gets another meaning; keys may be added at any time.
const shownSchema = 1

// shown is what "catalog show --output json" prints: releases from the oldest,
// advisories by identifier, days as 2026-11-21. What is not known is left out.
type shown struct {
	Schema         int             `json:"schema"`
	Catalog        string          `json:"catalog"` // the file, or "built in"
	ReleasesAsOf   shownDay        `json:"releases_as_of"`
	AdvisoriesAsOf shownDay        `json:"advisories_as_of"`
	ExploitedAsOf  shownDay        `json:"exploited_as_of"`
	Releases       []shownRelease  `json:"releases"`
	Advisories     []shownAdvisory `json:"advisories"`
	Sources        []string        `json:"sources"`
}

// shownDay is how far a part of the catalogue reaches.
type shownDay struct {
	Day     string `json:"day"`
	AgeDays int    `json:"age_days"` // negative where the clock is behind
}

type shownRelease struct {
	Label                string       `json:"label"`
	Track                string       `json:"track,omitempty"`
	LatestPatch          *int         `json:"latest_patch,omitempty"` // a lower bound
	LatestPatchAsOf      string       `json:"latest_patch_as_of,omitempty"`
	EndOfSupport         string       `json:"end_of_support,omitempty"`
	EndOfSupportEstimate bool         `json:"end_of_support_estimate"`
	Verified             bool         `json:"verified"` // false: only announced, and not judged
	Builds               []shownBuild `json:"builds"`   // from patch 0, the initial release, up
	Sources              []string     `json:"sources"`
	Note                 string       `json:"note,omitempty"`
}

type shownBuild struct {
	Patch int    `json:"patch"`
	Build string `json:"build"`
	Basis string `json:"basis"` // stated, derived, checked, counted or ambiguous
	Sure  bool   `json:"sure"`  // good enough to tell the patch from the build
}

type shownAdvisory struct {
	ID             string   `json:"id"`
	Summary        string   `json:"summary"`
	Published      string   `json:"published"`
	CVSS           float64  `json:"cvss,omitempty"`
	CVSSVector     string   `json:"cvss_vector,omitempty"`
	CVSSSource     string   `json:"cvss_source,omitempty"`
	ExploitedSince string   `json:"exploited_since,omitempty"` // by CISA's list
	Ransomware     bool     `json:"ransomware"`
	Fixed          []string `json:"fixed"` // the first releases with the fix
	AffectedFrom   string   `json:"affected_from,omitempty"`
	SupersededBy   []string `json:"superseded_by,omitempty"`
	Decides        bool     `json:"decides"` // false: information, no server is judged by it
	References     []string `json:"references"`
	Note           string   `json:"note,omitempty"`
}

// writeCatalogJSON shows a catalogue to programs.
func writeCatalogJSON(w io.Writer, c *catalog.Catalog, name string, today catalog.Day) error {
	s := shown{
		Schema:         shownSchema,
		Catalog:        name,
		ReleasesAsOf:   shownDay{c.ReleasesAsOf.String(), today.DaysSince(c.ReleasesAsOf)},
		AdvisoriesAsOf: shownDay{c.AdvisoriesAsOf.String(), today.DaysSince(c.AdvisoriesAsOf)},
		ExploitedAsOf:  shownDay{c.ExploitedAsOf.String(), today.DaysSince(c.ExploitedAsOf)},
		Releases:       make([]shownRelease, 0, len(c.Releases)),
		Advisories:     make([]shownAdvisory, 0, len(c.Advisories)),
		Sources:        list(c.Sources),
	}
	for i := range c.Releases {
		s.Releases = append(s.Releases, showRelease(&c.Releases[i]))
	}
	for i := range c.Advisories {
		s.Advisories = append(s.Advisories, showAdvisory(&c.Advisories[i]))
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(s)
}

func showRelease(r *catalog.Release) shownRelease {
	s := shownRelease{
		Label:                r.Label.String(),
		LatestPatch:          r.LatestPatch,
		LatestPatchAsOf:      dayText(r.LatestPatchAsOf),
		EndOfSupport:         dayText(r.EndOfSupport),
		EndOfSupportEstimate: r.EndOfSupportEstimate,
		Verified:             r.Verified,
		Builds:               make([]shownBuild, 0, len(r.Patches)),
		Sources:              list(r.Sources),
		Note:                 r.Note,
	}
	if r.Track != nil {
		s.Track = r.Track.String()
	}
	for _, p := range r.Patches {
		s.Builds = append(s.Builds, shownBuild{p.Patch, p.Build.String(), string(p.Basis), p.Basis.Sure()})
	}
	return s
}

func showAdvisory(a *catalog.Advisory) shownAdvisory {
	s := shownAdvisory{
		ID:             a.ID,
		Summary:        a.Summary,
		Published:      dayText(a.Published),
		CVSS:           a.CVSS,
		CVSSVector:     a.CVSSVector,
		CVSSSource:     a.CVSSSource,
		ExploitedSince: dayText(a.ExploitedSince),
		Ransomware:     a.Ransomware,
		Fixed:          labels(a.Fixed),
		SupersededBy:   a.SupersededBy,
		Decides:        a.Decides(),
		References:     list(a.References),
		Note:           a.Note,
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

func labels(releases []release.Release) []string {
	texts := make([]string, 0, len(releases))
	for _, r := range releases {
		texts = append(texts, r.String())
	}
	return texts
}

// list is never null in JSON.
func list(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}
