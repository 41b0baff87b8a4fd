// Command demo follows versions from Qlik Sense servers to InfluxDB, with the real programs
// and the shipped drop-in: three environments, one server that cannot be reached. It stops by
// itself.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"telegraf-qlik-sense-version/internal/simulator"
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

// The servers, one in each environment; nothing listens on localhost:1.
var environments = []struct{ name, release, version, dead string }{
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
	defer os.RemoveAll(dir) //nolint:errcheck // a leftover folder does no harm

	site := filepath.Join(dir, "site")
	settings, servers := describe(site)
	fleet := filepath.Join(dir, "fleet.toml")
	if err := os.WriteFile(fleet, []byte(servers), 0o600); err != nil {
		return err
	}

	fmt.Println("Starting three simulated Qlik Sense servers")
	simulated, err := stack.Start(tools.Simulator, []string{"--site", site, "--fleet", fleet}, nil)
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
	fmt.Printf("What InfluxDB holds now:\n\n> %s\n\n", statement)
	printTable(series[0])
	fmt.Println("\nThe points of the first round, seconds after Telegraf started; the next would come at its interval.\n" +
		"All of it stops now. To keep a stack running, with Grafana: deploy/README.md")
	return nil
}

// describe returns the settings of the plugin, and the fleet file of the simulated servers.
func describe(site string) (settings, servers string) {
	var blocks, fleet strings.Builder
	addresses := simulator.Addresses(len(environments))
	for i, environment := range environments {
		hosts := []string{addresses[i]}
		if environment.dead != "" {
			hosts = append(hosts, environment.dead)
		}
		blocks.WriteString(stack.Settings(hosts, site, fmt.Sprintf("  [inputs.qlik_sense_version.tags]\n    environment = %q\n", environment.name)))
		fmt.Fprintf(&fleet, "[[server]]\naddr = %q\nrelease = %q\nversion = %q\n", addresses[i], environment.release, environment.version)
	}
	return blocks.String(), fleet.String()
}

func printTable(series stack.Series) {
	t := table.NewWriter()
	t.SetOutputMirror(os.Stdout)
	header := make(table.Row, len(series.Columns))
	for i, column := range series.Columns {
		header[i] = column
	}
	t.AppendHeader(header)
	for _, values := range series.Values {
		for i, value := range values {
			if value == nil {
				values[i] = "" // the point lacks this field
			}
		}
		t.AppendRow(values)
	}
	t.SortBy([]table.SortBy{{Name: "environment"}, {Name: "source"}})
	t.Render()
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ") + "\n"
}

func stopProcess(p *stack.Process, err *error) {
	if _, stopErr := p.Stop(patience); stopErr != nil && *err == nil {
		*err = stopErr
	}
}
