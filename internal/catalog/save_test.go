package catalog

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// requireAlone checks that a folder contains these files and no leftovers.
func requireAlone(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	found := make([]string, 0, len(entries))
	for _, e := range entries {
		found = append(found, e.Name())
	}
	require.ElementsMatch(t, names, found)
}

func TestSave(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "catalog.toml")
	c := good(t)
	require.NoError(t, c.Save(file, "one\ntwo\rthree \x00\xff\n"))
	again, err := Load(file)
	require.NoError(t, err)
	c.EndsWith = "end"
	require.Equal(t, c, again)
	requireAlone(t, dir, "catalog.toml")

	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(content), "# one\n# two three  ?\n\nschema = 1\nends_with = \"end\"\n"), "%.80q", content)
	require.True(t, strings.HasSuffix(string(content), "\n\n[end]\n"), "a file that was cut off must be told from a whole one")
}

func TestSaveKeepsPermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows knows no permissions of this kind")
	}
	file := filepath.Join(t.TempDir(), "catalog.toml")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, mode := range []os.FileMode{0o600, 0o640, 0o664, 0o400} {
		require.NoError(t, os.Chmod(file, mode))
		require.NoError(t, good(t).Save(file, ""))
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm())
	}
}

func TestSaveThroughLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("making a link takes a privilege on Windows")
	}
	dir, elsewhere := t.TempDir(), t.TempDir()
	file, link, second := filepath.Join(elsewhere, "real.toml"), filepath.Join(dir, "catalog.toml"), filepath.Join(dir, "second.toml")
	require.NoError(t, os.WriteFile(file, []byte("old"), 0o600))
	require.NoError(t, os.Symlink(file, link))
	require.NoError(t, os.Symlink("catalog.toml", second))
	require.NoError(t, good(t).Save(second, ""))
	requireAlone(t, dir, "catalog.toml", "second.toml")
	requireAlone(t, elsewhere, "real.toml")
	_, err := Load(file)
	require.NoError(t, err)
	for _, name := range []string{link, second} {
		info, err := os.Lstat(name)
		require.NoError(t, err)
		require.NotZero(t, info.Mode()&os.ModeSymlink)
	}

	dangling := filepath.Join(dir, "dangling.toml")
	require.NoError(t, os.Symlink("nowhere.toml", dangling))
	require.EqualError(t, good(t).Save(dangling, ""),
		dangling+" is a link to a file that does not exist: create that file, or remove the link")
}

func TestSaveRefuses(t *testing.T) {
	dir := t.TempDir()
	require.EqualError(t, good(t).Save(dir, ""), dir+" is not a regular file: name one that may be replaced")
	require.ErrorIs(t, good(t).Save(filepath.Join(dir, "missing", "catalog.toml"), ""), os.ErrNotExist)

	file := filepath.Join(dir, "catalog.toml")
	require.NoError(t, os.WriteFile(file, []byte("old"), 0o600))
	bad := good(t)
	bad.Advisories[0].Summary = ""
	require.EqualError(t, bad.Save(file, ""), `the catalogue would be invalid: advisory "CVE-2024-36077": summary is missing`)
	large := good(t)
	large.Advisories[0].Note = strings.Repeat("x", MaxSize)
	require.ErrorContains(t, large.Save(file, ""), "more than the 1048576 that can be read")
	unwritable := good(t)
	unwritable.ReleasesAsOf = Day{}
	require.ErrorContains(t, unwritable.Save(file, ""), "no day to write")

	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "old", string(content))
	requireAlone(t, dir, "catalog.toml")
}

// During a replacement, a reader sees the old or the new file, never a part.
func TestSaveBesideReaders(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not replace a file that someone has open: the update fails and says so")
	}
	file := filepath.Join(t.TempDir(), "catalog.toml")
	short, long := good(t), good(t)
	long.Sources = slices.Repeat([]string{strings.Repeat("x", maxLine)}, 20)
	require.NoError(t, short.Save(file, ""))

	done := make(chan struct{})
	errs := make(chan error, 4)
	var wg sync.WaitGroup
	for range cap(errs) {
		wg.Go(func() {
			for {
				if _, err := Load(file); err != nil {
					errs <- err
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for range 25 {
		require.NoError(t, long.Save(file, ""))
		require.NoError(t, short.Save(file, ""))
	}
	close(done)
	wg.Wait()
	close(errs)
	require.NoError(t, <-errs)
	requireAlone(t, filepath.Dir(file), "catalog.toml")
}

// The digest depends on every entry, but not on comments or the order of entries.
func TestDigest(t *testing.T) {
	c := good(t)
	require.Regexp(t, "^[0-9a-f]{64}$", c.Digest())
	same := good(t)
	slices.Reverse(same.Releases)
	slices.Reverse(same.Advisories)
	require.Equal(t, c.Digest(), same.Digest())
	other := good(t)
	other.Advisories[0].Fixed[1].Patch++
	require.NotEqual(t, c.Digest(), other.Digest())
}
