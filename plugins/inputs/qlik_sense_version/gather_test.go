package qlik_sense_version

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/influxdata/telegraf/testutil"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/simulator"
)

func TestRoundTimestamp(t *testing.T) {
	fleet := start(t, simulator.Server{}, simulator.Server{Fault: simulator.Fault503}, simulator.Server{Fault: simulator.FaultDown})
	q, _ := newPlugin(addresses(fleet, 3)...)
	// One at a time, so that the answers arrive at different times.
	q.MaxConcurrentRequests = 1
	require.NoError(t, q.Init())

	var last time.Time
	for range 3 {
		before := time.Now()
		points := gather(t, q).points
		require.Len(t, points, 3)
		timestamp := points[0].Time()
		require.WithinRange(t, timestamp, before, time.Now())
		require.True(t, timestamp.After(last))
		for _, point := range points {
			require.Equal(t, timestamp, point.Time())
		}
		last = timestamp
	}
}

// gate is an HTTP proxy that answers for all servers once the wanted number of requests is in flight. It
// records the peak.
type gate struct {
	wanted int
	open   chan struct{}

	mu       sync.Mutex
	inFlight int
	peak     int
	requests int
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.requests++
	g.inFlight++
	g.peak = max(g.peak, g.inFlight)
	if g.inFlight == g.wanted {
		select {
		case <-g.open:
		default:
			close(g.open)
		}
	}
	g.mu.Unlock()

	select {
	case <-g.open:
		time.Sleep(time.Millisecond) // time for an excess request to arrive
		_, _ = w.Write(simulator.Reply(newRelease, newVersion))
	case <-r.Context().Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inFlight--
}

func TestMaxConcurrentRequests(t *testing.T) {
	const n = 50
	hosts := make([]string, n)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("http://qlik%d.example.com", i+1)
	}
	for limit, wanted := range map[int]int{1: 1, 2: 2, 64: n, 1000: n} {
		t.Run(strconv.Itoa(limit), func(t *testing.T) {
			g := &gate{wanted: wanted, open: make(chan struct{})}
			server := httptest.NewServer(g)
			defer server.Close()
			q, log := newPlugin(hosts...)
			q.MaxConcurrentRequests = limit
			q.HTTPProxyURL = server.URL
			require.NoError(t, q.Init())

			for range 2 {
				got := gather(t, q)
				require.Empty(t, got.errors)
				require.Len(t, got.bySource(t), n)
			}
			require.Equal(t, 2*n, g.requests, "one request for each server and round")
			require.Equal(t, wanted, g.peak, "concurrent requests")
			require.Len(t, lines(log, testutil.LevelInfo), n)
		})
	}
}

func TestCancelledRound(t *testing.T) {
	fleet := start(t,
		simulator.Server{},
		simulator.Server{Fault: simulator.Fault401},
		simulator.Server{Fault: simulator.FaultNoAnswer},
		simulator.Server{},
	)
	q, log := newPlugin(addresses(fleet, 4)...)
	q.Timeout = Duration(time.Minute)
	q.MaxConcurrentRequests = 1 // the last server waits behind the one that does not answer
	require.NoError(t, q.Init())

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cancelled := make(chan time.Time, 1)
	go func() {
		for fleet.Requests(2) == 0 {
			time.Sleep(time.Millisecond)
		}
		cancelled <- time.Now()
		cancel()
	}()
	var acc testutil.Accumulator
	q.GatherContext(ctx, &acc)
	require.Less(t, time.Since(<-cancelled), time.Duration(q.Timeout)/2, "the round waited for the timeout")

	points := round{points: acc.GetTelegrafMetrics()}.bySource(t)
	require.Len(t, points, 2, "only the answers before the cancellation")
	require.Equal(t, "success", field(t, points["127.0.0.1"], "result"))
	require.Equal(t, "authentication_failed", field(t, points["127.0.0.2"], "result"))
	require.Len(t, acc.Errors, 1, "cancelled polls are not errors")
	require.Zero(t, fleet.Requests(3))

	// The next round is complete, and the cancelled polls do not count as failed before.
	require.NoError(t, fleet.Set(2, simulator.Server{Reply: simulator.Reply(oldRelease, oldVersion)}))
	require.Len(t, gather(t, q).points, 4)
	require.NotContains(t, allMessages(log), "answers again")
}

func TestCancelledBeforeRound(t *testing.T) {
	fleet := start(t, simulator.Server{})
	q, _ := newPlugin(fleet.Addr(0))
	require.NoError(t, q.Init())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	var acc testutil.Accumulator
	q.GatherContext(ctx, &acc)
	require.Empty(t, acc.GetTelegrafMetrics())
	require.Empty(t, acc.Errors)
	require.Zero(t, fleet.Requests(0))
}

func TestTimeoutPerServer(t *testing.T) {
	t.Parallel()
	fleet := start(t,
		simulator.Server{Fault: simulator.FaultNoAnswer},
		simulator.Server{Fault: simulator.FaultNoAnswer},
		simulator.Server{},
	)
	q, _ := newPlugin(addresses(fleet, 3)...)
	q.Timeout = Duration(500 * time.Millisecond)
	q.MaxConcurrentRequests = 1
	require.NoError(t, q.Init())

	points := gather(t, q).bySource(t)
	for source, result := range map[string]string{"127.0.0.1": "timeout", "127.0.0.2": "timeout", "127.0.0.3": "success"} {
		require.Equal(t, result, field(t, points[source], "result"))
	}
	for _, source := range []string{"127.0.0.1", "127.0.0.2"} {
		require.InDelta(t, 0.5, field(t, points[source], "response_time"), 0.4)
	}
}

// Telegraf gathers from several blocks at the same time.
func TestBlocksDoNotShareState(t *testing.T) {
	fleet := start(t, simulator.Server{}, simulator.Server{})
	first, firstLog := newPlugin(addresses(fleet, 2)...)
	first.Tags = map[string]string{"environment": "PROD"}
	first.Headers = map[string]string{"X-Block": "1"}
	second, secondLog := newPlugin(addresses(fleet, 2)...)
	second.Tags = map[string]string{"environment": "TEST"}
	second.TLSCA = "" // trusts only the system's CAs
	require.NoError(t, first.Init())
	require.NoError(t, second.Init())

	var wg sync.WaitGroup
	for range 3 {
		for _, block := range []struct {
			q                   *QlikSenseVersion
			environment, result string
		}{{first, "PROD", poll.Success.String()}, {second, "TEST", poll.TLSError.String()}} {
			wg.Go(func() {
				var acc testutil.Accumulator
				block.q.GatherContext(t.Context(), &acc)
				for _, point := range acc.Metrics {
					if block.environment != point.Tags["environment"] || block.result != point.Fields["result"] || len(point.Tags) != 2 {
						t.Errorf("a point of another block: %s", point)
					}
				}
				if len(acc.Metrics) != 2 {
					t.Errorf("%d points", len(acc.Metrics))
				}
			})
		}
		wg.Wait()
	}
	require.Len(t, lines(firstLog, testutil.LevelInfo), 2)
	require.Empty(t, lines(secondLog, testutil.LevelInfo), "the versions of another block are not known here")
	require.Equal(t, "1", fleet.LastRequest(0).Header.Get("X-Block"))
	require.Equal(t, 3, fleet.Requests(0), "the second block fails before its first request")
}

// Changes to a point by an output or a processor must not affect the next round.
func TestPointsDoNotShareTags(t *testing.T) {
	fleet := start(t, simulator.Server{})
	q, _ := newPlugin(fleet.Addr(0))
	q.Tags = map[string]string{"environment": "PROD"}
	require.NoError(t, q.Init())
	point := gather(t, q).points[0]
	point.AddTag("environment", "changed")
	point.AddTag("host", "changed")
	require.Equal(t, map[string]string{"environment": "PROD", "source": "127.0.0.1"}, gather(t, q).points[0].Tags())
}
