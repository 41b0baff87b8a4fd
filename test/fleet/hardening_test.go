//go:build linux

package fleet

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

const hardening = rig.Root + "/deploy/hardening/telegraf.conf"

func systemdAnalyze(t *testing.T, arguments ...string) string {
	t.Helper()
	requirePrograms(t, "systemd-analyze")
	output, err := exec.Command("systemd-analyze", append([]string{"--no-pager"}, arguments...)...).CombinedOutput()
	require.NoError(t, err, "%s", output)
	return string(output)
}

var exposure = regexp.MustCompile(`Overall exposure level for telegraf\.service: ([\d.]+)`)

// The hardened unit is that of Telegraf's own packages.
func TestHardeningLowersExposure(t *testing.T) {
	r := rig.New(t)
	telegraf, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/influxdata/telegraf").Output()
	require.NoError(t, err)
	dir := t.TempDir()
	unit := filepath.Join(dir, "telegraf.service")
	require.NoError(t, os.WriteFile(unit, []byte(r.Read(filepath.Join(strings.TrimSpace(string(telegraf)), "scripts/telegraf.service"))), 0o600))
	level := func() float64 {
		output := systemdAnalyze(t, "security", "--offline=true", unit)
		match := exposure.FindStringSubmatch(output)
		require.NotNil(t, match, output)
		require.NotContains(t, output, "hardening.conf:", "a line that systemd does not understand")
		value, err := strconv.ParseFloat(match[1], 64)
		require.NoError(t, err)
		return value
	}

	plain := level()
	require.NoError(t, os.Mkdir(unit+".d", 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(unit+".d", "hardening.conf"), []byte(r.Read(hardening)), 0o600))
	hardened := level()
	require.Less(t, hardened, plain-5)
	require.LessOrEqual(t, hardened, 2.0) // 1.5 with systemd 252; newer versions check more
}

// The settings of the hardening drop-in: those that testdata/restricted.sh applies without systemd,
// and those that it does not.
const (
	applied = `NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
UMask=0077
ProtectKernelTunables=yes
RestrictNamespaces=yes
MemoryDenyWriteExecute=yes
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX`
	notApplied = `RestrictSUIDSGID=yes
LogsDirectory=telegraf
LogsDirectoryMode=0750
StateDirectory=telegraf
StateDirectoryMode=0750
RemoveIPC=yes
ProtectProc=invisible
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictRealtime=yes
LockPersonality=yes
SystemCallArchitectures=native`
)

// A real Telegraf and the plugin run under the restrictions that can be applied without systemd.
func TestTelegrafRunsHardened(t *testing.T) {
	r := rig.New(t)
	if os.Getuid() != 0 {
		t.Skip("only root can drop privileges")
	}
	if output, err := exec.Command("unshare", "--mount", "--propagation", "private", "mount", "--bind", "/proc/sys", "/proc/sys").CombinedOutput(); err != nil {
		t.Skipf("nothing can be mounted in a namespace: %v: %s", err, output)
	}
	require.ElementsMatch(t, strings.Split(applied+"\n"+notApplied, "\n"), regexp.MustCompile(`(?m)^\w+=.*$`).FindAllString(r.Read(hardening), -1))
	_, hosts := r.Start(simulator.Server{})
	// systemd-analyze prints the system calls of each group and the names of the groups in it.
	groups := map[string][]string{}
	var group string
	for line := range strings.Lines(systemdAnalyze(t, "syscall-filter")) {
		switch name := strings.TrimSpace(line); {
		case strings.HasPrefix(line, "@"):
			group = name
		case name != "" && !strings.HasPrefix(name, "#"):
			groups[group] = append(groups[group], name)
		}
	}
	var members func(name string) []string
	members = func(name string) []string {
		if !strings.HasPrefix(name, "@") {
			return []string{name}
		}
		require.NotEmpty(t, groups[name], name)
		var all []string
		for _, member := range groups[name] {
			all = append(all, members(member)...)
		}
		return all
	}
	var allowed []string
	for _, filter := range regexp.MustCompile(`(?m)^SystemCallFilter=(~?)(@\S+)$`).FindAllStringSubmatch(r.Read(hardening), -1) {
		calls := members(filter[2])
		if filter[1] == "" {
			// systemd adds @default to every list of allowed calls.
			allowed = append(append(allowed, calls...), members("@default")...)
			continue
		}
		allowed = slices.DeleteFunc(allowed, func(name string) bool { return slices.Contains(calls, name) })
	}
	require.Contains(t, allowed, "openat")
	require.NotContains(t, allowed, "chown")
	require.NotContains(t, allowed, "ptrace")

	rig.TrackFiles(t, "testdata")
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o755)) //nolint:gosec // Telegraf runs as the user nobody and reads its files there
	for name, from := range map[string]string{"telegraf": r.Tools.Telegraf, "plugin": r.Tools.Plugin} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(r.Read(from)), 0o755))
	}
	for name, text := range map[string]string{
		"root.pem": r.Read(r.SiteDir + "/root.pem"), "client.pem": r.Read(r.SiteDir + "/client.pem"), "client_key.pem": r.Read(r.SiteDir + "/client_key.pem"),
		"telegraf.conf": "[agent]\n  flush_interval = \"100ms\"\n[[outputs.influxdb]]\n  urls = [\"" + r.DB.URL + "\"]\n  database = \"" + r.Database + "\"\n",
		"drop-in.conf":  r.Edit(r.DropIn(stack.Settings(hosts, "/mnt", stack.NoMaxAge)), r.Tools.Plugin, "/mnt/plugin"),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	syscalls := r.Write("syscalls", strings.Join(allowed, "\n"))
	restrict := func(command ...string) (program string, arguments []string) {
		return "testdata/restricted.sh", append([]string{dir, syscalls}, command...)
	}

	// First a probe: the restrictions are in force.
	program, arguments := restrict("/bin/sh", "-c", `grep -E '^(Uid|CapBnd|CapEff|NoNewPrivs|Seccomp):' /proc/self/status
for file in /etc/probe /mnt/probe /var/lib/probe /proc/sys/kernel/hostname; do
	(echo x >$file) 2>/dev/null && echo "$file was written"
done
echo x >/tmp/probe && echo "/tmp is private"
ls /home /root 2>/dev/null
unshare --user true 2>/dev/null && echo "a namespace was made"
ls /dev`)
	probe, err := exec.Command(program, arguments...).CombinedOutput()
	require.NoError(t, err, "%s", probe)
	require.Equal(t, []string{
		"Uid:", "65534", "65534", "65534", "65534", "CapEff:", "0000000000000000", "CapBnd:", "0000000000000000", "NoNewPrivs:", "1", "Seccomp:", "2",
		"/tmp", "is", "private", "full", "null", "random", "tty", "urandom", "zero",
	}, strings.Fields(string(probe)))
	require.NoFileExists(t, "/tmp/probe")

	program, arguments = restrict("/mnt/telegraf", "--config", "/mnt/telegraf.conf", "--config", "/mnt/drop-in.conf")
	p, err := stack.Start(program, arguments, nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := p.Stop(rig.Patience)
		require.NoError(t, err)
	})
	points := r.Points(1, "")
	require.Equal(t, "success", points[0]["result"])
	require.NotContains(t, p.Output(), "E! ")
	require.NotContains(t, p.Output(), "too old")
}
