package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	assets "telegraf-qlik-sense-version"
)

// TestMain puts the program on the PATH of the tests.
func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){programName: main})
}

type leakChecked struct{ m *testing.M }

func (c leakChecked) Run() int {
	// Parallel tests mostly wait for processes, so run more of them than there are CPUs.
	if err := flag.Set("test.parallel", "8"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	status := c.m.Run()
	if status == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return status
}

// Each script in testdata/script is a use of the program.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", raceOptions)
			for name, text := range map[string]string{
				"sample.conf":      assets.SampleConfig,
				"drop-in-linux":    assets.DropIn("linux"),
				"drop-in-windows":  assets.DropIn("windows"),
				"no-settings-here": "# nothing yet\n",
			} {
				if err := os.WriteFile(filepath.Join(env.WorkDir, name), []byte(text), 0o600); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

// Errors in the arguments or the settings end the program with status 1 and a line per problem, which
// Telegraf logs as errors.
func TestRefusedCalls(t *testing.T) {
	_, missing := os.Open("missing.conf") // with this system's error text
	tests := []struct {
		name     string
		args     []string
		settings string // in the environment; "" sets nothing
		expected string
	}{
		{
			name:     "unknown option",
			args:     []string{"--nonsense"},
			expected: "E! flag provided but not defined: -nonsense: see telegraf-qlik-sense-version --help\n",
		},
		{
			name:     "option of another command",
			args:     []string{"version", "--once"},
			expected: "E! flag provided but not defined: -once: see telegraf-qlik-sense-version version --help\n",
		},
		{
			name:     "option that check does not have",
			args:     []string{"check", "--once"},
			expected: "E! flag provided but not defined: -once: see telegraf-qlik-sense-version check --help\n",
		},
		{
			name:     "option without value",
			args:     []string{"--config"},
			expected: "E! flag needs an argument: -config: see telegraf-qlik-sense-version --help\n",
		},
		{
			name:     "option with a wrong value",
			args:     []string{"--once=perhaps"},
			expected: "E! invalid boolean value \"perhaps\" for -once: parse error: see telegraf-qlik-sense-version --help\n",
		},
		{
			name:     "unknown command",
			args:     []string{"nonsense"},
			expected: "E! there is no command \"nonsense\": see telegraf-qlik-sense-version --help\n",
		},
		{
			name:     "extra argument after a command",
			args:     []string{"config", "nonsense"},
			expected: "E! \"nonsense\" is not an option: see telegraf-qlik-sense-version config --help\n",
		},
		{
			name:     "extra argument after an option",
			args:     []string{"--once", "nonsense"},
			expected: "E! \"nonsense\" is not an option: see telegraf-qlik-sense-version --help\n",
		},
		{
			name:     "unknown level",
			args:     []string{"--log-level", "loud"},
			expected: "E! --log-level \"loud\" is none of error, warn, info, debug, trace\n",
		},
		{
			name:     "no level",
			args:     []string{"--log-level", "none"},
			expected: "E! --log-level \"none\" is none of error, warn, info, debug, trace\n",
		},
		{
			name:     "no settings",
			expected: "E! no settings: name a file with --config FILE, or put the settings into the environment variable QLIK_SENSE_VERSION_CONFIG\n",
		},
		{
			name:     "both sources",
			args:     []string{"--config", "qlik.conf"},
			settings: "[[inputs.qlik_sense_version]]",
			expected: "E! settings come from --config qlik.conf and from the environment variable QLIK_SENSE_VERSION_CONFIG as well: use one of them\n",
		},
		{
			name: "no such file",
			args: []string{"--once", "--config", "missing.conf"},
			expected: "E! reading the settings: " + missing.Error() + ": " +
				"check the path after --config, and that the account that runs this may read the file\n",
		},
		{
			name:     "several problems",
			args:     []string{"--once"},
			settings: "[[inputs.qlik_sense_version]]\nhosts = []\ntimeout = \"0s\"\n[[inputs.qlik_sense_version]]\n\"a\\nb\" = 1\n",
			expected: "E! QLIK_SENSE_VERSION_CONFIG:2: inputs.qlik_sense_version.hosts: name at least one server, for example hosts = [\"qlik1.example.com\"], " +
				"or a node of a site in discover\n" +
				"E! QLIK_SENSE_VERSION_CONFIG:3: inputs.qlik_sense_version.timeout: must be 100ms or longer, for example \"10s\"\n" +
				"E! QLIK_SENSE_VERSION_CONFIG:5: inputs.qlik_sense_version.\"a\\nb\": there is no such setting: " +
				"\"telegraf-qlik-sense-version config\" prints all of them; a tag belongs under [inputs.qlik_sense_version.tags]\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := prepare(t, tt.args...)
			if tt.settings != "" {
				p.cmd.Env = append(p.cmd.Env, "QLIK_SENSE_VERSION_CONFIG="+tt.settings)
			}
			p.start()
			p.requireEnd(1)
			require.Empty(t, p.stdout.String())
			require.Equal(t, tt.expected, p.stderr.String())
		})
	}
}
