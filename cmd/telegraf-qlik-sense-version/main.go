// Command telegraf-qlik-sense-version asks Qlik Sense servers which version they
// run and gives Telegraf one point per server. Telegraf starts it through
// inputs.execd.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/logger"

	assets "telegraf-qlik-sense-version"
	"telegraf-qlik-sense-version/internal/execd"
	"telegraf-qlik-sense-version/internal/settings"
	"telegraf-qlik-sense-version/plugins/inputs/qlik_sense_version"
)

const usage = `telegraf-qlik-sense-version asks Qlik Sense servers which version they run.

Under Telegraf's inputs.execd, one round of polls at the start and one for each
newline on standard input:

  telegraf-qlik-sense-version [--config FILE] [--log-level LEVEL] [--gather-on-start=false]

One round, then exit (inputs.exec, cron, a first try):

  telegraf-qlik-sense-version --once [--config FILE] [--log-level LEVEL]

  --config FILE             settings; without it they are taken from the
                            environment variable ` + settings.Variable + `
  --log-level LEVEL         error, warn, info (default), debug or trace
  --once                    one round, then exit
  --gather-on-start=false   no round before Telegraf asks for the first

` + checkUsage + `
Print the settings file, each setting explained, or the drop-in for Telegraf's
folder telegraf.d with the settings inside:

  telegraf-qlik-sense-version config [--telegraf]

` + catalogUsage + `
Print version, commit and Go version of this program:

  telegraf-qlik-sense-version version
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// A signal ends the program whatever it waits for: a settings file that is a
	// pipe without a writer, or a standard error that nobody reads. Under Telegraf that is
	// in order, while a command was not carried out.
	status := 0
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		status = 1
	}
	disarm := context.AfterFunc(ctx, func() {
		time.Sleep(lastResort)
		os.Exit(status)
	})
	err := run(ctx, os.Args[1:])
	disarm()
	stop()
	if status, ok := errors.AsType[statusError](err); ok {
		os.Exit(int(status))
	}
	if err != nil {
		// One line for each part of a joined error, so that Telegraf logs all of
		// them as errors.
		for line := range strings.Lines(err.Error()) {
			io.WriteString(os.Stderr, execd.Line(telegraf.Error, line)) //nolint:errcheck // there is no other place to tell it
		}
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("telegraf-qlik-sense-version", flag.ContinueOnError)
	command := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		command, args = args[0], args[1:]
	}
	switch command {
	case "":
		config := flags.String("config", "", "")
		logLevel := flags.String("log-level", "info", "")
		onlyOnce := flags.Bool("once", false, "")
		gatherOnStart := flags.Bool("gather-on-start", true, "")
		showVersion := flags.Bool("version", false, "")
		if done, err := parse(flags, args); done {
			return err
		}
		if *showVersion {
			return printOut(version() + "\n")
		}
		return poll(ctx, *config, *logLevel, *onlyOnce, *gatherOnStart)
	case "config":
		dropIn := flags.Bool("telegraf", false, "")
		if done, err := parse(flags, args); done {
			return err
		}
		if *dropIn {
			return printOut(assets.DropIn(runtime.GOOS))
		}
		return printOut(assets.SampleConfig)
	case "check":
		o := checkFlags(flags)
		if done, err := parse(flags, args); done {
			return err
		}
		return check(ctx, o)
	case "catalog":
		return runCatalog(ctx, args)
	case "version":
		if done, err := parse(flags, args); done {
			return err
		}
		return printOut(version() + "\n")
	}
	return fmt.Errorf("there is no command %q: see telegraf-qlik-sense-version --help", command)
}

// parse reads the options of a command; done means that there is nothing more to
// do than to return the error.
func parse(flags *flag.FlagSet, args []string) (done bool, err error) {
	words, done, err := parseWords(flags, args)
	if !done && len(words) > 0 {
		return true, fmt.Errorf("%q is not an option: see telegraf-qlik-sense-version --help", words[0])
	}
	return done, err
}

// parseWords is parse for a command with words beside its options, in any order.
func parseWords(flags *flag.FlagSet, args []string) (words []string, done bool, err error) {
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	for rest := args; ; {
		switch err := flags.Parse(rest); {
		case errors.Is(err, flag.ErrHelp):
			return nil, true, printOut(usage)
		case err != nil:
			return nil, true, fmt.Errorf("%w: see telegraf-qlik-sense-version --help", err)
		case flags.NArg() == 0:
			return words, false, nil
		}
		words = append(words, flags.Arg(0))
		rest = flags.Args()[1:]
	}
}

func printOut(text string) error {
	_, err := io.WriteString(os.Stdout, text)
	return err
}

// poll runs rounds of polls: under execd until the input ends, or once.
func poll(ctx context.Context, config, logLevel string, onlyOnce, gatherOnStart bool) error {
	if _, set := os.LookupEnv("GOGC"); !set {
		// Less garbage than by Go's default, for a process that is there to be idle;
		// a round takes two or three per cent more CPU for it.
		debug.SetGCPercent(75)
	}
	blocks, err := loadBlocks(config, logLevel)
	if err != nil {
		return err
	}
	if onlyOnce {
		return once(ctx, blocks, os.Stdout)
	}
	return serve(ctx, blocks, os.Stdin, gatherOnStart)
}

// loadBlocks reads the settings. From then on everything is logged from a level on.
func loadBlocks(config, logLevel string) ([]*qlik_sense_version.QlikSenseVersion, error) {
	level := telegraf.LogLevelFromString(logLevel)
	if level == telegraf.None {
		return nil, fmt.Errorf("--log-level %q is none of error, warn, info, debug, trace", logLevel)
	}
	// Not undone: that would wait for a line which nobody may ever read.
	if _, err := execd.Redirect(os.Stderr, level); err != nil {
		return nil, err
	}
	return settings.Load(config, logger.New("inputs", "qlik_sense_version", ""))
}

// version says what this program was built from, as far as the build knows it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "telegraf-qlik-sense-version (unknown build)"
	}
	commit, modified := "unknown", ""
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			commit = setting.Value
		case "vcs.modified":
			if setting.Value == "true" {
				modified = " with changes"
			}
		}
	}
	return fmt.Sprintf("telegraf-qlik-sense-version %s (commit %s%s, %s, %s/%s)",
		info.Main.Version, commit, modified, info.GoVersion, runtime.GOOS, runtime.GOARCH)
}

var errInterrupted = errors.New("interrupted before the round was complete")
