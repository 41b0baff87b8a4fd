package qlik_sense_version

import (
	"errors"
	"time"
)

// Duration is a setting such as "10s". Telegraf's own, in package config, would bring most of
// Telegraf into the program: 6 MB in its file, 5 MB in its memory.
type Duration time.Duration

// UnmarshalText reads a number with its unit, or several of them.
func (d *Duration) UnmarshalText(text []byte) error {
	duration, err := time.ParseDuration(string(text))
	if err != nil {
		return errors.New(`is no duration: write a number and a unit, such as "10s" or "1m30s"`)
	}
	*d = Duration(duration)
	return nil
}
