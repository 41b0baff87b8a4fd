//go:build linux

// Package test drives the real program under a real Telegraf that writes to a real
// InfluxDB; only the Qlik Sense servers are simulated.
package test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/stack"
)

// patience is how long a test waits for what should take a second or two.
const patience = 30 * time.Second

// world is what all tests share: programs, an InfluxDB, a Qlik Sense site.
var world struct {
	tools   *stack.Tools
	missing error // why there are no tools
	db      *stack.InfluxDB
	site    *simulator.Site
	dir     string // holds root.pem, client.pem and client_key.pem of the site
}

func TestMain(m *testing.M) {
	status, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func run(m *testing.M) (status int, err error) {
	world.tools, world.missing = stack.Build(context.Background(), "..", os.Stderr)
	if world.missing != nil {
		if os.Getenv("CI") != "" {
			return 1, world.missing
		}
		return m.Run(), nil // each test says that it was skipped, and why
	}
	if world.dir, err = os.MkdirTemp("", "qlik-sense-version-"); err != nil {
		return 1, err
	}
	defer os.RemoveAll(world.dir)
	if world.site, err = simulator.NewSite(); err != nil {
		return 1, err
	}
	if err := world.site.Export(world.dir); err != nil {
		return 1, err
	}
	if world.db, err = stack.StartInfluxDB(world.tools.InfluxDB, world.dir); err != nil {
		return 1, err
	}
	defer world.db.Stop(patience)
	return m.Run(), nil
}

// rig is what one test needs: its own database and its own servers.
type rig struct {
	*testing.T
	database string
	network  int // third number of the servers' addresses
	servers  int
}

var rigs atomic.Int32

func newRig(t *testing.T) *rig {
	t.Helper()
	if world.missing != nil {
		t.Skipf("not run, for Telegraf or InfluxDB could not be built: %v", world.missing)
	}
	n := int(rigs.Add(1))
	return &rig{T: t, database: fmt.Sprintf("test%d", n), network: n}
}

// start starts servers on addresses of their own, port 9032, and gives the fleet
// and the addresses without the port.
func (r *rig) start(servers ...simulator.Server) (*simulator.Fleet, []string) {
	r.Helper()
	addresses := make([]string, len(servers))
	for i := range servers {
		r.servers++
		addresses[i] = fmt.Sprintf("127.20.%d.%d", r.network, r.servers)
		servers[i].Addr = addresses[i] + ":9032"
		if servers[i].Reply == nil {
			servers[i].Reply = simulator.Reply("May 2025 Patch 3", "14.231.8")
		}
	}
	fleet, err := simulator.Start(world.site, servers...)
	require.NoError(r, err)
	r.Cleanup(func() { require.NoError(r, fleet.Close()) })
	return fleet, addresses
}

// block is a settings block for hosts with the site's certificates; more is put
// behind it.
func (*rig) block(hosts []string, more string) string {
	return stack.Settings(hosts, world.dir, stack.NoMaxAge+more)
}

// dropIn is the shipped one-file drop-in with other settings in it. edits are pairs
// of old and new text; each old one must be there.
func (r *rig) dropIn(settings string, edits ...string) string {
	r.Helper()
	text, err := world.tools.DropIn(settings)
	require.NoError(r, err)
	return r.edit(text, edits...)
}

func (r *rig) edit(text string, edits ...string) string {
	r.Helper()
	for i := 0; i < len(edits); i += 2 {
		require.Contains(r, text, edits[i])
		text = strings.ReplaceAll(text, edits[i], edits[i+1])
	}
	return text
}

func (r *rig) read(file string) string {
	r.Helper()
	text, err := os.ReadFile(file)
	require.NoError(r, err)
	return string(text)
}

func (r *rig) write(name, text string) string {
	r.Helper()
	file := filepath.Join(r.TempDir(), name)
	require.NoError(r, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// telegraf starts Telegraf with an input and the output to the test's database.
func (r *rig) telegraf(input string, env ...string) *stack.Process {
	r.Helper()
	p, err := world.tools.StartTelegraf(r.TempDir(), input, world.db, r.database, env...)
	require.NoError(r, err)
	r.Cleanup(func() {
		_, err := p.Stop(patience)
		require.NoError(r, err)
	})
	return p
}

// await waits for the log to hold a text.
func (r *rig) await(p *stack.Process, text string) {
	r.Helper()
	require.NoError(r, p.Await(text, 1, patience))
}

// row is a point as InfluxQL shows it: tags, fields and time.
type row map[string]any

// points waits until the database holds at least n points that satisfy the
// condition, and gives all that do, oldest first.
func (r *rig) points(n int, where string) []row {
	r.Helper()
	statement := "SELECT * FROM qlik_sense_version"
	if where != "" {
		statement += " WHERE " + where
	}
	series, err := world.db.Await(r.database, statement, patience, func(s []stack.Series) bool { return len(rows(s)) >= n })
	require.NoError(r, err)
	return rows(series)
}

func rows(series []stack.Series) []row {
	var all []row
	for _, s := range series {
		for _, values := range s.Values {
			one := make(row, len(values))
			for i, value := range values {
				if value != nil {
					one[s.Columns[i]] = value
				}
			}
			all = append(all, one)
		}
	}
	return all
}

// byTag sorts rows by the value of a tag, which must be different in each.
func (r *rig) byTag(points []row, tag string) map[string]row {
	r.Helper()
	sorted := make(map[string]row, len(points))
	for _, p := range points {
		value, ok := p[tag].(string)
		require.True(r, ok, "a point without the tag %s: %v", tag, p)
		require.NotContains(r, sorted, value, "two points of %s", value)
		sorted[value] = p
	}
	return sorted
}
