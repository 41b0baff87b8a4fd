//go:build linux

// Package fleet tests what docs/fleet.md and SECURITY.md describe: it rolls the program out with
// Ansible and by remote configuration, and runs it under the restrictions of deploy/hardening.
package fleet

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// requirePrograms skips the test if one of the programs is not installed.
func requirePrograms(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed", name)
		}
	}
}

// startTelegraf starts a Telegraf with the output to the test's database, and with options that
// name the configuration of its inputs.
func startTelegraf(r *rig.Rig, options ...string) *stack.Process {
	r.Helper()
	p, err := r.Tools.StartTelegrafWith(r.TempDir(), options, r.DB, r.Database)
	require.NoError(r, err)
	r.Cleanup(func() {
		_, err := p.Stop(rig.Patience)
		require.NoError(r, err)
	})
	return p
}
