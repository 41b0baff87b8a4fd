package catalog

import (
	"errors"
	"time"
)

// Day is a day of the calendar, without a time or a zone. The zero Day is none.
type Day struct {
	midnight time.Time // in UTC
}

// DayOf is the day of an instant in UTC.
func DayOf(t time.Time) Day {
	return Day{t.UTC().Truncate(24 * time.Hour)}
}

// IsZero reports whether d is no day.
func (d Day) IsZero() bool { return d.midnight.IsZero() }

// After reports whether d is later than other.
func (d Day) After(other Day) bool { return d.midnight.After(other.midnight) }

// DaysSince is the number of days from other to d, negative when other is later.
func (d Day) DaysSince(other Day) int {
	return int(d.midnight.Sub(other.midnight) / (24 * time.Hour))
}

// InFuture reports whether d is after today, with a day's grace for places where
// tomorrow has come.
func (d Day) InFuture(today Day) bool { return d.DaysSince(today) > 1 }

// AddMonths is the same day some months later, or the last day of that month where it
// is shorter.
func (d Day) AddMonths(months int) Day {
	later := d.midnight.AddDate(0, months, 0)
	if later.Day() != d.midnight.Day() {
		later = later.AddDate(0, 0, -later.Day())
	}
	return Day{later}
}

// String gives the day as 2026-11-21, and "unknown" for no day.
func (d Day) String() string {
	if d.IsZero() {
		return "unknown"
	}
	return d.midnight.Format(time.DateOnly)
}

// UnmarshalTOML takes a date of TOML, without quotes and without a time.
func (d *Day) UnmarshalTOML(value any) error {
	date, ok := value.(time.Time)
	if !ok || date.Location().String() != "date-local" {
		return errors.New("must be a day such as 2026-11-21, without quotes and without a time")
	}
	year, month, day := date.Date()
	d.midnight = time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	return nil
}

// MarshalTOML writes a date of TOML.
func (d Day) MarshalTOML() ([]byte, error) {
	if d.IsZero() {
		return nil, errors.New("no day to write")
	}
	return []byte(d.String()), nil
}
