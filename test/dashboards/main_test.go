//go:build linux

// Package dashboards proves the dashboards and alert rules of deploy/grafana. README.md says how.
package dashboards

import (
	"os"
	"testing"

	"telegraf-qlik-sense-version/test/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }
