package fleet

import (
	"context"
	"crypto/x509"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// MaxPolls is how many servers one process asks at the same time, over all its blocks:
// each poll holds a descriptor and the memory of a TLS handshake.
const MaxPolls = 256

// Process is what the blocks of one process share: the limit of polls, the catalogues,
// each of which is read once, and what there is to say of them.
type Process struct {
	now   func() time.Time
	polls polls
	// recovery is how long a server is not asked again after the process was out of file
	// descriptors: Go's resolver then does without its configuration for 5 seconds.
	recovery time.Duration
	roots    *x509.CertPool // for web servers, nil for those of the system

	mu      sync.Mutex
	sources map[string]*source // by file or URL, "" for the built-in catalogue
	notices []Notice
}

// NewProcess returns a process without blocks, for which now tells the time.
func NewProcess(now func() time.Time) *Process {
	return &Process{now: now, polls: newPolls(MaxPolls), recovery: 6 * time.Second, sources: make(map[string]*source)}
}

// Notice is something to log that concerns no single poll.
type Notice struct {
	Level Level
	Text  string
}

// Level is that of a notice.
type Level int

// The levels, as Telegraf logs them.
const (
	Info Level = iota
	Warning
	Error
)

// Notices returns what came up since the last call, each thing once for the process.
func (p *Process) Notices() []Notice {
	p.mu.Lock()
	defer p.mu.Unlock()
	notices := p.notices
	p.notices = nil
	return notices
}

func (p *Process) errorf(format string, args ...any) {
	p.note(Notice{Error, fmt.Sprintf(format, args...)})
}

func (p *Process) warnf(format string, args ...any) {
	p.note(Notice{Warning, fmt.Sprintf(format, args...)})
}

func (p *Process) infof(format string, args ...any) {
	p.note(Notice{Info, fmt.Sprintf(format, args...)})
}

func (p *Process) note(n Notice) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notices = append(p.notices, n)
}

// polls limits the polls that run at the same time. Where the process runs out of file
// descriptors, places are withheld until the end of the round.
type polls struct {
	places *semaphore.Weighted
	spare  *atomic.Int64 // places that may still be withheld: one always stays
}

func newPolls(places int64) polls {
	p := polls{places: semaphore.NewWeighted(places), spare: new(atomic.Int64)}
	p.spare.Store(places - 1)
	return p
}

func (p polls) enter(ctx context.Context) error { return p.places.Acquire(ctx, 1) }

func (p polls) leave() { p.places.Release(1) }

// withhold keeps the place of a poll that has ended from all others. It returns false
// where that would leave none.
func (p polls) withhold() bool {
	if p.spare.Add(-1) < 0 {
		p.spare.Add(1)
		return false
	}
	return true
}

// restore gives n places back that were withheld.
func (p polls) restore(n int64) {
	p.spare.Add(n)
	p.places.Release(n)
}
