// Package release reads and orders the names that Qlik gives to its releases, a
// month and patches for it, and their builds.
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

// What no release of Qlik Sense can have: the first with a month for a name is of
// June 2017, and the longest row of patches known has 27 (May 2024, as of November 2025).
// Source: tags of github.com/qlik-download/qlik-sense-server.
const (
	firstYear = 2017
	lastYear  = 2099
	// MaxPatch is the highest number that is taken for a patch.
	MaxPatch = 99
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

// Parse reads a label in the forms that are in use, in any letter case and spacing:
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

	r, ok := Release{}, false
	switch len(words) {
	case 0:
	case 1:
		r, ok = shortForm(words[0])
	default:
		r.Month = parseMonth(words[0], time.Month.String)
		r.Year, ok = parseYear(words[1])
		if ok && len(words) > 2 {
			r.Patch, ok = parsePatch(words[2:])
		}
	}
	// Letters beyond ASCII are in no label, though some fold into those that are.
	if !ok || r.Month == 0 || strings.ContainsFunc(label, func(r rune) bool { return r > unicode.MaxASCII }) {
		return Release{}, fmt.Errorf("%q: %w", label, ErrLabel)
	}
	return r, nil
}

// maxWords is one word more than the longest form has.
const maxWords = 7

// split is strings.Fields that stops when words is full, and so needs no memory of
// its own: labels come from servers, and one is read for every poll.
func split(text string, words []string) []string {
	for word := range strings.FieldsSeq(text) {
		if len(words) == cap(words) {
			break
		}
		words = append(words, word)
	}
	return words
}

// shortForm reads "2025-Nov".
func shortForm(word string) (r Release, ok bool) {
	year, month, _ := strings.Cut(word, "-")
	r.Month = parseMonth(month, func(m time.Month) string { return m.String()[:3] })
	r.Year, ok = parseYear(year)
	return r, ok
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

func parseYear(text string) (year int, ok bool) {
	year, _ = parseDigits(text, 4)
	return year, year >= firstYear && year <= lastYear
}

// parsePatch reads what may follow the year.
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

// parseDigits reads a number of ASCII digits alone, a few of them at most and without
// zeros in front, which nobody writes.
func parseDigits(text string, maxDigits int) (number int, ok bool) {
	if text == "" || len(text) > maxDigits || text[0] == '0' && len(text) > 1 || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	number, err := strconv.Atoi(text)
	return number, err == nil
}

// String gives the label as systeminfo does.
func (r Release) String() string {
	label := fmt.Sprintf("%s %d", r.Month, r.Year)
	if r.Patch > 0 {
		label += fmt.Sprintf(" Patch %d", r.Patch)
	}
	return label
}

// Initial is the initial release that r is a patch of, or r itself.
func (r Release) Initial() Release {
	r.Patch = 0
	return r
}

// IsZero reports whether r is no release.
func (r Release) IsZero() bool { return r == Release{} }

// UnmarshalText reads a label; see Parse.
func (r *Release) UnmarshalText(text []byte) (err error) {
	*r, err = Parse(string(text))
	return err
}

// MarshalText gives the label as systeminfo does.
func (r Release) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Compare is below, at or above 0 as r came before, is, or came after other. A later
// month is later whatever the patch: patches of an older release go on for years.
func (r Release) Compare(other Release) int {
	return cmp.Or(cmp.Compare(r.Year, other.Year), cmp.Compare(r.Month, other.Month), cmp.Compare(r.Patch, other.Patch))
}
