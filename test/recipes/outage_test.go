//go:build linux

package recipes

import (
	"net/http"
	"testing"
	"time"

	"telegraf-qlik-sense-version/internal/simulator"
)

// Three releases: two with advisories, and one without.
const (
	oldLabel, oldVersion = "February 2024 Patch 1", "14.173.4"
	newLabel, newVersion = "May 2024 Patch 9", "14.187.14"
	okLabel, okVersion   = "November 2025", "14.254.6"
)

// oldServer is a server that runs the oldest of them.
func oldServer() simulator.Server {
	return simulator.Server{Reply: simulator.Reply(oldLabel, oldVersion)}
}

// shortTimeout edits an HTTP recipe so that it gives up on a reply after half a second.
var shortTimeout = []string{`timeout = "10s"`, `timeout = "500ms"`}

// throughOutages makes the endpoint fail in four ways, one after the other, and calls change
// during three of them.
func throughOutages(t *testing.T, e *endpoint, change func(outage int)) {
	t.Helper()
	e.answer(http.StatusServiceUnavailable)
	change(0)
	e.awaitRefused(2)
	e.answer(http.StatusUnauthorized)
	e.awaitRefused(2)
	e.answer(0)
	change(1)
	e.awaitRefused(2)
	e.close()
	change(2)
	time.Sleep(3 * round) // refused connections cannot be counted
	e.answer(http.StatusCreated)
	e.refuseAlternately(4) // the first requests after the outage
	e.listen()
}
