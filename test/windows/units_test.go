//go:build linux

package windows

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
)

// skippedTests are the unit tests that cannot pass under Wine, by package, with the reason.
var skippedTests = map[string]map[string]string{
	"internal/atomicfile": {"^TestLock$": "needs symbolic links created by Go, which Wine 8 does not follow"},
	"internal/poll":       {"^TestTimeoutBeforeFirstStep$": "has a timeout of a nanosecond, which Windows clocks cannot measure"},
	"internal/simulator":  {"^TestFaults$/^reset$": "resets a connection, which Wine 8 may report as EOF"},
	"cmd/telegraf-qlik-sense-version": {
		"^TestCatalogUpdateInterrupted$": "interrupts a process, which Windows has no signal for",
		"^TestScripts$/^check$":          "runs sh",
	},
}

// All tests of the repository compile for Windows, and the unit tests run there.
func TestUnits(t *testing.T) {
	c := newComputer(t)
	programs := t.TempDir()
	own := []string{"./cmd/...", "./internal/...", "./plugins/..."}
	for dir, packages := range map[string][]string{programs: own, t.TempDir(): {"./test/..."}} {
		args := []string{"test", "-c", "-ldflags=-s -w", "-overlay", overlay(t), "-o", dir + "/"}
		build := exec.Command("go", append(args, packages...)...)
		build.Dir = rig.Root
		require.NoError(t, runCommand(build, []string{"GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0"}))
	}

	list := exec.Command("go", append([]string{"list", "-f", "{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}"}, own...)...)
	list.Dir = rig.Root
	list.Env = append(os.Environ(), "GOOS=windows")
	output, err := list.Output()
	require.NoError(t, err)
	ran := make(map[string]bool)
	for pkg := range strings.FieldsSeq(string(output)) {
		_, folder, _ := strings.Cut(pkg, "/")
		ran[folder] = true
		t.Run(folder, func(t *testing.T) { c.runUnits(t, filepath.Join(programs, path.Base(folder)+".test.exe"), folder) })
	}
	for folder := range skippedTests {
		require.Contains(t, ran, folder, "skippedTests names a package without tests")
	}
}

var failedTest = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)

// runUnits runs the tests of a package, in its folder. Tests whose temporary folder could not be
// removed run again: Wine deletes files that are still open with a delay.
func (c *computer) runUnits(t *testing.T, program, folder string) {
	t.Helper()
	args := []string{program, "-test.timeout=5m"}
	patterns := make([]string, 0, len(skippedTests[folder]))
	for pattern, reason := range skippedTests[folder] {
		t.Logf("skipped: %s: it %s", pattern, reason)
		patterns = append(patterns, pattern)
	}
	if len(patterns) > 0 {
		args = append(args, "-test.skip="+strings.Join(patterns, "|"))
	}
	for run, tests := 1, "."; ; run++ {
		ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
		cmd := exec.CommandContext(ctx, "wine", append(args, "-test.run="+tests)...)
		cmd.Dir = filepath.Join(rig.Root, folder)
		cmd.Env = append(os.Environ(), wineEnv(c.prefix)...)
		cmd.WaitDelay = time.Second
		output, err := cmd.CombinedOutput()
		cancel()
		if err == nil {
			require.Regexp(t, `(?m)^PASS\s*$`, string(output))
			return
		}
		if run == 3 || !strings.Contains(string(output), "TempDir RemoveAll cleanup: ") {
			require.NoError(t, err, "%s", output)
		}
		var names []string
		for _, match := range failedTest.FindAllStringSubmatch(string(output), -1) {
			names = append(names, match[1])
		}
		require.NotEmpty(t, names, "%s", output)
		tests = "^(" + strings.Join(names, "|") + ")$"
	}
}

// overlay makes Go delete folders as on older versions of Windows: Wine 8 lacks the newer call, and
// fails with another error than the one that makes Go fall back. The shipped programs delete no folders.
func overlay(t *testing.T) string {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	original := filepath.Join(strings.TrimSpace(string(root)), "src", "internal", "syscall", "windows", "at_windows.go")
	text, err := os.ReadFile(original)
	require.NoError(t, err)
	const before, after = "\nvar TestDeleteatFallback bool\n", "\nvar TestDeleteatFallback = true\n"
	require.Contains(t, string(text), before)
	changed := filepath.Join(t.TempDir(), "at_windows.go")
	require.NoError(t, os.WriteFile(changed, []byte(strings.Replace(string(text), before, after, 1)), 0o600))
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "overlay.json")
	require.NoError(t, os.WriteFile(file, replace, 0o600))
	return file
}
