//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// hangups gives the signals after which the fleet file is read again.
func hangups() (signals <-chan os.Signal, release func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c, func() { signal.Stop(c) }
}
