package catalog

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// An update by root keeps owner, group and mode of the file.
func TestSaveKeepsOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give a file away")
	}
	file := filepath.Join(t.TempDir(), "catalog.toml")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.NoError(t, os.Chown(file, 1234, 5678))
	require.NoError(t, os.Chmod(file, 0o640)) //nolint:gosec // what is to be kept
	require.NoError(t, good(t).Save(file, ""))
	info, err := os.Stat(file)
	require.NoError(t, err)
	stat, ok := info.Sys().(*syscall.Stat_t)
	require.True(t, ok)
	require.Equal(t, [2]uint32{1234, 5678}, [2]uint32{stat.Uid, stat.Gid})
	require.Equal(t, os.FileMode(0o640), info.Mode().Perm())
}
