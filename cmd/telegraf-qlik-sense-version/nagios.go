package main

import (
	"errors"
	"flag"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"

	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/report/nagios"
)

const nagiosOutput = "nagios"

// nagiosOptions are those of --output nagios.
type nagiosOptions struct {
	nagios.Thresholds

	state nagios.State // of the line that was written
}

func (o *nagiosOptions) define(flags *flag.FlagSet) {
	o.Warning = 30
	days := func(name string, set func(n int)) {
		flags.Func(name, "", func(value string) error {
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 {
				return errors.New("is not a number of days")
			}
			set(n)
			return nil
		})
	}
	days("warn-days", func(n int) { o.Warning = n })
	days("critical-days", func(n int) { o.Critical = &n })
}

func (o *nagiosOptions) write(w io.Writer, r *report.Report) (err error) {
	o.state, err = nagios.Write(w, r, o.Thresholds)
	return err
}

// status is the exit status.
func (o *nagiosOptions) status(*report.Report) int { return int(o.state) }

// asksForNagios reports whether arguments, which may be invalid, ask for --output nagios: Nagios
// needs its line even then.
func asksForNagios(args []string) bool {
	option := regexp.MustCompile(`(?m)^--?output[=\n]nagios$`)
	return option.MatchString(strings.Join(args, "\n"))
}

// nagiosError writes an error where Nagios looks for it, with the status that it expects.
func nagiosError(err error) error {
	if _, written := errors.AsType[statusError](err); err == nil || written || errors.Is(err, flag.ErrHelp) {
		return err
	}
	if nagios.Failure(os.Stdout, err) != nil {
		logError(err)
	}
	return statusError(nagios.Unknown)
}
