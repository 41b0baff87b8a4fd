//go:build linux

// Package windows runs the programs for Windows under Wine: the plugin, Telegraf, the MSI and
// the unit tests. What Wine cannot show is listed in docs/install-windows.md.
package windows

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

var enabled = flag.Bool("windows", false, `run these tests, as "make test-windows" does; they need Wine and mingw`)

// patience is the timeout for what normally takes Wine a second or two.
const patience = 3 * time.Minute

// template is the Wine prefix (a C: drive and a registry) that is copied for each test.
var template string

func TestMain(m *testing.M) {
	flag.Parse()
	if !*enabled {
		os.Exit(m.Run()) // each test skips itself, with the reason
	}
	folder, err := os.MkdirTemp("", "qlik-sense-wine-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	template = filepath.Join(folder, "prefix")
	status := 1
	if err := makeTemplate(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		status = rig.WindowsMain(m)
	}
	if err := os.RemoveAll(folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func makeTemplate() error {
	fmt.Fprintln(os.Stderr, "Creating a Wine prefix")
	if err := runCommand(exec.Command("wineboot", "--init"), wineEnv(template)); err != nil {
		return err
	}
	if err := runCommand(exec.Command("wineserver", "--wait"), wineEnv(template)); err != nil {
		return err
	}
	return compile("bcryptprimitives.c", filepath.Join(template, "drive_c", "windows", "system32", "bcryptprimitives.dll"), "-shared", "-ladvapi32")
}

// compile builds a C program of testdata for Windows.
func compile(source, program string, flags ...string) error {
	args := append([]string{"-O2", "-o", program, filepath.Join("testdata", source)}, flags...)
	return runCommand(exec.Command("x86_64-w64-mingw32-gcc", args...), nil)
}

func runCommand(cmd *exec.Cmd, env []string) error {
	cmd.Env = append(os.Environ(), env...)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, output)
	}
	return nil
}

// wineEnv returns the environment for Wine to use a prefix.
func wineEnv(prefix string) []string {
	return []string{
		"WINEPREFIX=" + prefix,
		"WINEDEBUG=-all",                     // no debug messages in the program's output
		"WINEDLLOVERRIDES=mscoree=;mshtml=;", // no prompts to install .NET and a browser
		"LC_ALL=C.UTF-8",                     // for file names with umlauts
		"DISPLAY=",
	}
}

// computer is a simulated Windows computer: a Wine prefix of its own beside the rig of a test.
type computer struct {
	*rig.Rig
	prefix string
}

func newComputer(t *testing.T) *computer {
	t.Helper()
	skipUnlessEnabled(t)
	c := &computer{rig.New(t), filepath.Join(t.TempDir(), "prefix")}
	// Hard links suffice for the system's files, which are never changed. The registry is changed in place.
	require.NoError(t, runCommand(exec.Command("cp", "--archive", "--link", template, c.prefix), nil))
	registry, err := filepath.Glob(filepath.Join(template, "*.reg"))
	require.NoError(t, err)
	require.NotEmpty(t, registry)
	for _, file := range registry {
		require.NoError(t, runCommand(exec.Command("cp", "--remove-destination", file, c.prefix), nil))
	}
	// Start Wine's background processes first: one that inherits the output of a program under test would
	// keep it open after the program's end.
	for _, background := range []*exec.Cmd{exec.Command("wineserver", "--persistent"), exec.Command("wine", "cmd", "/c", "exit")} {
		background.Env = append(os.Environ(), wineEnv(c.prefix)...)
		require.NoError(t, background.Run())
	}
	t.Cleanup(func() {
		// Ends only the programs of this prefix; fails if none is running.
		_ = runCommand(exec.Command("wineserver", "--kill"), wineEnv(c.prefix))
		require.NoError(t, runCommand(exec.Command("wineserver", "--wait"), wineEnv(c.prefix)))
	})
	return c
}

func skipUnlessEnabled(t *testing.T) {
	t.Helper()
	if !*enabled {
		t.Skip(`needs the flag -windows: see "make test-windows"`)
	}
}

// path returns the path on this machine of a file of drive C:, given with slashes and without the drive.
func (c *computer) path(name string) string { return filepath.Join(c.prefix, "drive_c", name) }

// write writes a file on drive C:, creating its folder.
func (c *computer) write(name, text string) {
	c.Helper()
	require.NoError(c, os.MkdirAll(filepath.Dir(c.path(name)), 0o750))
	require.NoError(c, os.WriteFile(c.path(name), []byte(text), 0o600))
}

// copy copies a file of this machine to drive C:.
func (c *computer) copy(file, name string) {
	c.Helper()
	c.write(name, c.Read(file))
}

func (c *computer) start(program string, args ...string) *stack.Process {
	c.Helper()
	p, err := stack.Start("wine", append([]string{program}, args...), wineEnv(c.prefix))
	require.NoError(c, err)
	return p
}

// run runs a program and returns its exit status, truncated to the 8 bits of Linux, and its output.
func (c *computer) run(program string, args ...string) (status int, output string) {
	c.Helper()
	p := c.start(program, args...)
	status, err := p.Wait(patience)
	require.NoError(c, err)
	return status, p.Output()
}

// mustRun runs a program that must succeed and returns its output.
func (c *computer) mustRun(program string, args ...string) string {
	c.Helper()
	status, output := c.run(program, args...)
	require.Zero(c, status, "%s %q:\n%s", program, args, output)
	return output
}

func (c *computer) await(p *stack.Process, text string, count int) {
	c.Helper()
	require.NoError(c, p.Await(text, count, patience))
}
