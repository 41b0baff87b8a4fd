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
	// askEvery is the shortest time between two requests for a catalogue.
	askEvery = time.Hour
	// maxWait is how long a round waits for a slow web server, from the start of the request.
	// No round waits for one whose last request failed.
	maxWait = 5 * time.Second
)

// remoteState is the additional state of a source on a web server.
type remoteState struct {
	fetched   bool           // judge has a catalogue of the web server, not the built-in one
	announced bool           // the catalogue of judge was logged
	asked     time.Time      // by the clock of the process; zero before the first request
	fetching  bool           // a request is under way
	done      chan struct{}  // closed when the last request has ended
	giveUp    time.Time      // when rounds stop waiting for it
	wait      time.Duration  // maxWait, except in tests
	pending   *loadedCatalog // not used in a round yet
	failed    bool           // the last request failed, and that was logged
	slow      bool           // a slow request was logged
}

// remoteSource returns the source of a URL. Until the first round it has the built-in data.
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
	if s.fetching || !s.asked.IsZero() && now.Sub(s.asked) < askEvery {
		return
	}
	s.fetching, s.asked, s.done, s.giveUp = true, now, make(chan struct{}), time.Now().Add(s.wait)
	if s.failed {
		s.giveUp = time.Time{}
	}
	go s.fetch(s.done)
}

// fetch may outlive a round that is cut off, but not for long: Fetch has a timeout.
func (s *source) fetch(done chan struct{}) {
	defer close(done)
	c, err := s.remote.Fetch(context.Background())
	var r *loadedCatalog
	if c != nil {
		r = newLoadedCatalog(c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetching = false
	switch {
	case err != nil:
		s.problem = err.Error()
		if !s.failed {
			s.failed = true
			s.process.warnf("Catalogue (%s): cannot be read: %s. %s", s.place(), s.problem, s.fallbackNotice())
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

// fallbackNotice says which data are used while the web server does not answer.
func (s *source) fallbackNotice() string {
	data := "what is built into this program"
	judge := s.judge
	switch {
	case s.pending != nil:
		data, judge = "what was read before", s.pending.judge
	case s.fetched:
		data = "what was read before"
	}
	day := judge.Catalog.AdvisoriesAsOf
	return fmt.Sprintf("Meanwhile servers are judged by %s: advisories of %s, %d days old", data, day, catalog.DayOf(s.process.now()).DaysSince(day))
}

// await waits until the request has ended, but no longer than a round may wait.
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

// useFetched starts to use the catalogue that was fetched since the last round.
func (s *source) useFetched(today catalog.Day) {
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
	if !s.fetching || s.failed || time.Now().Before(s.giveUp) {
		return
	}
	s.problem = fmt.Sprintf("there was no complete answer within %s", s.wait)
	if !s.slow {
		s.slow = true
		s.process.warnf("Catalogue (%s): %s: check that server and the network. %s", s.place(), s.problem, s.fallbackNotice())
	}
}

// AwaitCatalog asks the web server of the catalogue, if there is one and it is time, and
// returns when the request has ended, or when ctx ends.
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
