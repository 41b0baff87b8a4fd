// Package execd runs inputs as Telegraf's inputs.execd expects it of a plugin: a round for
// each newline on standard input, points on standard output, log lines with their level on
// standard error, and a prompt end.
package execd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/influxdata/telegraf"
)

// What the end of the program may take when it has to wait for somebody: Telegraf
// gives a plugin five seconds, the user of a terminal one.
const (
	grace      = 700 * time.Millisecond // for points that nobody reads
	lastResort = 850 * time.Millisecond // for anything else
)

// Input is one block of the settings.
type Input interface {
	// GatherContext runs one round and gives up when ctx ends.
	GatherContext(ctx context.Context, acc telegraf.Accumulator)
}

var errInterrupted = errors.New("interrupted before the round was complete")

// Run runs a round of all inputs for each newline on stdin, and one at the start if
// gatherOnStart is set. It returns nil when stdin or ctx ends, soon and also in the middle
// of a round, and an error when stdout cannot be written.
func Run[I Input](ctx context.Context, inputs []I, stdin io.Reader, stdout io.Writer, gatherOnStart bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	acc, err := newAccumulator(stdout, cancel)
	if err != nil {
		return err
	}
	// Newlines that come during a round ask for one more together.
	prompts := make(chan struct{}, 1)
	if gatherOnStart {
		prompts <- struct{}{}
	}
	go func() {
		defer cancel()
		readPrompts(stdin, prompts)
	}()

	within(ctx, func() {
		for ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-prompts:
				gather(ctx, inputs, acc)
				// Hours pass until the next round: what this one took goes back to the system,
				// once its last connections are closed.
				time.AfterFunc(time.Second, freeMemory)
			}
		}
	})
	return acc.err()
}

// Once runs a single round of all inputs.
func Once[I Input](parent context.Context, inputs []I, stdout io.Writer) error {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	acc, err := newAccumulator(stdout, cancel)
	if err != nil {
		return err
	}
	within(ctx, func() { gather(ctx, inputs, acc) })
	if err := acc.err(); err != nil {
		return err
	}
	if parent.Err() != nil {
		return errInterrupted
	}
	return nil
}

// ExitAfter ends the process some time after ctx ended, whatever it waits for by then,
// unless stop is called before.
func ExitAfter(ctx context.Context, status int) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		time.Sleep(lastResort)
		os.Exit(status)
	})
}

// gather runs one round: all inputs at the same time.
func gather[I Input](ctx context.Context, inputs []I, acc telegraf.Accumulator) {
	var group sync.WaitGroup
	for _, input := range inputs {
		group.Go(func() { input.GatherContext(ctx, acc) })
	}
	group.Wait()
}

// within runs f, which ends when ctx does. It only waits for the grace if f does
// not, because nobody reads what f writes.
func within(ctx context.Context, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	select {
	case <-done:
	case <-time.After(grace):
	}
}

// readPrompts sends a prompt for newlines, whatever else r holds, until r ends.
func readPrompts(r io.Reader, prompts chan<- struct{}) {
	buffer := make([]byte, 4096)
	for {
		n, err := r.Read(buffer)
		if bytes.IndexByte(buffer[:n], '\n') >= 0 {
			select {
			case prompts <- struct{}{}:
			default:
			}
		}
		if err != nil {
			return
		}
	}
}

// freeMemory collects twice: pools and finalizers hold on to memory for one more
// collection.
func freeMemory() {
	runtime.GC()
	debug.FreeOSMemory()
}
