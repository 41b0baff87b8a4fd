package execd

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// newPipe returns a pipe like that of a plugin's standard output.
func newPipe(t *testing.T) (reader, writer *os.File) {
	t.Helper()
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() {
		reader.Close()
		writer.Close()
	})
	return reader, writer
}

func unread(t *testing.T, file *os.File) int {
	t.Helper()
	n, err := unix.IoctlGetInt(int(file.Fd()), unix.TIOCINQ)
	require.NoError(t, err)
	return n
}

// Whenever the reader stops, the content of the pipe ends with a complete line.
func TestPipeWholeLines(t *testing.T) {
	reader, writer := newPipe(t)
	w, limit, err := wholeLines(writer)
	require.NoError(t, err)
	require.GreaterOrEqual(t, limit, maxPoint)

	lengths := slices.Concat(
		slices.Repeat([]int{100, atomicWrite, 10_000, 3000, maxPoint, atomicWrite - 1}, 5),
		slices.Repeat([]int{atomicWrite + 1}, 12),
	)
	lines := make([]string, len(lengths))
	for i, length := range lengths {
		lines[i] = strings.Repeat("x", length-1) + "\n"
	}
	written := make(chan error, 1)
	go func() {
		for _, line := range lines {
			if _, err := io.WriteString(w, line); err != nil {
				written <- err
				return
			}
		}
		written <- nil
	}()

	expected := strings.Join(lines, "")
	var read bytes.Buffer
	for read.Len() < len(expected) {
		n, last := 0, -1
		for n == 0 || n != last { // until the writer waits
			time.Sleep(60 * time.Millisecond)
			n, last = unread(t, reader), n
		}
		_, err := io.CopyN(&read, reader, int64(n))
		require.NoError(t, err)
		require.True(t, bytes.HasSuffix(read.Bytes(), []byte("\n")), "a torn line after %d bytes", read.Len())
	}
	require.NoError(t, <-written)
	require.Equal(t, expected, read.String())
}

// Waiting for a reader ends when the reader closes the pipe.
func TestPipeWithoutReader(t *testing.T) {
	reader, writer := newPipe(t)
	w, _, err := wholeLines(writer)
	require.NoError(t, err)
	line := []byte(strings.Repeat("x", 10_000))
	_, err = w.Write(line)
	require.NoError(t, err)
	written := make(chan error, 1)
	go func() {
		_, err := w.Write(line)
		written <- err
	}()
	select {
	case err := <-written:
		require.Fail(t, "written although the pipe is not empty", "%v", err)
	case <-time.After(100 * time.Millisecond):
	}
	reader.Close()
	require.ErrorIs(t, <-written, unix.EPIPE)
}

// The kernel creates small pipes for a user with many pipes.
func TestSmallPipeGrows(t *testing.T) {
	_, writer := newPipe(t)
	size, err := unix.FcntlInt(writer.Fd(), unix.F_SETPIPE_SZ, 4096)
	require.NoError(t, err)
	require.Less(t, size, pipeSize)
	_, limit, err := wholeLines(writer)
	require.NoError(t, err)
	require.Equal(t, pipeSize, limit)
}

func TestStdoutNotPipe(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/points")
	require.NoError(t, err)
	defer file.Close()
	for _, out := range []io.Writer{file, &bytes.Buffer{}} {
		w, limit, err := wholeLines(out)
		require.NoError(t, err)
		require.Same(t, out, w)
		require.Equal(t, maxPoint, limit)
	}

	require.NoError(t, file.Close())
	_, err = newAccumulator(file, func() {})
	require.ErrorContains(t, err, "preparing standard output: ")
	require.ErrorIs(t, err, os.ErrClosed)
}
