// Package release reads and orders the labels of Qlik Sense releases ("February 2024
// Patch 1") and the builds that servers report ("14.173.4").
package release

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Bounds of a label: June 2017 was the first release named after a month, and the release
// with the most patches has 27 (May 2024, as of November 2025).
// Source: tags of github.com/qlik-download/qlik-sense-server.
const (
	firstYear = 2017
	lastYear  = 2099
	// MaxPatch is the highest patch number accepted.
	MaxPatch = 99
)

// ErrLabel is the error for a label in none of the known forms.
var ErrLabel = errors.New("not a release of Qlik Sense")

// Release is a release of Qlik Sense: "February 2024 Patch 1" is the first patch of
// "February 2024". Patch 0 is the initial release.
type Release struct {
	Year  int
	Month time.Month
	Patch int
}

// Parse reads a label in the forms in use, in any letter case and spacing:
//
//	November 2025                        systeminfo, an initial release
//	February 2024 Patch 1                systeminfo, a patch
//	Qlik Sense November 2020 Patch 1     properties of the installer
//	August 2023 IR                       CVE records
//	November 2024 Initial Release        the vendor's releases on GitHub
//	November 2024 SR2, 2025-Nov          people
//
// Anything else is an error that wraps ErrLabel, never a guess.
func Parse(label string) (Release, error) {
	var buffer [maxWords]string
	words := split(label, buffer[:0])
	if len(words) > 1 && strings.EqualFold(words[0], "Qlik") && strings.EqualFold(words[1], "Sense") {
		words = words[2:]
	}
	var r Release
	var ok bool
	switch len(words) {
	case 0:
	case 1:
		r, ok = parseMonth("2006-Jan", words[0])
	default:
		if r, ok = parseMonth("January 2006", words[0]+" "+words[1]); ok && len(words) > 2 {
			r.Patch, ok = parsePatch(words[2:])
		}
	}
	// No label has letters beyond ASCII, but some of them fold into ASCII letters.
	if !ok || strings.ContainsFunc(label, func(r rune) bool { return r > unicode.MaxASCII }) {
		return Release{}, fmt.Errorf("%q: %w", label, ErrLabel)
	}
	return r, nil
}

// maxWords is one more than the longest form has.
const maxWords = 7

// split is strings.Fields that stops when words is full and so allocates nothing: every poll
// parses a label, and labels come from servers.
func split(text string, words []string) []string {
	for word := range strings.FieldsSeq(text) {
		if len(words) == cap(words) {
			break
		}
		words = append(words, word)
	}
	return words
}

// parseMonth reads month and year in a layout of package time.
func parseMonth(layout, value string) (Release, bool) {
	t, err := time.Parse(layout, value)
	return Release{Year: t.Year(), Month: t.Month()}, err == nil && t.Year() >= firstYear && t.Year() <= lastYear
}

// parsePatch reads the words that follow the year.
func parsePatch(words []string) (patch int, ok bool) {
	switch {
	case len(words) == 1 && strings.EqualFold(words[0], "IR"):
		return 0, true
	case len(words) == 2 && strings.EqualFold(words[0], "Initial") && strings.EqualFold(words[1], "Release"):
		return 0, true
	}
	for _, name := range [...]string{"Patch", "SR"} {
		first := words[0]
		if len(first) < len(name) || !strings.EqualFold(first[:len(name)], name) {
			continue
		}
		number := first[len(name):] // "SR2"
		if number == "" && len(words) == 2 {
			number = words[1] // "SR 2"
		} else if len(words) != 1 {
			return 0, false
		}
		patch, ok = parseDigits(number, 4)
		return patch, ok && patch >= 1 && patch <= MaxPatch
	}
	return 0, false
}

// parseDigits reads at most maxDigits ASCII digits without leading zeros.
func parseDigits(text string, maxDigits int) (number int, ok bool) {
	if text == "" || len(text) > maxDigits || text[0] == '0' && len(text) > 1 || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	number, err := strconv.Atoi(text)
	return number, err == nil
}

// String returns the label as systeminfo reports it.
func (r Release) String() string {
	label := fmt.Sprintf("%s %d", r.Month, r.Year)
	if r.Patch > 0 {
		label += fmt.Sprintf(" Patch %d", r.Patch)
	}
	return label
}

// Initial returns the initial release that r is a patch of, or r itself.
func (r Release) Initial() Release {
	r.Patch = 0
	return r
}

// IsZero reports whether r is the zero Release.
func (r Release) IsZero() bool { return r == Release{} }

// UnmarshalText reads a label; see Parse.
func (r *Release) UnmarshalText(text []byte) (err error) {
	*r, err = Parse(string(text))
	return err
}

// MarshalText returns the label as systeminfo reports it.
func (r Release) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Compare orders releases by date, and patches of one release by number, as cmp.Compare
// does. Any patch of an older release is lower than a newer release, even though the
// vendor may publish it years later.
func (r Release) Compare(other Release) int {
	return cmp.Or(cmp.Compare(r.Year, other.Year), cmp.Compare(r.Month, other.Month), cmp.Compare(r.Patch, other.Patch))
}
