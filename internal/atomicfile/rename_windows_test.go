package atomicfile

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
)

// open opens a file so that no other program can write or replace it.
func open(t *testing.T, file string) windows.Handle {
	t.Helper()
	name, err := windows.UTF16PtrFromString(file)
	require.NoError(t, err)
	h, err := windows.CreateFile(name, windows.GENERIC_READ, windows.FILE_SHARE_READ, nil, windows.OPEN_EXISTING, 0, 0)
	require.NoError(t, err)
	return h
}

func TestWriteOverOpenFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "report")
	require.NoError(t, Write(file, []byte("old")))
	h := open(t, file)
	err := Write(file, []byte("new"))
	require.ErrorContains(t, err, file+" cannot be replaced while another program has it open, and stays as it was: ")
	require.NotContains(t, err.Error(), tempPrefix)
	requireContents(t, file, "old")
	requireFiles(t, dir, "report")

	// Write waits for a program that closes it soon.
	timer := time.AfterFunc(renameTimeout/10, func() { windows.CloseHandle(h) })
	defer timer.Stop()
	require.NoError(t, Write(file, []byte("new")))
	requireContents(t, file, "new")
}
