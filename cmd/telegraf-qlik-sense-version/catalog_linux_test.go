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
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/feed/feedtest"
)

// A namespace provides a full disk, and one that is read-only even for root.
func TestCatalogUpdateDiskFull(t *testing.T) {
	if output, err := exec.Command("unshare", "-rm", "sh", "-c", "mount -t tmpfs -o size=64k tmpfs /mnt").CombinedOutput(); err != nil {
		t.Skipf("cannot mount a disk in a namespace: %v: %s", err, output)
	}
	dir := t.TempDir()
	bundle := downloadBundle(t, dir)
	program, err := exec.LookPath(programName)
	require.NoError(t, err)

	const prepare = `mount -t tmpfs -o size=64k tmpfs /mnt && cp "$1" /mnt/catalog.toml && cd /mnt && `
	const update = `; "$2" catalog update --no-advisories --no-exploited --from "$3" catalog.toml && echo SUCCESS; cmp "$1" catalog.toml && ls -A`
	for name, tt := range map[string]struct{ setup, expected, files string }{
		"full disk":      {`head -c 100k /dev/zero > filler 2>/dev/null`, "no space left on device", "catalog.toml\nfiller\n"},
		"read-only disk": {`mount -o remount,ro /mnt`, "read-only file system", "catalog.toml\n"},
	} {
		t.Run(name, func(t *testing.T) {
			small, err := filepath.Abs("../../internal/catalog/show/testdata/small.toml")
			require.NoError(t, err)
			cmd := exec.Command("unshare", "-rm", "sh", "-c", prepare+tt.setup+update, "sh", small, program, bundle)
			cmd.Env = append(os.Environ(), "GORACE="+raceOptions)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			output, err := cmd.Output()
			require.NoError(t, err, stderr.String())
			require.Equal(t, tt.files, string(output))
			require.Contains(t, stderr.String(), "E! catalog.toml stays as it was: ")
			require.Contains(t, stderr.String(), tt.expected)
		})
	}
}

// downloadBundle downloads a bundle with only the vendor's list into a folder and returns its path.
func downloadBundle(t *testing.T, dir string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, may2031) }))
	defer server.Close()
	bundle := filepath.Join(dir, "lists.tar.gz")
	start(t, append([]string{"catalog", "download", bundle}, onlyReleases(server.URL)...)...).requireEnd(0)
	return bundle
}

func TestCatalogUpdateInReadOnlyFolder(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root can write into every folder")
	}
	file := copyCatalog(t)
	require.NoError(t, os.Chmod(filepath.Dir(file), 0o500))   //nolint:gosec // a folder needs the x bit
	t.Cleanup(func() { os.Chmod(filepath.Dir(file), 0o700) }) //nolint:gosec // restored for its removal
	p := start(t, "catalog", "update", "--no-advisories", "--no-exploited", "--from", downloadBundle(t, t.TempDir()), file)
	p.requireEnd(1)
	require.Contains(t, p.stderr.String(), "E! "+file+" stays as it was: ")
	require.Contains(t, p.stderr.String(), "permission denied")
	requireUnchanged(t, file)
}

// The next round uses a catalogue that was updated while the program runs.
func TestCatalogUpdateBetweenRounds(t *testing.T) {
	today := time.Now().UTC().Format(time.DateOnly)
	feeds := feedtest.Start(t)
	feeds.Set("releases", feedtest.Body(`[{"name":"May 2025 Patch 40","tag_name":"v14.231.90","published_at":"`+today+`T00:00:00Z"}]`))
	feeds.Set("advisories", feedtest.Body(string(feedtest.NVDReply(today,
		feedtest.Record("CVE-2026-99999", today, "A flaw in Qlik Sense. This is fixed in May 2025 Patch 40.")))))
	feeds.Set("exploited", feedtest.Body(string(feedtest.KEV(today, feedtest.KEVEntry("CVE-2026-99999", "Qlik", "Sense", today, "Unknown")))))
	file := copyCatalog(t)
	f := startFleet(t, serverRunning("May 2025 Patch 15", "14.231.27"))
	p := start(t, "--config", f.config("catalog_file = '"+file+"'"))
	before := p.requirePoints(1)[0]
	require.Contains(t, before, `compliance="compliant"`)

	update := start(t, append([]string{"catalog", "update", file}, feeds.Options()...)...)
	update.requireEnd(0)
	p.requestRound()
	after := p.requirePoints(2)[1]
	for _, field := range []string{
		`compliance="non_compliant"`, `advisories="CVE-2026-99999"`, `exploited_advisory_count=1i`, `fixed_in="May 2025 Patch 40"`,
		"releases_age_days=0i", "advisories_age_days=0i", "exploited_age_days=0i",
	} {
		require.Contains(t, after, field)
	}
}
