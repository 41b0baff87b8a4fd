//go:build linux

// Package packages builds the packages and follows docs/install-linux.md with them: it installs,
// upgrades and removes them beside a real Telegraf that writes to a real InfluxDB.
package packages

import (
	"fmt"
	"os"
	"testing"

	"telegraf-qlik-sense-version/test/rig"
)

// shared is the folder for the packages, which the tests share because they take long to build.
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

// skipWithout skips a test because a program is not installed; in CI, which installs all, it fails.
func skipWithout(t *testing.T, program string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("needs the program %s", program)
	}
	t.Skipf("needs the program %s", program)
}
