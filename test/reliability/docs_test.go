//go:build linux

package reliability

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
)

// Every test that a command of docs/reliability.md names exists.
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
		require.Regexp(t, `(?m)^func Test\w*`+strings.TrimPrefix(command[3], "Test")+`\w*\(t `, tests.String(), command[0])
	}
}
