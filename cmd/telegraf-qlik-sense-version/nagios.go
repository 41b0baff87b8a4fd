package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/report/nagios"
)

const nagiosOutput = "nagios"

// nagiosOptions are those of --output nagios.
type nagiosOptions struct {
	nagios.Thresholds

	given []string // the options that were there
	state nagios.State
}

func (o *nagiosOptions) define(flags *flag.FlagSet) {
	o.Warning = 30
	days := func(name string, set func(n int)) {
		flags.Func(name, "", func(value string) error {
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 {
				return errors.New("is no number of days")
			}
			set(n)
			o.given = append(o.given, name)
			return nil
		})
	}
	days("warn-days", func(n int) { o.Warning = n })
	days("critical-days", func(n int) { o.Critical = &n })
}

// check refuses options that do not go together.
func (o *nagiosOptions) check(all *checkOptions) error {
	switch {
	case all.output != nagiosOutput && len(o.given) > 0:
		return fmt.Errorf("--%s belongs to --output %s", o.given[0], nagiosOutput)
	case all.output == nagiosOutput && all.baseline != "":
		return fmt.Errorf("--output %s has one line, and no place for what changed since --baseline: use another output for that", nagiosOutput)
	}
	return nil
}

func (o *nagiosOptions) write(w io.Writer, r *report.Report) (err error) {
	o.state, err = nagios.Write(w, r, o.Thresholds)
	return err
}

// status is that of the line that was written.
func (o *nagiosOptions) status(*report.Report) int { return int(o.state) }

// asksForNagios reports whether these are the arguments of a check by Nagios, which has to get its
// line even where they are wrong.
func asksForNagios(args []string) bool {
	before := ""
	for _, arg := range args {
		option, value, together := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		if value == nagiosOutput && together && strings.TrimPrefix(option, "-") == "output" ||
			arg == nagiosOutput && (before == "--output" || before == "-output") {
			return true
		}
		before = arg
	}
	return false
}

// nagiosError writes an error to where Nagios looks for it, with the status that it expects.
func nagiosError(err error) error {
	if _, written := errors.AsType[statusError](err); err == nil || written {
		return err
	}
	if err := nagios.Failure(os.Stdout, err); err != nil {
		return err
	}
	return statusError(nagios.Unknown)
}
