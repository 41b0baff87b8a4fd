package reporttest

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// Update reports whether tests write the golden files instead of comparing with them.
func Update() bool { return *update }

// RequireGolden compares got with a file in testdata.
func RequireGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(file, got, 0o600))
		return
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "run the tests of this package with -update")
	require.Equal(t, string(want), string(got))
}
