package boundedfile

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRead(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, []byte("12345678"), 0o600))

	content, err := Read(file, 8)
	require.NoError(t, err)
	require.Equal(t, "12345678", string(content))

	_, err = Read(file, 7)
	require.EqualError(t, err, file+" is larger than 7 bytes")
	_, err = Read(dir, 8)
	require.EqualError(t, err, dir+" is not a regular file")
	_, err = Read(filepath.Join(dir, "none"), 8)
	require.ErrorIs(t, err, os.ErrNotExist)
	if runtime.GOOS != "windows" {
		_, err = Read("/dev/zero", 8)
		require.EqualError(t, err, "/dev/zero is not a regular file")
	}
	if runtime.GOOS == "linux" {
		// Stat reports the size 0.
		_, err = Read("/proc/self/status", 8)
		require.ErrorContains(t, err, "is larger than 8 bytes")
	}
}

func TestWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Limiter
		value, err := Within(t.Context(), &l, func() (string, error) { return "x", nil })
		require.NoError(t, err)
		require.Equal(t, "x", value)
		_, err = Within(t.Context(), &l, func() (string, error) { return "", os.ErrNotExist })
		require.Equal(t, os.ErrNotExist, err)
	})
}

func TestWithinRunsOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Limiter{Limit: 3 * time.Second}
		var started atomic.Int32
		hang := make(chan struct{})
		read := func() (string, error) {
			started.Add(1)
			<-hang
			return "late", nil
		}
		const want = "reading took longer than 3s: the file system may hang"

		start := time.Now()
		value, err := Within(t.Context(), &l, read)
		require.EqualError(t, err, want)
		require.Empty(t, value)
		require.Equal(t, 3*time.Second, time.Since(start))

		for range 5 {
			_, err = Within(t.Context(), &l, read)
			require.EqualError(t, err, want)
		}
		require.Equal(t, 3*time.Second, time.Since(start), "at once")
		require.Equal(t, int32(1), started.Load())

		close(hang)
		synctest.Wait()
		value, err = Within(t.Context(), &l, read)
		require.NoError(t, err)
		require.Equal(t, "late", value)
		require.Equal(t, int32(2), started.Load())
	})
}

// The program's end does not wait for a hanging file system.
func TestWithinContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Limiter
		hang := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		_, err := Within(ctx, &l, func() (bool, error) { <-hang; return true, nil })
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, time.Second, time.Since(start))

		// The rest of the limit still applies.
		_, err = Within(t.Context(), &l, func() (bool, error) { return true, nil })
		require.ErrorContains(t, err, "reading took longer than 5s")
		require.Equal(t, defaultLimit, time.Since(start))
		close(hang)
	})
}
