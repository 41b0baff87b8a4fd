//go:build linux

package fleet

import (
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
)

// Whoever moves a tag of an action would otherwise run in our workflows with their rights.
func TestWorkflowsPinActionsAndRights(t *testing.T) {
	r := rig.New(t)
	workflows, err := filepath.Glob(rig.Root + "/.github/workflows/*.yml")
	require.NoError(t, err)
	require.Len(t, workflows, 4)
	uses := regexp.MustCompile(`(?m)\buses: (.*)$`)
	pinned := regexp.MustCompile(`^(\./\.github/workflows/\w+\.yml|[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$`)
	for _, workflow := range workflows {
		text := r.Read(workflow)
		require.Contains(t, text, "\npermissions: {}\n", "%s: each job asks for the rights that it needs", workflow)
		for _, use := range uses.FindAllStringSubmatch(text, -1) {
			require.Regexp(t, pinned, use[1], workflow)
		}
	}
}
