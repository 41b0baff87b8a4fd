//go:build linux

// Package packages builds the packages and does with them what docs/install-linux.md says:
// installs, upgrades and removes them beside a real Telegraf that writes to a real InfluxDB.
package packages

import (
	"fmt"
	"os"
	"testing"

	"telegraf-qlik-sense-version/test/rig"
)

// shared is a folder for the packages, which take longer to build than a test.
var shared string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "packages-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	shared = folder
	status := rig.Main(m)
	if err := os.RemoveAll(folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

// lacks ends a test for which this machine lacks a program. CI has installed all of them.
func lacks(t *testing.T, program string) {
	t.Helper()
	reason := "not run, for the program " + program + " is not there"
	if os.Getenv("CI") != "" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}
