//go:build linux

package packages

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

// machine is this machine's file system under a layer that takes all changes and is gone at the
// end, so that a test can install packages. It is a mount namespace, and a folder in it to
// change the root to.
type machine struct {
	*rig.Rig
	holder int    // process number of what keeps the namespace
	root   string // its root as a process in the namespace sees it
}

// Each mount is seen in the new namespace alone. What is not on the root file system, such as
// the services' /run, is not in the layer.
const layer = `mount -t tmpfs machine "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay machine -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t tmpfs run "$1/root/run"
mount -t tmpfs tmp "$1/root/tmp"
mount --rbind /proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"`

// newMachine makes a machine with a Telegraf, its account and its folders, without a systemd.
func newMachine(r *rig.Rig) *machine {
	r.Helper()
	if os.Geteuid() != 0 {
		r.Skip("nothing installed, for only root may mount a file system to install into")
	}
	folder := r.TempDir()
	holder := r.Unshare(layer, folder, "nothing installed, for no file system could be mounted to install into",
		"--mount", "--propagation", "private")
	m := &machine{Rig: r, holder: holder, root: filepath.Join(folder, "root")}

	// Small images let dpkg leave documentation out. A recommended Telegraf is here already.
	m.run("rm -f /etc/dpkg/dpkg.cfg.d/*")
	m.write("/etc/apt/apt.conf.d/99test", "APT::Install-Recommends \"false\";\n", 0o644)
	m.copy(r.Tools.Telegraf, "/usr/bin/telegraf", 0o755)
	m.run("groupadd --system telegraf && useradd --system --gid telegraf telegraf && mkdir -p /etc/telegraf/telegraf.d")
	m.write("/etc/telegraf/telegraf.conf", fmt.Sprintf("[agent]\n  interval = \"1s\"\n  flush_interval = \"100ms\"\n"+
		"[[outputs.influxdb]]\n  urls = [%q]\n  database = %q\n"+
		"[[outputs.file]]\n  files = [\"/tmp/points\"]\n", r.DB.URL, r.Database), 0o644)
	return m
}

// command is a command line of the machine, run by bash.
func (m *machine) command(line string) []string {
	return []string{"nsenter", fmt.Sprintf("--mount=/proc/%d/ns/mnt", m.holder), "chroot", m.root, "/bin/bash", "-euo", "pipefail", "-c", line}
}

// try runs a command line and gives what it wrote.
func (m *machine) try(line string) (string, error) {
	m.Helper()
	args := m.command("cd; " + line)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"}
	output, err := cmd.CombinedOutput()
	return strings.ReplaceAll(string(output), "\r\n", "\n"), err // as apt writes
}

// run is try for a command that must not fail.
func (m *machine) run(line string) string {
	m.Helper()
	output, err := m.try(line)
	require.NoError(m, err, "%s\n%s", line, output)
	return output
}

// path is where a file of the machine is for this process.
func (m *machine) path(file string) string {
	return filepath.Join(fmt.Sprintf("/proc/%d/root", m.holder), m.root, file)
}

func (m *machine) write(file, text string, mode os.FileMode) {
	m.Helper()
	require.NoError(m, os.MkdirAll(filepath.Dir(m.path(file)), 0o755)) //nolint:gosec // for Telegraf's account
	require.NoError(m, os.WriteFile(m.path(file), []byte(text), mode))
	require.NoError(m, os.Chmod(m.path(file), mode)) // whatever the umask
}

func (m *machine) copy(from, to string, mode os.FileMode) {
	m.Helper()
	m.write(to, m.Read(from), mode)
}

// telegraf starts the machine's Telegraf as its service does, as the user telegraf.
func (m *machine) telegraf() *stack.Process {
	m.Helper()
	args := m.command("exec chroot --userspec=telegraf:telegraf / telegraf --config /etc/telegraf/telegraf.conf --config-directory /etc/telegraf/telegraf.d")
	p, err := stack.Start(args[0], args[1:], []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"})
	require.NoError(m, err)
	m.Cleanup(func() {
		_, err := p.Stop(rig.Patience)
		require.NoError(m, err)
	})
	return p
}

// need skips a test where a program of the system is missing.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := stack.FindProgram(program); err != nil {
			lacks(t, program)
		}
	}
}
