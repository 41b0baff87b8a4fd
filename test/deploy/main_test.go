//go:build linux

// Package deploy checks deploy/compose.yaml and the guide in deploy/README.md, and runs the stack
// without its containers.
package deploy

import (
	"os"
	"testing"

	"telegraf-qlik-sense-version/test/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }
