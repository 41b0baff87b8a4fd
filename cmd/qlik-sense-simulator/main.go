// The program qlik-sense-simulator runs simulated Qlik Sense servers, to try
// out a poller or to demonstrate one without a real site.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"telegraf-qlik-sense-version/internal/simulator"
)

func main() {
	if err := interruptible(); err != nil {
		fmt.Fprintln(os.Stderr, "qlik-sense-simulator:", err)
		os.Exit(1)
	}
}

// interruptible runs the program until a signal ends it.
func interruptible() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	reload, release := hangups()
	defer release()
	return newApp(os.Stdout, os.Stderr, reload).RunContext(ctx, os.Args)
}

// newApp is the program: it runs until its context ends, and reads the fleet
// file again at each signal from reload.
func newApp(out, errOut io.Writer, reload <-chan os.Signal) *cli.App {
	return &cli.App{
		Name:  "qlik-sense-simulator",
		Usage: "simulate Qlik Sense servers: the About service on port 9032",
		Description: "The servers listen on this machine's loopback addresses only, unless a fleet file says\n" +
			"otherwise, and ask for the client certificate found in --site. The program prints \"ready\" when all\n" +
			"of them listen and runs until it is interrupted. A fleet file names servers one by one:\n\n" +
			"[[server]]\n" +
			"addr = \"127.10.0.1:9032\"\n" +
			"name = \"qlik1.example.com\"\n" +
			"release = \"February 2024 Patch 1\"\n" +
			"version = \"14.173.4\"\n" +
			"# or: sample = \"june-2019\"\n" +
			"fault = \"no-answer\"\n\n" +
			"What a server leaves out is taken from the flags. At SIGHUP the file is read again and each\n" +
			"server answers as it says now, like after an upgrade.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "site", Usage: "`DIR` with root.pem, client.pem and client_key.pem, made if missing"},
			&cli.IntFlag{Name: "servers", Value: 1, Usage: "number of servers"},
			&cli.StringFlag{Name: "release", Value: "February 2024 Patch 1", Usage: "release `LABEL` in the replies"},
			&cli.StringFlag{Name: "version", Value: "14.173.4", Usage: "`VERSION` in the replies"},
			&cli.StringFlag{Name: "sample", Usage: "reply of a real server instead: `NAME` of a sample"},
			&cli.StringFlag{Name: "fault", Usage: "`NAME` of what is wrong with the servers"},
			&cli.StringFlag{Name: "fleet", Usage: "TOML `FILE` that names the servers"},
			&cli.BoolFlag{Name: "list-faults", Usage: "print the faults and end"},
		},
		HideHelpCommand: true,
		HideVersion:     true, // --version is the servers'
		Writer:          out,
		ErrWriter:       errOut,
		ExitErrHandler:  func(*cli.Context, error) {}, // main prints and exits
		OnUsageError:    func(_ *cli.Context, err error, _ bool) error { return err },
		Action: func(c *cli.Context) error {
			return run(c, reload)
		},
	}
}

func run(c *cli.Context, reload <-chan os.Signal) error {
	if c.Args().Present() {
		return fmt.Errorf("unexpected argument %q", c.Args().First())
	}
	if c.Bool("list-faults") {
		for _, fault := range simulator.Faults() {
			_, _ = fmt.Fprintf(c.App.Writer, "%-20s %s\n", fault, fault.Explain())
		}
		return nil
	}
	servers, err := plan(c)
	if err != nil {
		return err
	}
	if c.String("site") == "" {
		return errors.New("--site is missing: the directory for the certificates")
	}
	site, err := openSite(c.String("site"))
	if err != nil {
		return err
	}
	fleet, err := simulator.Start(site, servers...)
	if err != nil {
		return err
	}
	list(c.App.Writer, fleet, servers)
	_, _ = fmt.Fprintln(c.App.Writer, "ready")
	for {
		select {
		case <-c.Done():
			return fleet.Close()
		case <-reload:
			if err := renew(c, fleet, servers); err != nil {
				_, _ = fmt.Fprintln(c.App.ErrWriter, "qlik-sense-simulator: not read again:", err)
			}
		}
	}
}
