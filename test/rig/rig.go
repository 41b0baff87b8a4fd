// Package rig runs end-to-end tests: it provides the real programs, and a database and
// servers for each test. Only the Qlik Sense servers are simulated. Each folder of such tests
// is a package beside this one in test/, with
//
//	func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }
package rig

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
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
	DB      *stack.InfluxDB // nil with WindowsMain
	Site    *simulator.Site
	SiteDir string // holds root.pem, client.pem and client_key.pem of the site

	missing error // why the programs could not be built
	network int   // second octet of the servers' addresses
	tracked sync.Once
	rigs    atomic.Int32
	subnets atomic.Int32 // third octets that are taken, from 1
}

var shared Shared

// Main runs the tests of a package and returns the exit status. The package's servers have
// addresses in a network that no other test on this machine uses.
func Main(m *testing.M) int { return run(m, stack.Build) }

// WindowsMain is Main for tests of the programs for Windows, which have no InfluxDB.
func WindowsMain(m *testing.M) int { return run(m, stack.BuildWindows) }

type builder = func(ctx context.Context, root string, progress io.Writer) (*stack.Tools, error)

func run(m *testing.M, build builder) int {
	flag.Parse() // so that a wrong flag ends the process before there is anything to clean up
	status, err := runTests(m, build)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return status
}

func runTests(m *testing.M, build builder) (status int, err error) {
	network, release, err := simulator.ClaimNetwork()
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, release()) }()
	shared.network = network
	if shared.Tools, shared.missing = build(context.Background(), Root, os.Stderr); shared.missing != nil {
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
	if shared.Tools.InfluxDB == "" {
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

// Rig is the environment of one test: its own database and its own servers.
type Rig struct {
	*testing.T
	*Shared
	Database string
	Servers  int // started so far

	mu      sync.Mutex
	subnets []int32 // third octets of the servers' addresses
}

// New returns the rig of a test. It skips the test if the programs could not be built.
func New(t *testing.T) *Rig {
	t.Helper()
	if shared.missing != nil {
		t.Skipf("Telegraf or InfluxDB could not be built: %v", shared.missing)
	}
	shared.tracked.Do(func() { // within a test: Go does not look at what TestMain opens
		for _, source := range sources {
			TrackFiles(t, Root+"/"+source)
		}
	})
	return &Rig{T: t, Shared: &shared, Database: fmt.Sprintf("test%d", shared.rigs.Add(1))}
}

// Address is the nth address of this test, without a port. Start assigns them from 1.
func (r *Rig) Address(n int) string {
	const fit = 254 // into a subnet
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.subnets) <= (n-1)/fit {
		subnet := r.Shared.subnets.Add(1)
		require.Less(r, subnet, int32(255), "the tests of this package need more subnets than there are")
		r.subnets = append(r.subnets, subnet)
	}
	return fmt.Sprintf("127.%d.%d.%d", r.network, r.subnets[(n-1)/fit], 1+(n-1)%fit)
}

// Start starts servers, each at an address of its own, port 9032, and returns the fleet and
// the addresses without the port.
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

// Block is a settings block for hosts with the site's certificates; more is appended.
func (r *Rig) Block(hosts []string, more string) string {
	return stack.Settings(hosts, r.SiteDir, stack.NoMaxAge+more)
}

// DropIn is the shipped one-file drop-in with other settings, edited as by Edit.
func (r *Rig) DropIn(settings string, edits ...string) string {
	r.Helper()
	text, err := r.Tools.DropIn(settings)
	require.NoError(r, err)
	return r.Edit(text, edits...)
}

// Edit replaces parts of a text. edits are pairs of old and new strings; the text must
// contain each old one.
func (r *Rig) Edit(text string, edits ...string) string {
	r.Helper()
	for i := 0; i < len(edits); i += 2 {
		require.Contains(r, text, edits[i])
		text = strings.ReplaceAll(text, edits[i], edits[i+1])
	}
	return text
}

// Read returns the content of a file.
func (r *Rig) Read(file string) string {
	r.Helper()
	text, err := os.ReadFile(file)
	require.NoError(r, err)
	return string(text)
}

// Write creates a file in a new folder of the test and returns its path.
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

// Points waits until the database holds at least n points that satisfy the condition, and
// returns all that do, oldest first.
func (r *Rig) Points(n int, where string) []Row {
	r.Helper()
	statement := "SELECT * FROM qlik_sense_version"
	if where != "" {
		statement += " WHERE " + where
	}
	return r.Await(n, statement)
}

// Await waits until the result has at least n rows, and returns all.
func (r *Rig) Await(n int, statement string) []Row {
	r.Helper()
	// InfluxDB returns points whose fields it is still writing: two results must be equal.
	var before []Row
	series, err := r.DB.Await(r.Database, statement, Patience, func(s []stack.Series) bool {
		rows := Rows(s)
		complete := len(rows) >= n && len(before) >= n && reflect.DeepEqual(before[:n], rows[:n])
		before = rows
		return complete
	})
	require.NoError(r, err)
	return Rows(series)
}

// ByTag returns points by the value of a tag, which must differ.
func (r *Rig) ByTag(points []Row, tag string) map[string]Row {
	r.Helper()
	byTag := make(map[string]Row, len(points))
	for _, p := range points {
		value, ok := p[tag].(string)
		require.True(r, ok, "a point without the tag %s: %v", tag, p)
		require.NotContains(r, byTag, value, "two points of %s", value)
		byTag[value] = p
	}
	return byTag
}
