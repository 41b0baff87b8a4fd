// Package rig is what the end-to-end tests share: the real programs, and what one test needs
// around the plugin. Only the Qlik Sense servers are simulated. Every folder of such tests is
// a package of its own, beside this one in test/, and starts with
//
//	func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }
package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/stack"
)

const (
	// Root is the root of the repository, seen from a package in test/.
	Root = "../.."

	// Patience is how long a test waits for what should take a second or two.
	Patience = 30 * time.Second
)

// Shared is what all tests of a package share: programs, an InfluxDB, a Qlik Sense site.
type Shared struct {
	Tools   *stack.Tools
	Windows *stack.WindowsTools // instead of Tools and DB, with WindowsMain
	DB      *stack.InfluxDB
	Site    *simulator.Site
	SiteDir string // holds root.pem, client.pem and client_key.pem of the site

	missing error // why there are no tools
	network int   // second number of the servers' addresses
	tracked sync.Once
	rigs    atomic.Int32
}

var shared Shared

// Main runs the tests of a package and returns the exit status. The package's servers have
// addresses in a network that no other test on this machine has.
//
// Packages that use it run one after the other, although "go test ./..." starts several at the
// same time: with a Telegraf and an InfluxDB each, they would take the time from each other
// that some tests allow the plugin, and on two cores gain nothing.
func Main(m *testing.M) int {
	return run(m, func() (err error) {
		shared.Tools, err = stack.Build(context.Background(), Root, os.Stderr)
		return err
	})
}

// WindowsMain is Main for tests of the programs for Windows, which have no InfluxDB.
func WindowsMain(m *testing.M) int {
	return run(m, func() (err error) {
		shared.Windows, err = stack.BuildWindows(context.Background(), Root, os.Stderr)
		return err
	})
}

func run(m *testing.M, build func() error) int {
	status, err := runTests(m, build)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return status
}

func runTests(m *testing.M, build func() error) (status int, err error) {
	waiting := time.AfterFunc(5*time.Second, func() {
		fmt.Fprintln(os.Stderr, "Waiting for the end-to-end tests of another package to end")
	})
	unlock, err := stack.Lock(Root, "e2e.lock")
	waiting.Stop()
	if err != nil {
		return 1, err
	}
	defer unlock()

	network, release, err := simulator.ClaimNetwork()
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, release()) }()
	shared.network = network
	if shared.missing = build(); shared.missing != nil {
		if os.Getenv("CI") != "" {
			return 1, shared.missing
		}
		return m.Run(), nil // each test says that it was skipped, and why
	}
	if shared.SiteDir, err = os.MkdirTemp("", "qlik-sense-version-"); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(shared.SiteDir)) }()
	if shared.Site, err = simulator.NewSite(); err != nil {
		return 1, err
	}
	if err := shared.Site.Export(shared.SiteDir); err != nil {
		return 1, err
	}
	if shared.Tools == nil {
		return m.Run(), nil
	}
	if shared.DB, err = stack.StartInfluxDB(shared.Tools.InfluxDB, shared.SiteDir); err != nil {
		return 1, err
	}
	defer func() {
		_, stopErr := shared.DB.Stop(Patience)
		err = errors.Join(err, stopErr)
	}()
	return m.Run(), nil
}

// Rig is what one test needs: its own database and its own servers.
type Rig struct {
	*testing.T
	*Shared
	Database string
	Servers  int // started so far

	network int // third number of the servers' addresses
}

// New makes the rig of a test. It skips the test where the programs could not be built.
func New(t *testing.T) *Rig {
	t.Helper()
	if shared.missing != nil {
		t.Skipf("not run, for Telegraf or InfluxDB could not be built: %v", shared.missing)
	}
	shared.tracked.Do(func() { // within a test: Go does not look at what TestMain opens
		for _, source := range sources {
			TrackFiles(t, Root+"/"+source)
		}
	})
	n := int(shared.rigs.Add(1))
	return &Rig{T: t, Shared: &shared, Database: fmt.Sprintf("test%d", n), network: n}
}

// Address is an address of this test, without a port. Start gives 1, 2, 3 and so on to
// servers.
func (r *Rig) Address(n int) string {
	// What does not fit into the test's own part of the network is above those of other tests.
	const parts, fit = 64, 254
	return fmt.Sprintf("127.%d.%d.%d", r.Shared.network, r.network+(n-1)/fit*parts, 1+(n-1)%fit)
}

// Start starts servers on addresses of their own, port 9032, and gives the fleet
// and the addresses without the port.
func (r *Rig) Start(servers ...simulator.Server) (*simulator.Fleet, []string) {
	r.Helper()
	addresses := make([]string, len(servers))
	for i := range servers {
		r.Servers++
		addresses[i] = r.Address(r.Servers)
		servers[i].Addr = addresses[i] + ":9032"
		if servers[i].Reply == nil {
			servers[i].Reply = simulator.Reply("May 2025 Patch 3", "14.231.8")
		}
	}
	fleet, err := simulator.Start(r.Site, servers...)
	require.NoError(r, err)
	r.Cleanup(func() { require.NoError(r, fleet.Close()) })
	return fleet, addresses
}

// Block is a settings block for hosts with the site's certificates; more is put
// behind it.
func (r *Rig) Block(hosts []string, more string) string {
	return stack.Settings(hosts, r.SiteDir, stack.NoMaxAge+more)
}

// DropIn is the shipped one-file drop-in with other settings in it. edits are pairs
// of old and new text; each old one must be there.
func (r *Rig) DropIn(settings string, edits ...string) string {
	r.Helper()
	text, err := r.Tools.DropIn(settings)
	require.NoError(r, err)
	return r.Edit(text, edits...)
}

// Edit replaces texts in a text. edits are pairs of old and new text; each old one must be
// there.
func (r *Rig) Edit(text string, edits ...string) string {
	r.Helper()
	for i := 0; i < len(edits); i += 2 {
		require.Contains(r, text, edits[i])
		text = strings.ReplaceAll(text, edits[i], edits[i+1])
	}
	return text
}

// Read gives the text of a file.
func (r *Rig) Read(file string) string {
	r.Helper()
	text, err := os.ReadFile(file)
	require.NoError(r, err)
	return string(text)
}

// Write writes a text into a new folder of the test and gives the path of the file.
func (r *Rig) Write(name, text string) string {
	r.Helper()
	file := filepath.Join(r.TempDir(), name)
	require.NoError(r, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// Telegraf starts Telegraf with an input and the output to the test's database.
func (r *Rig) Telegraf(input string, env ...string) *stack.Process {
	r.Helper()
	p, err := r.Tools.StartTelegraf(r.TempDir(), input, r.DB, r.Database, env...)
	require.NoError(r, err)
	r.Cleanup(func() {
		_, err := p.Stop(Patience)
		require.NoError(r, err)
	})
	return p
}

// AwaitLog waits for the log to hold a text.
func (r *Rig) AwaitLog(p *stack.Process, text string) {
	r.Helper()
	require.NoError(r, p.Await(text, 1, Patience))
}

// Points waits until the database holds at least n points that satisfy the
// condition, and gives all that do, oldest first.
func (r *Rig) Points(n int, where string) []Row {
	r.Helper()
	statement := "SELECT * FROM qlik_sense_version"
	if where != "" {
		statement += " WHERE " + where
	}
	return r.Await(n, statement)
}

// Await waits until the answer has at least n rows, and gives all.
func (r *Rig) Await(n int, statement string) []Row {
	r.Helper()
	// InfluxDB shows a point while it is still writing its fields: two answers have to agree.
	var before []Row
	series, err := r.DB.Await(r.Database, statement, Patience, func(s []stack.Series) bool {
		rows := Rows(s)
		settled := len(rows) >= n && len(before) >= n && reflect.DeepEqual(before[:n], rows[:n])
		before = rows
		return settled
	})
	require.NoError(r, err)
	return Rows(series)
}

// ByTag sorts rows by the value of a tag, which must be different in each.
func (r *Rig) ByTag(points []Row, tag string) map[string]Row {
	r.Helper()
	sorted := make(map[string]Row, len(points))
	for _, p := range points {
		value, ok := p[tag].(string)
		require.True(r, ok, "a point without the tag %s: %v", tag, p)
		require.NotContains(r, sorted, value, "two points of %s", value)
		sorted[value] = p
	}
	return sorted
}
