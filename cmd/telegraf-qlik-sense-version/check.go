package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strings"

	"golang.org/x/term"

	"telegraf-qlik-sense-version/internal/atomicfile"
	"telegraf-qlik-sense-version/internal/baseline"
	"telegraf-qlik-sense-version/internal/discovery"
	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/report/csv"
	"telegraf-qlik-sense-version/internal/report/html"
	"telegraf-qlik-sense-version/internal/report/json"
	"telegraf-qlik-sense-version/internal/report/table"
	"telegraf-qlik-sense-version/internal/settings"
	"telegraf-qlik-sense-version/internal/terminal"
)

const checkUsage = `The whole fleet at a glance, polled once with the settings of the plugin: what runs
where, which servers are vulnerable, which ones fail and why:

  ` + programName + ` check [--config FILE]...
                                    [--output table|csv|json|html|nagios]
                                    [--output-file FILE] [--only HOST]...
                                    [--baseline FILE]

A whole site without a settings file: one node lists the others:

  ` + programName + ` check --discover HOST --tls-ca FILE --tls-cert FILE
                                    --tls-key FILE [--tls-verify full|chain]

  --config FILE             the settings file, or the drop-in for Telegraf that has the
                            settings or names their file; may be repeated; without it
                            they are taken from the environment variable
                            ` + settings.Variable + `
  --env-file FILE           variables of Telegraf's service, for example
                            /etc/default/telegraf; they override the environment
  --output FORM             table (default), csv, json, html (a page to attach to a
                            ticket or an audit), or nagios (the line and the status
                            that Nagios and Icinga read)
  --warn-days N             with nagios: WARNING if support or a certificate ends in
                            fewer than N days (default 30)
  --critical-days N         CRITICAL in fewer than N days (default: never)
  --csv-excel               with csv: the form that Excel opens in much of Europe, with
                            a byte order mark, semicolons and decimal commas
  --output-file FILE        write to this file instead of standard output
  --only HOST               poll only this server; may be repeated
  --baseline FILE           an earlier document of --output json: the report says what
                            changed since
  --discover HOST           a node of the site; may be repeated: the next one is asked
                            if it does not answer
  --discover-user USER      the user to ask it as, DIRECTORY\USER
                            (` + discovery.DefaultUser + `)
  --tls-ca, --tls-cert, --tls-key FILE
                            root.pem, client.pem and client_key.pem of the site
  --tls-verify HOW          what to check of a server's certificate: full (default),
                            its chain and its name, or chain, only its chain
  --log-level LEVEL         error (default), warn, info, debug or trace

Exit status:

  0   every server answered and is proven compliant
  1   the settings or the call are wrong
  2   a server is non-compliant, whatever else happened
  3   none is, but something is not proven: no answer, unknown, or a site whose nodes
      could not be listed

With --output nagios: 0 OK, 1 WARNING (out of step, an end near, old data), 2 CRITICAL (not
compliant), 3 UNKNOWN (as above, or the settings or the call are wrong).
`

type checkOptions struct {
	given      []string // names of the options on the command line, sorted
	config     []string
	envFile    string
	csvExcel   bool
	logLevel   string
	output     string
	outputFile string
	only       []string
	baseline   string
	nagios     nagiosOptions
	site       siteOptions
}

func runCheck(ctx context.Context, args []string) error {
	var o checkOptions
	flags := newFlags(programName+" check", checkUsage)
	o.add(flags)
	o.nagios.define(flags)
	flags.Func("baseline", "", func(file string) error {
		if file == "" {
			return errors.New("names no file")
		}
		o.baseline = file
		return nil
	})
	err := o.parse(flags, args)
	if err == nil {
		err = o.run(ctx)
	}
	if asksForNagios(args) {
		return nagiosError(err)
	}
	return err
}

// parse calls the function parse and records which options were given.
func (o *checkOptions) parse(flags *flag.FlagSet, args []string) error {
	err := parse(flags, args)
	flags.Visit(func(f *flag.Flag) { o.given = append(o.given, f.Name) })
	return err
}

// firstGiven returns the first of the given options, sorted by name, with one of the prefixes, or "".
func (o *checkOptions) firstGiven(prefixes ...string) string {
	for _, name := range o.given {
		if slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			return name
		}
	}
	return ""
}

// add adds the flags that check and plan share.
func (o *checkOptions) add(flags *flag.FlagSet) {
	names := func(list *[]string, what string) func(string) error {
		return func(value string) error {
			if value == "" {
				return errors.New("names no " + what)
			}
			*list = append(*list, value)
			return nil
		}
	}
	flags.Func("config", "", names(&o.config, "file"))
	flags.StringVar(&o.envFile, "env-file", "", "")
	flags.StringVar(&o.logLevel, "log-level", "error", "")
	flags.StringVar(&o.output, "output", "table", "")
	flags.StringVar(&o.outputFile, "output-file", "", "")
	flags.BoolVar(&o.csvExcel, "csv-excel", false, "")
	flags.Func("only", "", names(&o.only, "server"))
	o.site.define(flags)
}

// outputs are the formats of a report other than nagios.
var outputs = map[string]func(io.Writer, *report.Report) error{
	"table": writeTable,
	"csv":   csv.Plain.Write,
	"json":  json.Write,
	"html":  html.Write,
}

// run asks the fleet once and writes the report. If that works and the fleet is not
// compliant, the error is a statusError.
func (o *checkOptions) run(ctx context.Context) error {
	write, known := outputs[o.output]
	if o.csvExcel {
		write = csv.Excel.Write
	}
	status := (*report.Report).Status
	if o.output == nagiosOutput {
		write, status, known = o.nagios.write, o.nagios.status, true
	}
	if !known {
		return fmt.Errorf("--output %q is none of table, csv, json, html, %s", o.output, nagiosOutput)
	}
	if err := o.check(); err != nil {
		return err
	}
	var earlier *baseline.Baseline
	if o.baseline != "" {
		var err error
		if earlier, err = baseline.Read(ctx, o.baseline); err != nil {
			return err
		}
	}
	r, err := o.gather(ctx)
	if err != nil {
		return err
	}
	if earlier != nil {
		r.Since = earlier.Compare(r)
	}
	if err := writeOut(o.outputFile, func(w io.Writer) error { return write(w, r) }); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if status := status(r); status != 0 {
		return statusError(status)
	}
	return nil
}

// check refuses options that do not go together.
func (o *checkOptions) check() error {
	var errs []error
	daysOption := o.firstGiven("warn-days", "critical-days")
	switch {
	case o.output != nagiosOutput && daysOption != "":
		errs = append(errs, fmt.Errorf("--%s belongs to --output %s", daysOption, nagiosOutput))
	case o.output == nagiosOutput && o.baseline != "":
		errs = append(errs, fmt.Errorf("--output %s has one line, and no place for what changed since --baseline: use another output for that", nagiosOutput))
	}
	if o.csvExcel && o.output != "csv" {
		errs = append(errs, errors.New("--csv-excel belongs to --output csv"))
	}
	return errors.Join(errs...)
}

// gather asks the fleet once.
func (o *checkOptions) gather(ctx context.Context) (*report.Report, error) {
	loaded, read, err := o.load()
	if err != nil {
		return nil, err
	}
	blocks := make([]*fleet.Block, len(loaded))
	for i, block := range loaded {
		blocks[i] = block.Block()
	}
	if blocks, err = report.Limit(blocks, o.only); err != nil {
		return nil, err
	}

	// Fail before polling if the report cannot be written.
	if o.outputFile != "" {
		if err := atomicfile.Check(o.outputFile); err != nil {
			return nil, fmt.Errorf("writing the report: %w", err)
		}
	}

	polled, done := showProgress(blocks)
	defer done()
	r, err := report.Gather(ctx, blocks, version(), o.only, polled)
	if err != nil {
		return nil, err
	}
	r.Origin = origin(read)
	return r, nil
}

// origin returns the machine and the account that ask, and the settings that were read.
func origin(read []settings.Text) (o report.Origin) {
	o.Machine, _ = os.Hostname() // "" if unknown
	if account, err := user.Current(); err == nil {
		o.Account = account.Username
	}
	for _, text := range read {
		o.Settings = append(o.Settings, report.File{Name: text.Name, SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(text.Content)))})
	}
	return o
}

// writeOut writes to a file or, if file is "", to standard output.
func writeOut(file string, write func(io.Writer) error) error {
	if file == "" {
		return write(os.Stdout)
	}
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return err
	}
	return atomicfile.Write(file, text.Bytes())
}

// writeTable fits the table to a terminal, and colours it.
func writeTable(w io.Writer, r *report.Report) error { return table.Write(w, r, screen(w)) }

// screen describes the terminal that w is, if it is one.
func screen(w io.Writer) (options terminal.Options) {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		options.Width, _, _ = term.GetSize(int(f.Fd())) // 0, the default, if unknown
		options.Colour = os.Getenv("NO_COLOR") == "" && !strings.EqualFold(os.Getenv("TERM"), "dumb")
	}
	return options
}
