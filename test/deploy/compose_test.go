//go:build linux

package deploy

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/loader"
	"github.com/compose-spec/compose-go/types"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

// composeProject is deploy/compose.yaml as the reference implementation of the compose
// specification reads it, which checks it with the specification's schema.
func composeProject(t *testing.T) *types.Project {
	t.Helper()
	dir, err := filepath.Abs(rig.Root + "/deploy")
	require.NoError(t, err)
	file := filepath.Join(dir, "compose.yaml")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  dir,
		ConfigFiles: []types.ConfigFile{{Filename: file, Content: text}},
		Environment: types.Mapping{},
	})
	require.NoError(t, err)
	return project
}

func TestComposeIsInOrder(t *testing.T) {
	project := composeProject(t)
	require.Len(t, project.Services, 4)
	dockerfile, err := os.ReadFile(rig.Root + "/deploy/compose/Dockerfile")
	require.NoError(t, err)
	for _, service := range project.Services {
		t.Run(service.Name, func(t *testing.T) {
			require.NotNil(t, service.HealthCheck)
			require.NotEmpty(t, service.HealthCheck.Test)
			if service.Build == nil {
				require.Regexp(t, `^[a-z/]+:\d+\.\d+\.\d+$`, service.Image, "a version that stays the same")
			} else {
				require.FileExists(t, filepath.Join(service.Build.Context, service.Build.Dockerfile))
				require.Contains(t, string(dockerfile), " AS "+service.Build.Target+"\n")
			}
			for _, port := range service.Ports {
				require.Equal(t, "127.0.0.1", port.HostIP, "nobody else gets in")
			}
			for _, volume := range service.Volumes {
				if volume.Type == types.VolumeTypeBind {
					_, err := os.Stat(volume.Source)
					require.NoError(t, err)
					require.True(t, volume.ReadOnly)
				}
			}
			for key, value := range service.Environment {
				if regexp.MustCompile(`(?i)passw|secret|token|key`).MatchString(key) {
					require.Empty(t, *value, key)
				}
			}
			for other, dependency := range service.DependsOn {
				require.Equal(t, types.ServiceConditionHealthy, dependency.Condition, other)
			}
		})
	}
	module, err := os.ReadFile(rig.Root + "/go.mod")
	require.NoError(t, err)
	goVersion := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(module)
	require.Contains(t, string(dockerfile), "FROM golang:"+string(goVersion[1])+".")
	for _, from := range regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(string(dockerfile), -1) {
		require.Regexp(t, `^[a-z]+:\d+\.\d+(\.\d+)?(-[a-z]+)?$`, from[1], "a version that stays the same")
	}
	require.Contains(t, string(dockerfile), "FROM telegraf:"+strings.TrimPrefix(stack.TelegrafVersion, "v")+" ")
}

// What the provisioning takes from the environment is there.
func TestComposeGivesWhatGrafanaNeeds(t *testing.T) {
	grafana, err := composeProject(t).GetService("grafana")
	require.NoError(t, err)
	text, err := os.ReadFile(rig.Root + "/deploy/grafana/provisioning/datasources/influxdb.yaml")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		for _, match := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(line, -1) {
			require.Contains(t, grafana.Environment, match[1])
		}
	}
	provider, err := os.ReadFile(rig.Root + "/deploy/grafana/provisioning/dashboards/qlik-sense.yaml")
	require.NoError(t, err)
	path := regexp.MustCompile(`(?m)^\s+path: (\S+)$`).FindSubmatch(provider)
	targets := make([]string, 0, len(grafana.Volumes))
	for _, volume := range grafana.Volumes {
		targets = append(targets, volume.Target)
	}
	require.Contains(t, targets, string(path[1]))
	require.Contains(t, targets, "/etc/grafana/provisioning")
}

// The stack without its containers: its servers, its Telegraf and its drop-in, with an
// InfluxDB of the same generation.
func TestComposeStack(t *testing.T) {
	r := rig.New(t)
	site := t.TempDir()
	i := 0
	fleet := regexp.MustCompile(`0\.0\.0\.0`).ReplaceAllStringFunc(r.Read(rig.Root+"/deploy/compose/fleet.toml"), func(string) string {
		i++
		return r.Address(i)
	})
	simulator, err := stack.Start(r.Tools.Simulator, []string{"--site", site, "--fleet", r.Write("fleet.toml", fleet)}, nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := simulator.Stop(rig.Patience)
		require.NoError(t, err)
	})
	require.NoError(t, simulator.Await("ready\n", 1, rig.Patience))

	dropIn := r.Edit(r.Read(rig.Root+"/deploy/compose/qlik-sense-version.conf"),
		`"/usr/local/bin/telegraf-qlik-sense-version"`, "'"+r.Tools.Plugin+"'", "/etc/telegraf/qlik-sense/", site+"/")
	// The round at the start alone: the next full minute may be a second away.
	dropIn = r.Edit(dropIn, `interval = "1m"`, `interval = "9999h"`)
	// Names that nobody knows here: an address for each, which its certificate does not
	// bear.
	dropIn = r.Edit(dropIn, "  tls_ca = ", stack.NoMaxAge+"  tls_verify = \"chain\"\n  tls_ca = ")
	names := regexp.MustCompile(`(?m)^addr = "(\S+):(\d+)"\nname = "(\S+)"$`).FindAllStringSubmatch(fleet, -1)
	require.Len(t, names, 5)
	for _, name := range names {
		dropIn = r.Edit(dropIn, name[3]+":"+name[2], name[1]+":"+name[2])
	}
	config := r.Edit(r.Read(rig.Root+"/deploy/compose/telegraf.conf"), "http://influxdb:8086", r.DB.URL, `"telegraf"`, `"`+r.Database+`"`)
	_, err = r.DB.Query("", "CREATE DATABASE "+r.Database)
	require.NoError(t, err)
	telegraf, err := stack.Start(r.Tools.Telegraf, []string{"--config", r.Write("telegraf.conf", config), "--config", r.Write("drop-in.conf", dropIn)}, nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := telegraf.Stop(rig.Patience)
		require.NoError(t, err)
	})
	points := r.ByTag(r.Points(5, ""), "source")
	require.Len(t, points, 5)
	for n, want := range []struct{ environment, result, compliance string }{
		{"PROD", "success", "compliant"}, {"PROD", "success", "compliant"}, {"PROD", "success", "compliant"},
		{"TEST", "success", "non_compliant"}, {"DEV", "response_status_code_mismatch", ""},
	} {
		p := points[r.Address(n+1)]
		require.Equal(t, want.environment, p["environment"])
		require.Equal(t, want.result, p["result"])
		if want.compliance != "" {
			require.Equal(t, want.compliance, p["compliance"])
		}
	}
	require.Equal(t, json.Number("1"), points[r.Address(3)]["version_mismatch"])
}

// The guide names files that are there, and each file of a kind is in it.
func TestDeployREADME(t *testing.T) {
	text, err := os.ReadFile(rig.Root + "/deploy/README.md")
	require.NoError(t, err)
	page := string(text)
	for _, link := range regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(page, -1) {
		_, err := os.Stat(filepath.Join(rig.Root+"/deploy", link[1]))
		require.NoError(t, err)
	}
	for _, pattern := range []string{"recipes/*.conf", "grafana/notifications/*.yaml"} {
		files, err := filepath.Glob(filepath.Join(rig.Root+"/deploy", pattern))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			require.Contains(t, page, "`"+filepath.Base(file)+"`")
		}
	}
	// Panels that the guide sends its reader to.
	dashboards, err := filepath.Glob(rig.Root + "/deploy/grafana/dashboards/*.json")
	require.NoError(t, err)
	var all strings.Builder
	for _, file := range dashboards {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		all.Write(text)
	}
	for _, name := range []string{
		"Qlik Sense fleet", "Qlik Sense server", "Qlik Sense compliance report", "Servers that do not answer", "Servers by release",
		"Servers out of step with their block", "Proven compliant per day", "Servers that are not compliant", "Support ends within 180 days", "History of versions",
	} {
		require.Contains(t, strings.Join(strings.Fields(page), " "), name)
		require.Contains(t, all.String(), `"title": "`+name+`"`)
	}
}
