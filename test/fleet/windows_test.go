//go:build linux

package fleet

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The modules for Windows are written in PowerShell and do not run here. The test checks the syntax
// of the playbook, and the arguments of the tasks against the modules' documentation.
func TestAnsibleTasksForWindows(t *testing.T) {
	a := newAnsible(t)
	type task struct {
		module    string
		arguments map[string]string
	}
	var tasks []task
	var names []string
	indent := -1 // of the arguments of the last module; -1: not in its arguments
	for line := range strings.Lines(a.Read(playbooks + "/roles/qlik_sense_version/tasks/windows.yml")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch column := len(line) - len(strings.TrimLeft(line, " ")); {
		case strings.HasPrefix(name, "ansible.windows."):
			tasks, names, indent = append(tasks, task{name, map[string]string{}}), append(names, name), column+2
		case column == indent && name != "":
			tasks[len(tasks)-1].arguments[name] = strings.TrimSpace(value)
		case column < indent:
			indent = -1
		}
	}
	require.NotEmpty(t, tasks)
	slices.Sort(names)
	cmd := exec.Command("ansible-doc", append([]string{"--type", "module", "--json"}, slices.Compact(names)...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "HOME="+t.TempDir())
	text, err := cmd.Output()
	require.NoError(t, err)
	type option struct {
		Required bool
		Choices  []any
	}
	var documented map[string]struct {
		Doc struct{ Options map[string]option }
	}
	require.NoError(t, json.Unmarshal(text, &documented))
	for _, task := range tasks {
		options := documented[task.module].Doc.Options
		require.NotEmpty(t, options, task.module)
		for name, value := range task.arguments {
			require.Contains(t, options, name, task.module)
			if choices := options[name].Choices; len(choices) > 0 {
				for choice := range strings.SplitSeq(value, ", ") {
					require.Contains(t, choices, choice, "%s, %s", task.module, name)
				}
			}
		}
		for name, option := range options {
			require.True(t, !option.Required || task.arguments[name] != "", "%s needs %s", task.module, name)
		}
	}
	cmd = exec.Command("ansible-playbook", "--syntax-check", "--inventory", "inventory.example.yml", "rollout.yml")
	cmd.Dir = playbooks
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "HOME="+t.TempDir())
	text, err = cmd.CombinedOutput()
	require.NoError(t, err, "%s", text)
}
