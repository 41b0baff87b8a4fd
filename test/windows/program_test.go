//go:build linux

package windows

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/feed/feedtest"
	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/stack"
)

const plugin = `C:\Program Files\Telegraf\telegraf-qlik-sense-version.exe`

// withPlugin returns a computer with the program beside Telegraf.
func withPlugin(t *testing.T) *computer {
	t.Helper()
	c := newComputer(t)
	c.copy(c.Tools.Plugin, "Program Files/Telegraf/telegraf-qlik-sense-version.exe")
	return c
}

// settings writes settings and the site's certificates into a folder of drive C:, with CRLF and a byte
// order mark as Windows editors do, and returns the path of the settings.
func (c *computer) settings(folder string, hosts []string, more string) string {
	c.Helper()
	crlf := strings.NewReplacer("\n", "\r\n")
	for _, name := range []string{"root.pem", "client.pem", "client_key.pem"} {
		c.write(folder+"/"+name, crlf.Replace(c.Read(filepath.Join(c.SiteDir, name))))
	}
	dir := `C:\` + strings.ReplaceAll(folder, "/", `\`)
	text := fmt.Sprintf("[[inputs.qlik_sense_version]]\n  hosts = [%s]\n  tls_ca = '%[2]s\\root.pem'\n"+
		"  tls_cert = '%[2]s\\client.pem'\n  tls_key = '%[2]s\\client_key.pem'\n%s%s\n", stack.Quote(hosts), dir, stack.NoMaxAge, more)
	c.write(folder+"/settings.toml", "\ufeff"+crlf.Replace(text))
	return dir + `\settings.toml`
}

func TestVersion(t *testing.T) {
	c := withPlugin(t)
	require.Regexp(t, `^telegraf-qlik-sense-version .*go1\..*windows/amd64\)?\s*$`, c.mustRun(plugin, "version"))
	require.Contains(t, c.mustRun(plugin, "config", "--telegraf"), `'C:\Program Files\Telegraf\telegraf-qlik-sense-version.exe'`)
}

// Paths may contain spaces, umlauts and folders with a dot, on any drive.
func TestPaths(t *testing.T) {
	c := withPlugin(t)
	_, hosts := c.Start(simulator.Server{})
	drive := filepath.Join(t.TempDir(), "drive d")
	require.NoError(t, os.Mkdir(drive, 0o700))
	require.NoError(t, os.Symlink(drive, filepath.Join(c.prefix, "dosdevices", "d:")))
	settings := c.settings("Qlik Prüfung/.Local Certificates", hosts, "")
	settingsOnD := filepath.Join(drive, "Prüfung & mehr.toml")
	require.NoError(t, os.Rename(c.path("Qlik Prüfung/.Local Certificates/settings.toml"), settingsOnD))
	for _, path := range []string{`D:\Prüfung & mehr.toml`, `d:/Prüfung & mehr.toml`, `\\?\D:\Prüfung & mehr.toml`} {
		require.Contains(t, c.mustRun(plugin, "--once", "--config", path), `result="success"`, path)
	}
	status, output := c.run(plugin, "--once", "--config", settings)
	require.Equal(t, 1, status)
	require.Contains(t, output, "E! reading the settings: open "+settings+": ")
	require.Contains(t, output, "check the path after --config")
}

func TestCheck(t *testing.T) {
	c := withPlugin(t)
	_, hosts := c.Start(simulator.Server{Reply: simulator.Reply("May 2025 Patch 15", "14.231.27")},
		simulator.Server{Reply: simulator.Reply("May 2024 Patch 9", "14.187.14")}, simulator.Server{Fault: simulator.FaultDown})
	settings := c.settings("fleet", hosts, "")
	status, output := c.run(plugin, "check", "--config", settings)
	require.Equal(t, 2, status)
	require.Contains(t, output, "May 2025 Patch 15")
	require.Contains(t, output, "what to do: nothing listens there")
	require.Contains(t, output, "proven compliant: 1 of 3")

	status, output = c.run(plugin, "check", "--config", settings, "--output", "html", "--output-file", `C:\fleet\Bericht Größe.html`)
	require.Equal(t, 2, status, output)
	report := c.Read(c.path("fleet/Bericht Größe.html"))
	require.Contains(t, report, "</html>")
	for _, host := range hosts {
		require.Contains(t, report, host)
	}
}

// A round at the start and one for each newline; the program ends with its input.
func TestRounds(t *testing.T) {
	c := withPlugin(t)
	_, hosts := c.Start(simulator.Server{}, simulator.Server{Fault: simulator.FaultDown})
	settings := c.settings("fleet", hosts, "")
	p, stdin, err := stack.StartWithInput("wine", []string{plugin, "--config", settings}, wineEnv(c.prefix))
	require.NoError(t, err)
	for round := 1; round <= 3; round++ {
		c.await(p, `result="success"`, round)
		c.await(p, `result="connection_failed"`, round)
		_, err := io.WriteString(stdin, "\r\n")
		require.NoError(t, err)
	}
	c.await(p, `result="success"`, 4)
	require.NoError(t, stdin.Close())
	status, err := p.Wait(patience)
	require.NoError(t, err)
	require.Zero(t, status)
	require.Equal(t, 4, strings.Count(p.Output(), `result="success"`))
}

// The end of the input also ends a round in which a server hangs.
func TestEndDuringRound(t *testing.T) {
	c := withPlugin(t)
	fleet, hosts := c.Start(simulator.Server{Fault: simulator.FaultNoAnswer})
	settings := c.settings("fleet", hosts, "  timeout = \"30m\"\n")
	p, stdin, err := stack.StartWithInput("wine", []string{plugin, "--config", settings}, wineEnv(c.prefix))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return fleet.Requests(0) > 0 }, patience, 20*time.Millisecond)
	require.NoError(t, stdin.Close())
	status, err := p.Wait(patience)
	require.NoError(t, err)
	require.Zero(t, status)
	require.NotContains(t, p.Output(), "result=", "an interrupted poll is not a failure")
}

func TestLogLevels(t *testing.T) {
	c := withPlugin(t)
	_, hosts := c.Start(simulator.Server{}, simulator.Server{Fault: simulator.FaultDown})
	settings := c.settings("fleet", hosts, "  insecure_skip_verify = true\n")
	for level, letters := range map[string]string{"error": "E", "warn": "EW", "debug": "DEIW"} {
		output := "\n" + c.mustRun(plugin, "--once", "--log-level", level, "--config", settings)
		for _, letter := range "DEIW" {
			require.Equal(t, strings.ContainsRune(letters, letter), strings.Contains(output, "\n"+string(letter)+"! "), "%s: %c in\n%s", level, letter, output)
		}
	}
}

// "catalog download" and "catalog update --from" update a computer without internet access. If another
// program has the catalogue open, the update fails with a clear message and changes nothing.
func TestCatalogUpdateFromABundle(t *testing.T) {
	c := withPlugin(t)
	feeds := feedtest.Start(t)
	day := time.Now().UTC().Format(time.DateOnly)
	feeds.Set("releases", feedtest.Body(fmt.Sprintf(`[{"name":"May 2031","tag_name":"v15.100.3","published_at":"%sT00:00:00Z"}]`, day)))
	feeds.Set("advisories", feedtest.Body(string(feedtest.NVDReply(day, feedtest.Record("CVE-2031-0001", day,
		"An issue was discovered in Qlik Sense Enterprise for Windows. This is fixed in May 2031 Patch 1, and May 2024 Patch 12.")))))
	feeds.Set("exploited", feedtest.Body(string(feedtest.KEV(day, feedtest.KEVEntry("CVE-2031-0001", "Qlik", "Sense", day, "Known")))))

	require.NoError(t, os.Mkdir(c.path("lists"), 0o700))
	c.mustRun(plugin, append(append([]string{"catalog", "download"}, feeds.Options()...), `C:\lists\lists.tar.gz`)...)
	output := c.mustRun(plugin, "catalog", "update", "--from", `C:\lists\lists.tar.gz`, `C:\lists\catalog.toml`)
	require.Contains(t, output, "May 2031: new release")
	require.Contains(t, c.mustRun(plugin, "catalog", "check", `C:\lists\catalog.toml`), "valid: ")

	before := c.Read(c.path("lists/catalog.toml"))
	require.NoError(t, compile("holdopen.c", c.path("holdopen.exe")))
	editor := c.start(`C:\holdopen.exe`, `C:\lists\catalog.toml`)
	c.await(editor, "open", 1)
	feeds.Set("releases", feedtest.Body(fmt.Sprintf(`[{"name":"May 2031 Patch 1","tag_name":"v15.100.4","published_at":"%[1]sT00:00:00Z"},`+
		`{"name":"May 2031","tag_name":"v15.100.3","published_at":"%[1]sT00:00:00Z"}]`, day)))
	update := append(append([]string{"catalog", "update"}, feeds.Options()...), `C:\lists\catalog.toml`)
	status, output := c.run(plugin, update...)
	require.Equal(t, 1, status)
	require.Contains(t, output, `C:\lists\catalog.toml cannot be replaced while another program has it open, and stays as it was: `)
	require.Equal(t, before, c.Read(c.path("lists/catalog.toml")))

	c.mustRun("taskkill", "/f", "/im", "holdopen.exe")
	c.mustRun(plugin, update...)
	require.NotEqual(t, before, c.Read(c.path("lists/catalog.toml")))
	entries, err := os.ReadDir(c.path("lists"))
	require.NoError(t, err)
	require.Len(t, entries, 2, "only the bundle and the catalogue")
}
