package fleet

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/simulator"
)

func TestRound(t *testing.T) {
	_, hosts := start(t, runs("May 2025 Patch 15", "14.231.27"), simulator.Server{Fault: simulator.Fault503}, runs("August 2023 Patch 1", "14.139.5"))
	settings := settingsFor(hosts...)
	settings.MinimumRelease = "May 2024"
	b := newBlock(t, onDay(today), settings)
	var polled atomic.Int32
	round := b.Round(t.Context(), func() { polled.Add(1) })

	require.EqualValues(t, 3, polled.Load())
	require.Same(t, b, round.Block)
	require.Equal(t, today, round.Start)
	require.Equal(t, "built in", round.Catalog)
	require.False(t, round.CutOff)
	require.Len(t, round.Results, 3)
	for i := range round.Results {
		require.Same(t, b.Servers()[i], round.Results[i].Server, "in the order of hosts")
		require.Same(t, round, round.Results[i].Round)
	}
	compliant, failed, exposed := &round.Results[0], &round.Results[1], &round.Results[2]
	require.Equal(t, judgement.Compliant, compliant.Judgement.Compliance)
	require.Equal(t, Same, compliant.Comparison, "the newer of two")
	require.Equal(t, poll.StatusMismatch, failed.Outcome.Result)
	require.False(t, failed.Answered())
	require.Equal(t, judgement.Unknown, failed.Judgement.Compliance, "silence is never green")
	require.Equal(t, NotCompared, failed.Comparison)
	require.Equal(t, []string{"advisories", "below_minimum"}, exposed.Judgement.Reasons.Names())
	require.Equal(t, Different, exposed.Comparison)
}

func TestServersNotCompared(t *testing.T) {
	_, hosts := start(t, runs("May 2025 Patch 15", "14.231.27"), runs("August 2023 Patch 1", "14.139.5"))
	for name, change := range map[string]func(*Settings, *Block){
		"same_version = false": func(s *Settings, _ *Block) { s.SameVersion = false },
		"limited to some":      func(_ *Settings, b *Block) { b.Only(func(*poll.Server) bool { return true }) },
	} {
		settings := settingsFor(hosts...)
		change(&settings, &Block{})
		b := newBlock(t, onDay(today), settings)
		change(&settings, b)
		require.Equal(t, "--", comparisons(b.Round(t.Context(), nil).Results), name)
	}
}

// Data that are too old prove nothing, on the day after catalog_max_age.
func TestOldDataAreNoProof(t *testing.T) {
	_, hosts := start(t, runs("May 2025 Patch 15", "14.231.27"), runs("August 2023 Patch 1", "14.139.5"))
	asOf := judgement.BuiltIn().Catalog.AdvisoriesAsOf
	noon, err := time.Parse("2006-01-02 15", asOf.String()+" 12")
	require.NoError(t, err)
	for days, want := range map[int]judgement.Compliance{30: judgement.Compliant, 31: judgement.Unknown, -2: judgement.Unknown} {
		settings := settingsFor(hosts...)
		settings.CatalogMaxAge = 30 * 24 * time.Hour
		process := onDay(noon.AddDate(0, 0, days))
		round := newBlock(t, process, settings).Round(t.Context(), nil)
		require.Equal(t, want, round.Results[0].Judgement.Compliance, days)
		require.Equal(t, judgement.NonCompliant, round.Results[1].Judgement.Compliance, "needs no fresh data")
		require.Equal(t, days, fieldOf(t, &round.Results[0], "advisories_age_days"))
		said := 0
		for _, n := range process.Notices() {
			if strings.Contains(n.Text, "they prove no server compliant") {
				said++
			}
		}
		require.Equal(t, days == 31, said == 1)
	}
}

func TestCutOffRound(t *testing.T) {
	fleet, hosts := start(t, runs("May 2025", "14.231.5"), simulator.Server{Fault: simulator.Fault401}, simulator.Server{Fault: simulator.FaultNoAnswer},
		runs("May 2024", "14.187.4"), runs("May 2024", "14.187.4"))
	settings := settingsFor(hosts...)
	settings.Poll.Timeout = time.Minute
	settings.MaxConcurrentRequests = 1 // the last ones wait behind the one that hangs
	b := newBlock(t, onDay(today), settings)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for fleet.Requests(2) == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	round := b.Round(ctx, nil)
	require.True(t, round.CutOff)
	require.Len(t, round.Results, 2, "what was known when it was cut off")
	require.True(t, round.Results[0].Answered())
	require.Equal(t, poll.AuthenticationFailed, round.Results[1].Outcome.Result)
	require.Equal(t, "--", comparisons(round.Results), "nobody is marked")
	require.Zero(t, fleet.Requests(3))
}

// lateCancel is a context that ends once a server was asked, but does not interrupt the poll.
type lateCancel struct {
	context.Context
	asked func() bool
}

func (c *lateCancel) Err() error {
	if c.asked() {
		return context.Canceled
	}
	return nil
}

// What a server answered is kept, even if the round is cut off at that moment.
func TestCutOffAfterAnswer(t *testing.T) {
	fleet, hosts := start(t, runs("May 2025", "14.231.5"))
	b := newBlock(t, onDay(today), settingsFor(hosts...))
	round := b.Round(&lateCancel{context.Background(), func() bool { return fleet.Requests(0) > 0 }}, nil)
	require.True(t, round.CutOff)
	require.Len(t, round.Results, 1)
	require.Equal(t, poll.Success, round.Results[0].Outcome.Result)
}

// counter is an HTTP proxy that answers for all servers. It answers when the wanted number of
// requests is under way, and records the maximum.
type counter struct {
	wanted         int
	open           chan struct{}
	once           sync.Once
	mu             sync.Mutex
	underWay, most int
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.underWay++
	c.most = max(c.most, c.underWay)
	if c.underWay == c.wanted {
		c.once.Do(func() { close(c.open) })
	}
	c.mu.Unlock()
	select {
	case <-c.open:
		time.Sleep(time.Millisecond) // time for one too many to come
		_, _ = w.Write(simulator.Reply("May 2025", "14.231.5"))
	case <-r.Context().Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.underWay--
}

// All blocks of a process together have at most MaxPolls polls under way.
func TestBlocksShareTheLimit(t *testing.T) {
	c := &counter{wanted: MaxPolls, open: make(chan struct{})}
	server := httptest.NewServer(c)
	defer server.Close()
	process := onDay(today)
	var rounds sync.WaitGroup
	for n := range 5 {
		hosts := make([]string, 100)
		for i := range hosts {
			hosts[i] = fmt.Sprintf("http://qlik%d-%d.example.com", n, i)
		}
		settings := settingsFor(hosts...)
		settings.MaxConcurrentRequests = 100
		settings.Poll.Timeout = time.Minute
		settings.Poll.Proxy.HTTPProxyURL = server.URL
		b := newBlock(t, process, settings)
		rounds.Go(func() {
			for _, r := range b.Round(t.Context(), nil).Results {
				if !r.Answered() {
					t.Errorf("%s: %s", r.Server, r.Outcome.Cause)
				}
			}
		})
	}
	rounds.Wait()
	require.Equal(t, MaxPolls, c.most)
}

func fieldOf(t *testing.T, r *Result, name string) any {
	t.Helper()
	for _, f := range Fields {
		if f.Name == name {
			return f.Value(r)
		}
	}
	require.Fail(t, "no such field", name)
	return nil
}

// Withheld slots are returned, and one slot is never withheld.
func TestWithheldSlots(t *testing.T) {
	p := newPolls(3)
	for range 3 {
		require.NoError(t, p.enter(t.Context()))
	}
	require.True(t, p.withhold())
	require.True(t, p.withhold())
	require.False(t, p.withhold(), "the last one must go on")
	p.leave()
	require.NoError(t, p.enter(t.Context()))
	p.leave()
	p.restore(2)
	for range 3 {
		require.NoError(t, p.enter(t.Context()))
	}
	require.True(t, p.withhold())
}
