// Command qlik-sense-simulator runs simulated Qlik Sense servers, to try out or demonstrate
// a poller without a real site.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"telegraf-qlik-sense-version/internal/simulator"
)

func main() {
	if err := runUntilSignal(); err != nil {
		fmt.Fprintln(os.Stderr, "qlik-sense-simulator:", err)
		os.Exit(1)
	}
}

// runUntilSignal runs the program until a signal ends it.
func runUntilSignal() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP) // never comes on Windows
	defer signal.Stop(reload)
	return run(ctx, os.Args[1:], os.Stdout, os.Stderr, reload)
}

const usage = `qlik-sense-simulator simulates Qlik Sense servers: the About service on port 9032.

  --site DIR         DIR with root.pem, client.pem and client_key.pem, created if missing
  --servers N        number of servers (1)
  --release LABEL    release label in the replies (February 2024 Patch 1)
  --version VERSION  version in the replies (14.173.4)
  --sample NAME      the reply of a real server instead
  --fault NAME       what is wrong with the servers
  --fleet FILE       TOML file that names the servers
  --list-faults      print the faults and end

The servers listen on this machine's loopback addresses only, unless a fleet file says
otherwise, and ask for the client certificate found in --site. The program prints "ready"
when all of them listen and runs until it is interrupted. A fleet file names servers one
by one:

  [[server]]
  addr = "127.10.0.1:9032"
  name = "qlik1.example.com"
  release = "February 2024 Patch 1"
  version = "14.173.4"
  # or: sample = "june-2019"
  fault = "no-answer"

  [[server]]
  addr = "127.10.0.1:4242"
  repository = true     # lists the nodes below, as the Repository Service does

  [[node]]
  name = "Central"      # in the QMC
  host = "127.10.0.1"
  roles = ["central", "engine", "proxy", "scheduler", "printing"]

What a server leaves out is taken from the options. At SIGHUP the file is read again and
each server answers as the file then says, like after an upgrade.
`

// options are the command line.
type options struct {
	site       string
	servers    int
	fleet      string
	all        entry           // for all servers
	given      map[string]bool // names of the options on the command line
	listFaults bool
}

func parse(args []string) (*options, error) {
	o := &options{given: make(map[string]bool)}
	flags := flag.NewFlagSet("qlik-sense-simulator", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.site, "site", "", "")
	flags.IntVar(&o.servers, "servers", 1, "")
	flags.StringVar(&o.all.Release, "release", "February 2024 Patch 1", "")
	flags.StringVar(&o.all.Version, "version", "14.173.4", "")
	flags.StringVar(&o.all.Sample, "sample", "", "")
	flags.StringVar(&o.all.Fault, "fault", "", "")
	flags.StringVar(&o.fleet, "fleet", "", "")
	flags.BoolVar(&o.listFaults, "list-faults", false, "")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	flags.Visit(func(f *flag.Flag) { o.given[f.Name] = true })
	return o, nil
}

// run runs the servers until ctx ends, and reads the fleet file again at each signal.
func run(ctx context.Context, args []string, out, errOut io.Writer, reload <-chan os.Signal) error {
	o, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, err := io.WriteString(out, usage)
		return err
	case err != nil:
		return err
	case o.listFaults:
		for _, fault := range simulator.Faults() {
			_, _ = fmt.Fprintf(out, "%-20s %s\n", fault, fault.Explain())
		}
		return nil
	}
	servers, err := plan(o)
	if err != nil {
		return err
	}
	if o.site == "" {
		return errors.New("--site is missing: the directory for the certificates")
	}
	site, err := openSite(o.site)
	if err != nil {
		return err
	}
	fleet, err := simulator.Start(site, servers...)
	if err != nil {
		return err
	}
	list(out, fleet, servers)
	_, _ = fmt.Fprintln(out, "ready")
	for {
		select {
		case <-ctx.Done():
			return fleet.Close()
		case <-reload:
			if err := renew(o, out, fleet, servers); err != nil {
				_, _ = fmt.Fprintln(errOut, "qlik-sense-simulator: not read again:", err)
			}
		}
	}
}
