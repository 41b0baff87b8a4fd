package qlik_sense_version

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDuration(t *testing.T) {
	for text, expected := range map[string]time.Duration{
		"10s": 10 * time.Second, "1m30s": 90 * time.Second, "500ms": 500 * time.Millisecond, "0": 0, "-1s": -time.Second,
		"180d": 180 * 24 * time.Hour, "1.5d": 36 * time.Hour, "1d12h": 36 * time.Hour, ".5d": 12 * time.Hour, "1h.5d": 13 * time.Hour,
	} {
		var d Duration
		require.NoError(t, d.UnmarshalText([]byte(text)), text)
		require.Equal(t, Duration(expected), d, text)
	}
	for _, text := range []string{"", "10", "10 s", "ten seconds", "10s ", "d", "1dd", "1.5.5d", "nan", "inf", "99999999999999d", strings.Repeat("9", 400) + "d"} {
		d := Duration(time.Minute)
		require.EqualError(t, d.UnmarshalText([]byte(text)), `is not a duration: write a number and a unit, such as "10s", "1m30s" or "180d"`, text)
		require.Equal(t, Duration(time.Minute), d, "changed by %q", text)
	}
}
