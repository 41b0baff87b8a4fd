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

// patience is how long a test waits for what takes Wine a second or two.
const patience = 3 * time.Minute

// template is a Wine prefix (a C: drive and a registry) that each test gets a copy of.
var template string

func TestMain(m *testing.M) {
	flag.Parse()
	if !*enabled {
		os.Exit(m.Run()) // each test says that it was skipped, and why
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
	fmt.Fprintln(os.Stderr, "Making a Windows out of Wine")
	if err := finish(exec.Command("wineboot", "--init"), wine(template)); err != nil {
		return err
	}
	if err := finish(exec.Command("wineserver", "--wait"), wine(template)); err != nil {
		return err
	}
	return compile("bcryptprimitives.c", filepath.Join(template, "drive_c", "windows", "system32", "bcryptprimitives.dll"), "-shared", "-ladvapi32")
}

// compile builds a C program of testdata for Windows.
func compile(source, program string, flags ...string) error {
	args := append([]string{"-O2", "-o", program, filepath.Join("testdata", source)}, flags...)
	return finish(exec.Command("x86_64-w64-mingw32-gcc", args...), nil)
}

func finish(cmd *exec.Cmd, env []string) error {
	cmd.Env = append(os.Environ(), env...)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, output)
	}
	return nil
}

// wine is the environment in which Wine works in a prefix.
func wine(prefix string) []string {
	return []string{
		"WINEPREFIX=" + prefix,
		"WINEDEBUG=-all",                     // otherwise it talks between the lines of the program
		"WINEDLLOVERRIDES=mscoree=;mshtml=;", // otherwise it asks for .NET and a browser
		"LC_ALL=C.UTF-8",                     // names of files with umlauts
		"DISPLAY=",
	}
}

// computer is a Windows of its own, with what a test needs around it.
type computer struct {
	*rig.Rig
	prefix string
}

func newComputer(t *testing.T) *computer {
	t.Helper()
	skipUnlessEnabled(t)
	c := &computer{rig.New(t), filepath.Join(t.TempDir(), "prefix")}
	// The system's files are links, which nobody changes; the registry is written in place.
	require.NoError(t, finish(exec.Command("cp", "--archive", "--link", template, c.prefix), nil))
	registry, err := filepath.Glob(filepath.Join(template, "*.reg"))
	require.NoError(t, err)
	require.NotEmpty(t, registry)
	for _, file := range registry {
		require.NoError(t, finish(exec.Command("cp", "--remove-destination", file, c.prefix), nil))
	}
	// What Wine starts in the background must not have the output of a program whose end is waited for.
	for _, background := range []*exec.Cmd{exec.Command("wineserver", "--persistent"), exec.Command("wine", "cmd", "/c", "exit")} {
		background.Env = append(os.Environ(), wine(c.prefix)...)
		require.NoError(t, background.Run())
	}
	t.Cleanup(func() {
		// Ends the programs of this prefix alone. It fails where none runs any more.
		_ = finish(exec.Command("wineserver", "--kill"), wine(c.prefix))
		require.NoError(t, finish(exec.Command("wineserver", "--wait"), wine(c.prefix)))
	})
	return c
}

func skipUnlessEnabled(t *testing.T) {
	t.Helper()
	if !*enabled {
		t.Skip(`not run here: "make test-windows" runs the programs for Windows under Wine`)
	}
}

// path is where this machine has a file of drive C:, named with slashes and without the drive.
func (c *computer) path(name string) string { return filepath.Join(c.prefix, "drive_c", name) }

// write writes a file on drive C:, and its folder.
func (c *computer) write(name, text string) {
	c.Helper()
	require.NoError(c, os.MkdirAll(filepath.Dir(c.path(name)), 0o750))
	require.NoError(c, os.WriteFile(c.path(name), []byte(text), 0o600))
}

// copy puts a file of this machine on drive C:.
func (c *computer) copy(file, name string) {
	c.Helper()
	c.write(name, c.Read(file))
}

func (c *computer) start(program string, args ...string) *stack.Process {
	c.Helper()
	p, err := stack.Start("wine", append([]string{program}, args...), wine(c.prefix))
	require.NoError(c, err)
	return p
}

// run runs a program to its end and gives its exit status, as far as Linux can hold it, and
// its output.
func (c *computer) run(program string, args ...string) (status int, output string) {
	c.Helper()
	p := c.start(program, args...)
	status, err := p.Wait(patience)
	require.NoError(c, err)
	return status, p.Output()
}

// do runs a program that must end with status 0 and gives its output.
func (c *computer) do(program string, args ...string) string {
	c.Helper()
	status, output := c.run(program, args...)
	require.Zero(c, status, "%s %q:\n%s", program, args, output)
	return output
}

func (c *computer) await(p *stack.Process, text string, count int) {
	c.Helper()
	require.NoError(c, p.Await(text, count, patience))
}
