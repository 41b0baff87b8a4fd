package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// In a namespace of its own a test can have a disk that is full, and one that cannot
// be written even by root.
func TestCatalogUpdateWithoutRoom(t *testing.T) {
	if output, err := exec.Command("unshare", "-rm", "sh", "-c", "mount -t tmpfs -o size=64k tmpfs /mnt").CombinedOutput(); err != nil {
		t.Skipf("this machine does not let the test mount a disk of its own: %v, %s", err, output)
	}
	dir := t.TempDir()
	bundle := bundleOf(t, dir)
	program, err := exec.LookPath(programName)
	require.NoError(t, err)

	const prepare = `mount -t tmpfs -o size=64k tmpfs /mnt && cp "$1" /mnt/catalog.toml && cd /mnt && `
	const update = `; "$2" catalog update --no-advisories --no-exploited --from "$3" catalog.toml && echo SUCCESS; cmp "$1" catalog.toml && ls -A`
	for name, tt := range map[string]struct{ spoil, expected, remain string }{
		"full disk":      {`head -c 100k /dev/zero > filler 2>/dev/null`, "no space left on device", "catalog.toml\nfiller\n"},
		"read-only disk": {`mount -o remount,ro /mnt`, "read-only file system", "catalog.toml\n"},
	} {
		t.Run(name, func(t *testing.T) {
			small, err := filepath.Abs("../../internal/catalog/show/testdata/small.toml")
			require.NoError(t, err)
			cmd := exec.Command("unshare", "-rm", "sh", "-c", prepare+tt.spoil+update, "sh", small, program, bundle)
			cmd.Env = append(os.Environ(), "GORACE="+raceOptions)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			output, err := cmd.Output()
			require.NoError(t, err, stderr.String())
			require.Equal(t, tt.remain, string(output))
			require.Contains(t, stderr.String(), "E! catalog.toml stays as it was: ")
			require.Contains(t, stderr.String(), tt.expected)
		})
	}
}

// bundleOf is a bundle in a folder, with the vendor's list alone.
func bundleOf(t *testing.T, dir string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, may2031) }))
	defer server.Close()
	bundle := filepath.Join(dir, "lists.tar.gz")
	start(t, append([]string{"catalog", "download", bundle}, oneSource(server.URL)...)...).requireEnd(0)
	return bundle
}

func TestCatalogUpdateInAFolderThatIsNotOurs(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write into every folder")
	}
	file := copyCatalog(t)
	require.NoError(t, os.Chmod(filepath.Dir(file), 0o500))   //nolint:gosec // a folder that can be entered
	t.Cleanup(func() { os.Chmod(filepath.Dir(file), 0o700) }) //nolint:gosec // as it was before
	p := start(t, "catalog", "update", "--no-advisories", "--no-exploited", "--from", bundleOf(t, t.TempDir()), file)
	p.requireEnd(1)
	require.Contains(t, p.stderr.String(), "E! "+file+" stays as it was: ")
	require.Contains(t, p.stderr.String(), "permission denied")
	requireUntouched(t, file)
}
