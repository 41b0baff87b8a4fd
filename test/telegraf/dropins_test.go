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

// twoFileDropIn is the shipped drop-in with its settings in a separate file.
func twoFileDropIn(r *rig.Rig, settings string) string {
	r.Helper()
	return r.Edit(r.Read(rig.Root+"/deploy/telegraf.d/linux/qlik-sense-version-two-files.conf"),
		`"/usr/bin/telegraf-qlik-sense-version"`, `"`+r.Tools.Plugin+`"`,
		"/etc/telegraf-qlik-sense-version/settings.conf", settings,
		`collection_jitter = "5m"`, "")
}

// testedElsewhere are the drop-ins that test/windows and TestSiteDropIn run.
var testedElsewhere = map[string]bool{"qlik-sense-version-this-node.conf": true, "qlik-sense-version-site.conf": true}

// Telegraf runs each shipped drop-in with nothing changed but paths, server names and the
// jitter, which would delay the test. All drop-ins have the same interval and jitter.
func TestShippedDropIns(t *testing.T) {
	for _, platform := range []string{"linux", "windows"} {
		files, err := filepath.Glob(rig.Root + "/deploy/telegraf.d/" + platform + "/*.conf")
		require.NoError(t, err)
		require.Len(t, files, 3)
		for _, file := range files {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Contains(t, string(content), "\n  interval = \"6h\"\n  collection_jitter = \"5m\"\n", file)
			if testedElsewhere[filepath.Base(file)] {
				continue
			}
			t.Run(platform+"/"+filepath.Base(file), func(t *testing.T) {
				r := rig.New(t)
				_, hosts := r.Start(simulator.Server{}, simulator.Server{})
				text := adaptExample(r, r.Read(file), hosts)
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

// adaptExample replaces the example paths and servers in a drop-in with this machine's paths and
// the test's servers, and writes the settings file that the drop-in may name.
func adaptExample(r *rig.Rig, text string, hosts []string) string {
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

// settingsFile returns the settings file that the program prints, filled in as an
// administrator would do it.
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

// Telegraf reads every file in telegraf.d as its own configuration and does not start with the
// plugin's settings there. Hence the two-file drop-in names a path outside of it.
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
