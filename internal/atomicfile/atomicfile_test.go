package atomicfile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckTouchesNothing(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "report")
	require.NoError(t, Check(file))
	require.NoFileExists(t, file)
	require.NoError(t, os.WriteFile(file, []byte("old"), 0o600))
	require.NoError(t, Check(file))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "old", string(text))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)

	require.ErrorIs(t, Check(filepath.Join(dir, "missing", "report")), os.ErrNotExist)
	require.EqualError(t, Check(dir), dir+" is no regular file: name one that may be replaced")
}

func TestWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "report")
	for _, text := range []string{"first", "second", ""} {
		require.NoError(t, Write(file, []byte(text)))
		got, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, text, string(got))
	}
}
