//go:build linux

package packages

import (
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
)

// fixtures is the folder of the keys and certificates made for tests, used by no server.
const fixtures = "internal/settings/testdata"

// No key or certificate of a server is committed, and the ignore files keep them out of commits and of
// the images of the compose file.
func TestNoKeysInTheRepository(t *testing.T) {
	if err := exec.Command("git", "-C", rig.Root, "rev-parse", "HEAD").Run(); err != nil {
		t.Skip("needs a clone of the repository")
	}
	secrets := []string{".pem", ".pfx", ".key"}
	for _, file := range strings.Fields(git(t, "ls-files")) {
		if slices.Contains(secrets, path.Ext(file)) {
			require.Equal(t, fixtures, path.Dir(file), "%s: a certificate or key that was not made for tests", file)
		}
	}
	require.Equal(t, 6, strings.Count(git(t, "ls-files", fixtures), ".pem\n"), "the fixtures are tracked")

	const begin = "-----BEGIN [A-Z ]*" + "PRIVATE KEY-----$" // split, so that this line does not match
	for _, file := range strings.Fields(git(t, "grep", "-lE", "-e", begin)) {
		require.Equal(t, fixtures, path.Dir(file), "%s: a private key that was not made for tests", file)
	}
	for _, file := range []string{"client_key.pem", "deploy/site.pfx", "test/a/b/server.key"} {
		require.Equal(t, file+"\n", git(t, "check-ignore", file))
	}
	ignored := strings.Fields(readFile(t, ".dockerignore"))
	for _, extension := range secrets {
		require.Contains(t, ignored, "**/*"+extension)
	}
}

func git(t *testing.T, args ...string) string {
	t.Helper()
	output, err := exec.Command("git", append([]string{"-C", rig.Root}, args...)...).Output()
	require.NoError(t, err, "git %s", strings.Join(args, " "))
	return string(output)
}
