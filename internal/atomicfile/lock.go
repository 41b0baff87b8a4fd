package atomicfile

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

const (
	// lockTimeout bounds the wait for a lock. Its holders read a file, change and write it.
	lockTimeout = 30 * time.Second
	lockPoll    = 20 * time.Millisecond
)

// errLocked is what tryLock returns while another process holds the lock.
var errLocked = errors.New("another process is writing there: try again when it has ended")

// ErrCannotLock tells that the file system has no locks: what goes well without them may go on.
var ErrCannotLock = errors.New("its file system has no locks")

// Lock keeps out other calls of Lock, in this process or another one, for a file in the same
// folder until unlock is called. Reading a file, changing what it says and writing it under
// the lock undoes nobody else's change. The system ends the lock of a process that ends, be
// it killed, and nothing of it stays in the folder.
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
