// Command telegraf-qlik-sense-version asks Qlik Sense servers which version they run and
// writes one point per server. Telegraf starts it through inputs.execd.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/logger"

	"telegraf-qlik-sense-version/internal/execd"
	"telegraf-qlik-sense-version/internal/settings"
	"telegraf-qlik-sense-version/plugins/inputs/qlik_sense_version"
)

const programName = "telegraf-qlik-sense-version"

const usage = programName + ` asks Qlik Sense servers which version they run.

Under Telegraf's inputs.execd, one round of polls at the start and one for each
newline on standard input:

  ` + programName + ` [--config FILE] [--log-level LEVEL] [--gather-on-start=false]

One round, then exit (inputs.exec, cron, a first try):

  ` + programName + ` --once [--config FILE] [--log-level LEVEL]

  --config FILE             settings; without it they are taken from the
                            environment variable ` + settings.Variable + `
  --log-level LEVEL         error, warn, info (default), debug or trace
  --once                    one round, then exit
  --gather-on-start=false   no round before Telegraf asks for the first

Commands, each with its own --help:

  ` + programName + ` check     the whole fleet at a glance: a table, CSV,
                                        JSON, an HTML report or a Nagios line
  ` + programName + ` plan      what to install where, in which order
  ` + programName + ` catalog   show, check or update data about releases
                                        and advisories
  ` + programName + ` config    print the settings file or the drop-in for
                                        Telegraf's folder telegraf.d
  ` + programName + ` version   print version, commit and Go version
`

// statusError ends the program with an exit status and without a message.
type statusError int

func (s statusError) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

func main() {
	// stop is never called: a second signal must not kill the program while it ends in order.
	ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// A signal ends the program even if it hangs: on a settings file that is a pipe without a
	// writer, or on a standard error that nobody reads. Under Telegraf that is a success, but
	// a command did not do its work.
	command, args := splitCommand(os.Args[1:])
	status := 0
	if command != "" {
		status = 1
	}
	disarm := execd.ExitAfter(ctx, status)
	err := run(ctx, command, args)
	if errors.Is(err, flag.ErrHelp) {
		err = nil
	}
	disarm()
	if status, ok := errors.AsType[statusError](err); ok {
		os.Exit(int(status))
	}
	if err != nil {
		logError(err)
		os.Exit(1)
	}
}

// logError writes one line for each part of a joined error, so that Telegraf logs each as an error.
func logError(err error) {
	for line := range strings.Lines(err.Error()) {
		io.WriteString(os.Stderr, execd.Line(telegraf.Error, line)) //nolint:errcheck // there is nowhere else to report it
	}
}

func run(ctx context.Context, command string, args []string) error {
	switch command {
	case "":
		return runRounds(ctx, args)
	case "check":
		return runCheck(ctx, args)
	case "plan":
		return runPlan(ctx, args)
	case "catalog":
		return runCatalog(ctx, args)
	case "config":
		return runConfig(args)
	case "version":
		return runVersion(args)
	}
	return fmt.Errorf("there is no command %q: see %s --help", command, programName)
}

// runRounds runs rounds of polls under execd until the input ends, or one round.
func runRounds(ctx context.Context, args []string) error {
	flags := newFlags(programName, usage)
	config := flags.String("config", "", "")
	logLevel := flags.String("log-level", "info", "")
	once := flags.Bool("once", false, "")
	gatherOnStart := flags.Bool("gather-on-start", true, "")
	showVersion := flags.Bool("version", false, "")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *showVersion {
		return printOut(version() + "\n")
	}

	if _, set := os.LookupEnv("GOGC"); !set {
		// The process is idle most of the time: less garbage is worth the two or three per
		// cent more CPU that a round takes.
		debug.SetGCPercent(75)
	}
	newBlock, err := blockMaker(*logLevel)
	if err != nil {
		return err
	}
	blocks, err := settings.Load(*config, newBlock)
	if err != nil {
		return err
	}
	if *once {
		return execd.Once(ctx, blocks, os.Stdout)
	}
	return execd.Run(ctx, blocks, os.Stdin, os.Stdout, *gatherOnStart)
}

// blockMaker returns a function that returns a block with the defaults. It sets the log level
// of the program.
func blockMaker(logLevel string) (func() *qlik_sense_version.QlikSenseVersion, error) {
	level := telegraf.LogLevelFromString(logLevel)
	if level == telegraf.None {
		return nil, fmt.Errorf("--log-level %q is none of error, warn, info, debug, trace", logLevel)
	}
	// undo is never called: it would wait for a line that possibly nobody reads.
	if _, err := execd.Redirect(os.Stderr, level); err != nil {
		return nil, err
	}
	return func() *qlik_sense_version.QlikSenseVersion {
		block := qlik_sense_version.New()
		block.Log = logger.New("inputs", "qlik_sense_version", "")
		return block
	}, nil
}
