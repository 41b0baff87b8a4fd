//go:build !linux

package test

import "testing"

func TestEndToEnd(t *testing.T) {
	t.Skip("not run: the end-to-end tests need Linux, its addresses 127.20.x.y, its signals and /proc")
}
