package rig

import (
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// sources are what the programs under test are built from.
var sources = []string{"cmd", "internal", "plugins", "deploy", "assets.go", "sample.conf", "go.mod", "go.sum"}

// TrackFiles makes "go test" run the test again, rather than show a cached result, after one
// of these files, or a file in one of these folders, has changed. Go knows which files a test
// opens, but not what other processes read: the go command that builds the plugin, or Node.js.
func TrackFiles(tb testing.TB, paths ...string) {
	tb.Helper()
	for _, path := range paths {
		// Of a folder that a test lists, Go tracks the times and sizes of all files.
		err := filepath.WalkDir(path, func(_ string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Name() == "node_modules" {
				return fs.SkipDir
			}
			return err
		})
		require.NoError(tb, err)
	}
}
