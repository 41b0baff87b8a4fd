//go:build linux

package reliability

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
)

// Every command of docs/reliability.md runs the test with exactly that name, or several whose names
// begin with it. A single one with a longer name was likely renamed.
func TestPageCommands(t *testing.T) {
	r := rig.New(t)
	page := r.Read(rig.Root + "/docs/reliability.md")
	commands := regexp.MustCompile("`go test (\\./[a-z_/-]+?)(/\\.\\.\\.)? -run (\\w+)( [^`|]*)?`").FindAllStringSubmatch(page, -1)
	require.Len(t, commands, strings.Count(page, "`go test "), "a command in another form")
	for _, command := range commands {
		pattern := "/*_test.go"
		if command[2] != "" {
			pattern = "/*/*_test.go"
		}
		files, err := filepath.Glob(rig.Root + "/" + command[1] + pattern)
		require.NoError(t, err)
		var tests strings.Builder
		for _, file := range files {
			tests.WriteString(r.Read(file))
		}
		require.True(t, strings.HasPrefix(command[3], "Test"), "part of a name: %s", command[0])
		found := regexp.MustCompile(`(?m)^func (`+command[3]+`\w*)\(t \*testing\.T\)`).FindAllStringSubmatch(tests.String(), -1)
		exact := slices.ContainsFunc(found, func(match []string) bool { return match[1] == command[3] })
		require.True(t, exact || len(found) > 1, "%s: %q", command[0], found)
	}
}
