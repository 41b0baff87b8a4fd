package fleet

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// MaxPolls bounds the simultaneous polls of all blocks of a process: each needs a descriptor
// and the memory of a TLS handshake.
const MaxPolls = 256

// Process is shared by the blocks of a process: the limit of polls, the catalogues, each of
// which is read once, and the notices.
type Process struct {
	now   func() time.Time
	polls polls
	// recovery is how long a poll waits after the process ran out of file descriptors: Go's
	// resolver ignores its configuration for 5 seconds then.
	recovery time.Duration
	roots    *x509.CertPool // for web servers, nil for those of the system

	mu      sync.Mutex
	sources map[string]*source // by file or URL, "" for the built-in catalogue
	notices []Notice
}

// NewProcess returns a process without blocks. now is its clock.
func NewProcess(now func() time.Time) *Process {
	return &Process{now: now, polls: newPolls(MaxPolls), recovery: 6 * time.Second, sources: make(map[string]*source)}
}

// Notice is something to log that does not concern a single poll. Its level is Info, Warn or
// Error.
type Notice struct {
	Level slog.Level
	Text  string
}

// Notices returns the notices since the last call.
func (p *Process) Notices() []Notice {
	p.mu.Lock()
	defer p.mu.Unlock()
	notices := p.notices
	p.notices = nil
	return notices
}

func (p *Process) errorf(format string, args ...any) {
	p.note(Notice{slog.LevelError, fmt.Sprintf(format, args...)})
}

func (p *Process) warnf(format string, args ...any) {
	p.note(Notice{slog.LevelWarn, fmt.Sprintf(format, args...)})
}

func (p *Process) infof(format string, args ...any) {
	p.note(Notice{slog.LevelInfo, fmt.Sprintf(format, args...)})
}

func (p *Process) note(n Notice) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notices = append(p.notices, n)
}

// polls limits the simultaneous polls. If the process runs out of file descriptors, places are
// withheld until the end of the round.
type polls struct {
	places *semaphore.Weighted
	spare  *atomic.Int64 // places that may still be withheld: all but one
}

func newPolls(places int64) polls {
	p := polls{places: semaphore.NewWeighted(places), spare: new(atomic.Int64)}
	p.spare.Store(places - 1)
	return p
}

func (p polls) enter(ctx context.Context) error { return p.places.Acquire(ctx, 1) }

func (p polls) leave() { p.places.Release(1) }

// withhold does not return the place of a poll that has ended. It returns false if there would
// be no place left.
func (p polls) withhold() bool {
	if p.spare.Add(-1) < 0 {
		p.spare.Add(1)
		return false
	}
	return true
}

// restore returns n places that were withheld.
func (p polls) restore(n int64) {
	p.spare.Add(n)
	p.places.Release(n)
}
