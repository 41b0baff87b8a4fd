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

// composeProject loads deploy/compose.yaml with the reference implementation of the compose
// specification, which validates it against the specification's schema.
func composeProject(t *testing.T, environment types.Mapping) *types.Project {
	t.Helper()
	dir, err := filepath.Abs(rig.Root + "/deploy")
	require.NoError(t, err)
	file := filepath.Join(dir, "compose.yaml")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  dir,
		ConfigFiles: []types.ConfigFile{{Filename: file, Content: text}},
		Environment: environment,
	})
	require.NoError(t, err)
	return project
}

func TestComposeServices(t *testing.T) {
	project := composeProject(t, types.Mapping{})
	require.Len(t, project.Services, 4)
	dockerfile := readFile(t, "deploy/compose/Dockerfile")
	for _, service := range project.Services {
		t.Run(service.Name, func(t *testing.T) {
			require.NotNil(t, service.HealthCheck)
			require.NotEmpty(t, service.HealthCheck.Test)
			if service.Build == nil {
				require.Regexp(t, `^[a-z/]+:\d+\.\d+\.\d+$`, service.Image, "a pinned version")
			} else {
				require.FileExists(t, filepath.Join(service.Build.Context, service.Build.Dockerfile))
				require.Contains(t, dockerfile, " AS "+service.Build.Target+"\n")
			}
			for _, port := range service.Ports {
				require.Equal(t, "127.0.0.1", port.HostIP, "reachable from this machine only")
			}
			for _, volume := range service.Volumes {
				// A named volume: SELinux labels and file modes in the clone do not matter.
				require.Equal(t, types.VolumeTypeVolume, volume.Type, volume.Source)
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
	require.Empty(t, project.Configs, "would mount files of the clone")
	require.Empty(t, project.Secrets, "would mount files of the clone")
	goVersion := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(readFile(t, "go.mod"))
	require.Contains(t, dockerfile, "FROM golang:"+goVersion[1]+".")
	for _, from := range regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(dockerfile, -1) {
		require.Regexp(t, `^[a-z/]+:\d+\.\d+(\.\d+)?(-[a-z]+)?$`, from[1], "a pinned version")
	}
	require.Contains(t, dockerfile, "FROM telegraf:"+strings.TrimPrefix(stack.TelegrafVersion, "v")+" ")
}

// readFile returns the content of a file of the repository.
func readFile(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(rig.Root, file))
	require.NoError(t, err)
	return string(text)
}

// If a port is taken, an environment variable selects another one.
func TestComposePorts(t *testing.T) {
	for value, want := range map[string]string{"": "3000", "4001": "4001"} {
		environment := types.Mapping{}
		if value != "" {
			environment["GRAFANA_PORT"] = value
		}
		project := composeProject(t, environment)
		grafana, err := project.GetService("grafana")
		require.NoError(t, err)
		require.Len(t, grafana.Ports, 1)
		require.Equal(t, want, grafana.Ports[0].Published)
		require.Equal(t, "http://127.0.0.1:"+want+"/", *grafana.Environment["GF_SERVER_ROOT_URL"])
	}
	lists := regexp.MustCompile(`(?m)^    ports:\n((?: {6}.*\n)+)`).FindAllStringSubmatch(readFile(t, "deploy/compose.yaml"), -1)
	require.NotEmpty(t, lists)
	for _, ports := range lists {
		for line := range strings.Lines(ports[1]) {
			require.Regexp(t, `^ +- "127\.0\.0\.1:\$\{[A-Z]+_PORT:-\d+\}:\d+"$`, strings.TrimSuffix(line, "\n"))
		}
	}
}

// Each COPY of files of the clone sets their mode: under umask 077 only the clone's owner could read
// them, and services run as other users.
func TestComposeFilesAreReadable(t *testing.T) {
	stage, copied := "", 0
	for line := range strings.Lines(readFile(t, "deploy/compose/Dockerfile")) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		switch {
		case words[0] == "FROM":
			stage = words[len(words)-1]
		case words[0] == "COPY" && stage != "build" && !strings.HasPrefix(words[1], "--from="):
			require.Equal(t, "--chmod=0755", words[1], line)
			require.Len(t, words, 4, line)
			_, err := os.Stat(filepath.Join(rig.Root, words[2]))
			require.NoError(t, err)
			copied++
		}
	}
	require.Equal(t, 5, copied)
}

// Anonymous visitors are editors, because Grafana's Explore needs that role.
func TestComposeAnonymousEditor(t *testing.T) {
	grafana, err := composeProject(t, types.Mapping{}).GetService("grafana")
	require.NoError(t, err)
	require.Equal(t, "true", *grafana.Environment["GF_AUTH_ANONYMOUS_ENABLED"])
	require.Equal(t, "Editor", *grafana.Environment["GF_AUTH_ANONYMOUS_ORG_ROLE"])
}

// The guide lists every image that is downloaded, with its size.
func TestComposeDownloadSizes(t *testing.T) {
	files := readFile(t, "deploy/compose/Dockerfile") + readFile(t, "deploy/compose.yaml")
	images := regexp.MustCompile(`(?m)^(?:FROM| +image:) (?:grafana/)?([a-z]+):`).FindAllStringSubmatch(files, -1)
	require.Len(t, images, 5)
	_, section, found := strings.Cut(readFile(t, "deploy/README.md"), "\n## A stack to try\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	section = strings.ReplaceAll(section, "\n", " ")
	for _, image := range images {
		if image[1] == "grafana" {
			require.Contains(t, section, "MB and Grafana's image,")
		} else {
			require.Regexp(t, image[1]+` \(\d+ MB`, section)
		}
	}
}

// The environment variables and paths that Grafana's provisioning uses exist in the service.
func TestComposeGrafanaProvisioning(t *testing.T) {
	grafana, err := composeProject(t, types.Mapping{}).GetService("grafana")
	require.NoError(t, err)
	text, err := os.ReadFile(rig.Root + "/deploy/grafana/provisioning/datasources/influxdb.yaml")
	require.NoError(t, err)
	settings := regexp.MustCompile(`#.*`).ReplaceAllString(string(text), "")
	variables := regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(settings, -1)
	require.NotEmpty(t, variables)
	for _, variable := range variables {
		require.Contains(t, grafana.Environment, variable[1])
	}
	path := regexp.MustCompile(`(?m)^\s+path: (\S+)$`).FindStringSubmatch(readFile(t, "deploy/grafana/provisioning/dashboards/qlik-sense.yaml"))
	dockerfile := readFile(t, "deploy/compose/Dockerfile")
	require.Contains(t, dockerfile, " deploy/grafana/dashboards "+path[1]+"\n")
	require.Contains(t, dockerfile, " deploy/grafana/provisioning /etc/grafana/provisioning\n")
}

// The stack without its containers: its simulated servers, Telegraf configuration and drop-in, with
// an InfluxDB of the same major version.
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
		`"/usr/bin/telegraf-qlik-sense-version"`, "'"+r.Tools.Plugin+"'", "/etc/telegraf-qlik-sense-version/", site+"/")
	// Only the round at the start: the next full minute may be a second away.
	dropIn = r.Edit(dropIn, `interval = "1m"`, `interval = "9999h"`)
	// The servers' names do not resolve here. Their addresses replace them, but are not in the
	// certificates.
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

// The guides list each recipe and notification file, and the panels that they name exist.
func TestGuides(t *testing.T) {
	page := readFile(t, "deploy/README.md") + readFile(t, "docs/dashboards.md") + readFile(t, "docs/recipes.md") + readFile(t, "docs/check-and-plan.md")
	for _, pattern := range []string{"recipes/*.conf", "grafana/notifications/*.yaml"} {
		files, err := filepath.Glob(filepath.Join(rig.Root+"/deploy", pattern))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			require.Contains(t, page, "`"+filepath.Base(file)+"`")
		}
	}
	dashboards, err := filepath.Glob(rig.Root + "/deploy/grafana/dashboards/*.json")
	require.NoError(t, err)
	var dashboardJSON strings.Builder
	for _, file := range dashboards {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		dashboardJSON.Write(text)
	}
	for _, title := range []string{
		"Qlik Sense fleet", "Qlik Sense server", "Qlik Sense compliance report", "Servers that do not answer", "Servers by release",
		"Servers out of step with their block", "Proven compliant per day", "Servers that are not compliant", "Support ends within 180 days", "History of versions",
	} {
		require.Contains(t, strings.Join(strings.Fields(page), " "), title)
		require.Contains(t, dashboardJSON.String(), `"title": "`+title+`"`)
	}
}
