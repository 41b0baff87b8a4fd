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
	"slices"
	"time"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/catalog/show"
	"telegraf-qlik-sense-version/internal/feed"
	"telegraf-qlik-sense-version/internal/fleet"
)

const catalogUsage = `Print what is known of releases and advisories, check a file with such a catalogue, or
bring the releases in one up to date from the vendor's list on GitHub:

  telegraf-qlik-sense-version catalog show [--catalog FILE] [--output table|json]
  telegraf-qlik-sense-version catalog check FILE
  telegraf-qlik-sense-version catalog update [--releases-url URL] FILE
  telegraf-qlik-sense-version catalog update --from REPLY [--from REPLY ...] FILE

  Each of them explains its options with --help.
`

const catalogShowUsage = `Print the releases, builds and advisories that a catalogue knows, and how old they are:

  telegraf-qlik-sense-version catalog show [--catalog FILE] [--output table|json]

  --catalog FILE            a catalogue instead of the one in this program
  --output table|json       for people (default) or for programs
`

const catalogCheckUsage = `Check a file with a catalogue: its form, its days, and that its entries fit each other:

  telegraf-qlik-sense-version catalog check FILE

  Exit status: 0 all is in order; 1 something is wrong, with a line for each problem.
`

const catalogUpdateUsage = `Bring the releases in a catalogue up to date from the vendor's list on GitHub, and add what
this program knows and the file lacks:

  telegraf-qlik-sense-version catalog update [--releases-url URL] FILE
  telegraf-qlik-sense-version catalog update --from REPLY [--from REPLY ...] FILE

  --releases-url URL        a mirror of GitHub's list
  --from REPLY              saved pages of that list instead of the network, - is
                            standard input; see the README for how to save them
  FILE                      the catalogue; one that is not there is made out of the one in
                            this program. The setting catalog_file names it to Telegraf

  A release of the list that contradicts other entries or the catalogue is left out; a line
  says why. Exit status: 0 the file is up to date; 1 it stays as it was, and a line says why.
`

// runCatalog does what the words behind "catalog" ask for.
func runCatalog(ctx context.Context, args []string) error {
	const commands, help = "show, check or update", ": see telegraf-qlik-sense-version catalog --help"
	if len(args) == 0 {
		return errors.New("catalog: say what to do with it, " + commands + help)
	}
	today := catalog.DayOf(time.Now())
	switch command, args := args[0], args[1:]; command {
	case "show":
		return catalogShow(args, today)
	case "check":
		return catalogCheck(args, today)
	case "update":
		return catalogUpdate(ctx, args, today)
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
	if done, err := parse(flags, args); done {
		return err
	}
	write, known := map[string]func(io.Writer, *catalog.Catalog, string, catalog.Day) error{"table": show.Table, "json": show.JSON}[*output]
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
	words, done, err := parseWords(flags, args)
	if done {
		return err
	}
	file, err := oneFile(flags, words, "check")
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
	return printOut(file + ": in order: " + show.Summary(c) + "\n")
}

func catalogUpdate(ctx context.Context, args []string, today catalog.Day) error {
	flags := newFlags(programName+" catalog update", catalogUpdateUsage)
	update := feed.Update{Today: today, Stdin: os.Stdin}
	flags.StringVar(&update.ReleasesURL, "releases-url", "", "")
	flags.Func("from", "", func(file string) error {
		switch {
		case file == "":
			return errors.New("name a file, or - for standard input")
		case file == feed.Stdin && slices.Contains(update.From, feed.Stdin):
			return errors.New("standard input can be read once")
		}
		update.From = append(update.From, file)
		return nil
	})
	words, done, err := parseWords(flags, args)
	if done {
		return err
	}
	if update.File, err = oneFile(flags, words, "bring up to date"); err != nil {
		return err
	}
	if len(update.From) > 0 && update.ReleasesURL != "" {
		return errors.New("--from and --releases-url are two sources: use one of them")
	}
	result, err := update.Run(ctx)
	if err != nil {
		return err
	}
	return printOut(result.String())
}

// oneFile returns the FILE of a command, the only word beside its options.
func oneFile(flags *flag.FlagSet, words []string, purpose string) (string, error) {
	if len(words) == 1 && words[0] == "" {
		words = nil // an empty variable of a script
	}
	if len(words) != 1 {
		return "", fmt.Errorf("name one FILE to %s, not %d: see %s --help", purpose, len(words), flags.Name())
	}
	return words[0], nil
}

func loadCatalog(file string) (*catalog.Catalog, error) {
	c, err := catalog.Load(file)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: check the path and its permissions", err)
	}
	return c, err
}
