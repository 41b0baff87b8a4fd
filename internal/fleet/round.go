package fleet

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/poll"
)

// Round is what one round over the servers of a block came to.
type Round struct {
	Block *Block
	Start time.Time
	Basis
	// Results are in the order of the block's servers. A round that was cut off lacks
	// those of which nothing is known.
	Results []Result
	CutOff  bool
}

// Day is the day of the round.
func (r *Round) Day() catalog.Day { return catalog.DayOf(r.Start) }

// Result is what a round came to for one server.
type Result struct {
	Round   *Round
	Server  *poll.Server
	Outcome poll.Outcome
	// Judgement is that of the version; of a server that did not answer, nothing is known.
	Judgement judgement.Judgement
	// Comparison is that with the other servers of the block.
	Comparison Comparison
}

// Answered reports whether the server told its version.
func (r *Result) Answered() bool { return r.Outcome.Info != nil }

// Round asks every server of the block once. When ctx ends first, the round is cut off:
// a server that has not answered by then has no result. Where polled is not nil, it is
// called after each poll, from several goroutines.
func (b *Block) Round(ctx context.Context, polled func()) *Round {
	round := &Round{Block: b, Start: b.process.now()}
	b.catalog.begin()
	defer b.catalog.end()
	asking := asking{
		block: b, poll: b.poller.Round(ctx), polled: polled,
		results: make([]Result, len(b.servers)), mine: semaphore.NewWeighted(int64(b.MaxConcurrentRequests)),
	}
	asking.all(ctx)

	// After the polls, for a web server is asked while they run.
	round.Basis = b.catalog.current(ctx, round.Day(), b.policy.MaxAge)
	b.checkMinimum(round.Judge)
	round.CutOff = ctx.Err() != nil
	round.Results = asking.results[:0]
	for _, result := range asking.results {
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
	if b.SameVersion && !b.limited && !round.CutOff {
		compare(round.Results)
	}
	return round
}

// asking is the part of a round in which servers are asked.
type asking struct {
	block   *Block
	poll    *poll.Round
	polled  func()
	results []Result            // by server; without Server where it was not asked
	mine    *semaphore.Weighted // polls of this block
	// withheld are the places that this round keeps from all blocks, for there are no
	// file descriptors for them.
	withheld atomic.Int64
}

func (a *asking) all(ctx context.Context) {
	var running sync.WaitGroup
	for i, server := range a.block.servers {
		if a.mine.Acquire(ctx, 1) != nil {
			break
		}
		if a.block.process.polls.enter(ctx) != nil {
			break
		}
		running.Go(func() {
			defer a.mine.Release(1)
			if outcome, known := a.one(ctx, server); known {
				a.results[i] = Result{Server: server, Outcome: outcome}
			}
		})
	}
	running.Wait()
	if n := a.withheld.Load(); n > 0 {
		a.block.process.polls.restore(n)
		a.block.process.warnf("Fewer servers were asked at the same time, for %d polls found no file descriptor: "+
			"raise the limit of open files (LimitNOFILE of Telegraf's service), or lower max_concurrent_requests", n)
	}
}

// one asks a server. Where the process is out of file descriptors, its place is withheld
// and the server asked again later: it may well be in order.
func (a *asking) one(ctx context.Context, server *poll.Server) (outcome poll.Outcome, known bool) {
	process := a.block.process
	for {
		outcome = a.poll.Poll(ctx, server)
		if !outcome.OutOfDescriptors || !process.polls.withhold() {
			break
		}
		a.withheld.Add(1)
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
	if a.polled != nil {
		a.polled()
	}
	return outcome, ctx.Err() == nil || outcome.Result == poll.Success
}
