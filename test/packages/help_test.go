//go:build linux

package packages

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
)

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(rig.Root, file))
	require.NoError(t, err)
	return string(text)
}

// help makes man page and completions into a folder.
func help(r *rig.Rig) string {
	r.Helper()
	folder := r.TempDir()
	output, err := exec.Command("go", "run", rig.Root+"/packaging/help", r.Tools.Plugin, folder).CombinedOutput()
	require.NoError(r, err, "%s", output)
	return folder
}

// The man page shows each help, word for word, and man has nothing to say against it.
func TestManPage(t *testing.T) {
	r := rig.New(t)
	need(t, "man")
	page := help(r) + "/man/" + name + ".1"
	cmd := exec.Command("man", "--warnings", "-E", "UTF-8", "-l", "-P", "cat", page)
	cmd.Env = append(os.Environ(), "MANWIDTH=120", "MANOPT=", "TERM=dumb", "LC_ALL=C.UTF-8", "GROFF_NO_SGR=1")
	var warnings strings.Builder
	cmd.Stderr = &warnings
	output, err := cmd.Output()
	require.NoError(t, err)
	require.Empty(t, warnings.String())
	shown := string(output)
	for i := strings.IndexByte(shown, '\b'); i >= 0; i = strings.IndexByte(shown, '\b') {
		shown = shown[:i-1] + shown[i+1:] // bold: the letter, back, the letter again
	}
	for _, command := range []string{"", "check", "plan", "catalog update", "config", "version"} {
		text, err := exec.Command(r.Tools.Plugin, append(strings.Fields(command), "--help")...).Output()
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			require.Contains(t, shown, strings.TrimSpace(line))
		}
	}
}

// What bash proposes, and that the program knows every option that it proposes.
func TestBashCompletion(t *testing.T) {
	r := rig.New(t)
	script := help(r) + "/completions/bash/" + name
	propose := func(line string) []string {
		words := strings.Split(line, " ")
		line = fmt.Sprintf(`source %q; COMP_WORDS=("$0" "$@"); COMP_CWORD=%d; _telegraf_qlik_sense_version; printf '%%s\n' "${COMPREPLY[@]}"`, script, len(words))
		output, err := exec.Command("bash", append([]string{"-euc", line, name}, words...)...).CombinedOutput()
		require.NoError(t, err, "%s", output)
		return strings.Fields(string(output))
	}
	require.Equal(t, strings.Fields("check plan catalog config version --config --log-level --once --gather-on-start=false --help"), propose(""))
	require.Equal(t, []string{"check", "catalog", "config"}, append(propose("ch"), propose("c")[1:]...))
	require.Equal(t, []string{"--output", "--output-file"}, propose("check --out"))
	require.Subset(t, propose("check --only x --output "), []string{"table", "csv", "json", "html"})
	require.Equal(t, []string{"full", "chain"}, propose("plan --tls-verify "))
	require.Equal(t, []string{"error", "warn", "info", "debug", "trace"}, propose("--log-level "))
	require.Equal(t, []string{"show", "check", "update", "download", "--help"}, propose("catalog "))
	require.Contains(t, propose("catalog check "+script[:len(script)-3]), script)
	require.Contains(t, propose("check --config "+script[:len(script)-3]), script)

	for _, command := range []string{"", "check", "plan", "catalog show", "catalog check", "catalog update", "catalog download", "config", "version"} {
		options := propose(strings.TrimPrefix(command+" --", " "))
		require.NotEmpty(t, options)
		for _, option := range options {
			// In front of --help, which ends it; an option that takes a value takes "--help" for one.
			output, err := exec.Command(r.Tools.Plugin, append(strings.Fields(command), option, "--help", "--help")...).CombinedOutput()
			if err != nil {
				require.NotContains(t, string(output), "not defined", "%s %s", command, option)
			}
		}
	}
}

// The completions for the other shells are in their language, where these are there to ask.
func TestOtherCompletions(t *testing.T) {
	r := rig.New(t)
	folder := help(r)
	for shell, file := range map[string]string{"zsh": "_" + name, "fish": name + ".fish"} {
		t.Run(shell, func(t *testing.T) {
			need(t, shell)
			output, err := exec.Command(shell, "-n", filepath.Join(folder, "completions", shell, file)).CombinedOutput()
			require.NoError(t, err, "%s", output)
			if shell != "fish" {
				return
			}
			for line, expected := range map[string]string{
				"check --out": "--output", "catalog ": "download", "check --output ": "html", "": "plan", "catalog update --": "--from",
			} {
				output, err := exec.Command("fish", "--no-config", "-c", fmt.Sprintf("source %s; complete -C '%s %s'",
					filepath.Join(folder, "completions/fish", file), name, line)).CombinedOutput()
				require.NoError(t, err, "%s", output)
				require.Contains(t, string(output), expected)
			}
		})
	}
}
