package fleet

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/discovery"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/poll"
)

// Round is the result of one round over the servers of a block.
type Round struct {
	Block *Block
	Start time.Time
	Basis
	// Site is nil if the block has no discover, or if the round was cut off before the nodes
	// of the site were known.
	Site *Site
	// Servers is the number of servers to ask.
	Servers int
	// Results are in the order of the setting hosts, followed by further nodes that were
	// discovered. In a round that was cut off, servers that did not answer in time are missing.
	Results []Result
	CutOff  bool
}

// Day is the day of the round.
func (r *Round) Day() catalog.Day { return catalog.DayOf(r.Start) }

// Result is the result of a round for one server.
type Result struct {
	Round      *Round
	Server     *poll.Server
	Node       *discovery.Node // nil for a server that is not in the list of nodes
	Outcome    poll.Outcome
	Judgement  judgement.Judgement // empty and Unknown if the server did not answer
	Comparison Comparison          // with the other servers of the block
}

// Answered reports whether the server returned its version.
func (r *Result) Answered() bool { return r.Outcome.Info != nil }

// Round asks for the nodes of the site, if the block has discover, and then every server of
// the block once. When ctx ends first, the round is cut off: a server that has not answered by
// then has no result. If polled is not nil, it is called after each poll, from several
// goroutines.
func (b *Block) Round(ctx context.Context, polled func()) *Round {
	round := &Round{Block: b, Start: b.process.now()}
	b.catalog.begin()
	defer b.catalog.end()
	state := roundState{
		block: b, poll: b.poller.Round(ctx), polled: polled,
		blockPolls: semaphore.NewWeighted(int64(b.MaxConcurrentRequests)),
	}
	round.Site = state.find(ctx, round.Start)
	targets := b.targets(round.Site)
	round.Servers = len(targets)
	state.askAll(ctx, targets)

	// After the polls, because the web server of the catalogue is asked while they run.
	round.Basis = b.catalog.current(ctx, round.Day(), b.policy.MaxAge)
	b.checkMinimum(round.Judge)
	round.CutOff = ctx.Err() != nil
	round.Results = state.results[:0]
	for _, result := range state.results {
		if result.Server == nil {
			continue
		}
		result.Round = round
		result.Judgement.Compliance = judgement.Unknown // the zero value would be compliant
		if info := result.Outcome.Info; info != nil {
			result.Judgement = round.Judge.Judge(info.ReleaseLabel, info.Version, &b.policy, round.Day())
		}
		round.Results = append(round.Results, result)
	}
	if b.SameVersion && b.only == nil && !round.CutOff {
		compare(round.Results)
	}
	return round
}

// roundState is the state of a round while servers are asked.
type roundState struct {
	block      *Block
	poll       *poll.Round
	polled     func()
	results    []Result            // by target; without a Server if nothing is known
	blockPolls *semaphore.Weighted // limits the polls of this block
	// withheld is the number of places that this round withholds for lack of file descriptors.
	withheld atomic.Int64
}

func (s *roundState) askAll(ctx context.Context, targets []target) {
	s.results = make([]Result, len(targets))
	var running sync.WaitGroup
	for i, t := range targets {
		if s.blockPolls.Acquire(ctx, 1) != nil {
			break
		}
		if s.block.process.polls.enter(ctx) != nil {
			break
		}
		running.Go(func() {
			defer s.blockPolls.Release(1)
			outcome, known := s.askOne(ctx, func() poll.Outcome { return s.poll.Poll(ctx, t.server) })
			if t.found {
				s.block.adaptHint(&outcome)
			}
			if known {
				s.results[i] = Result{Server: t.server, Node: t.node, Outcome: outcome}
			}
			if s.polled != nil {
				s.polled()
			}
		})
	}
	running.Wait()
	if n := s.withheld.Load(); n > 0 {
		s.block.process.polls.restore(n)
		s.block.process.warnf("Fewer servers were asked at the same time, because %d polls found no file descriptor: "+
			"raise the limit of open files (LimitNOFILE of Telegraf's service), or lower max_concurrent_requests", n)
	}
}

// askOne asks a server. The caller has entered the polls of the process; askOne leaves them. If the
// process is out of file descriptors, it withholds the place and asks again later.
func (s *roundState) askOne(ctx context.Context, ask func() poll.Outcome) (outcome poll.Outcome, known bool) {
	process := s.block.process
	for {
		outcome = ask()
		if !outcome.OutOfDescriptors || !process.polls.withhold() {
			break
		}
		s.withheld.Add(1)
		select {
		case <-ctx.Done():
			return outcome, false
		case <-time.After(process.recovery):
		}
		if process.polls.enter(ctx) != nil {
			return outcome, false
		}
	}
	process.polls.leave()
	return outcome, ctx.Err() == nil || outcome.Result == poll.Success
}
