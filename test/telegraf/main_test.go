//go:build linux

// Package telegraf drives the real program under a real Telegraf that writes to a real
// InfluxDB, and runs the commands of the README and of the pages in docs/.
package telegraf

import (
	"os"
	"testing"

	"telegraf-qlik-sense-version/test/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }
