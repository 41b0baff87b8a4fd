package qlik_sense_version

import (
	"errors"
	"regexp"
	"strconv"
	"time"
)

// Duration is a setting such as "10s" or "180d". Telegraf's own type, in package config, would
// link most of Telegraf into the program: 6 MB of its file, 5 MB of its memory.
type Duration time.Duration

var days = regexp.MustCompile(`[\d.]+d`)

// UnmarshalText reads a number with its unit, or several of them. A day is 24 hours.
func (d *Duration) UnmarshalText(text []byte) error {
	inHours := days.ReplaceAllStringFunc(string(text), func(match string) string {
		n, err := strconv.ParseFloat(match[:len(match)-1], 64)
		if err != nil {
			return match
		}
		return strconv.FormatFloat(24*n, 'f', -1, 64) + "h"
	})
	duration, err := time.ParseDuration(inHours)
	if err != nil {
		return errors.New(`is not a duration: write a number and a unit, such as "10s", "1m30s" or "180d"`)
	}
	*d = Duration(duration)
	return nil
}
