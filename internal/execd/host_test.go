package execd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/stretchr/testify/require"
)

// input is a function as an Input.
type input func(ctx context.Context, acc telegraf.Accumulator)

func (f input) GatherContext(ctx context.Context, acc telegraf.Accumulator) { f(ctx, acc) }

var noon = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// point adds a point of a server.
func point(acc telegraf.Accumulator, source string) {
	acc.AddFields("version", map[string]interface{}{"patch": 1}, map[string]string{"source": source}, noon)
}

// lineOf is the line of point.
func lineOf(source string) string {
	return "version,source=" + source + " patch=1i 1772366400000000000\n"
}

func adds(source string) input {
	return func(_ context.Context, acc telegraf.Accumulator) { point(acc, source) }
}

// hangs adds points while a round runs and after its end.
func hangs(ctx context.Context, acc telegraf.Accumulator) {
	point(acc, "answered")
	<-ctx.Done()
	point(acc, "waited")
}

// running is a running call of Run.
type running struct {
	stdin  io.WriteCloser
	stdout bytes.Buffer
	ended  chan error
}

func startRun(ctx context.Context, gatherOnStart bool, stdout io.Writer, inputs ...input) *running {
	r := &running{ended: make(chan error, 1)}
	if stdout == nil {
		stdout = &r.stdout
	}
	reader, writer := io.Pipe()
	r.stdin = writer
	go func() {
		r.ended <- Run(ctx, inputs, reader, stdout, gatherOnStart)
		// If the input has not ended, Run leaves its reader behind.
		reader.Close()
	}()
	synctest.Wait()
	return r
}

func TestRounds(t *testing.T) {
	for _, gatherOnStart := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := startRun(t.Context(), gatherOnStart, nil, adds("a"), adds("b"))
			rounds := 0
			if gatherOnStart {
				rounds = 1
			}
			for _, tt := range []struct {
				input  string
				rounds int
			}{
				{"", 0},
				{"\n", 1},
				{"\r\n", 1},
				{"gather", 0},
				{" now\n", 1},
				{strings.Repeat("x", 100_000) + "\x00\x04\x1a\xff", 0},
				{"\n\n\n", 1},
			} {
				_, err := io.WriteString(r.stdin, tt.input)
				require.NoError(t, err)
				synctest.Wait()
				rounds += tt.rounds
				require.Equal(t, rounds, strings.Count(r.stdout.String(), lineOf("a")), "%.20q", tt.input)
				require.Equal(t, rounds, strings.Count(r.stdout.String(), lineOf("b")), "%.20q", tt.input)
			}
			require.NoError(t, r.stdin.Close())
			require.NoError(t, <-r.ended)
			require.Equal(t, 2*rounds, strings.Count(r.stdout.String(), "\n"))
		})
	}
}

// Several newlines during a round trigger only one more.
func TestNewlinesDuringRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan struct{})
		r := startRun(t.Context(), true, nil, func(_ context.Context, acc telegraf.Accumulator) {
			<-goOn
			point(acc, "a")
		})
		for range 10 {
			_, err := io.WriteString(r.stdin, "\n")
			require.NoError(t, err)
		}
		close(goOn)
		synctest.Wait()
		require.Equal(t, 2, strings.Count(r.stdout.String(), "\n"))
		require.NoError(t, r.stdin.Close())
		require.NoError(t, <-r.ended)
	})
}

// ends are the ways to stop Run.
var ends = map[string]func(*running, context.CancelFunc){
	"stdin":   func(r *running, _ context.CancelFunc) { r.stdin.Close() },
	"context": func(_ *running, cancel context.CancelFunc) { cancel() },
}

func TestEndDuringRound(t *testing.T) {
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				r := startRun(ctx, true, nil, hangs)
				require.Equal(t, lineOf("answered"), r.stdout.String(), "points are written when they are known")
				end(r, cancel)
				require.NoError(t, <-r.ended)
				require.Equal(t, lineOf("answered")+lineOf("waited"), r.stdout.String())
			})
		})
	}
}

func TestEndWithUnreadOutput(t *testing.T) {
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				reader, writer := io.Pipe()
				defer reader.Close()
				r := startRun(ctx, true, writer, hangs)
				_, err := io.ReadFull(reader, make([]byte, 10))
				require.NoError(t, err)
				begin := time.Now() // of synctest's clock, which stops while goroutines run
				end(r, cancel)
				require.NoError(t, <-r.ended)
				require.Equal(t, grace, time.Since(begin))
			})
		})
	}
}

func TestStdoutFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader, writer := io.Pipe()
		require.NoError(t, reader.CloseWithError(errors.New("disk full")))
		rounds := 0
		many := func(ctx context.Context, acc telegraf.Accumulator) {
			rounds++
			point(acc, "a")
			point(acc, "b")
			<-ctx.Done()
		}
		r := startRun(t.Context(), true, writer, many)
		require.EqualError(t, <-r.ended, "writing the points: disk full")

		require.EqualError(t, Once(t.Context(), []input{many}, writer), "writing the points: disk full")
		require.Equal(t, 2, rounds)
	})
}

func TestOnce(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, Once(t.Context(), []input{adds("a"), adds("a")}, &out))
	require.Equal(t, lineOf("a")+lineOf("a"), out.String())
}

func TestOnceInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var out bytes.Buffer
		ended := make(chan error)
		go func() { ended <- Once(ctx, []input{hangs}, &out) }()
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-ended, errInterrupted)
		require.Equal(t, lineOf("answered")+lineOf("waited"), out.String())
	})
}

// A point that cannot be written is logged, and the others are written.
func TestUnwritablePoints(t *testing.T) {
	tags := map[string]string{"source": "a"}
	wide := map[string]string{"source": strings.Repeat("a", maxPoint)}
	one := map[string]interface{}{"patch": 1}
	for _, tt := range []struct {
		name     string
		add      func(acc telegraf.Accumulator)
		expected string
	}{
		{"no number", func(acc telegraf.Accumulator) {
			acc.AddFields("version", map[string]interface{}{"max_cvss": math.NaN()}, tags)
		}, "version,source=a"},
		{"no fields", func(acc telegraf.Accumulator) { acc.AddFields("version", nil, tags) }, "version,source=a"},
		{"no name", func(acc telegraf.Accumulator) { acc.AddFields("", one, tags) }, "invalid name"},
		{"too long", func(acc telegraf.Accumulator) { acc.AddFields("version", one, wide) }, "version,source=aaa"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			log := redirect(t, telegraf.Info)
			var out bytes.Buffer
			require.NoError(t, Once(t.Context(), []input{func(_ context.Context, acc telegraf.Accumulator) {
				tt.add(acc)
				point(acc, "b")
			}}, &out))
			require.Equal(t, lineOf("b"), out.String())
			require.Equal(t, 1, strings.Count(log.String(), "\n"))
			require.Contains(t, log.String(), "E! A point was left out because it cannot be written as line protocol: ")
			require.Contains(t, log.String(), tt.expected)
		})
	}
}

// A point that is too long is split into several lines with the same series and time.
func TestPointLineLimit(t *testing.T) {
	fields := make(map[string]interface{})
	for i := range 26 {
		fields[string(rune('a'+i))] = strings.Repeat(`"`, 3000)
	}
	var out bytes.Buffer
	require.NoError(t, Once(t.Context(), []input{func(_ context.Context, acc telegraf.Accumulator) {
		acc.AddFields("version", fields, map[string]string{"source": "a"}, noon)
	}}, &out))
	written := 0
	for line := range strings.Lines(out.String()) {
		require.LessOrEqual(t, len(line), maxPoint)
		require.True(t, strings.HasPrefix(line, "version,source=a "))
		require.True(t, strings.HasSuffix(line, " 1772366400000000000\n"))
		written += strings.Count(line, `="`)
	}
	require.Equal(t, len(fields), written)
	require.Equal(t, 3, strings.Count(out.String(), "\n"))
}

func TestAccumulator(t *testing.T) {
	log := redirect(t, telegraf.Info)
	var out bytes.Buffer
	before := time.Now()
	require.NoError(t, Once(t.Context(), []input{func(_ context.Context, acc telegraf.Accumulator) {
		acc.SetPrecision(time.Hour)
		fields, at := map[string]interface{}{"patch": 1}, noon.Add(1)
		acc.AddGauge("gauge", fields, nil, at)
		acc.AddCounter("counter", fields, nil, at)
		acc.AddSummary("summary", fields, nil, at)
		acc.AddHistogram("histogram", fields, nil, at)
		acc.AddFields("now", fields, nil)
		acc.AddError(nil)
		acc.AddError(errors.New("no answer"))
		require.Panics(t, func() { acc.WithTracking(1) })
	}}, &out))
	typed, now, _ := strings.Cut(out.String(), "now patch=1i ")
	require.Equal(t, "gauge patch=1i 1772366400000000001\ncounter patch=1i 1772366400000000001\n"+
		"summary patch=1i 1772366400000000001\nhistogram patch=1i 1772366400000000001\n", typed)
	nanoseconds, err := time.ParseDuration(strings.TrimSpace(now) + "ns")
	require.NoError(t, err)
	require.WithinRange(t, time.Unix(0, nanoseconds.Nanoseconds()), before, time.Now())
	require.Equal(t, "E! Error in plugin: no answer\n", log.String())
}

// wholeLine fails if writes overlap, or if a write is not one line.
type wholeLine struct {
	t    *testing.T
	busy sync.Mutex
	n    int
}

func (w *wholeLine) Write(p []byte) (int, error) {
	if !w.busy.TryLock() {
		w.t.Error("two points at the same time")
		return len(p), nil
	}
	defer w.busy.Unlock()
	w.n++
	if string(p) != lineOf("a") {
		w.t.Errorf("not one line: %q", p)
	}
	return len(p), nil
}

func TestConcurrentInputs(t *testing.T) {
	inputs := make([]input, 0, 16)
	for range cap(inputs) {
		inputs = append(inputs, func(_ context.Context, acc telegraf.Accumulator) {
			var group sync.WaitGroup
			for range 50 {
				group.Go(func() { point(acc, "a") })
			}
			group.Wait()
		})
	}
	out := &wholeLine{t: t}
	require.NoError(t, Once(t.Context(), inputs, out))
	require.Equal(t, 16*50, out.n)
}
