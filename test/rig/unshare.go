//go:build linux

package rig

import (
	"bufio"
	"os/exec"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/stack"
)

// Unshare keeps new namespaces until the test ends, or this process, however that ends. args are
// those of unshare up to its program. The script, which has the path as $1, prepares the
// namespaces. Unshare gives the process number of what is in them, and skips the test, with
// the reason, where the machine does not allow them.
func (r *Rig) Unshare(script, path, reason string, args ...string) (pid int) {
	r.Helper()
	cmd := exec.Command("unshare", append(args, "bash", "-c", "set -e\n"+script+"\necho ready\nexec cat", "unshare", path)...)
	stdin, err := cmd.StdinPipe() // what cat waits for
	require.NoError(r, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(r, err)
	var stderr stack.Output
	cmd.Stderr = &stderr
	require.NoError(r, cmd.Start())
	r.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait() // cat ends with its input; a script that failed was seen below
	})
	if ready, _ := bufio.NewReader(stdout).ReadString('\n'); ready != "ready\n" {
		r.Skip(reason + ": " + stderr.String())
	}
	return cmd.Process.Pid
}
