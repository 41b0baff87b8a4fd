// Package release reads and orders the names that Qlik gives to its releases: a
// month, and patches for it.
package release

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// What no release of Qlik Sense can have: the first with a month for a name is of
// June 2017, and the longest row of patches known has 27 (May 2024, as of November 2025).
// Source: tags of github.com/qlik-download/qlik-sense-server.
const (
	firstYear = 2017
	lastYear  = 2099
	maxPatch  = 99
)

// ErrLabel is the error of a label that is none of the known forms.
var ErrLabel = errors.New("not a release of Qlik Sense")

// Release is a release of Qlik Sense: "February 2024 Patch 1" is the first patch of
// that of February 2024. Patch 0 is the initial release.
type Release struct {
	Year  int
	Month time.Month
	Patch int
}

// The forms that are in use, in any letter case and spacing:
//
//	November 2025                        systeminfo, an initial release
//	February 2024 Patch 1                systeminfo, a patch
//	Qlik Sense November 2020 Patch 1     properties of the installer
//	August 2023 IR                       CVE records
//	November 2024 Initial Release        the vendor's releases on GitHub
//	November 2024 SR2, 2025-Nov          people
var (
	named = regexp.MustCompile(`(?i)^(?:qlik\s+sense\s+)?([a-z]+)\s+(\d{4})(?:\s+(?:ir|initial\s+release)|\s+(?:patch|sr)\s*(\d{1,4}))?$`)
	short = regexp.MustCompile(`(?i)^(\d{4})-([a-z]{3})$`)
)

// Parse reads a label. Anything but the known forms is an error that wraps
// ErrLabel, never a guess.
func Parse(label string) (Release, error) {
	text := strings.TrimSpace(label)
	var month time.Month
	var year, patch string
	if match := named.FindStringSubmatch(text); match != nil {
		month, year, patch = parseMonth(match[1], time.Month.String), match[2], match[3]
	} else if match := short.FindStringSubmatch(text); match != nil {
		month, year = parseMonth(match[2], func(m time.Month) string { return m.String()[:3] }), match[1]
	}

	// Neither can fail but on the empty text, which becomes 0.
	y, _ := strconv.Atoi(year)
	p, _ := strconv.Atoi(patch)
	if month == 0 || y < firstYear || y > lastYear || p > maxPatch || patch != "" && p == 0 {
		return Release{}, fmt.Errorf("%q: %w", label, ErrLabel)
	}
	return Release{Year: y, Month: month, Patch: p}, nil
}

// parseMonth finds the month of a name in English, the only language in use.
func parseMonth(name string, nameOf func(time.Month) string) time.Month {
	for m := time.January; m <= time.December; m++ {
		if strings.EqualFold(name, nameOf(m)) {
			return m
		}
	}
	return 0
}

// String gives the label as systeminfo does.
func (r Release) String() string {
	label := fmt.Sprintf("%s %d", r.Month, r.Year)
	if r.Patch > 0 {
		label += fmt.Sprintf(" Patch %d", r.Patch)
	}
	return label
}

// Compare is below, at or above 0 as r came before, is, or came after other. A later
// month is later whatever the patch: patches of an older release go on for years.
func (r Release) Compare(other Release) int {
	return cmp.Or(cmp.Compare(r.Year, other.Year), cmp.Compare(r.Month, other.Month), cmp.Compare(r.Patch, other.Patch))
}
