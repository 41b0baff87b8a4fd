package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/agent"
	"github.com/influxdata/telegraf/plugins/common/shim"
	"github.com/influxdata/telegraf/plugins/serializers/influx"

	"telegraf-qlik-sense-version/plugins/inputs/qlik_sense_version"
)

// What the end of the program may take when it has to wait for somebody: Telegraf
// gives a plugin five seconds, the user of a terminal one.
const (
	grace      = 700 * time.Millisecond // for points that nobody reads
	lastResort = 850 * time.Millisecond // for anything else
)

// serve runs a round for each newline on stdin, until stdin or ctx ends.
func serve(ctx context.Context, blocks []*qlik_sense_version.QlikSenseVersion, stdin io.Reader, gatherOnStart bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	// The shim reads os.Stdin as it is when the shim is made. A pipe in its place
	// gives this program what the shim lacks: the round at the start, and the
	// moment at which the input ends, to break off a round under way.
	reader, prompts, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making a pipe: %w", err)
	}
	original := os.Stdin
	os.Stdin = reader
	host := shim.New()
	os.Stdin = original

	if err := host.AddInput(&fleet{ctx: ctx, blocks: blocks}); err != nil {
		return err
	}
	go func() {
		defer prompts.Close()
		defer cancel()
		if gatherOnStart {
			io.WriteString(prompts, "\n") //nolint:errcheck // fails when the shim has ended, which is noticed below
		}
		forwardNewlines(prompts, stdin) //nolint:errcheck // as above
	}()

	err = within(ctx, func() error { return host.Run(shim.PollIntervalDisabled) })
	if err != nil {
		return err
	}
	// The shim listens to the same signals as ctx does, and may hear of one first.
	// Apart from them, only a failure to write ends it.
	select {
	case <-ctx.Done():
		return nil
	case <-time.After(grace):
		return errors.New("standard output cannot be written any more")
	}
}

// once runs a single round and writes its points.
func once(ctx context.Context, blocks []*qlik_sense_version.QlikSenseVersion, stdout io.Writer) error {
	serializer := &influx.Serializer{}
	if err := serializer.Init(); err != nil {
		return err
	}
	points := make(chan telegraf.Metric, 100)
	// The shim is what Telegraf's accumulator wants to know of its surroundings.
	acc := agent.NewAccumulator(shim.New(), points)
	acc.SetPrecision(time.Nanosecond)

	err := within(ctx, func() error {
		go func() {
			defer close(points)
			(&fleet{ctx: ctx, blocks: blocks}).Gather(acc) //nolint:errcheck // always nil, failures are points
		}()
		for point := range points {
			line, err := serializer.Serialize(point)
			if err != nil {
				return err
			}
			if _, err := stdout.Write(line); err != nil {
				return fmt.Errorf("writing the points: %w", err)
			}
		}
		return nil
	})
	if err == nil && ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

// within runs f, which ends when ctx does. It only waits for the grace if f does
// not, because nobody reads what f writes.
func within(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(grace):
		return nil
	}
}

// forwardNewlines passes on the newlines alone: the shim would end at a line that
// is longer than its buffer.
func forwardNewlines(w io.Writer, r io.Reader) error {
	buffer := make([]byte, 4096)
	for {
		n, err := r.Read(buffer)
		if count := bytes.Count(buffer[:n], []byte{'\n'}); count > 0 {
			if _, err := w.Write(bytes.Repeat([]byte{'\n'}, count)); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

// fleet is all blocks of the settings as the one input that a shim takes.
type fleet struct {
	ctx    context.Context // ends a round; Telegraf's Gather has no context
	blocks []*qlik_sense_version.QlikSenseVersion
}

func (f *fleet) SampleConfig() string { return f.blocks[0].SampleConfig() }

// Gather runs one round: all blocks at the same time.
func (f *fleet) Gather(acc telegraf.Accumulator) error {
	var group sync.WaitGroup
	for _, block := range f.blocks {
		group.Go(func() { block.GatherContext(f.ctx, acc) })
	}
	group.Wait()
	// Hours pass until the next round: what this one took goes back to the system,
	// once its last connections are closed.
	time.AfterFunc(time.Second, freeMemory)
	return nil
}

// freeMemory collects twice: pools and finalizers hold on to memory for one more
// collection.
func freeMemory() {
	runtime.GC()
	debug.FreeOSMemory()
}
