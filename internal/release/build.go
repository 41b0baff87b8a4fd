package release

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrBuild is the error of a version that is not three numbers.
	ErrBuild = errors.New("not a build of Qlik Sense: three numbers with dots between them")
	// ErrTrack is the error of what is not the first two numbers of a build.
	ErrTrack = errors.New("not a track of Qlik Sense: two numbers with a dot between them")
)

// Track is what all builds of a release and its patches begin with: 14.173 is
// February 2024. Source: tags of github.com/qlik-download/qlik-sense-server.
type Track struct {
	Major, Minor int
}

// Build is the version of a server. Builds can be compared within a track only:
// patches of an older release go on while newer ones come out.
type Build struct {
	Track  Track
	Number int
}

// maxBuildDigits bounds a number of a build; the longest seen have three.
const maxBuildDigits = 6

// ParseBuild reads a version as systeminfo tells it, "14.173.4". Anything else is an
// error that wraps ErrBuild.
func ParseBuild(version string) (Build, error) {
	track, number := cutLast(strings.TrimSpace(version))
	t, err := ParseTrack(track)
	n, ok := parseDigits(number, maxBuildDigits)
	if err != nil || !ok {
		return Build{}, fmt.Errorf("%q: %w", version, ErrBuild)
	}
	return Build{Track: t, Number: n}, nil
}

// ParseTrack reads "14.173". Anything else is an error that wraps ErrTrack.
func ParseTrack(text string) (Track, error) {
	major, minor := cutLast(text)
	a, okMajor := parseDigits(major, maxBuildDigits)
	b, okMinor := parseDigits(minor, maxBuildDigits)
	if !okMajor || !okMinor {
		return Track{}, fmt.Errorf("%q: %w", text, ErrTrack)
	}
	return Track{Major: a, Minor: b}, nil
}

func cutLast(text string) (before, after string) {
	i := strings.LastIndexByte(text, '.')
	return text[:max(i, 0)], text[i+1:]
}

// String gives the build as systeminfo does.
func (b Build) String() string { return fmt.Sprintf("%s.%d", b.Track, b.Number) }

// String gives the two numbers.
func (t Track) String() string { return fmt.Sprintf("%d.%d", t.Major, t.Minor) }

// Compare is below, at or above 0 as t came before, is, or came after other.
func (t Track) Compare(other Track) int {
	return cmp.Or(cmp.Compare(t.Major, other.Major), cmp.Compare(t.Minor, other.Minor))
}

// UnmarshalText reads a build; see ParseBuild.
func (b *Build) UnmarshalText(text []byte) (err error) {
	*b, err = ParseBuild(string(text))
	return err
}

// MarshalText gives the build as systeminfo does.
func (b Build) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads a track; see ParseTrack.
func (t *Track) UnmarshalText(text []byte) (err error) {
	*t, err = ParseTrack(string(text))
	return err
}

// MarshalText gives the two numbers.
func (t Track) MarshalText() ([]byte, error) { return []byte(t.String()), nil }
