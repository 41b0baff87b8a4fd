// Command demo polls simulated Qlik Sense servers in three environments, one of them unreachable, and
// shows the points in InfluxDB. It runs the real programs with the shipped drop-in, then stops.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/internal/terminal"
	"telegraf-qlik-sense-version/test/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// The simulated servers, one per environment, and a host that is down: nothing listens on localhost:1.
var environments = []struct{ name, release, version, deadHost string }{
	{"PROD", "May 2025 Patch 15", "14.231.27", "localhost:1"},
	{"TEST", "November 2025", "14.254.6", ""},
	{"DEV", "May 2024 Patch 9", "14.187.14", ""},
}

const patience = 30 * time.Second

func run(ctx context.Context) (err error) {
	tools, err := stack.Build(ctx, ".", os.Stdout)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "qlik-sense-version-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a leftover folder is harmless

	site := filepath.Join(dir, "site")
	addresses, release, err := claimAddresses(len(environments))
	if err != nil {
		return err
	}
	defer release() //nolint:errcheck // ends with the process
	settings, fleet := configure(site, addresses)
	fleetFile := filepath.Join(dir, "fleet.toml")
	if err := os.WriteFile(fleetFile, []byte(fleet), 0o600); err != nil {
		return err
	}

	fmt.Println("Starting three simulated Qlik Sense servers")
	simulated, err := stack.Start(tools.Simulator, []string{"--site", site, "--fleet", fleetFile}, nil)
	if err != nil {
		return err
	}
	defer stopProcess(simulated, &err)
	if err := simulated.Await("ready\n", 1, patience); err != nil {
		return err
	}

	fmt.Println("Starting InfluxDB")
	db, err := stack.StartInfluxDB(tools.InfluxDB, dir)
	if err != nil {
		return err
	}
	defer stopProcess(db.Process, &err)

	dropIn, err := tools.DropIn(settings)
	if err != nil {
		return err
	}
	fmt.Printf("Starting Telegraf with this drop-in:\n\n%s\n", indent(dropIn))
	telegraf, err := tools.StartTelegraf(dir, dropIn, db, "qlik")
	if err != nil {
		return err
	}
	defer stopProcess(telegraf, &err)

	const statement = `SELECT environment, source, result, release_label, version, patches_behind, compliance, advisories, fixed_in FROM qlik_sense_version`
	series, err := db.Await("qlik", statement, patience, func(s []stack.Series) bool {
		return len(s) == 1 && len(s[0].Values) == len(environments)+1
	})
	if err != nil {
		return fmt.Errorf("%w\n%s", err, telegraf.Output())
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	fmt.Printf("The points in InfluxDB:\n\n> %s\n\n", statement)
	if err := printTable(series[0]); err != nil {
		return err
	}
	fmt.Println("\nThese are the points of the first round, seconds after Telegraf started; the next round would follow at the interval.\n" +
		"The demo stops now. To keep a stack running, with Grafana, see deploy/README.md")
	return nil
}

// claimAddresses returns n addresses that no other demo and no test on this machine uses, if it
// has more than 127.0.0.1.
func claimAddresses(n int) (addresses []string, release func() error, err error) {
	network, release, err := simulator.ClaimNetwork()
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		return simulator.Addresses(n), func() error { return nil }, nil
	}
	for i := range n {
		addresses = append(addresses, fmt.Sprintf("127.%d.0.%d:9032", network, i+1))
	}
	return addresses, release, err
}

// configure returns the settings of the plugin and the fleet file of the simulator.
func configure(site string, addresses []string) (settings, fleet string) {
	var blocks, servers strings.Builder
	for i, environment := range environments {
		hosts := []string{addresses[i]}
		if environment.deadHost != "" {
			hosts = append(hosts, environment.deadHost)
		}
		blocks.WriteString(stack.Settings(hosts, site, fmt.Sprintf("  [inputs.qlik_sense_version.tags]\n    environment = %q\n", environment.name)))
		fmt.Fprintf(&servers, "[[server]]\naddr = %q\nrelease = %q\nversion = %q\n", addresses[i], environment.release, environment.version)
	}
	return blocks.String(), servers.String()
}

func printTable(series stack.Series) error {
	t := &terminal.Table{}
	for _, name := range series.Columns {
		t.Columns = append(t.Columns, terminal.Column{Head: name})
	}
	slices.SortFunc(series.Values, func(a, b []any) int {
		return strings.Compare(fmt.Sprint(a[1:3]...), fmt.Sprint(b[1:3]...)) // environment and source
	})
	for _, values := range series.Values {
		row := make([]terminal.Cell, len(values))
		for i, value := range values {
			if row[i] = terminal.Text(""); value != nil { // the point has this field
				row[i] = terminal.Text(fmt.Sprint(value))
			}
		}
		t.Rows = append(t.Rows, row)
	}
	page := terminal.NewPage(terminal.Options{Width: 200})
	page.Table(t)
	return page.Print(os.Stdout)
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ") + "\n"
}

func stopProcess(p *stack.Process, err *error) {
	if _, stopErr := p.Stop(patience); stopErr != nil && *err == nil {
		*err = stopErr
	}
}
