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

// wholeLines returns w as a writer of lines of up to limit bytes. If w is a pipe, a line
// reaches it whole or not at all, also when the process ends or is killed while nobody
// reads: Telegraf reads a pipe to its end and would take the torn half of a line for a
// point. This holds as long as no other process writes to the pipe.
//
// Up to PIPE_BUF bytes, the kernel guarantees that. A longer line waits until the
// pipe is empty, where it fits at once.
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
		// Refused to a user who has too many pipes, whose new ones are small, too.
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

// awaitEmpty waits until everything in the pipe has been read, or nobody can read it any
// more. There is no event for the former.
func (p *pipe) awaitEmpty() error {
	closed := []unix.PollFd{{Fd: int32(p.fd)}} // without a reader, POLLERR comes unasked
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
