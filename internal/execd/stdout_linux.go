package execd

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

const (
	atomicWrite = 4096     // PIPE_BUF, see pipe(7)
	pipeSize    = 64 << 10 // the default on Linux
)

// wholeLines returns w as a writer of lines of up to limit bytes. It writes a line to a pipe
// completely or not at all, even if the process is killed while nobody reads: Telegraf would
// take the beginning of a line for a point. No other process may write to the pipe.
//
// The kernel guarantees that for up to PIPE_BUF bytes. A longer line is written when the pipe is
// empty, so that it fits.
func wholeLines(w io.Writer) (_ io.Writer, limit int, err error) {
	file, ok := w.(*os.File)
	if !ok {
		return w, maxPoint, nil
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	if info.Mode()&os.ModeNamedPipe == 0 { // anonymous ones, too
		return w, maxPoint, nil
	}

	fd := file.Fd()
	size, err := unix.FcntlInt(fd, unix.F_GETPIPE_SZ, 0)
	if err == nil && size < pipeSize {
		// Fails for a user with many pipes, for whom new ones are small.
		if larger, err := unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize); err == nil {
			size = larger
		}
	}
	if err != nil {
		return nil, 0, fmt.Errorf("asking for the size of the pipe: %w", err)
	}
	return &pipe{file: file, fd: int(fd)}, size, nil
}

// pipe is a pipe to which lines are written.
type pipe struct {
	file *os.File
	fd   int
}

func (p *pipe) Write(line []byte) (int, error) {
	if len(line) > atomicWrite {
		if err := p.awaitEmpty(); err != nil {
			return 0, err
		}
	}
	return p.file.Write(line)
}

// awaitEmpty waits until the pipe is empty, for which there is no event, or has no reader.
func (p *pipe) awaitEmpty() error {
	closed := []unix.PollFd{{Fd: int32(p.fd)}} // POLLERR, without a reader, is always reported
	for delay := 1; ; delay = min(2*delay, 50) {
		unread, err := unix.IoctlGetInt(p.fd, unix.TIOCINQ)
		if err != nil || unread == 0 {
			return os.NewSyscallError("ioctl", err)
		}
		n, err := unix.Poll(closed, delay) // milliseconds
		switch {
		case err != nil && !errors.Is(err, unix.EINTR):
			return os.NewSyscallError("poll", err)
		case n > 0:
			return nil
		}
	}
}
