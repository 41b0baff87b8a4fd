//go:build linux

package reliability

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

// unwrapped returns a command unchanged, for startPlugin.
func unwrapped(args ...string) []string { return args }

// The plugin is paused during a round until all its timeouts have passed, as on a machine that hangs.
func TestPauseDuringRound(t *testing.T) {
	t.Parallel()
	r := rig.New(t)
	fleet, hosts := r.Start(simulator.Server{}, simulator.Server{Fault: simulator.FaultNoAnswer}, simulator.Server{})
	p := startPlugin(r, unwrapped, r.Block(hosts, "  timeout = \"1s\"\n  max_concurrent_requests = 1\n"))
	p.requestRound()
	require.Eventually(t, func() bool { return fleet.Requests(1) > 0 }, rig.Patience, time.Millisecond)
	require.NoError(t, p.Signal(syscall.SIGSTOP))
	time.Sleep(1500 * time.Millisecond)
	require.NoError(t, p.Signal(syscall.SIGCONT))
	expected := map[string]string{hosts[0]: "success", hosts[1]: "timeout", hosts[2]: "success"}
	results, output := p.awaitResults(len(hosts))
	require.Equal(t, expected, results, output)
	p.requireRound(expected)
}

// Nobody reads the points for a while, as when Telegraf is stopped, while rounds are triggered. All the
// points of complete rounds follow later, without torn lines.
func TestOutputNotRead(t *testing.T) {
	t.Parallel()
	r := rig.New(t)
	hosts := make([]string, 1000)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("127.31.%d.%d:1", i/250, i%250+1) // nothing listens there
	}
	cmd := exec.Command(r.Tools.Plugin, "--config", r.Write("qlik.conf", r.Block(hosts, "")), "--log-level", "error")
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	for range 100 {
		_, err := io.WriteString(stdin, "\n")
		require.NoError(t, err)
		time.Sleep(5 * time.Millisecond)
	}
	rounds := make(map[string]map[string]bool) // sources by time
	lines := bufio.NewScanner(stdout)
	for n := 0; n < 2*len(hosts) && lines.Scan(); n++ {
		require.Regexp(t, `^qlik_sense_version,\S.* \d{19}$`, lines.Text())
		source := point.FindStringSubmatch(lines.Text())[1]
		at := lines.Text()[strings.LastIndex(lines.Text(), " ")+1:]
		if rounds[at] == nil {
			rounds[at] = make(map[string]bool)
		}
		require.False(t, rounds[at][source], "two points of %s in a round", source)
		rounds[at][source] = true
	}
	time.Sleep(200 * time.Millisecond) // long enough for another round
	require.NoError(t, stdin.Close())
	require.False(t, lines.Scan(), lines.Text())
	require.Len(t, rounds, 2, "all triggers during a round together start one more")
	for _, sources := range rounds {
		require.Len(t, sources, len(hosts))
	}
	require.NoError(t, cmd.Wait())
}

// Repeated signals end the plugin once, and keep the answers so far.
func TestManySignals(t *testing.T) {
	t.Parallel()
	r := rig.New(t)
	fleet, hosts := r.Start(simulator.Server{}, simulator.Server{Fault: simulator.FaultNoAnswer})
	config := r.Write("qlik.conf", r.Block(hosts, "  max_concurrent_requests = 1\n"))
	for _, signals := range [][]os.Signal{
		{syscall.SIGTERM}, {syscall.SIGTERM, syscall.SIGINT},
		{syscall.SIGCONT, syscall.SIGPIPE, syscall.SIGWINCH, syscall.SIGTERM},
	} {
		asked := fleet.Requests(1)
		p, stdin, err := stack.StartWithInput(r.Tools.Plugin, []string{"--config", config}, nil)
		require.NoError(t, err)
		defer stdin.Close()
		require.Eventually(t, func() bool { return fleet.Requests(1) > asked }, rig.Patience, time.Millisecond)
		for range 200 {
			for _, signal := range signals {
				p.Signal(signal) // fails once it has ended
			}
		}
		status, err := p.Wait(rig.Patience)
		require.NoError(t, err)
		require.Zero(t, status, p.Output())
		require.Contains(t, p.Output(), "source="+hosts[0]+" ", "the answer before the signals is lost")
	}
}

// "pkill -HUP telegraf", a common way to reload Telegraf, also signals the plugin, whose name matches.
func TestHangup(t *testing.T) {
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{})
	telegraf := r.Telegraf(r.DropIn(r.Block(hosts, "")))
	r.Points(1, "")
	pid, err := telegraf.Child(rig.Patience)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, syscall.SIGHUP))
	require.NoError(t, telegraf.Signal(syscall.SIGHUP))
	for _, p := range r.Points(2, "") {
		require.Equal(t, "success", p["result"])
	}
}

// A report or plan cannot be written: the old file stays intact. The disks are mounted in a namespace.
func TestReportCannotBeWritten(t *testing.T) {
	r := rig.New(t)
	const disk = "mount -t tmpfs -o size=64k tmpfs /mnt"
	if output, err := exec.Command("unshare", "-rm", "sh", "-c", disk).CombinedOutput(); err != nil {
		t.Skipf("cannot mount a disk in a namespace: %v: %s", err, output)
	}
	_, hosts := r.Start(simulator.Server{})
	config := r.Write("qlik.conf", r.Block(hosts, ""))
	const full = "head -c 100k /dev/zero >filler 2>/dev/null; "
	const page = "check --output html --output-file old"
	for name, tt := range map[string]struct{ setup, command, expected string }{
		"full, page":       {full, page, "report: old cannot be written: no space left on device"},
		"full, baseline":   {full, "check --output json --output-file old", "report: old cannot be written: no space left on device"},
		"full, plan":       {full, "plan --output json --output-file old", "plan: old cannot be written: no space left on device"},
		"full, redirected": {full, "check --output html >new", "report: write /dev/stdout: no space left on device"},
		"read-only": {"mount -o remount,ro /mnt; ", page,
			"report: a new file cannot be created in .: read-only file system: check that folder and its permissions"},
		"file size limit": {"ulimit -f 0; ", page, "report: old cannot be written: file too large"},
	} {
		t.Run(name, func(t *testing.T) {
			script := disk + ` && cd /mnt && echo old >old; ` + tt.setup + `"$0" ` + tt.command + ` --config "$1"; echo "status $?"; cat old; rm -f filler new; ls -A`
			cmd := exec.Command("unshare", "-rm", "sh", "-c", script, r.Tools.Plugin, config)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			output, err := cmd.Output()
			require.NoError(t, err, stderr.String())
			require.Equal(t, "status 1\nold\nold\n", string(output))
			require.Equal(t, "E! writing the "+tt.expected+"\n", stderr.String())
		})
	}
}
