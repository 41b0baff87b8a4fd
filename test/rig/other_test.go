//go:build !linux

package rig

import "testing"

func TestEndToEnd(t *testing.T) {
	t.Skip("not run: the end-to-end tests need Linux, its addresses 127.x.y.z, its signals and /proc")
}
