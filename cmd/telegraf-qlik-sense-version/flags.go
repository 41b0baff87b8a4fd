package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// splitCommand separates the command, "" for none, from its arguments.
func splitCommand(args []string) (command string, rest []string) {
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		return args[0], args[1:]
	}
	return "", args
}

// newFlags returns an empty set of options. The name is the part of the command line before
// --help that shows the help.
func newFlags(name, help string) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.Usage = func() { io.WriteString(flags.Output(), help) } //nolint:errcheck // the caller's buffer
	return flags
}

// parse reads the options of a command. For --help it prints the help and returns flag.ErrHelp.
func parse(flags *flag.FlagSet, args []string) error {
	words, err := parseWords(flags, args)
	if err == nil && len(words) > 0 {
		err = fmt.Errorf("%q is not an option: see %s --help", words[0], flags.Name())
	}
	return err
}

// parseFile is parse for a command with one argument, a FILE.
func parseFile(flags *flag.FlagSet, args []string, purpose string) (string, error) {
	words, err := parseWords(flags, args)
	if err != nil {
		return "", err
	}
	if len(words) == 1 && words[0] == "" {
		words = nil // an unset variable of a script
	}
	if len(words) != 1 {
		return "", fmt.Errorf("name one FILE to %s, not %d: see %s --help", purpose, len(words), flags.Name())
	}
	return words[0], nil
}

// parseWords reads options and arguments in any order.
func parseWords(flags *flag.FlagSet, args []string) (words []string, err error) {
	var help strings.Builder
	flags.SetOutput(&help)
	for rest := args; ; {
		switch err := flags.Parse(rest); {
		case errors.Is(err, flag.ErrHelp):
			if err := printOut(help.String()); err != nil {
				return nil, err
			}
			return nil, err
		case err != nil:
			return nil, fmt.Errorf("%w: see %s --help", err, flags.Name())
		case flags.NArg() == 0:
			return words, nil
		}
		words = append(words, flags.Arg(0))
		rest = flags.Args()[1:]
	}
}

func printOut(text string) error {
	_, err := io.WriteString(os.Stdout, text)
	return err
}
