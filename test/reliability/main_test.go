//go:build linux

// Package reliability throws at the real program what a fleet throws at it in years: servers
// that fail in every way and come back, networks that lose and delay, disks that are full, and
// hours of it. docs/reliability.md says what was seen.
package reliability

import (
	"os"
	"testing"

	"telegraf-qlik-sense-version/test/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }
