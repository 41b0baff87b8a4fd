package release

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseBuild(t *testing.T) {
	for text, want := range map[string]Build{
		"14.173.4":      {Track{14, 173}, 4},
		"13.9.18":       {Track{13, 9}, 18},
		"10.25.0":       {Track{10, 25}, 0},
		"14.5.31\n":     {Track{14, 5}, 31},
		"14.173.123456": {Track{14, 173}, 123456}, // as many digits as there may be
	} {
		build, err := ParseBuild(text)
		require.NoError(t, err, text)
		require.Equal(t, want, build)
	}
	build, err := ParseBuild("14.187.14")
	require.NoError(t, err)
	require.Equal(t, "14.187.14", build.String())
	require.Equal(t, "14.187", build.Track.String())
}

func TestParseBuildRefuses(t *testing.T) {
	for _, text := range []string{
		"", " ", "14", "14.173", "14.173.", ".173.4", "14..4", "14.173.4.1", "v14.173.4", "014.173.4", "14.0173.4", "14.173.04",
		"14.173.-4", "14.173.+4", "14.173.4-20170209151927", "14.173.x", "2024.10", "14,173,4", "14.173.1234567", "14.173.４", "14 .173.4",
	} {
		build, err := ParseBuild(text)
		require.ErrorIs(t, err, ErrBuild, text)
		require.Zero(t, build, text)
	}
	for _, text := range []string{"", "14", "14.", ".14", "14.187.4", "14.0187", "a.b"} {
		_, err := ParseTrack(text)
		require.ErrorIs(t, err, ErrTrack, text)
	}
}

func TestTracksAreOrderedByNumber(t *testing.T) {
	require.Negative(t, Track{13, 102}.Compare(Track{14, 5}))
	require.Negative(t, Track{14, 97}.Compare(Track{14, 113}))
	require.Positive(t, Track{14, 113}.Compare(Track{14, 97}))
	require.Zero(t, Track{14, 97}.Compare(Track{Major: 14, Minor: 97}))
}

func FuzzParseBuild(f *testing.F) {
	for _, text := range []string{"14.173.4", "10.25.0-20170209151927", "14.0.0", "1.2.3.4"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		build, err := ParseBuild(text)
		if err != nil {
			require.ErrorIs(t, err, ErrBuild)
			require.Zero(t, build)
			return
		}
		again, err := ParseBuild(build.String())
		require.NoError(t, err)
		require.Equal(t, build, again, "what is printed reads as the same build")
	})
}
