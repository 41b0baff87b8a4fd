//go:build linux

// Package dashboards tests the dashboards and alert rules of deploy/grafana. README.md explains how.
package dashboards

import (
	"os"
	"testing"

	"telegraf-qlik-sense-version/test/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }
