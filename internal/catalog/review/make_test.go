//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/feed/feedtest"
)

// workingTree returns a copy of the working tree.
func workingTree(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	dir := t.TempDir()
	for _, name := range []string{"Makefile", "go.mod", "go.sum", "assets.go", "sample.conf", "CHANGELOG.md", "cmd", "deploy", "internal", "plugins"} {
		source := filepath.Join(root, name)
		info, err := os.Stat(source)
		require.NoError(t, err)
		if info.IsDir() {
			require.NoError(t, os.CopyFS(filepath.Join(dir, name), os.DirFS(source)))
			continue
		}
		content, err := os.ReadFile(source)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	return dir
}

func run(t *testing.T, dir string, args ...string) (output string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath") // as for the packages: the cache serves every copy of the tree
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func curated(advisories []catalog.Advisory) (entries []catalog.Advisory) {
	for _, a := range advisories {
		if !a.ByMachine() {
			entries = append(entries, a)
		}
	}
	return entries
}

func TestMakeCatalog(t *testing.T) {
	if testing.Short() {
		t.Skip("not run in short mode: building and testing a copy of the tree takes its time")
	}
	day := time.Now().UTC().Format(time.DateOnly)
	feeds := feedtest.Start(t)
	feeds.Set("releases", feedtest.Body(`[{"name":"May 2031","tag_name":"v15.100.3","published_at":"2026-01-20T12:00:00Z"}]`))
	feeds.Set("advisories", feedtest.Body(string(feedtest.NVDReply(day,
		feedtest.Record("CVE-2031-0001", "2026-11-20", "An issue in Qlik Sense Enterprise for Windows. This is fixed in May 2031, and November 2025 Patch 2."),
		feedtest.Record("CVE-2031-0002", "2026-11-20", "An issue in Qlik Sense Enterprise for Windows.")))))
	feeds.Set("exploited", feedtest.Body(string(feedtest.KEV(day, feedtest.KEVEntry("CVE-2024-36077", "Qlik", "Sense", "2026-11-19", "Unknown")))))

	dir := workingTree(t)
	file := filepath.Join(dir, "internal/catalog/catalog.toml")
	update := make([]string, 0, 2+len(feedtest.Parts))
	update = append(update, "make", "catalog")
	for part, address := range feeds.Mirrors() {
		update = append(update, strings.ToUpper(part)+"_URL="+address)
	}
	before, err := catalog.Load(file)
	require.NoError(t, err)
	output, err := run(t, dir, update...)
	require.NoError(t, err, output)
	for _, line := range []string{
		"May 2031: new release, track 15.100, latest patch 0",
		"CVE-2031-0001: new, fixed in May 2031, November 2025 Patch 2",
		"  exploited_as_of: " + before.ExploitedAsOf.String() + " -> " + day,
		"  release May 2031: new: track: 15.100",
		"  advisory CVE-2031-0001: new: fixed: [May 2031, November 2025 Patch 2]",
		"  advisory CVE-2024-36077: exploited_since: none -> 2026-11-19",
		"Undecided: 4",
		"  CVE-2031-0002: An issue in Qlik Sense Enterprise for Windows.",
	} {
		require.Contains(t, "\n"+output, "\n"+line+"\n")
	}

	after, err := catalog.Load(file)
	require.NoError(t, err)
	require.Equal(t, before.Notes, after.Notes)
	was, is := curated(before.Advisories), curated(after.Advisories)
	require.Len(t, is, len(was))
	for i := range was {
		was[i].ExploitedSince, is[i].ExploitedSince = catalog.Day{}, catalog.Day{} // CISA's word
		require.Equal(t, was[i], is[i])
	}
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(content), "\n# basis            stated: a source names patch and build together.")

	// The tests of package catalog pass with the new data.
	output, err = run(t, dir, "go", "test", "./internal/catalog")
	require.NoError(t, err, output)

	output, err = run(t, dir, update...)
	require.NoError(t, err, output)
	require.Contains(t, output, "\nFor review: 0 differences\n")
	again, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(content), string(again))

	// If a source fails, the command fails, but the other sources still count.
	feeds.Set("exploited", feedtest.Answer(404, ""))
	output, err = run(t, dir, update...)
	require.Error(t, err)
	require.Contains(t, output, "internal/catalog/catalog.toml: not updated: exploited as of "+day)
	require.Contains(t, output, "\nFor review: 0 differences\n")
}
