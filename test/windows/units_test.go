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

// skipped are the unit tests that do not run under Wine, by package.
var skipped = map[string]map[string]string{
	"internal/atomicfile": {"^TestLock$": "needs symbolic links of Go, which Wine 8 does not follow"},
	"internal/poll":       {"^TestTimeoutBeforeTheFirstStep$": "has a timeout of a nanosecond, which no clock of Windows can measure"},
	"internal/simulator":  {"^TestFaults$/^reset$": "resets a connection, which Wine 8 may show as its end"},
	"cmd/telegraf-qlik-sense-version": {
		"^TestCatalogUpdateInterrupted$": "interrupts a process, for which Windows has no signal",
		"^TestScripts$/^check$":          "calls sh",
	},
}

// All tests of the repository compile for Windows, and those without other programs run there.
func TestUnits(t *testing.T) {
	c := newComputer(t)
	programs := t.TempDir()
	own := []string{"./cmd/...", "./internal/...", "./plugins/..."}
	for dir, packages := range map[string][]string{programs: own, t.TempDir(): {"./test/..."}} {
		args := []string{"test", "-c", "-ldflags=-s -w", "-overlay", overlay(t), "-o", dir + "/"}
		build := exec.Command("go", append(args, packages...)...)
		build.Dir = rig.Root
		require.NoError(t, finish(build, []string{"GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0"}))
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
	for folder := range skipped {
		require.Contains(t, ran, folder, "a package that is not there any more")
	}
}

var failed = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)

// runUnits runs the tests of a package, in its folder. Wine removes a file that is still open only
// later, so that a test may not get rid of its folder: it is run again.
func (c *computer) runUnits(t *testing.T, program, folder string) {
	t.Helper()
	args := []string{program, "-test.timeout=5m"}
	patterns := make([]string, 0, len(skipped[folder]))
	for pattern, reason := range skipped[folder] {
		t.Logf("left out: %s: it %s", pattern, reason)
		patterns = append(patterns, pattern)
	}
	if len(patterns) > 0 {
		args = append(args, "-test.skip="+strings.Join(patterns, "|"))
	}
	for run, tests := 1, "."; ; run++ {
		ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
		cmd := exec.CommandContext(ctx, "wine", append(args, "-test.run="+tests)...)
		cmd.Dir = filepath.Join(rig.Root, folder)
		cmd.Env = append(os.Environ(), wine(c.prefix)...)
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
		for _, match := range failed.FindAllStringSubmatch(string(output), -1) {
			names = append(names, match[1])
		}
		require.NotEmpty(t, names, "%s", output)
		tests = "^(" + strings.Join(names, "|") + ")$"
	}
}

// overlay lets Go remove folders in the way of older versions of Windows: Wine 8 lacks the newer
// one and does not say so in the way that Go expects. The programs that are shipped remove none.
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
