// Package stack builds and runs the real programs that tests and the demonstration
// need around the plugin: Telegraf, InfluxDB, Prometheus and Mosquitto. Nothing of it is
// part of the program that users install.
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

// plugins are those of Telegraf that tests and demonstration need; the whole of
// Telegraf would take a quarter of an hour to build.
const plugins = "custom,inputs.execd,inputs.exec,inputs.http,outputs.file,outputs.influxdb," +
	"parsers.influx,parsers.json,serializers.influx"

// recipePlugins are those that the drop-ins in deploy/recipes need beside them. They are
// in a Telegraf of their own: the demonstration stays quick to build, and what the
// benchmark says of Telegraf's memory does not grow with the recipes.
const recipePlugins = plugins + ",aggregators.starlark,inputs.mqtt_consumer,outputs.http,outputs.influxdb_v2,outputs.influxdb_v3," +
	"outputs.mqtt,outputs.prometheus_client,parsers.value,processors.starlark,serializers.csv,serializers.template"

const (
	binFolder = ".bin" // of the repository, for what is built
	buildLock = "build.lock"
)

// Lock waits until no other process holds the lock of this name in the repository at root,
// and takes it. A process that ends gives its locks back, however it ends.
func Lock(root, name string) (unlock func(), err error) {
	bin := filepath.Join(root, binFolder)
	if err := os.MkdirAll(bin, 0o750); err != nil {
		return nil, err
	}
	return lockedfile.MutexAt(filepath.Join(bin, name)).Lock()
}

// Tools are the paths of the programs.
type Tools struct {
	Telegraf  string
	InfluxDB  string
	Plugin    string // telegraf-qlik-sense-version
	Simulator string // qlik-sense-simulator

	bin  string // where they are
	root string // of the repository
}

// Build builds the programs into the folder .bin of the repository at root and says
// on progress what it does. Telegraf and InfluxDB are built once, from their Go
// modules, and need the module proxy for that. Several processes may build at the same time:
// one of them does, and the others find the programs up to date.
func Build(ctx context.Context, root string, progress io.Writer) (*Tools, error) {
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
	t := &Tools{
		Telegraf:  filepath.Join(bin, telegrafName(plugins+" -s -w")+exe()),
		InfluxDB:  filepath.Join(bin, "influxd-"+InfluxDBVersion+exe()),
		Plugin:    filepath.Join(bin, "telegraf-qlik-sense-version"+exe()),
		Simulator: filepath.Join(bin, "qlik-sense-simulator"+exe()),
		bin:       bin,
		root:      root,
	}
	// Without what only debuggers read, as in Telegraf's own packages: its size is compared.
	if err := install(ctx, progress, t.Telegraf, telegrafPackage, "-ldflags=-s -w", "-tags", plugins); err != nil {
		return nil, err
	}
	if err := install(ctx, progress, t.InfluxDB, "github.com/influxdata/influxdb/cmd/influxd@"+InfluxDBVersion); err != nil {
		return nil, err
	}
	sayf(progress, "Building the plugin and the simulator")
	// As "make build" does.
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=auto", "-ldflags=-s -w", "-o", bin+string(filepath.Separator), "./cmd/...")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	return t, run(build)
}

// RecipesTelegraf gives the path of a Telegraf with the plugins of the recipes, and
// builds it the first time as Build does.
func (t *Tools) RecipesTelegraf(ctx context.Context, progress io.Writer) (string, error) {
	unlock, err := Lock(t.root, buildLock)
	if err != nil {
		return "", err
	}
	defer unlock()

	path := filepath.Join(t.bin, telegrafName(recipePlugins)+exe())
	return path, install(ctx, progress, path, telegrafPackage, "-tags", recipePlugins)
}

const telegrafPackage = "github.com/influxdata/telegraf/cmd/telegraf@" + TelegrafVersion

// telegrafName is another one for each way to build it, its set of plugins above all, so that a
// Telegraf from before a change of them is not taken for the new one.
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

// buildOnce builds a program, unless it is there already. build gives the command, which works
// in the folder dir, and where it leaves the program.
func buildOnce(progress io.Writer, path string, build func(dir string) (cmd *exec.Cmd, built string)) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	sayf(progress, "Building %s (only the first time; about two minutes on a small machine)", filepath.Base(path))
	start := time.Now()

	// Into a folder beside it, then renamed: a broken-off build leaves nothing
	// that looks like a program.
	dir, err := os.MkdirTemp(filepath.Dir(path), "build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a folder that stays is in the way of nobody
	cmd, built := build(dir)
	cmd.Dir = dir
	done := make(chan error, 1)
	go func() { done <- run(cmd) }()
	ticker := time.NewTicker(15 * time.Second)
	defer ticker.Stop()
	for running := true; running; {
		select {
		case err := <-done:
			if err != nil {
				return err
			}
			running = false
		case <-ticker.C:
			sayf(progress, "  ... %s so far", time.Since(start).Round(time.Second))
		}
	}
	sayf(progress, "Built %s in %s", filepath.Base(path), time.Since(start).Round(time.Second))
	return os.Rename(built, path)
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
