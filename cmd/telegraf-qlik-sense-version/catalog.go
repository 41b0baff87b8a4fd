package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/text"
)

const catalogUsage = `Print what is known of releases and advisories, check a file with such a catalogue, or
bring the releases in one up to date from the vendor's list on GitHub:

  telegraf-qlik-sense-version catalog show [--catalog FILE] [--output table|json]
  telegraf-qlik-sense-version catalog check FILE
  telegraf-qlik-sense-version catalog update [--url URL] FILE
  telegraf-qlik-sense-version catalog update --from REPLY [--from REPLY ...] FILE

  --catalog FILE            a catalogue instead of the one in this program
  --output table|json       for people (default) or for programs
  --url URL                 a mirror of GitHub's list
  --from REPLY              saved pages of that list instead of the network, - is
                            standard input; see the README for how to save them
  FILE                      the catalogue; update makes one that is not there out of
                            the one in this program. The setting catalog_file names
                            it to Telegraf
`

// catalogCommands are the words behind "catalog", as they stand in messages.
const catalogCommands = "show, check or update"

// runCatalog does what the words behind "catalog" ask for.
func runCatalog(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("catalog: say what to do with it, " + catalogCommands + ": see telegraf-qlik-sense-version --help")
	}
	flags := flag.NewFlagSet("telegraf-qlik-sense-version catalog", flag.ContinueOnError)
	today := catalog.DayOf(time.Now())
	switch command, args := args[0], args[1:]; command {
	case "show":
		file := flags.String("catalog", "", "")
		output := flags.String("output", "table", "")
		if done, err := parse(flags, args); done {
			return err
		}
		return showCatalog(*file, *output, today)
	case "check":
		words, done, err := parseWords(flags, args)
		if done {
			return err
		}
		if len(words) != 1 {
			return fmt.Errorf("catalog check: name one FILE to check, not %d: see telegraf-qlik-sense-version --help", len(words))
		}
		return checkCatalog(words[0], today)
	case "update":
		u := updating{ctx: ctx, stdin: os.Stdin, today: today}
		flags.Var(&u.from, "from", "")
		flags.StringVar(&u.url, "url", "", "")
		words, done, err := parseWords(flags, args)
		if done {
			return err
		}
		return updateCatalog(&u, words)
	case "-h", "-help", "--help":
		return printOut(usage)
	default:
		return fmt.Errorf("catalog: there is no command %q, only %s: see telegraf-qlik-sense-version --help", command, catalogCommands)
	}
}

// loadCatalog gives the catalogue in a file, or the built-in one, and what it is called.
func loadCatalog(file string) (*catalog.Catalog, string, error) {
	if file == "" {
		return catalog.BuiltIn(), "built in", nil
	}
	c, err := catalog.Load(file)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: check the path and its permissions", err)
	}
	return c, file, err
}

func showCatalog(file, output string, today catalog.Day) error {
	if output != "table" && output != "json" {
		return fmt.Errorf("--output %q is none of table, json", output)
	}
	c, name, err := loadCatalog(file)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if output == "json" {
		err = writeCatalogJSON(&out, c, name, today)
	} else {
		err = writeCatalogTable(&out, c, name, today)
	}
	if err != nil {
		return err
	}
	return printOut(out.String())
}

func checkCatalog(file string, today catalog.Day) error {
	if file == "" {
		return errors.New("catalog check: name a FILE to check: see telegraf-qlik-sense-version --help")
	}
	c, _, err := loadCatalog(file)
	if err != nil {
		return err
	}
	if err := c.CheckDays(today); err != nil {
		return err
	}
	return printOut(file + ": in order: " + catalogSummary(c) + "\n")
}

// catalogSummary says in one line how much a catalogue has and how far it reaches.
func catalogSummary(c *catalog.Catalog) string {
	decide := 0
	for i := range c.Advisories {
		if c.Advisories[i].Decides() {
			decide++
		}
	}
	advisories := "advisories"
	if len(c.Advisories) == 1 {
		advisories = "advisory"
	}
	return strings.Join([]string{
		text.Plural(len(c.Releases), "release"),
		fmt.Sprintf("%d %s (%d decide)", len(c.Advisories), advisories, decide),
		fmt.Sprintf("releases as of %s", c.ReleasesAsOf),
		fmt.Sprintf("advisories as of %s", c.AdvisoriesAsOf),
		fmt.Sprintf("exploited as of %s", c.ExploitedAsOf),
	}, ", ")
}
