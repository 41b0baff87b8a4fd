//go:build linux

package test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/stack"
)

// BenchmarkRound measures rounds of polls by the plugin and by Telegraf's own
// inputs.http over the same simulated servers, one after the other in the same run:
// the machine may be shared, so the ratios count and not the times. CPU and memory
// are those of the polling process alone: of the plugin, and of the Telegraf that
// runs inputs.http.
//
//	http-cpu-ms      CPU of a first round by inputs.http
//	cpu-ms           CPU of the plugin's first round, full TLS handshakes
//	cpu/http         the ratio of the two
//	cpu2/cpu         the plugin's second round to its first
//	http-wall-ms, wall-ms, wall/http    the same for the time that a round takes
//	http-peak-MiB, peak-MiB, peak/http   the same for the highest resident memory
//	idle-MiB         the plugin's resident memory some seconds after two rounds
//	idle-cpu-ms/s    what the plugin does between rounds
func BenchmarkRound(b *testing.B) {
	if world.missing != nil {
		b.Skipf("Telegraf could not be built: %v", world.missing)
	}
	for _, servers := range []int{1, 100, 1000, 5000} {
		b.Run(fmt.Sprintf("servers=%d", servers), func(b *testing.B) {
			fleet := startFleet(b, servers)
			fleet.plugin(b) // the simulator makes its certificates now
			var sum measured
			for b.Loop() {
				sum.add(fleet.telegraf(b))
				sum.add(fleet.plugin(b))
			}
			sum.report(b)
		})
	}
}

// measured are sums over the runs of a benchmark.
type measured struct {
	wall, cpu, cpu2, idleCPU, httpWall, httpCPU time.Duration
	peak, idle, httpPeak                        int // bytes
}

func (m *measured) add(o measured) {
	m.wall += o.wall
	m.cpu += o.cpu
	m.cpu2 += o.cpu2
	m.idleCPU += o.idleCPU
	m.httpWall += o.httpWall
	m.httpCPU += o.httpCPU
	m.peak = max(m.peak, o.peak)
	m.idle = max(m.idle, o.idle)
	m.httpPeak = max(m.httpPeak, o.httpPeak)
}

func (m *measured) report(b *testing.B) {
	b.Helper()
	ms := func(d time.Duration) float64 { return float64(d) / float64(b.N) / float64(time.Millisecond) }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ms(m.wall), "wall-ms")
	b.ReportMetric(ms(m.httpWall), "http-wall-ms")
	b.ReportMetric(float64(m.wall)/float64(m.httpWall), "wall/http")
	b.ReportMetric(ms(m.cpu), "cpu-ms")
	b.ReportMetric(ms(m.httpCPU), "http-cpu-ms")
	if m.cpu > 0 && m.httpCPU > 0 { // the kernel counts in hundredths of a second
		b.ReportMetric(float64(m.cpu)/float64(m.httpCPU), "cpu/http")
		b.ReportMetric(float64(m.cpu2)/float64(m.cpu), "cpu2/cpu")
	}
	b.ReportMetric(float64(m.peak)/(1<<20), "peak-MiB")
	b.ReportMetric(float64(m.httpPeak)/(1<<20), "http-peak-MiB")
	b.ReportMetric(float64(m.peak)/float64(m.httpPeak), "peak/http")
	b.ReportMetric(float64(m.idle)/(1<<20), "idle-MiB")
	b.ReportMetric(ms(m.idleCPU)/idleTime.Seconds(), "idle-cpu-ms/s")
}

const idleTime = 5 * time.Second

// fleet is a simulator in a process of its own.
type fleet struct {
	hosts []string
	dir   string
}

func startFleet(b *testing.B, servers int) *fleet {
	b.Helper()
	f := &fleet{dir: b.TempDir()}
	for _, address := range simulator.Addresses(servers) {
		f.hosts = append(f.hosts, strings.TrimSuffix(address, ":9032"))
	}
	p, err := stack.Start(world.tools.Simulator, []string{"--site", f.dir, "--servers", strconv.Itoa(servers)}, nil)
	require.NoError(b, err)
	b.Cleanup(func() {
		_, err := p.Stop(patience)
		require.NoError(b, err)
	})
	require.NoError(b, p.Await("ready\n", 1, patience))
	return f
}

// plugin measures two rounds of the plugin, asked for as execd asks.
func (f *fleet) plugin(b *testing.B) measured {
	b.Helper()
	settings := filepath.Join(b.TempDir(), "settings.conf")
	text := fmt.Sprintf("[[inputs.qlik_sense_version]]\nhosts = [%s]\ntimeout = \"2m\"\ntls_ca = %q\ntls_cert = %q\ntls_key = %q\n",
		stack.Quote(f.hosts), f.dir+"/root.pem", f.dir+"/client.pem", f.dir+"/client_key.pem")
	require.NoError(b, os.WriteFile(settings, []byte(text), 0o600))

	cmd := exec.Command(world.tools.Plugin, "--config", settings, "--gather-on-start=false", "--log-level", "error")
	stdin, err := cmd.StdinPipe()
	require.NoError(b, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(b, err)
	cmd.Stderr = os.Stderr
	require.NoError(b, cmd.Start())
	lines := bufio.NewScanner(stdout)
	round := func() (wall, cpu time.Duration) {
		before, start := cpuTime(b, cmd.Process.Pid), time.Now()
		_, err := io.WriteString(stdin, "\n")
		require.NoError(b, err)
		for range f.hosts {
			require.True(b, lines.Scan())
			require.Contains(b, lines.Text(), `result="success"`)
		}
		return time.Since(start), cpuTime(b, cmd.Process.Pid) - before
	}

	time.Sleep(time.Second) // the start of the program is not part of a round
	var m measured
	m.wall, m.cpu = round()
	_, m.cpu2 = round()
	m.peak = memory(b, cmd.Process.Pid, "VmHWM:")
	time.Sleep(3 * time.Second) // the memory of the round is given back in this time
	idle := cpuTime(b, cmd.Process.Pid)
	time.Sleep(idleTime)
	m.idleCPU = cpuTime(b, cmd.Process.Pid) - idle
	m.idle = memory(b, cmd.Process.Pid, "VmRSS:")
	require.NoError(b, stdin.Close())
	require.NoError(b, cmd.Wait())
	return m
}

const httpInput = `
[agent]
  interval = "1h"
  round_interval = false
  collection_offset = "4s"
  flush_interval = "100ms"
  metric_batch_size = 10000
  omit_hostname = true
[[outputs.file]]
  files = [%q]
[[inputs.http]]
  urls = [%s]
  timeout = "2m"
  tls_ca = %q
  tls_cert = %q
  tls_key = %q
  name_override = "qlik_sense_version"
  data_format = "json"
  json_string_fields = ["contentHash", "senseId", "version", "deploymentType", "releaseLabel", "deprecatedProductVersion",
    "productName", "copyrightYearRange"]
`

// telegraf measures the first round of inputs.http in a Telegraf that does nothing
// else. It cannot be asked for a round, so its interval leaves time to start.
func (f *fleet) telegraf(b *testing.B) measured {
	b.Helper()
	dir := b.TempDir()
	output := filepath.Join(dir, "points")
	urls := make([]string, len(f.hosts))
	for i, host := range f.hosts {
		urls[i] = "https://" + host + ":9032/v1/systeminfo"
	}
	config := filepath.Join(dir, "telegraf.conf")
	text := fmt.Sprintf(httpInput, output, stack.Quote(urls), f.dir+"/root.pem", f.dir+"/client.pem", f.dir+"/client_key.pem")
	require.NoError(b, os.WriteFile(config, []byte(text), 0o600))
	p, err := stack.Start(world.tools.Telegraf, []string{"--config", config}, nil)
	require.NoError(b, err)

	// The round begins four seconds after the agent, and is seen at once.
	require.NoError(b, p.Await("Starting Telegraf", 1, patience))
	start := time.Now().Add(4 * time.Second)
	time.Sleep(3 * time.Second)
	before := cpuTime(b, p.PID())
	require.Eventually(b, func() bool {
		points, err := os.ReadFile(output)
		return err == nil && strings.Count(string(points), "\n") >= len(f.hosts)
	}, 4*patience, 5*time.Millisecond, p.Output())
	m := measured{httpWall: time.Since(start), httpCPU: cpuTime(b, p.PID()) - before, httpPeak: memory(b, p.PID(), "VmHWM:")}
	_, err = p.Stop(patience)
	require.NoError(b, err)
	return m
}

// cpuTime is the CPU that a process has used so far, to the precision of the
// kernel's accounting.
func cpuTime(tb testing.TB, pid int) time.Duration {
	tb.Helper()
	// All threads, those that have ended too: nanoseconds on the CPU is only kept
	// per thread, so the clock ticks of the whole process it is.
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(tb, err)
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks int
	for _, field := range fields[11:13] { // utime, stime
		n, err := strconv.Atoi(field)
		require.NoError(tb, err)
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100
}

// memory is a line of /proc/PID/status, in bytes: VmRSS is what a process holds,
// VmHWM the most that it held.
func memory(tb testing.TB, pid int, line string) int {
	tb.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(tb, err)
	for text := range strings.Lines(string(status)) {
		if fields := strings.Fields(text); fields[0] == line {
			kib, err := strconv.Atoi(fields[1])
			require.NoError(tb, err)
			return kib << 10
		}
	}
	require.Fail(tb, "no such line", line)
	return 0
}
