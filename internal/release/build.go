package release

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrBuild is the error for a version that is not three numbers.
	ErrBuild = errors.New("not a build of Qlik Sense: three numbers with dots between them")
	// ErrTrack is the error for a track that is not two numbers.
	ErrTrack = errors.New("not a track of Qlik Sense: two numbers with a dot between them")
)

// Track is the first two numbers of a build, the same for a release and all its patches:
// 14.173 is February 2024. Source: tags of github.com/qlik-download/qlik-sense-server.
type Track struct {
	Major, Minor int
}

// Build is the version of a server. Only builds of the same track can be compared: an older
// release still gets patches after a newer one is out.
type Build struct {
	Track  Track
	Number int
}

// maxBuildDigits bounds each number of a build; the longest seen has three digits.
const maxBuildDigits = 6

// ParseBuild reads a version as systeminfo reports it, "14.173.4". Anything else is an
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

// String returns the build as systeminfo reports it.
func (b Build) String() string { return fmt.Sprintf("%s.%d", b.Track, b.Number) }

// String returns the track in the form "14.173".
func (t Track) String() string { return fmt.Sprintf("%d.%d", t.Major, t.Minor) }

// Compare orders tracks by release date, as cmp.Compare does.
func (t Track) Compare(other Track) int {
	return cmp.Or(cmp.Compare(t.Major, other.Major), cmp.Compare(t.Minor, other.Minor))
}

// UnmarshalText reads a build; see ParseBuild.
func (b *Build) UnmarshalText(text []byte) (err error) {
	*b, err = ParseBuild(string(text))
	return err
}

// MarshalText returns the build as systeminfo reports it.
func (b Build) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads a track; see ParseTrack.
func (t *Track) UnmarshalText(text []byte) (err error) {
	*t, err = ParseTrack(string(text))
	return err
}

// MarshalText returns the track in the form "14.173".
func (t Track) MarshalText() ([]byte, error) { return []byte(t.String()), nil }
