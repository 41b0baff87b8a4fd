package atomicfile

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// requireFiles checks that a folder has exactly these files.
func requireFiles(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	found := make([]string, 0, len(entries))
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	require.ElementsMatch(t, names, found)
}

func requireContents(t *testing.T, file, expected string) {
	t.Helper()
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, expected, string(got))
}

func TestCheckChangesNothing(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "report")
	require.NoError(t, Check(file))
	require.NoFileExists(t, file)
	require.NoError(t, os.WriteFile(file, []byte("old"), 0o600))
	require.NoError(t, Check(file))
	requireContents(t, file, "old")
	requireFiles(t, dir, "report")

	err := Check(filepath.Join(dir, "missing", "report"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "a new file cannot be created in "+filepath.Join(dir, "missing")+": ")
	require.ErrorContains(t, err, ": check that folder and its permissions")
	require.EqualError(t, Check(dir), dir+" is not a regular file: name one that may be replaced")
}

func TestWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "report")
	for _, text := range []string{"first", "second", ""} {
		require.NoError(t, Write(file, []byte(text)))
		requireContents(t, file, text)
	}
}

func TestWriteRemovesStaleFiles(t *testing.T) {
	dir := t.TempDir()
	names := []string{
		".telegraf-qlik-sense-version-old.tmp", ".telegraf-qlik-sense-version-young.tmp",
		".telegraf-qlik-sense-version-note.txt", "other.tmp",
	}
	for _, name := range names {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		age := 2 * staleAfter
		if name == names[1] {
			age = staleAfter / 2
		}
		require.NoError(t, os.Chtimes(file, time.Time{}, time.Now().Add(-age)))
	}
	folder := filepath.Join(dir, ".telegraf-qlik-sense-version-folder.tmp")
	require.NoError(t, os.Mkdir(folder, 0o700))
	require.NoError(t, os.Chtimes(folder, time.Time{}, time.Now().Add(-2*staleAfter)))

	require.NoError(t, Write(filepath.Join(dir, "report"), []byte("new")))
	requireFiles(t, dir, append(names[1:], filepath.Base(folder), "report")...)
}

// Concurrent writers leave the complete text of one of them, and no other file.
func TestConcurrentWrites(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "report")
	const writers, size = 10, 1 << 20
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() { errs[i] = Write(file, bytes.Repeat([]byte{byte('a' + i)}, size)) })
	}
	wg.Wait()
	// Windows may refuse to replace a file while another writer replaces it.
	if runtime.GOOS != "windows" {
		require.NoError(t, errors.Join(errs...))
	}
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Len(t, got, size)
	require.Equal(t, size, bytes.Count(got, got[:1]), "the text of a single writer")
	requireFiles(t, dir, "report")
}
