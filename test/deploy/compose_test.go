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

func TestComposeIsInOrder(t *testing.T) {
	project := composeProject(t, types.Mapping{})
	require.Len(t, project.Services, 4)
	dockerfile := read(t, "deploy/compose/Dockerfile")
	for _, service := range project.Services {
		t.Run(service.Name, func(t *testing.T) {
			require.NotNil(t, service.HealthCheck)
			require.NotEmpty(t, service.HealthCheck.Test)
			if service.Build == nil {
				require.Regexp(t, `^[a-z/]+:\d+\.\d+\.\d+$`, service.Image, "a version that stays the same")
			} else {
				require.FileExists(t, filepath.Join(service.Build.Context, service.Build.Dockerfile))
				require.Contains(t, dockerfile, " AS "+service.Build.Target+"\n")
			}
			for _, port := range service.Ports {
				require.Equal(t, "127.0.0.1", port.HostIP, "nobody else gets in")
			}
			for _, volume := range service.Volumes {
				// SELinux labels and the modes of files in the clone are no question for these.
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
	require.Empty(t, project.Configs, "files of the clone, which are mounted")
	require.Empty(t, project.Secrets, "files of the clone, which are mounted")
	goVersion := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "go.mod"))
	require.Contains(t, dockerfile, "FROM golang:"+goVersion[1]+".")
	for _, from := range regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(dockerfile, -1) {
		require.Regexp(t, `^[a-z/]+:\d+\.\d+(\.\d+)?(-[a-z]+)?$`, from[1], "a version that stays the same")
	}
	require.Contains(t, dockerfile, "FROM telegraf:"+strings.TrimPrefix(stack.TelegrafVersion, "v")+" ")
}

// read gives a file of the repository.
func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(rig.Root, file))
	require.NoError(t, err)
	return string(text)
}

// A port that is taken is changed by a variable, without a look into the file.
func TestComposePorts(t *testing.T) {
	for variable, want := range map[string]string{"": "3000", "4001": "4001"} {
		environment := types.Mapping{}
		if variable != "" {
			environment["GRAFANA_PORT"] = variable
		}
		project := composeProject(t, environment)
		grafana, err := project.GetService("grafana")
		require.NoError(t, err)
		require.Len(t, grafana.Ports, 1)
		require.Equal(t, want, grafana.Ports[0].Published)
		require.Equal(t, "http://127.0.0.1:"+want+"/", *grafana.Environment["GF_SERVER_ROOT_URL"])
	}
	for _, port := range regexp.MustCompile(`(?m)^    ports:\n((?: {6}.*\n)+)`).FindAllStringSubmatch(read(t, "deploy/compose.yaml"), -1) {
		for line := range strings.Lines(port[1]) {
			require.Regexp(t, `^ +- "127\.0\.0\.1:\$\{[A-Z]+_PORT:-\d+\}:\d+"$`, strings.TrimSuffix(line, "\n"))
		}
	}
}

// What a clone's owner alone may read, under umask 077, every user of a container may: all
// files of the clone that are in the image of a service got there with a mode.
func TestComposeFilesAreReadable(t *testing.T) {
	stage, copied := "", 0
	for line := range strings.Lines(read(t, "deploy/compose/Dockerfile")) {
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

// The first visitor, who has not logged in, may use Explore.
func TestComposeVisitorIsEditor(t *testing.T) {
	grafana, err := composeProject(t, types.Mapping{}).GetService("grafana")
	require.NoError(t, err)
	require.Equal(t, "true", *grafana.Environment["GF_AUTH_ANONYMOUS_ENABLED"])
	require.Equal(t, "Editor", *grafana.Environment["GF_AUTH_ANONYMOUS_ORG_ROLE"])
}

// The guide names every image that is downloaded.
func TestComposeNamesDownloads(t *testing.T) {
	files := read(t, "deploy/compose/Dockerfile") + read(t, "deploy/compose.yaml")
	images := regexp.MustCompile(`(?m)^(?:FROM| +image:) (?:grafana/)?([a-z]+):`).FindAllStringSubmatch(files, -1)
	require.Len(t, images, 5)
	_, section, found := strings.Cut(read(t, "deploy/README.md"), "\n## A stack to try\n")
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

// What the provisioning takes from the environment is there.
func TestComposeGivesWhatGrafanaNeeds(t *testing.T) {
	grafana, err := composeProject(t, types.Mapping{}).GetService("grafana")
	require.NoError(t, err)
	text, err := os.ReadFile(rig.Root + "/deploy/grafana/provisioning/datasources/influxdb.yaml")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		for _, match := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(line, -1) {
			require.Contains(t, grafana.Environment, match[1])
		}
	}
	path := regexp.MustCompile(`(?m)^\s+path: (\S+)$`).FindStringSubmatch(read(t, "deploy/grafana/provisioning/dashboards/qlik-sense.yaml"))
	dockerfile := read(t, "deploy/compose/Dockerfile")
	require.Contains(t, dockerfile, " deploy/grafana/dashboards "+path[1]+"\n")
	require.Contains(t, dockerfile, " deploy/grafana/provisioning /etc/grafana/provisioning\n")
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
		`"/usr/bin/telegraf-qlik-sense-version"`, "'"+r.Tools.Plugin+"'", "/etc/telegraf-qlik-sense-version/", site+"/")
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

// The guides name each file of a kind, and panels that are there.
func TestGuides(t *testing.T) {
	page := read(t, "deploy/README.md") + read(t, "docs/dashboards.md") + read(t, "docs/recipes.md") + read(t, "docs/check-and-plan.md")
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
