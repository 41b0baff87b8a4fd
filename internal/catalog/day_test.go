package catalog

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAddMonths(t *testing.T) {
	for from, want := range map[string]string{
		"2024-05-14": "2026-05-14", "2024-02-29": "2026-02-28", "2022-02-28": "2024-02-28", "2025-12-31": "2027-12-31",
	} {
		require.Equal(t, day(t, want), day(t, from).AddMonths(24), from)
	}
	require.Equal(t, day(t, "2025-02-28"), day(t, "2024-12-31").AddMonths(2))
	require.Equal(t, "unknown", Day{}.String())
}

func TestDayOf(t *testing.T) {
	ahead := time.FixedZone("", 2*60*60)
	require.Equal(t, day(t, "2026-01-30"), DayOf(time.Date(2026, 1, 31, 1, 59, 59, 1, ahead)))
	require.Equal(t, day(t, "2026-01-31"), DayOf(time.Date(2026, 1, 31, 2, 0, 0, 0, ahead)))
}

// Some time zones are a day ahead.
func TestInFuture(t *testing.T) {
	for text, want := range map[string]bool{"2026-01-30": false, "2026-01-31": false, "2026-02-01": false, "2026-02-02": true} {
		require.Equal(t, want, day(t, text).InFuture(day(t, "2026-01-31")), text)
	}
}
