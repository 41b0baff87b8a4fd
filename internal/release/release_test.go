package release

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	tests := []struct {
		label string
		want  Release
		text  string
	}{
		{"November 2025", Release{2025, time.November, 0}, "November 2025"},
		{"February 2024 Patch 1", Release{2024, time.February, 1}, "February 2024 Patch 1"},
		{"August 2023 IR", Release{2023, time.August, 0}, "August 2023"},
		{"November 2024 Initial Release", Release{2024, time.November, 0}, "November 2024"},
		{"Qlik Sense May 2024 Patch 10", Release{2024, time.May, 10}, "May 2024 Patch 10"},
		{"Qlik Sense November 2020", Release{2020, time.November, 0}, "November 2020"},
		{"November 2024 SR2", Release{2024, time.November, 2}, "November 2024 Patch 2"},
		{"2023-Aug", Release{2023, time.August, 0}, "August 2023"},
		{"2025-nov", Release{2025, time.November, 0}, "November 2025"},
		{"June 2017", Release{2017, time.June, 0}, "June 2017"},
		{"  qlik  SENSE\tmay 2024   PATCH 10 ", Release{2024, time.May, 10}, "May 2024 Patch 10"},
		{"May 2024 Patch10", Release{2024, time.May, 10}, "May 2024 Patch 10"},
		{"Qlik Sense November 2024 Initial Release", Release{2024, time.November, 0}, "November 2024"},
		{"may 2024 initial  RELEASE", Release{2024, time.May, 0}, "May 2024"},
		{"May 2024 Patch 99", Release{2024, time.May, 99}, "May 2024 Patch 99"},
		{"January 2018", Release{2018, time.January, 0}, "January 2018"},
		{"December 2099", Release{2099, time.December, 0}, "December 2099"},
	}
	for _, tt := range tests {
		t.Run(tt.label, func(t *testing.T) {
			r, err := Parse(tt.label)
			require.NoError(t, err)
			require.Equal(t, tt.want, r)
			require.False(t, r.IsZero())
			require.Equal(t, tt.text, r.String())
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, label := range []string{
		"", " ", "2024", "May", "14.187.4", "2024.10", "Qlik Sense 3.2 SRX",
		"Mai 2024", "Feb 2024", "2024-August", "2024-05", "Aug-2023", "May 24", "May 20244", "May 2016", "May 2100",
		"Patch 1 February 2023", "May 2024 Patch", "May 2024 Patch 0", "May 2024 Patch -1", "May 2024 Patch 100", "May 2024 Patch 99999", "May 2024 Patch 01",
		"May 2024 Patch 1.5", "May 2024 Patch 1 Patch 2", "May 2024 IR Patch 1", "May 2024 SR", "May 2024, Patch 1",
		"May 2024 Patch 1 (beta)", "May 2024 Technical Preview", "QlikView May 2024", "May  2024x", "Mаy 2024", "May 2024 Patch １",
		"Auguſt 2023", "May\u00a02024", "Qlik", "Qlik Sense", "Sense May 2024", "Qlik May 2024",
		"May 2024 Patch 1 of 2 and more words than any form has", "2024-May-1", "-May", "2024-", "May 2024 Patch5 6", "May 2024 Initial", "May 2024 IR 2",
	} {
		r, err := Parse(label)
		require.ErrorIs(t, err, ErrLabel, label)
		require.Zero(t, r, label)
		require.True(t, r.IsZero(), label)
	}
}

func TestOrder(t *testing.T) {
	ordered := make([]Release, 0, 5)
	for _, label := range []string{"November 2023 Patch 18", "February 2024", "February 2024 Patch 2", "February 2024 Patch 10", "May 2024"} {
		r, err := Parse(label)
		require.NoError(t, err)
		ordered = append(ordered, r)
	}
	for i, a := range ordered {
		for j, b := range ordered {
			require.Equal(t, cmp.Compare(i, j), a.Compare(b), "%s, %s", a, b)
		}
	}
	require.True(t, slices.IsSortedFunc(ordered, Release.Compare))
}

func FuzzParse(f *testing.F) {
	for _, label := range []string{"February 2024 Patch 1", "2023-Aug", "Qlik Sense May 2024 IR", "Qlik Sense 3.2 SRX", "May 2024 Patch 999"} {
		f.Add(label)
	}
	f.Fuzz(func(t *testing.T, label string) {
		r, err := Parse(label)
		if err != nil {
			require.ErrorIs(t, err, ErrLabel)
			require.Zero(t, r)
			return
		}
		require.True(t, r.Year >= firstYear && r.Year <= lastYear && r.Month >= time.January && r.Month <= time.December)
		require.True(t, r.Patch >= 0 && r.Patch <= MaxPatch)
		again, err := Parse(r.String())
		require.NoError(t, err)
		require.Equal(t, r, again, "what is printed reads as the same release")
	})
}
