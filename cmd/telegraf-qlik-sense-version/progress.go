package main

import (
	"io"
	"os"
	"time"

	"telegraf-qlik-sense-version/internal/fleet"

	"github.com/jedib0t/go-pretty/v6/progress"
	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// showProgress shows a bar on standard error while the servers are asked, if that is
// a terminal and there are more servers than it has lines: polled is to be called after
// each poll. The bar is gone after done.
func showProgress(blocks []*fleet.Block) (polled, done func()) {
	servers := 0
	for _, block := range blocks {
		if block.Discovers() { // how many there are will be known once they are found
			return nil, func() {}
		}
		servers += len(block.Servers())
	}
	terminal := int(os.Stderr.Fd())
	_, lines, err := term.GetSize(terminal)
	if err != nil || servers <= lines {
		return nil, func() {}
	}

	bar := progress.NewWriter()
	bar.SetOutputWriter(os.Stderr)
	bar.SetAutoStop(true)
	bar.SetUpdateFrequency(100 * time.Millisecond)
	bar.Style().Visibility = progress.StyleVisibility{Percentage: true, Tracker: true, Value: true}
	tracker := &progress.Tracker{Message: "Asking servers", Total: int64(servers)}
	bar.AppendTracker(tracker)
	rendered := make(chan struct{})
	go func() {
		defer close(rendered)
		bar.Render()
	}()
	return func() { tracker.Increment(1) }, func() {
		tracker.MarkAsDone() // which ends the bar
		<-rendered
		// The library takes a bar away by itself as well, but draws it on a line of its
		// own each time then.
		io.WriteString(os.Stderr, text.CursorUp.Sprint()+text.EraseLine.Sprint()) //nolint:errcheck // it is only for the eye
	}
}
