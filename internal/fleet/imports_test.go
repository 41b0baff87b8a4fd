package fleet

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Data flow in one direction: settings, fleet, results, then points and reports. The fleet does
// not know Telegraf, the reports do not know the plugin.
func TestImports(t *testing.T) {
	files := 0
	for folder, forbidden := range map[string][]string{
		".":             {"influxdata/telegraf", "plugins/inputs", "internal/report", "internal/settings"},
		"../judgement":  {"influxdata/telegraf", "plugins/inputs", "internal/fleet", "internal/poll"},
		"../catalog":    {"influxdata/telegraf", "plugins/inputs", "internal/judgement"},
		"../report":     {"influxdata/telegraf", "plugins/inputs", "internal/settings"},
		"../settings":   {"plugins/inputs", "internal/report"},
		"../execd":      {"plugins/inputs", "internal/fleet", "internal/report"},
		"../systeminfo": {"influxdata/telegraf", "internal/poll"},
		"../discovery":  {"influxdata/telegraf", "plugins/inputs", "internal/fleet"},
	} {
		err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
			require.NoError(t, err)
			files++
			for _, imported := range file.Imports {
				for _, name := range forbidden {
					require.NotContains(t, imported.Path.Value, name, path)
				}
			}
			return nil
		})
		require.NoError(t, err)
	}
	require.Greater(t, files, 50)
}
