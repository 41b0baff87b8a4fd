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

// BuildWindows builds Telegraf and the plugin for Windows, amd64, as Build does for this
// machine. The other programs are missing.
func BuildWindows(ctx context.Context, root string, progress io.Writer) (*Tools, error) {
	t, unlock, err := lockTools(root)
	if err != nil {
		return nil, err
	}
	defer unlock()

	t.Telegraf = filepath.Join(t.root, ".bin", telegrafName(plugins)+".exe")
	t.Plugin = filepath.Join(t.root, ".bin", "telegraf-qlik-sense-version.exe")
	modules, err := exec.CommandContext(ctx, "go", "env", "GOMODCACHE").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOMODCACHE: %w", err)
	}
	err = buildOnce(progress, t.Telegraf, func(dir string) (*exec.Cmd, string) {
		cmd := exec.CommandContext(ctx, "go", "install", "-tags", plugins, telegrafPackage)
		// Go installs programs for other systems only below GOPATH.
		cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0",
			"GOPATH="+dir, "GOMODCACHE="+strings.TrimSpace(string(modules)), "GOBIN=", "GOFLAGS=-buildvcs=false")
		return cmd, filepath.Join(dir, "bin", "windows_amd64", "telegraf.exe")
	})
	if err != nil {
		return nil, err
	}
	sayf(progress, "Building the plugin for Windows")
	return t, BuildPlugin(ctx, t.root, "windows", t.Plugin)
}
