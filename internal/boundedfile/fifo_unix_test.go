//go:build unix

package boundedfile

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Opening it would block until there is a writer.
func TestReadRefusesPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	_, err := Read(pipe, 8)
	require.EqualError(t, err, pipe+" is not a regular file")
}
