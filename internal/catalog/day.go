package catalog

import (
	"errors"
	"time"
)

// Day is a calendar day, without a time or a zone. The zero Day stands for no day.
type Day struct {
	midnight time.Time // in UTC
}

// DayOf returns the day of t in UTC.
func DayOf(t time.Time) Day {
	return Day{t.UTC().Truncate(24 * time.Hour)}
}

// ParseDay reads a day such as 2026-11-21.
func ParseDay(text string) (Day, error) {
	t, err := time.Parse(time.DateOnly, text)
	return DayOf(t), err
}

// Later returns the later of two days.
func Later(a, b Day) Day {
	if b.After(a) {
		return b
	}
	return a
}

// IsZero reports whether d is the zero Day.
func (d Day) IsZero() bool { return d.midnight.IsZero() }

// After reports whether d is later than other.
func (d Day) After(other Day) bool { return d.midnight.After(other.midnight) }

// DaysSince returns the number of days from other to d, negative if other is later.
func (d Day) DaysSince(other Day) int {
	return int(d.midnight.Sub(other.midnight) / (24 * time.Hour))
}

// InFuture reports whether d is after today, with a day's grace for time zones ahead of this
// one.
func (d Day) InFuture(today Day) bool { return d.DaysSince(today) > 1 }

// AddMonths returns the same day some months later, or the last day of that month if it is
// shorter.
func (d Day) AddMonths(months int) Day {
	later := d.midnight.AddDate(0, months, 0)
	if later.Day() != d.midnight.Day() {
		later = later.AddDate(0, 0, -later.Day())
	}
	return Day{later}
}

// String returns the day as 2026-11-21, "unknown" for the zero Day.
func (d Day) String() string {
	if d.IsZero() {
		return "unknown"
	}
	return d.midnight.Format(time.DateOnly)
}

// MarshalText returns the day as String does, for JSON.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalTOML accepts a TOML local date.
func (d *Day) UnmarshalTOML(value any) error {
	date, ok := value.(time.Time)
	if !ok || date.Location().String() != "date-local" {
		return errors.New("must be a day such as 2026-11-21, without quotes and without a time")
	}
	year, month, day := date.Date()
	d.midnight = time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	return nil
}

// MarshalTOML returns a TOML local date.
func (d Day) MarshalTOML() ([]byte, error) {
	if d.IsZero() {
		return nil, errors.New("no day to write")
	}
	return []byte(d.String()), nil
}
