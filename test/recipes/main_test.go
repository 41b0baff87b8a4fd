//go:build linux

// Package recipes runs every file of deploy/recipes under a real Telegraf, with the programs that
// it writes to or with simulated endpoints.
package recipes

import (
	"os"
	"testing"

	"telegraf-qlik-sense-version/test/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }
