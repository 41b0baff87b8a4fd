// Package boundedfile reads files that are not under the program's control: a certificate that
// a job renews, a catalogue on a network share. They may be pipes, huge, or on a file system
// that hangs (a dead NFS server, FUSE), where even stat never returns and cannot be interrupted.
//
// Read bounds the size, Within the time:
//
//	content, err := boundedfile.Within(ctx, &limiter, func() ([]byte, error) {
//		return boundedfile.Read(file, 1<<20)
//	})
package boundedfile

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Read returns the content of a regular file of at most maxSize bytes. A pipe, a device
// and a directory are refused, and so is a larger file. It does not bound the time: call
// it through Within.
func Read(file string, maxSize int64) ([]byte, error) {
	// Before opening: opening a pipe without a writer blocks.
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", file)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// Not the size from Stat: the file may be growing.
	content, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > maxSize {
		return nil, fmt.Errorf("%s is larger than %d bytes", file, maxSize)
	}
	return content, nil
}

const defaultLimit = 5 * time.Second

// Limiter bounds the time of calls through Within, and allows only one at a time, so that a file
// system that hangs leaves only one goroutine behind. The zero Limiter is ready for use. It must
// not be copied.
type Limiter struct {
	Limit time.Duration // for each call; 0 means 5 s

	mu       sync.Mutex
	done     chan struct{} // of the call under way, or nil
	deadline time.Time     // of that call
}

// TimeoutError is the error of a call that took too long. It does not name the file, which only
// the caller knows.
type TimeoutError struct{ Limit time.Duration }

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("reading took longer than %s: the file system may hang", e.Limit)
}

// Within returns the result of f. If f takes longer than the limit, the error is a *TimeoutError
// and the result is dropped; until f returns, every further call fails at once with the same
// error. If ctx ends first, the error is that of ctx.
//
// Calls with the same Limiter wait for each other.
func Within[T any](ctx context.Context, l *Limiter, f func() (T, error)) (T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var none T
	if l.done != nil {
		if err := l.wait(ctx); err != nil {
			return none, err
		}
	}

	var result T
	var err error
	done := make(chan struct{})
	l.done, l.deadline = done, time.Now().Add(l.limit())
	go func() {
		defer close(done)
		result, err = f()
	}()
	if err := l.wait(ctx); err != nil {
		return none, err // f may still write to result
	}
	return result, err
}

// wait waits for the call under way.
func (l *Limiter) wait(ctx context.Context) error {
	timer := time.NewTimer(time.Until(l.deadline))
	defer timer.Stop()
	var err error
	select {
	case <-timer.C:
		err = &TimeoutError{Limit: l.limit()}
	case <-ctx.Done():
		err = ctx.Err()
	case <-l.done:
	}
	select {
	case <-l.done: // even if the timer or ctx ended at the same time
		l.done = nil
		return nil
	default:
		return err
	}
}

func (l *Limiter) limit() time.Duration {
	if l.Limit == 0 {
		return defaultLimit
	}
	return l.Limit
}
