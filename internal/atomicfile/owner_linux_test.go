package atomicfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// onThread runs f on a separate thread, so that changes to the thread end with it.
func onThread(f func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		result <- f()
	}()
	return <-result
}

func TestPermissions(t *testing.T) {
	tests := []struct {
		name     string
		umask    int
		old      fs.FileMode // of the file that is there, 0 for none
		expected fs.FileMode
	}{
		{"new, for everyone", 0o022, 0, 0o644},
		{"new, for the group", 0o027, 0, 0o640},
		{"new, for the owner", 0o077, 0, 0o600},
		{"new, writable for the group", 0o002, 0, 0o664},
		{"old, for the owner", 0o022, 0o600, 0o600},
		{"old, for everyone", 0o077, 0o664, 0o664},
		{"old, read only", 0o022, 0o400, 0o400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "report")
			if tt.old != 0 {
				require.NoError(t, os.WriteFile(file, []byte("old"), 0o600))
				require.NoError(t, os.Chmod(file, tt.old))
			}
			require.NoError(t, onThread(func() error {
				// A umask of the thread, so that other tests keep theirs.
				if err := syscall.Unshare(syscall.CLONE_FS); err != nil {
					return err
				}
				syscall.Umask(tt.umask)
				return Write(file, []byte("new"))
			}))
			info, err := os.Stat(file)
			require.NoError(t, err)
			require.Equal(t, tt.expected, info.Mode().Perm())
			requireContents(t, file, "new")
		})
	}
}

// Check fails for a user who may write to the folder, but not keep the owner.
func TestOwnerCannotBeKept(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become another user for a test")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755)) //nolint:gosec // a folder that another user can enter
	require.NoError(t, os.Chmod(dir, 0o777))               //nolint:gosec // and one where that user can write
	file := filepath.Join(dir, "report")
	require.NoError(t, os.WriteFile(file, []byte("old"), 0o600))

	for name, write := range map[string]func() error{
		"check": func() error { return Check(file) },
		"write": func() error { return Write(file, []byte("new")) },
	} {
		t.Run(name, func(t *testing.T) {
			err := onThread(func() error {
				if err := syscall.Setfsuid(1234); err != nil { // which also drops root's capabilities over files
					return err
				}
				return write()
			})
			require.ErrorIs(t, err, fs.ErrPermission)
			require.ErrorContains(t, err, "giving the new file the owner of the old one: ")
			require.ErrorContains(t, err, ": run this as that owner or as an administrator")
			requireContents(t, file, "old")
			requireFiles(t, dir, "report")
		})
	}
}
