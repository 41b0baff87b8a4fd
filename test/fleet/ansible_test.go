//go:build linux

package fleet

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
)

const playbooks = rig.Root + "/deploy/fleet/ansible"

// ansible runs the shipped playbook against this machine. The role installs everything below dir.
type ansible struct {
	*rig.Rig
	dir       string
	variables map[string]any
	wrapper   []string // command that runs ansible-playbook, with its arguments; empty: none
}

// newAnsible sets the role's variables so that all paths are below a new folder.
func newAnsible(t *testing.T) *ansible {
	t.Helper()
	requirePrograms(t, "ansible-playbook")
	r := rig.New(t)
	a := &ansible{Rig: r, dir: t.TempDir()}
	// Telegraf's own folder, which the role does not create.
	require.NoError(t, os.Mkdir(filepath.Join(a.dir, "telegraf.d"), 0o750))
	a.variables = map[string]any{
		"qlik_sense_version_owner":            strconv.Itoa(os.Getuid()),
		"qlik_sense_version_group":            strconv.Itoa(os.Getgid()),
		"qlik_sense_version_service":          "",
		"qlik_sense_version_jitter":           "0s",
		"qlik_sense_version_program":          r.Tools.Plugin,
		"qlik_sense_version_settings_file":    filepath.Join(a.dir, "qlik/settings.conf"),
		"qlik_sense_version_certificates_dir": filepath.Join(a.dir, "qlik"),
		"qlik_sense_version_drop_in":          filepath.Join(a.dir, "telegraf.d/qlik-sense-version.conf"),
		"qlik_sense_version_packages_dir":     filepath.Join(a.dir, "packages"),
	}
	return a
}

var recap = regexp.MustCompile(`localhost +: ok=\d+ +changed=(\d+) +unreachable=0 +failed=(\d+)`)

// play runs the playbook and returns its output, the number of tasks that changed something, and
// whether one failed.
func (a *ansible) play(options ...string) (output string, changed int, failed bool) {
	a.Helper()
	variables, err := json.Marshal(a.variables)
	require.NoError(a, err)
	inventory := a.Write("inventory.yml", "qlik_sense_agents: {hosts: {localhost: {ansible_connection: local}}}\n")
	playbook := []string{"ansible-playbook", "--inventory", inventory, "--extra-vars", "@" + a.Write("variables.json", string(variables))}
	command := slices.Concat(a.wrapper, playbook, options, []string{"rollout.yml"})
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = playbooks
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "HOME="+a.TempDir(), "ANSIBLE_NOCOLOR=1", "ANSIBLE_PIPELINING=1")
	text, err := cmd.CombinedOutput()
	found := recap.FindSubmatch(text)
	require.NotNil(a, found, "%v\n%s", err, text)
	changed, err = strconv.Atoi(string(found[1]))
	require.NoError(a, err)
	return string(text), changed, string(found[2]) != "0"
}

// requirePlay runs the playbook, which must succeed with this number of changes.
func (a *ansible) requirePlay(changes int, options ...string) string {
	a.Helper()
	output, changed, failed := a.play(options...)
	require.False(a, failed, output)
	require.Equal(a, changes, changed, output)
	return output
}

// files returns the files below a.dir.
func (a *ansible) files() []string {
	a.Helper()
	var files []string
	require.NoError(a, filepath.WalkDir(a.dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			path, err = filepath.Rel(a.dir, path)
			files = append(files, path)
		}
		return err
	}))
	return files
}

func TestAnsibleRole(t *testing.T) {
	a := newAnsible(t)
	_, hosts := a.Start(simulator.Server{}, simulator.Server{})
	secret := `pa"ss\wörd 'x'`
	prod := map[string]any{
		"name": "prod", "hosts": hosts[:1], "certificates": a.SiteDir,
		"tags":     map[string]any{"environment": "PROD", "floor": 3},
		"settings": map[string]any{"catalog_max_age": "36500d", "same_version": false, "headers": map[string]any{"X-Secret": secret}},
	}
	test := map[string]any{"name": "test", "hosts": hosts[1:], "certificates_at": a.SiteDir, "tags": map[string]any{"environment": "TEST"}}
	a.variables["qlik_sense_version_sites"] = []any{prod, test}

	// Folders, certificates, key, settings, drop-in.
	const tasks = 5
	a.requirePlay(tasks, "--check")
	require.Empty(t, a.files(), "check mode changes nothing")
	output := a.requirePlay(tasks, "--diff", "-vvv")
	require.ElementsMatch(t, []string{
		"qlik/settings.conf", "qlik/prod/root.pem", "qlik/prod/client.pem", "qlik/prod/client_key.pem", "telegraf.d/qlik-sense-version.conf",
	}, a.files())
	key := a.Read(a.SiteDir + "/client_key.pem")
	require.Equal(t, key, a.Read(filepath.Join(a.dir, "qlik/prod/client_key.pem")))
	require.NotContains(t, output, "pa\\\"ss", "a secret in the settings")
	require.NotContains(t, output, "ss\\\\w", "a secret in the settings")
	require.NotContains(t, output, key[40:80], "the client key")
	for _, file := range []string{"qlik/settings.conf", "qlik/prod/client_key.pem", "telegraf.d/qlik-sense-version.conf"} {
		info, err := os.Stat(filepath.Join(a.dir, file))
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o640), info.Mode(), file)
	}
	a.requirePlay(0)
	a.requirePlay(0, "--check")

	startTelegraf(a.Rig, "--config-directory", filepath.Join(a.dir, "telegraf.d"))
	points := a.ByTag(a.Points(2, ""), "source")
	for i, environment := range []string{"PROD", "TEST"} {
		require.Equal(t, "success", points[hosts[i]]["result"])
		require.Equal(t, environment, points[hosts[i]]["environment"])
	}
	require.Equal(t, "3", points[hosts[0]]["floor"])

	test["tags"] = map[string]any{"environment": "QA"}
	a.requirePlay(1)

	// Settings that the program refuses are not installed.
	before := a.Read(filepath.Join(a.dir, "qlik/settings.conf"))
	prod["settings"] = map[string]any{"time_out": "5s"}
	output, _, failed := a.play()
	require.True(t, failed)
	require.Contains(t, output, "inputs.qlik_sense_version.time_out: there is no such setting: did you mean timeout?")
	require.Equal(t, before, a.Read(filepath.Join(a.dir, "qlik/settings.conf")))
}

// Telegraf does not start with a drop-in whose program is missing, so the role does not install one.
func TestAnsibleWithoutProgram(t *testing.T) {
	a := newAnsible(t)
	a.variables["qlik_sense_version_sites"] = []any{map[string]any{"name": "prod", "hosts": []string{a.Address(1)}, "certificates_at": a.SiteDir}}
	a.variables["qlik_sense_version_program"] = filepath.Join(a.dir, "telegraf-qlik-sense-version")
	output, _, failed := a.play()
	require.True(t, failed)
	require.Contains(t, output, "Telegraf would not start with a drop-in that")
	require.Empty(t, a.files())
}

func TestAnsibleInvalidVariables(t *testing.T) {
	for name, tt := range map[string]struct {
		variable string
		value    any
		message  string
	}{
		"a misspelt key": {
			"qlik_sense_version_sites", []any{map[string]any{"name": "x", "host": []string{"qlik1"}}}, "qlik_sense_version_sites.host. Supported parameters include",
		},
		"certificates in two places": {
			"qlik_sense_version_sites", []any{map[string]any{"name": "x", "hosts": []string{"qlik1"}, "certificates": "/a", "certificates_at": "/b"}},
			"x: certificates and certificates_at exclude each other",
		},
		"no certificates": {
			"qlik_sense_version_sites", []any{map[string]any{"name": "x", "hosts": []string{"qlik1"}, "certificates": "/nowhere"}},
			"/nowhere/root.pem: there is no such file on the machine that runs Ansible",
		},
		"no package for this system": {
			"qlik_sense_version_packages", map[string]any{"msi_amd64": map[string]any{"from": "x.msi", "sha256": "00"}},
			"qlik_sense_version_packages needs an entry ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAnsible(t)
			a.variables[tt.variable] = tt.value
			output, _, failed := a.play()
			require.True(t, failed)
			require.Contains(t, output, tt.message)
			require.Empty(t, a.files())
		})
	}
}

// The role's drop-in is the shipped two-file drop-in with the paths of the packages.
func TestAnsibleDropIn(t *testing.T) {
	for system, tt := range map[string]struct{ family, program, settings string }{
		"linux":   {"Debian", "/usr/bin/telegraf-qlik-sense-version", "/etc/telegraf-qlik-sense-version/settings.conf"},
		"windows": {"Windows", `C:\Program Files\Telegraf\telegraf-qlik-sense-version.exe`, `C:\Program Files\Telegraf\qlik-sense-version.conf`},
	} {
		t.Run(system, func(t *testing.T) {
			a := newAnsible(t)
			var shipped, rendered struct {
				Inputs struct{ Execd []map[string]any }
			}
			_, err := toml.Decode(a.Read(rig.Root+"/deploy/telegraf.d/"+system+"/qlik-sense-version-two-files.conf"), &shipped)
			require.NoError(t, err)
			_, err = toml.Decode(a.render("drop-in.conf.j2", tt.family, nil), &rendered)
			require.NoError(t, err)
			require.Len(t, rendered.Inputs.Execd, 1)
			shipped.Inputs.Execd[0]["command"] = []any{tt.program, "--config", tt.settings}
			require.Equal(t, shipped, rendered)

			// The MSI installs the program at a fixed path, wherever Telegraf is.
			_, err = toml.Decode(a.render("drop-in.conf.j2", tt.family, map[string]any{"qlik_sense_version_telegraf_dir": `D:\Telegraf`}), &rendered)
			require.NoError(t, err)
			require.Equal(t, tt.program, rendered.Inputs.Execd[len(rendered.Inputs.Execd)-1]["command"].([]any)[0])
		})
	}
}

// The role's README lists exactly the role's variables.
func TestAnsibleVariablesAreDocumented(t *testing.T) {
	r := rig.New(t)
	names := func(file, pattern string) []string {
		found := regexp.MustCompile(pattern).FindAllStringSubmatch(r.Read(playbooks+"/roles/qlik_sense_version/"+file), -1)
		names := make([]string, len(found))
		for i, match := range found {
			names[i] = match[1]
		}
		slices.Sort(names)
		return slices.Compact(names)
	}
	variables := names("defaults/main.yml", `(?m)^(qlik_sense_version_\w+):`)
	require.NotEmpty(t, variables)
	require.Equal(t, variables, names("README.md", "`(qlik_sense_version_\\w+)`"))
	specified := names("meta/argument_specs.yml", `(?m)^      (qlik_sense_version_\w+):`)
	require.NotEmpty(t, specified)
	require.Subset(t, variables, specified)
}

// The settings for Windows are rendered here, since the role cannot run there in a test.
func TestAnsibleSettingsForWindows(t *testing.T) {
	a := newAnsible(t)
	var settings struct {
		Inputs struct {
			Blocks []map[string]any `toml:"qlik_sense_version"`
		}
	}
	_, err := toml.Decode(a.render("settings.conf.j2", "Windows", map[string]any{"qlik_sense_version_sites": []any{
		map[string]any{"name": "prod", "discover": []string{"qlik1"}, "certificates": "certificates/prod"},
	}}), &settings)
	require.NoError(t, err)
	require.Equal(t, []map[string]any{{
		"discover": []any{"qlik1"},
		"tls_ca":   `C:\Program Files\Telegraf\qlik-sense\prod\root.pem`,
		"tls_cert": `C:\Program Files\Telegraf\qlik-sense\prod\client.pem`,
		"tls_key":  `C:\Program Files\Telegraf\qlik-sense\prod\client_key.pem`,
	}}, settings.Inputs.Blocks)
}

// render renders a template of the role for a family of systems, with the role's defaults.
func (a *ansible) render(template, family string, variables map[string]any) string {
	a.Helper()
	out := filepath.Join(a.TempDir(), "rendered")
	all := map[string]any{"ansible_facts": map[string]any{"os_family": family, "architecture": "x86_64"}}
	for name, value := range variables {
		all[name] = value
	}
	text, err := json.Marshal(all)
	require.NoError(a, err)
	role, err := filepath.Abs(playbooks + "/roles/qlik_sense_version")
	require.NoError(a, err)
	cmd := exec.Command("ansible", "localhost", "--connection", "local", "--module-name", "ansible.builtin.template",
		"--args", "src="+role+"/templates/"+template+" dest="+out,
		"--extra-vars", "@"+role+"/defaults/main.yml", "--extra-vars", "@"+role+"/vars/main.yml",
		"--extra-vars", "@"+a.Write("facts.json", string(text)))
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "HOME="+a.TempDir(), "ANSIBLE_NOCOLOR=1")
	output, err := cmd.CombinedOutput()
	require.NoError(a, err, "%s", output)
	return a.Read(out)
}
