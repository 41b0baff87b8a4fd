//go:build linux

// Package fleet does what docs/fleet.md and SECURITY.md say: it rolls the program out with
// Ansible and by remote configuration, and runs it under the restrictions of deploy/hardening.
package fleet

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// telegrafWith starts a Telegraf with the output to the test's database, and options that say
// where its inputs are.
func telegrafWith(r *rig.Rig, options ...string) *stack.Process {
	r.Helper()
	p, err := r.Tools.StartTelegrafWith(r.TempDir(), options, r.DB, r.Database)
	require.NoError(r, err)
	r.Cleanup(func() {
		_, err := p.Stop(rig.Patience)
		require.NoError(r, err)
	})
	return p
}
