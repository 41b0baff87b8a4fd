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

// showProgress shows a bar on standard error if that is a terminal with fewer lines than
// there are servers. Call polled after each poll, and done to remove the bar.
func showProgress(blocks []*fleet.Block) (polled, done func()) {
	servers := 0
	for _, block := range blocks {
		if block.Discovers() { // the number of servers is not known yet
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
		// With the library's own option to remove the bar, it starts a new line at each update.
		io.WriteString(os.Stderr, text.CursorUp.Sprint()+text.EraseLine.Sprint()) //nolint:errcheck // cosmetic
	}
}
