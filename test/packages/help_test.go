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

func readFile(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(rig.Root, file))
	require.NoError(t, err)
	return string(text)
}

// generateHelp writes the man page and the completions into a folder and returns it.
func generateHelp(r *rig.Rig) string {
	r.Helper()
	folder := r.TempDir()
	output, err := exec.Command("go", "run", rig.Root+"/packaging/help", r.Tools.Plugin, folder).CombinedOutput()
	require.NoError(r, err, "%s", output)
	return folder
}

// The man page contains every help text, word for word, and man has no warnings.
func TestManPage(t *testing.T) {
	r := rig.New(t)
	need(t, "man")
	manPage := generateHelp(r) + "/man/" + name + ".1"
	cmd := exec.Command("man", "--warnings", "-E", "UTF-8", "-l", "-P", "cat", manPage)
	cmd.Env = append(os.Environ(), "MANWIDTH=120", "MANOPT=", "TERM=dumb", "LC_ALL=C.UTF-8", "GROFF_NO_SGR=1")
	var warnings strings.Builder
	cmd.Stderr = &warnings
	output, err := cmd.Output()
	require.NoError(t, err)
	require.Empty(t, warnings.String())
	page := string(output)
	for i := strings.IndexByte(page, '\b'); i >= 0; i = strings.IndexByte(page, '\b') {
		page = page[:i-1] + page[i+1:] // bold: letter, backspace, letter
	}
	for _, command := range []string{"", "check", "plan", "catalog update", "config", "version"} {
		text, err := exec.Command(r.Tools.Plugin, append(strings.Fields(command), "--help")...).Output()
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			require.Contains(t, page, strings.TrimSpace(line))
		}
	}
}

// Bash completes commands, options, values and files, and the program knows every option offered.
func TestBashCompletion(t *testing.T) {
	r := rig.New(t)
	script := generateHelp(r) + "/completions/bash/" + name
	complete := func(line string) []string {
		words := strings.Split(line, " ")
		line = fmt.Sprintf(`source %q; COMP_WORDS=("$0" "$@"); COMP_CWORD=%d; _telegraf_qlik_sense_version; printf '%%s\n' "${COMPREPLY[@]}"`, script, len(words))
		output, err := exec.Command("bash", append([]string{"-euc", line, name}, words...)...).CombinedOutput()
		require.NoError(t, err, "%s", output)
		return strings.Fields(string(output))
	}
	require.Equal(t, strings.Fields("check plan catalog config version --config --log-level --once --gather-on-start=false --help"), complete(""))
	require.Equal(t, []string{"check", "catalog", "config"}, append(complete("ch"), complete("c")[1:]...))
	require.Equal(t, []string{"--output", "--output-file"}, complete("check --out"))
	require.Subset(t, complete("check --only x --output "), []string{"table", "csv", "json", "html"})
	require.Equal(t, []string{"full", "chain"}, complete("plan --tls-verify "))
	require.Equal(t, []string{"error", "warn", "info", "debug", "trace"}, complete("--log-level "))
	require.Equal(t, []string{"show", "check", "update", "download", "--help"}, complete("catalog "))
	require.Contains(t, complete("catalog check "+script[:len(script)-3]), script)
	require.Contains(t, complete("check --config "+script[:len(script)-3]), script)

	for _, command := range []string{"", "check", "plan", "catalog show", "catalog check", "catalog update", "catalog download", "config", "version"} {
		options := complete(strings.TrimPrefix(command+" --", " "))
		require.NotEmpty(t, options)
		for _, option := range options {
			// --help ends the program. It comes twice because an option with a value consumes the first.
			output, err := exec.Command(r.Tools.Plugin, append(strings.Fields(command), option, "--help", "--help")...).CombinedOutput()
			if err != nil {
				require.NotContains(t, string(output), "not defined", "%s %s", command, option)
			}
		}
	}
}

// The completions for other shells have valid syntax, and fish offers what it should.
func TestOtherCompletions(t *testing.T) {
	r := rig.New(t)
	folder := generateHelp(r)
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
