//go:build linux

package fleet

import (
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
)

// Actions are pinned to commits, because whoever can move an action's tag could run code with the
// permissions of the workflow. Each job asks for the permissions that it needs.
func TestWorkflowsPinActionsAndPermissions(t *testing.T) {
	r := rig.New(t)
	workflows, err := filepath.Glob(rig.Root + "/.github/workflows/*.yml")
	require.NoError(t, err)
	require.Len(t, workflows, 4)
	uses := regexp.MustCompile(`(?m)\buses: (.*)$`)
	pinned := regexp.MustCompile(`^(\./\.github/workflows/\w+\.yml|[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$`)
	for _, workflow := range workflows {
		text := r.Read(workflow)
		require.Contains(t, text, "\npermissions: {}\n", "%s: permissions belong to the jobs", workflow)
		actions := uses.FindAllStringSubmatch(text, -1)
		require.NotEmpty(t, actions, workflow)
		for _, use := range actions {
			require.Regexp(t, pinned, use[1], workflow)
		}
	}
}
