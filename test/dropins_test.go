//go:build linux

package test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/stack"
)

// twoFiles is the shipped drop-in that names a settings file.
func (r *rig) twoFiles(settings string) string {
	r.Helper()
	return r.edit(r.read("../deploy/telegraf.d/linux/qlik-sense-version-two-files.conf"),
		`"/usr/local/bin/telegraf-qlik-sense-version"`, `"`+world.tools.Plugin+`"`,
		"/etc/telegraf/qlik-sense-version.conf", settings,
		`collection_jitter = "5m"`, "")
}

// Each shipped drop-in is run by Telegraf as it is, but for the paths, the servers'
// names and the jitter, which would hold the test up.
func TestShippedDropIns(t *testing.T) {
	for _, platform := range []string{"linux", "windows"} {
		files, err := filepath.Glob("../deploy/telegraf.d/" + platform + "/*.conf")
		require.NoError(t, err)
		require.Len(t, files, 2)
		for _, file := range files {
			t.Run(platform+"/"+filepath.Base(file), func(t *testing.T) {
				r := newRig(t)
				_, hosts := r.start(simulator.Server{}, simulator.Server{})
				text := r.install(r.read(file), hosts)
				r.telegraf(text)

				points := r.byTag(r.points(2, ""), "source")
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
func (r *rig) install(text string, hosts []string) string {
	r.Helper()
	settings := r.write("qlik-sense-version.conf", r.settingsFile(hosts))
	text = windowsPath.ReplaceAllStringFunc(text, func(path string) string {
		path = strings.ReplaceAll(windowsPath.FindStringSubmatch(path)[1], `\`, "/")
		switch path {
		case "telegraf-qlik-sense-version.exe":
			return "'" + world.tools.Plugin + "'"
		case "qlik-sense-version.conf":
			return "'" + settings + "'"
		}
		return "'/etc/telegraf/" + path + "'"
	})
	return strings.NewReplacer(
		"/usr/local/bin/telegraf-qlik-sense-version", world.tools.Plugin,
		"/etc/telegraf/qlik-sense-version.conf", settings,
		"/etc/telegraf/qlik-sense", world.dir,
		`"qlik1.example.com", "qlik2.example.com"`, stack.Quote(hosts),
		`collection_jitter = "5m"`, "",
	).Replace(text)
}

// settingsFile is what the program prints as a settings file, filled in as an
// administrator would.
func (r *rig) settingsFile(hosts []string) string {
	r.Helper()
	p, err := stack.Start(world.tools.Plugin, []string{"config"}, nil)
	require.NoError(r, err)
	status, err := p.Wait(patience)
	require.NoError(r, err)
	require.Zero(r, status)
	text := p.Output()
	require.Equal(r, r.read("../sample.conf"), text)
	return r.edit(text,
		`hosts = ["qlik1.example.com"]`, "hosts = ["+stack.Quote(hosts)+"]",
		`# tls_ca = "/etc/telegraf/qlik-sense/root.pem"`, `tls_ca = "`+world.dir+`/root.pem"`,
		`# tls_cert = "/etc/telegraf/qlik-sense/client.pem"`, `tls_cert = "`+world.dir+`/client.pem"`,
		`# tls_key = "/etc/telegraf/qlik-sense/client_key.pem"`, `tls_key = "`+world.dir+`/client_key.pem"`,
		"# [inputs.qlik_sense_version.tags]", "[inputs.qlik_sense_version.tags]",
		`#   environment = "PROD"`, `environment = "PROD"`,
	)
}

// Trap 19: Telegraf takes every file in telegraf.d for its own and stops at the
// plugin's settings. Hence the path in the two-file form.
func TestSettingsInTelegrafDStopTelegraf(t *testing.T) {
	r := newRig(t)
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "qlik-sense-version.conf"), []byte(r.read("../sample.conf")), 0o600))
	config := r.write("telegraf.conf", "[[outputs.file]]\n")
	p, err := stack.Start(world.tools.Telegraf, []string{"--config", config, "--config-directory", folder}, nil)
	require.NoError(t, err)
	status, err := p.Wait(patience)
	require.NoError(t, err)
	require.NotZero(t, status)
	require.Contains(t, p.Output(), "qlik_sense_version")
}
