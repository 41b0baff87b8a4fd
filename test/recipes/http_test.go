//go:build linux

package recipes

import (
	"net/http"
	"testing"
	"time"

	"telegraf-qlik-sense-version/internal/simulator"
)

// Releases to go from one to the other: two patches with advisories, one without.
const (
	oldLabel, oldVersion = "February 2024 Patch 1", "14.173.4"
	newLabel, newVersion = "May 2024 Patch 9", "14.187.14"
	okLabel, okVersion   = "November 2025", "14.254.6"
)

func old() simulator.Server {
	return simulator.Server{Reply: simulator.Reply(oldLabel, oldVersion)}
}

// hurry makes an HTTP recipe give up on an answer sooner.
var hurry = []string{`timeout = "10s"`, `timeout = "500ms"`}

// badDays lets the endpoint fail in every way, one after the other, and calls change
// while it does.
func badDays(t *testing.T, v *receiver, change func(day int)) {
	t.Helper()
	v.answer(http.StatusServiceUnavailable)
	change(0)
	v.awaitRefused(2)
	v.answer(http.StatusUnauthorized)
	v.awaitRefused(2)
	v.answer(0)
	change(1)
	v.awaitRefused(2)
	v.shut()
	change(2)
	time.Sleep(3 * round) // nobody is there to count
	v.answer(http.StatusCreated)
	v.mu.Lock()
	v.shaky = 4 // some of what waits gets through, some does not
	v.mu.Unlock()
	v.open()
}
