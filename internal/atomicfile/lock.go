package atomicfile

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

const (
	// lockTimeout bounds the wait for a lock, which is held while a file is read and written.
	lockTimeout = 30 * time.Second
	lockPoll    = 20 * time.Millisecond
)

// errLocked is what tryLock returns while another process holds the lock.
var errLocked = errors.New("another process is writing there: try again when it has ended")

// ErrCannotLock means that the file system has no locks. A caller may go on without one.
var ErrCannotLock = errors.New("its file system has no locks")

// Lock locks the folder of a file until unlock is called, so that two processes that read,
// change and write the file do not undo each other's changes. The system releases the lock of a
// process that ends or is killed. Nothing stays in the folder.
func Lock(ctx context.Context, file string) (unlock func(), err error) {
	target, _, err := resolve(file)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(target)
	deadline, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	for {
		unlock, err = tryLock(dir)
		if !errors.Is(err, errLocked) {
			break
		}
		select {
		case <-deadline.Done():
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			return nil, fmt.Errorf("locking %s: %w", dir, err)
		case <-time.After(lockPoll):
		}
	}
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", dir, err)
	}
	return unlock, nil
}
