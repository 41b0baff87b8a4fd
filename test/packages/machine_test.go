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

// machine is an overlay on this machine's file system, so that a test can install packages: a mount
// namespace with the overlay as a root to chroot into. All changes are gone when the test ends.
type machine struct {
	*rig.Rig
	holder int    // ID of the process that keeps the namespace
	root   string // of the overlay, as seen in the namespace
}

// mountScript mounts the overlay. Only the new namespace sees its mounts. Other file systems than the
// root, such as the services' /run, are not part of the overlay.
const mountScript = `mount -t tmpfs machine "$1"
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
		r.Skip("needs root to mount a file system to install into")
	}
	folder := r.TempDir()
	holder := r.Unshare(mountScript, folder, "cannot mount a file system to install into",
		"--mount", "--propagation", "private")
	m := &machine{Rig: r, holder: holder, root: filepath.Join(folder, "root")}

	// Container images make dpkg leave out documentation. Telegraf, which is recommended, is copied below.
	m.run("rm -f /etc/dpkg/dpkg.cfg.d/*")
	m.write("/etc/apt/apt.conf.d/99test", "APT::Install-Recommends \"false\";\n", 0o644)
	m.copy(r.Tools.Telegraf, "/usr/bin/telegraf", 0o755)
	m.run("groupadd --system telegraf && useradd --system --gid telegraf telegraf && mkdir -p /etc/telegraf/telegraf.d")
	m.write("/etc/telegraf/telegraf.conf", fmt.Sprintf("[agent]\n  interval = \"1s\"\n  flush_interval = \"100ms\"\n"+
		"[[outputs.influxdb]]\n  urls = [%q]\n  database = %q\n"+
		"[[outputs.file]]\n  files = [\"/tmp/points\"]\n", r.DB.URL, r.Database), 0o644)
	return m
}

// command returns the arguments that run a line of bash on the machine.
func (m *machine) command(line string) []string {
	return []string{"nsenter", fmt.Sprintf("--mount=/proc/%d/ns/mnt", m.holder), "chroot", m.root, "/bin/bash", "-euo", "pipefail", "-c", line}
}

// output runs a command line and returns its output.
func (m *machine) output(line string) (string, error) {
	m.Helper()
	args := m.command("cd; " + line)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"}
	output, err := cmd.CombinedOutput()
	return strings.ReplaceAll(string(output), "\r\n", "\n"), err // apt writes CRLF
}

// run is output for a command that must succeed.
func (m *machine) run(line string) string {
	m.Helper()
	output, err := m.output(line)
	require.NoError(m, err, "%s\n%s", line, output)
	return output
}

// path returns the path by which this process reaches a file of the machine.
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

// need skips a test if a program is not installed.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := stack.FindProgram(program); err != nil {
			skipWithout(t, program)
		}
	}
}
