package atomicfile

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// No increment under the lock is lost, and no lock file is left.
func TestLock(t *testing.T) {
	file := filepath.Join(t.TempDir(), "number")
	require.NoError(t, Write(file, []byte("0")))
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(file, link))
	const writers, rounds = 10, 5
	var group sync.WaitGroup
	errs := make(chan error, writers*rounds)
	for i := range writers {
		name := []string{file, link}[i%2] // the same file
		group.Go(func() {
			for range rounds {
				errs <- add(t.Context(), name)
			}
		})
	}
	group.Wait()
	for range writers * rounds {
		require.NoError(t, <-errs)
	}
	requireContents(t, file, strconv.Itoa(writers*rounds))
	requireFiles(t, filepath.Dir(file), "number")
}

func add(ctx context.Context, file string) error {
	unlock, err := Lock(ctx, file)
	if err != nil {
		return err
	}
	defer unlock()
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(string(text))
	if err != nil {
		return err
	}
	return Write(file, []byte(strconv.Itoa(n+1)))
}

func TestLockHeld(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	unlock, err := Lock(t.Context(), file)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Lock(ctx, file)
	require.EqualError(t, err, "locking "+filepath.Dir(file)+": context canceled")
	unlock()
	unlock, err = Lock(t.Context(), file)
	require.NoError(t, err)
	unlock()

	_, err = Lock(t.Context(), filepath.Join(t.TempDir(), "missing", "file"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
