//go:build linux

package telegraf

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

// twoFiles is the shipped drop-in that names a settings file.
func twoFiles(r *rig.Rig, settings string) string {
	r.Helper()
	return r.Edit(r.Read(rig.Root+"/deploy/telegraf.d/linux/qlik-sense-version-two-files.conf"),
		`"/usr/bin/telegraf-qlik-sense-version"`, `"`+r.Tools.Plugin+`"`,
		"/etc/telegraf-qlik-sense-version/settings.conf", settings,
		`collection_jitter = "5m"`, "")
}

// elsewhere are the drop-ins that other tests run: under Wine, and with a whole site.
var elsewhere = map[string]bool{"qlik-sense-version-this-node.conf": true, "qlik-sense-version-site.conf": true}

// Each shipped drop-in is run by Telegraf as it is, but for the paths, the servers'
// names and the jitter, which would hold the test up.
func TestShippedDropIns(t *testing.T) {
	for _, platform := range []string{"linux", "windows"} {
		files, err := filepath.Glob(rig.Root + "/deploy/telegraf.d/" + platform + "/*.conf")
		require.NoError(t, err)
		require.Len(t, files, 3)
		for _, file := range files {
			if elsewhere[filepath.Base(file)] {
				continue
			}
			t.Run(platform+"/"+filepath.Base(file), func(t *testing.T) {
				r := rig.New(t)
				_, hosts := r.Start(simulator.Server{}, simulator.Server{})
				text := install(r, r.Read(file), hosts)
				r.Telegraf(text)

				points := r.ByTag(r.Points(2, ""), "source")
				for _, host := range hosts {
					require.Equal(t, "success", points[host]["result"])
					require.Equal(t, "PROD", points[host]["environment"])
				}
			})
		}
	}
}

var windowsPath = regexp.MustCompile(`'C:\\Program Files\\Telegraf\\([^']*)'`)

// install puts this machine's paths and the test's servers in the place of the
// examples in a drop-in, and writes the settings file that it may name.
func install(r *rig.Rig, text string, hosts []string) string {
	r.Helper()
	settings := r.Write("qlik-sense-version.conf", settingsFile(r, hosts))
	text = windowsPath.ReplaceAllStringFunc(text, func(path string) string {
		path = strings.ReplaceAll(windowsPath.FindStringSubmatch(path)[1], `\`, "/")
		switch path {
		case "telegraf-qlik-sense-version.exe":
			return "'" + r.Tools.Plugin + "'"
		case "qlik-sense-version.conf":
			return "'" + settings + "'"
		}
		return "'" + filepath.Join(r.SiteDir, filepath.Base(path)) + "'"
	})
	return strings.NewReplacer(
		"/usr/bin/telegraf-qlik-sense-version", r.Tools.Plugin,
		"/etc/telegraf-qlik-sense-version/settings.conf", settings,
		"/etc/telegraf-qlik-sense-version", r.SiteDir,
		`"qlik1.example.com", "qlik2.example.com"`, stack.Quote(hosts),
		`collection_jitter = "5m"`, "",
	).Replace(text)
}

// settingsFile is what the program prints as a settings file, filled in as an
// administrator would.
func settingsFile(r *rig.Rig, hosts []string) string {
	r.Helper()
	p, err := stack.Start(r.Tools.Plugin, []string{"config"}, nil)
	require.NoError(r, err)
	status, err := p.Wait(rig.Patience)
	require.NoError(r, err)
	require.Zero(r, status)
	text := p.Output()
	require.Equal(r, r.Read(rig.Root+"/sample.conf"), text)
	return r.Edit(text,
		`hosts = ["qlik1.example.com"]`, "hosts = ["+stack.Quote(hosts)+"]",
		`# tls_ca = "/etc/telegraf-qlik-sense-version/root.pem"`, `tls_ca = "`+r.SiteDir+`/root.pem"`,
		`# tls_cert = "/etc/telegraf-qlik-sense-version/client.pem"`, `tls_cert = "`+r.SiteDir+`/client.pem"`,
		`# tls_key = "/etc/telegraf-qlik-sense-version/client_key.pem"`, `tls_key = "`+r.SiteDir+`/client_key.pem"`,
		"# [inputs.qlik_sense_version.tags]", "[inputs.qlik_sense_version.tags]",
		`#   environment = "PROD"`, `environment = "PROD"`,
	)
}

// Trap 19: Telegraf takes every file in telegraf.d for its own and stops at the
// plugin's settings. Hence the path in the two-file form.
func TestSettingsInTelegrafDStopTelegraf(t *testing.T) {
	r := rig.New(t)
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "qlik-sense-version.conf"), []byte(r.Read(rig.Root+"/sample.conf")), 0o600))
	config := r.Write("telegraf.conf", "[[outputs.file]]\n")
	p, err := stack.Start(r.Tools.Telegraf, []string{"--config", config, "--config-directory", folder}, nil)
	require.NoError(t, err)
	status, err := p.Wait(rig.Patience)
	require.NoError(t, err)
	require.NotZero(t, status)
	require.Contains(t, p.Output(), "qlik_sense_version")
}
