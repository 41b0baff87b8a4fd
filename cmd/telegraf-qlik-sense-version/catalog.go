package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/catalog/show"
	"telegraf-qlik-sense-version/internal/feed"
	"telegraf-qlik-sense-version/internal/fleet"
)

const catalogUsage = `Show, check or update a catalogue of releases and advisories. Updates come from public
lists: the vendor's releases at GitHub, the advisories of NVD, and CISA's list of exploited
vulnerabilities:

  telegraf-qlik-sense-version catalog show [--catalog FILE] [--output table|json]
  telegraf-qlik-sense-version catalog check FILE
  telegraf-qlik-sense-version catalog update [options] FILE
  telegraf-qlik-sense-version catalog download [options] BUNDLE
  telegraf-qlik-sense-version catalog update --from BUNDLE FILE

  Each of them explains its options with --help.
`

const catalogShowUsage = `Print the releases, builds and advisories that a catalogue knows, and how old they are:

  telegraf-qlik-sense-version catalog show [--catalog FILE] [--output table|json]

  --catalog FILE            a catalogue instead of the one in this program
  --output table|json       for people (default) or for programs
`

const catalogCheckUsage = `Check a catalogue: its syntax, its dates, and that its entries do not contradict each other:

  telegraf-qlik-sense-version catalog check FILE

  Exit status: 0 the file is valid; 1 it is not, with a line for each problem.
`

const sourceOptions = `  --releases-url URL        a mirror of the vendor's list of releases at GitHub
  --advisories-url URL      a mirror of NVD's API
  --exploited-url URL       a mirror of CISA's list
  --no-releases --no-advisories --no-exploited
                            leave a source out
`

const catalogUpdateUsage = `Update a catalogue from public lists, and add what this program knows and the file lacks.
It needs no option and no account:

  telegraf-qlik-sense-version catalog update [options] FILE
  telegraf-qlik-sense-version catalog update --from BUNDLE FILE

` + sourceOptions + `  --from BUNDLE             what "catalog download" saved, instead of the network
  FILE                      the catalogue; one that does not exist is created from the one in
                            this program. Name it in the setting catalog_file

  The three parts are independent: if a source fails, its part and its date stay as they
  were. Hand-written entries stay as they are.
  Exit status: 0 the file is up to date; 1 a source failed (a line for each, and a last one
  with the parts that were not updated), or the file stays as it was.
`

const catalogDownloadUsage = `Save the public lists that "catalog update" reads, unchanged, in one file for a machine
without internet:

  telegraf-qlik-sense-version catalog download [options] BUNDLE

` + sourceOptions + `  BUNDLE                    the file to write, a tar.gz. On that machine:
                            telegraf-qlik-sense-version catalog update --from BUNDLE FILE

  Exit status: 0 all lists are in it; 1 at least one is missing, or nothing was written.
`

// runCatalog runs a subcommand of catalog.
func runCatalog(ctx context.Context, args []string) error {
	const commands, help = "show, check, update or download", ": see telegraf-qlik-sense-version catalog --help"
	if len(args) == 0 {
		return errors.New("catalog: name what to do: " + commands + help)
	}
	today := catalog.DayOf(time.Now())
	switch command, args := args[0], args[1:]; command {
	case "show":
		return catalogShow(args, today)
	case "check":
		return catalogCheck(args, today)
	case "update":
		return catalogUpdate(ctx, args, today)
	case "download":
		return catalogDownload(ctx, args, today)
	case "-h", "-help", "--help":
		return printOut(catalogUsage)
	default:
		return fmt.Errorf("catalog: there is no command %q, only %s%s", command, commands, help)
	}
}

func catalogShow(args []string, today catalog.Day) error {
	flags := newFlags(programName+" catalog show", catalogShowUsage)
	file := flags.String("catalog", "", "")
	output := flags.String("output", "table", "")
	if err := parse(flags, args); err != nil {
		return err
	}
	table := func(w io.Writer, c *catalog.Catalog, name string, today catalog.Day) error {
		return show.Table(w, c, name, today, screen(os.Stdout))
	}
	write, known := map[string]func(io.Writer, *catalog.Catalog, string, catalog.Day) error{"table": table, "json": show.JSON}[*output]
	if !known {
		return fmt.Errorf("--output %q is none of table, json", *output)
	}
	c, name := catalog.BuiltIn(), fleet.BuiltIn
	if *file != "" {
		var err error
		if c, err = loadCatalog(*file); err != nil {
			return err
		}
		name = *file
	}
	var out bytes.Buffer
	if err := write(&out, c, name, today); err != nil {
		return err
	}
	return printOut(out.String())
}

func catalogCheck(args []string, today catalog.Day) error {
	flags := newFlags(programName+" catalog check", catalogCheckUsage)
	file, err := parseFile(flags, args, "check")
	if err != nil {
		return err
	}
	c, err := loadCatalog(file)
	if err != nil {
		return err
	}
	if err := c.CheckDays(today); err != nil {
		return err
	}
	return printOut(file + ": valid: " + show.Summary(c) + "\n")
}

func catalogUpdate(ctx context.Context, args []string, today catalog.Day) error {
	flags := newFlags(programName+" catalog update", catalogUpdateUsage)
	update := feed.Update{Today: today, Sources: sourceFlags(flags)}
	flags.Func("from", "", func(bundle string) error {
		if update.From = bundle; bundle == "" {
			return errors.New("name a bundle") // an unset variable of a script must not lead to the network
		}
		return nil
	})
	file, err := parseFile(flags, args, "bring up to date")
	if err != nil {
		return err
	}
	update.File = file
	if err := checkSources(flags, &update.Sources); err != nil {
		return err
	}
	if update.From != "" && len(update.Mirrors) > 0 {
		return errors.New("--from reads a bundle, and the options with -url name mirrors to read instead: use one of them")
	}
	result, err := update.Run(ctx)
	if result != nil {
		err = errors.Join(printOut(result.String()), err)
	}
	return err
}

func catalogDownload(ctx context.Context, args []string, today catalog.Day) error {
	flags := newFlags(programName+" catalog download", catalogDownloadUsage)
	download := feed.Download{Today: today, Sources: sourceFlags(flags)}
	file, err := parseFile(flags, args, "save the lists in")
	if err != nil {
		return err
	}
	download.Bundle = file
	if err := checkSources(flags, &download.Sources); err != nil {
		return err
	}
	report, err := download.Run(ctx)
	return errors.Join(printOut(report), err)
}

// sourceFlags adds the options that name mirrors and leave out sources.
func sourceFlags(flags *flag.FlagSet) feed.Sources {
	s := feed.Sources{Mirrors: make(map[string]string), LeftOut: make(map[string]bool)}
	for _, part := range feed.Parts {
		flags.Func(part+"-url", "", func(address string) error {
			s.Mirrors[part] = address
			return nil
		})
		flags.BoolFunc("no-"+part, "", func(value string) error {
			leaveOut, err := strconv.ParseBool(value)
			s.LeftOut[part] = leaveOut
			return err
		})
	}
	return s
}

// checkSources refuses an empty mirror, such as an unset variable of a script, and a mirror
// of a source that is left out.
func checkSources(flags *flag.FlagSet, s *feed.Sources) error {
	for _, part := range feed.Parts {
		switch address, named := s.Mirrors[part]; {
		case named && address == "":
			return fmt.Errorf("--%s-url is empty: see %s --help", part, flags.Name())
		case named && s.LeftOut[part]:
			return fmt.Errorf("--%s-url names a mirror, and --no-%s leaves it out: use one of them", part, part)
		}
	}
	return nil
}

func loadCatalog(file string) (*catalog.Catalog, error) {
	c, err := catalog.Load(file)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: check the path and its permissions", err)
	}
	return c, err
}
