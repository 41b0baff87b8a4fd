package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"telegraf-qlik-sense-version/internal/plan"
	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/internal/report/csv"
	"telegraf-qlik-sense-version/internal/report/html"
	"telegraf-qlik-sense-version/internal/report/json"
	"telegraf-qlik-sense-version/internal/report/table"
	"telegraf-qlik-sense-version/internal/settings"
)

const planUsage = `What to install where, in which order. The fleet is polled once; each server that is not
compliant gets the lowest patch of its release without a known vulnerability, or else an
upgrade:

  ` + programName + ` plan [--config FILE]... [--target RELEASE]
                                    [--waves NAME,NAME,...] [--wave-tag TAG]
                                    [--output table|csv|json|html]
                                    [--output-file FILE] [--only HOST]...
  ` + programName + ` plan --discover HOST --tls-ca FILE --tls-cert FILE
                                    --tls-key FILE [--tls-verify full|chain]

  --config FILE, --env-file FILE
                            settings or drop-ins, as in check; without them the settings
                            are taken from the environment variable
                            ` + settings.Variable + `
  --target RELEASE          what to upgrade to, for example "May 2025 Patch 15"; without it
                            the newest supported release without a known vulnerability.
                            Servers for which a patch is enough get the patch
  --waves NAME,NAME,...     values of a static tag, in the order in which to change
                            their servers: DEV,TEST,PROD. An order is never guessed
  --wave-tag TAG            that tag (default ` + plan.DefaultWaveTag + `)
  --output FORM             table (default), csv, json, or html (the report with the plan)
  --csv-excel               with csv: as in check
  --output-file FILE        write to this file instead of standard output
  --only HOST               poll only this server; may be repeated
  --discover HOST, --discover-user USER, --tls-ca, --tls-cert, --tls-key FILE,
  --tls-verify HOW          a site instead of settings, as in check
  --log-level LEVEL         error (default), warn, info, debug or trace

Exit status: 0, even if servers do not answer; 1 if the settings, the call or the target
are wrong.
`

func runPlan(ctx context.Context, args []string) error {
	var o checkOptions
	var target, waves string
	var options plan.Options
	flags := newFlags(programName+" plan", planUsage)
	o.add(flags)
	flags.StringVar(&target, "target", "", "")
	flags.StringVar(&waves, "waves", "", "")
	flags.StringVar(&options.WaveTag, "wave-tag", "", "")
	if err := o.parse(flags, args); err != nil {
		return err
	}
	write, known := planOutputs[o.output]
	if o.csvExcel {
		write = csv.Excel.WritePlan
	}
	if !known {
		return fmt.Errorf("--output %q is none of table, csv, json, html", o.output)
	}
	if err := o.check(); err != nil {
		return err
	}
	if target != "" {
		var err error
		if options.Target, err = release.Parse(target); err != nil {
			return fmt.Errorf("--target %q is %w: write it like \"May 2025 Patch 15\"", target, err)
		}
	}
	if waves != "" {
		for name := range strings.SplitSeq(waves, ",") {
			options.Waves = append(options.Waves, strings.TrimSpace(name))
		}
	}
	r, err := o.gather(ctx)
	if err != nil {
		return err
	}
	p, err := plan.New(r, options)
	if err != nil {
		return err
	}
	if err := writeOut(o.outputFile, func(w io.Writer) error { return write(w, p) }); err != nil {
		return fmt.Errorf("writing the plan: %w", err)
	}
	return nil
}

// planOutputs are the formats of a plan.
var planOutputs = map[string]func(io.Writer, *plan.Plan) error{
	"table": func(w io.Writer, p *plan.Plan) error { return table.WritePlan(w, p, screen(w)) },
	"csv":   csv.Plain.WritePlan,
	"json":  json.WritePlan,
	"html":  html.WritePlan,
}
