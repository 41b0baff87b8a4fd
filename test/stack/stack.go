// Package stack builds and runs the real programs that tests and the demonstration
// need around the plugin: Telegraf, InfluxDB, Prometheus and Mosquitto. It is not part of
// the program that users install.
package stack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// The versions of the programs. Telegraf's is that of the packages in go.mod.
const (
	TelegrafVersion = "v1.39.3"
	InfluxDBVersion = "v1.8.3"
)

// plugins are the Telegraf plugins that the tests and the demonstration need; the whole
// of Telegraf would take a quarter of an hour to build.
const plugins = "custom,inputs.execd,inputs.exec,inputs.http,outputs.file,outputs.influxdb," +
	"parsers.influx,parsers.json,serializers.influx"

// recipePlugins adds what the drop-ins in deploy/recipes need. They get a separate
// Telegraf, so that the demonstration stays quick to build and the benchmark of
// Telegraf's memory does not depend on the recipes.
const recipePlugins = plugins + ",aggregators.starlark,inputs.mqtt_consumer,outputs.http,outputs.influxdb_v2,outputs.influxdb_v3," +
	"outputs.mqtt,outputs.prometheus_client,parsers.value,processors.starlark,serializers.csv,serializers.template"

// Tools are the paths of the programs.
type Tools struct {
	Telegraf  string
	InfluxDB  string
	Plugin    string // telegraf-qlik-sense-version
	Simulator string // qlik-sense-simulator

	root string // of the repository
}

// Build builds the programs into the folder .bin of the repository at root and reports
// on progress what it does. Telegraf and InfluxDB are built once, from their Go
// modules, which needs the module proxy. Several processes may call it at the same time.
func Build(ctx context.Context, root string, progress io.Writer) (*Tools, error) {
	t, unlock, err := lockTools(root)
	if err != nil {
		return nil, err
	}
	defer unlock()

	t.Telegraf = t.path(telegrafName(plugins + " -s -w"))
	t.InfluxDB = t.path("influxd-" + InfluxDBVersion)
	t.Plugin = t.path("telegraf-qlik-sense-version")
	t.Simulator = t.path("qlik-sense-simulator")
	// Without debug information, like Telegraf's own packages: its size is compared.
	if err := install(ctx, progress, t.Telegraf, telegrafPackage, "-ldflags=-s -w", "-tags", plugins); err != nil {
		return nil, err
	}
	if err := install(ctx, progress, t.InfluxDB, "github.com/influxdata/influxdb/cmd/influxd@"+InfluxDBVersion); err != nil {
		return nil, err
	}
	sayf(progress, "Building the plugin and the simulator")
	return t, goBuild(ctx, t.root, ".bin/", "./cmd/...", "CGO_ENABLED=0")
}

// RecipesTelegraf returns the path of a Telegraf with the plugins of the recipes, and
// builds it the first time as Build does.
func (t *Tools) RecipesTelegraf(ctx context.Context, progress io.Writer) (string, error) {
	_, unlock, err := lockTools(t.root)
	if err != nil {
		return "", err
	}
	defer unlock()

	path := t.path(telegrafName(recipePlugins))
	return path, install(ctx, progress, path, telegrafPackage, "-tags", recipePlugins)
}

// lockTools returns Tools without programs, and keeps other processes from building until
// unlock is called. The system releases the lock if the process dies.
func lockTools(root string) (t *Tools, unlock func(), err error) {
	if root, err = filepath.Abs(root); err != nil {
		return nil, nil, err
	}
	bin := filepath.Join(root, ".bin")
	if err := os.MkdirAll(bin, 0o750); err != nil {
		return nil, nil, err
	}
	unlock, err = lockedfile.MutexAt(filepath.Join(bin, "build.lock")).Lock()
	return &Tools{root: root}, unlock, err
}

func (t *Tools) path(program string) string { return filepath.Join(t.root, ".bin", program+exe()) }

// BuildPlugin builds the plugin of the repository at root for amd64.
func BuildPlugin(ctx context.Context, root, goos, path string) error {
	return goBuild(ctx, root, path, "./cmd/telegraf-qlik-sense-version", "GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=0")
}

// goBuild builds programs of the repository as "make build" does.
func goBuild(ctx context.Context, root, output, packages string, env ...string) error {
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=auto", "-ldflags=-s -w", "-o", output, packages)
	build.Dir = root
	build.Env = append(os.Environ(), env...)
	return run(build)
}

const telegrafPackage = "github.com/influxdata/telegraf/cmd/telegraf@" + TelegrafVersion

// telegrafName differs for each set of plugins and flags, so that a Telegraf from another build
// is not used.
func telegrafName(build string) string {
	sum := sha256.Sum256([]byte(build))
	return "telegraf-" + TelegrafVersion + "-" + hex.EncodeToString(sum[:3])
}

// install builds a program from its module, unless it is there already.
func install(ctx context.Context, progress io.Writer, path, pkg string, flags ...string) error {
	return buildOnce(progress, path, func(dir string) (*exec.Cmd, string) {
		name, _, _ := strings.Cut(filepath.Base(path), "-")
		cmd := exec.CommandContext(ctx, "go", append(append([]string{"install"}, flags...), pkg)...)
		cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=-buildvcs=false")
		return cmd, filepath.Join(dir, name+exe())
	})
}

// buildOnce builds a program, unless it is there already. build returns the command, which
// runs in the folder dir, and the path of the program that the command creates.
func buildOnce(progress io.Writer, path string, build func(dir string) (cmd *exec.Cmd, built string)) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	sayf(progress, "Building %s (only the first time; about two minutes on a small machine)", filepath.Base(path))
	start := time.Now()

	// Into a temporary folder, then renamed: an interrupted build leaves nothing
	// that looks like a program.
	dir, err := os.MkdirTemp(filepath.Dir(path), "build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a leftover folder does no harm
	cmd, built := build(dir)
	cmd.Dir = dir
	done := make(chan error, 1)
	go func() { done <- run(cmd) }()
	for {
		select {
		case err := <-done:
			if err != nil {
				return err
			}
			sayf(progress, "Built %s in %s", filepath.Base(path), time.Since(start).Round(time.Second))
			return os.Rename(built, path)
		case <-time.After(15 * time.Second):
			sayf(progress, "  ... %s so far", time.Since(start).Round(time.Second))
		}
	}
}

func run(cmd *exec.Cmd) error {
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, output)
	}
	return nil
}

func sayf(w io.Writer, format string, args ...any) {
	fmt.Fprintf(w, format+"\n", args...) //nolint:errcheck // progress is not needed
}

func exe() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}
