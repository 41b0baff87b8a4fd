// Package execd runs inputs as a plugin of Telegraf's inputs.execd: a round for each newline on
// standard input, points on standard output, log lines with their level on standard error, and
// a prompt end.
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

// How long the end of the program may take: Telegraf waits five seconds for a plugin, a user
// should not wait longer than one.
const (
	grace      = 700 * time.Millisecond // if nobody reads the points
	lastResort = 850 * time.Millisecond // in any case
)

// Input is one block of the settings.
type Input interface {
	// GatherContext runs one round, until ctx ends.
	GatherContext(ctx context.Context, acc telegraf.Accumulator)
}

var errInterrupted = errors.New("interrupted before the round was complete")

// Run runs a round of all inputs for each newline on stdin, and one at the start if
// gatherOnStart is set. It returns nil soon after stdin or ctx ends, even in the middle of a
// round, and an error when stdout cannot be written.
func Run[I Input](ctx context.Context, inputs []I, stdin io.Reader, stdout io.Writer, gatherOnStart bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	acc, err := newAccumulator(stdout, cancel)
	if err != nil {
		return err
	}
	// Several newlines during a round ask for only one more.
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
				// The next round may be hours away: return memory to the system, once the last
				// connections are closed.
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

// ExitAfter ends the process soon after ctx ended, even if it hangs, unless stop is called
// first.
func ExitAfter(ctx context.Context, status int) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		time.Sleep(lastResort)
		os.Exit(status)
	})
}

// gather runs one round of all inputs at the same time.
func gather[I Input](ctx context.Context, inputs []I, acc telegraf.Accumulator) {
	var group sync.WaitGroup
	for _, input := range inputs {
		group.Go(func() { input.GatherContext(ctx, acc) })
	}
	group.Wait()
}

// within runs f, which ends when ctx does. If it does not, because nobody reads the points, within
// returns after the grace.
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

// readPrompts sends a prompt for newlines, and ignores anything else, until r ends.
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

// freeMemory collects twice: pools and finalizers keep memory for one more collection.
func freeMemory() {
	runtime.GC()
	debug.FreeOSMemory()
}
