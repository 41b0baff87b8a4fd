//go:build !unix

package main

import "os"

// hangups gives no signals: there are none to read the fleet file again here.
func hangups() (signals <-chan os.Signal, release func()) {
	return nil, func() {}
}
