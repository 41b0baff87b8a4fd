package stack

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// WindowsTools are the paths of the programs for Windows, amd64.
type WindowsTools struct {
	Telegraf string
	Plugin   string // telegraf-qlik-sense-version.exe
}

// windowsPlatform builds for Windows on any system.
var windowsPlatform = []string{"GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0"}

// BuildWindows builds them as Build does the programs of this machine.
func BuildWindows(ctx context.Context, root string, progress io.Writer) (*WindowsTools, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	unlock, err := Lock(root, buildLock)
	if err != nil {
		return nil, err
	}
	defer unlock()

	bin := filepath.Join(root, binFolder)
	t := &WindowsTools{
		Telegraf: filepath.Join(bin, telegrafName(plugins)+".exe"),
		Plugin:   filepath.Join(bin, "telegraf-qlik-sense-version.exe"),
	}
	modules, err := exec.CommandContext(ctx, "go", "env", "GOMODCACHE").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOMODCACHE: %w", err)
	}
	err = buildOnce(progress, t.Telegraf, func(dir string) (*exec.Cmd, string) {
		cmd := exec.CommandContext(ctx, "go", "install", "-tags", plugins, telegrafPackage)
		// Go puts programs for other systems nowhere but below GOPATH.
		cmd.Env = append(append(os.Environ(), windowsPlatform...),
			"GOPATH="+dir, "GOMODCACHE="+strings.TrimSpace(string(modules)), "GOBIN=", "GOFLAGS=-buildvcs=false")
		return cmd, filepath.Join(dir, "bin", "windows_amd64", "telegraf.exe")
	})
	if err != nil {
		return nil, err
	}
	sayf(progress, "Building the plugin for Windows")
	return t, BuildPlugin(ctx, root, "windows", t.Plugin)
}

// BuildPlugin builds the plugin of the repository at root for amd64 as "make build" does.
func BuildPlugin(ctx context.Context, root, goos, path string) error {
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=auto", "-ldflags=-s -w", "-o", path, "./cmd/telegraf-qlik-sense-version")
	build.Dir = root
	build.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=0")
	return run(build)
}
