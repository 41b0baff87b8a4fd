//go:build linux

// Package reliability subjects the real program to the failures of years in production: servers that
// fail in every way and recover, packet loss and delay, full disks, and hours of all of it.
// docs/reliability.md has the results.
package reliability

import (
	"os"
	"testing"

	"telegraf-qlik-sense-version/test/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }
