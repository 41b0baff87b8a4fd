package report

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// requireGolden compares with a file in testdata.
func requireGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(golden(name), got, 0o644))
		return
	}
	want, err := os.ReadFile(golden(name))
	require.NoError(t, err, "run: go test ./internal/report -update")
	require.Equal(t, string(want), string(got))
}
