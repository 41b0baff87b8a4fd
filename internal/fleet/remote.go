package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/poll"
)

const (
	// askEvery is how often a web server is asked for a catalogue at most.
	askEvery = time.Hour
	// maxWait is how long a round waits for a web server that is slow, counted from when it
	// was asked. For one that failed before no round waits.
	maxWait = 5 * time.Second
)

// remoteState is what a source on a web server has beyond that of a file.
type remoteState struct {
	fetched   bool      // something was read, and judge is by it
	announced bool      // that was said, or that the built-in data judge
	asked     time.Time // by the clock of the process; zero before the first time
	// done is closed when the fetch that was started last has ended, giveUp is when to wait
	// for it no longer.
	done    chan struct{}
	giveUp  time.Time
	wait    time.Duration
	pending *reading // that no round was judged by yet
	failed  bool     // at the last fetch, which was said
	slow    bool     // that was said
}

// remoteSource returns the source of a URL. Until the first round it judges by the built-in
// data.
func (p *Process) remoteSource(file, address string) (*source, error) {
	err := catalog.CheckURL(address)
	if file != "" {
		err = errors.New("is set together with catalog_file: keep one of them")
	}
	if err != nil {
		return nil, &poll.SettingError{Key: "catalog_url", Err: err}
	}
	s, known := p.sourceOf(address)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !known {
		s.remote, s.judge, s.wait = catalog.NewRemote(address, p.roots), judgement.BuiltIn(), maxWait
		s.tooOld = make(map[int]bool)
	}
	return s, nil
}

// ask starts to fetch the catalogue, unless that is under way or too early.
func (s *source) ask() {
	now := s.process.now()
	if !s.asked.IsZero() && now.Sub(s.asked) < askEvery {
		return
	}
	if s.done != nil {
		select {
		case <-s.done:
		default:
			return
		}
	}
	s.asked, s.done, s.giveUp = now, make(chan struct{}), time.Now().Add(s.wait)
	if s.failed {
		s.giveUp = time.Time{}
	}
	go s.fetch(s.done)
}

// fetch does not end with a round that is cut off, but soon: Fetch is bounded.
func (s *source) fetch(done chan struct{}) {
	defer close(done)
	c, err := s.remote.Fetch(context.Background())
	var r *reading
	if c != nil {
		r = newReading(c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil:
		s.problem = err.Error()
		if !s.failed {
			s.failed = true
			s.process.warnf("Catalogue (%s): cannot be read: %s. %s", s.place(), s.problem, s.meanwhile())
		}
		return
	case s.failed:
		s.process.infof("Catalogue (%s): can be read again", s.place())
	}
	s.failed, s.slow, s.problem = false, false, ""
	if r != nil {
		s.pending = r
	}
}

// meanwhile says whose data judge while the web server does not give newer ones.
func (s *source) meanwhile() string {
	data := "what is built into this program"
	judge := s.judge
	switch {
	case s.pending != nil:
		data, judge = "what was read before", s.pending.judge
	case s.fetched:
		data = "what was read before"
	}
	day := judge.Catalog.AdvisoriesAsOf
	return fmt.Sprintf("Until then servers are judged by %s: advisories of %s, %d days old", data, day, catalog.DayOf(s.process.now()).DaysSince(day))
}

// await waits until the fetch has ended, or for as long as a round may wait.
func (s *source) await(ctx context.Context) {
	s.mu.Lock()
	done, giveUp := s.done, s.giveUp
	s.mu.Unlock()
	if done == nil {
		return
	}
	timer := time.NewTimer(time.Until(giveUp))
	defer timer.Stop()
	select {
	case <-done:
	case <-ctx.Done():
	case <-timer.C:
	}
}

// takeFetched brings in what was fetched since the last round.
func (s *source) takeFetched(today catalog.Day) {
	if s.pending != nil {
		s.use(s.pending)
		s.pending, s.fetched, s.announced = nil, true, true
		s.announce(today)
		return
	}
	if !s.announced {
		s.announced = true
		s.announce(today)
	}
	select {
	case <-s.done:
	default:
		if s.done == nil || s.failed || !s.fetchIsLate() {
			return
		}
		s.problem = fmt.Sprintf("there was no complete answer within %s", s.wait)
		if !s.slow {
			s.slow = true
			s.process.warnf("Catalogue (%s): %s: check that server and the network. %s", s.place(), s.problem, s.meanwhile())
		}
	}
}

// fetchIsLate reports whether rounds have ceased to wait for the fetch.
func (s *source) fetchIsLate() bool { return !time.Now().Before(s.giveUp) }

// AwaitCatalog asks the web server of the catalogue, if the settings name one and it is
// time, and returns when it has answered or failed, or when ctx ends.
func (b *Block) AwaitCatalog(ctx context.Context) {
	s := b.catalog
	if s.remote == nil {
		return
	}
	s.begin()
	defer s.end()
	s.mu.Lock()
	done := s.done
	s.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
	}
}
