//go:build linux

package bench

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
	"telegraf-qlik-sense-version/test/rig"
	"telegraf-qlik-sense-version/test/stack"
)

// BenchmarkRound measures rounds of polls by the plugin, by a bare client (Go's HTTP
// client, bounded as the plugin is, and nothing else) and by Telegraf's own inputs.http
// over the same simulated servers, one after the other in the same run: the machine may be
// shared, so the ratios count and not the times. CPU and memory are those of the polling
// process alone: of the plugin, of the bare client, and of the Telegraf that runs
// inputs.http.
//
//	cpu-ms, bare-cpu-ms, http-cpu-ms       CPU of a round; with full TLS handshakes, as all are
//	cpu/bare, cpu/http                     the plugin's to the others'
//	wall-ms, http-wall-ms, wall/http       the time that a round takes
//	peak-MiB, bare-peak-MiB, http-peak-MiB the highest resident memory in the first round
//	peak10-MiB                             the plugin's in ten rounds
//	peak/http                              the plugin's first round to inputs.http
//	idle-MiB                               the plugin's resident memory some seconds after that
//	idle-cpu-ms/s                          what the plugin does between rounds
func BenchmarkRound(b *testing.B) {
	tools, err := stack.Build(b.Context(), rig.Root, os.Stderr)
	require.NoError(b, err)
	bare := filepath.Join(b.TempDir(), "bareclient")
	build, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", bare, "./bareclient").CombinedOutput()
	require.NoError(b, err, "%s", build)
	for _, servers := range []int{1, 100, 1000, 10000} {
		b.Run(fmt.Sprintf("servers=%d", servers), func(b *testing.B) {
			f := startFleet(b, tools, servers)
			f.bare(b, bare) // the simulator makes its certificates now
			var sum measured
			for b.Loop() {
				if servers <= 1000 { // inputs.http asks all at once: more than this machine answers in time
					sum.add(f.telegraf(b))
				}
				sum.add(f.bare(b, bare))
				sum.add(f.plugin(b))
			}
			sum.report(b)
		})
	}
}

// measured are sums and, of memory, the most over the runs of a benchmark.
type measured struct {
	wall, cpu, idleCPU, bareCPU, httpWall, httpCPU time.Duration
	peak, peak10, idle, barePeak, httpPeak         int // bytes
}

func (m *measured) add(o measured) {
	m.wall += o.wall
	m.cpu += o.cpu
	m.idleCPU += o.idleCPU
	m.bareCPU += o.bareCPU
	m.httpWall += o.httpWall
	m.httpCPU += o.httpCPU
	m.peak = max(m.peak, o.peak)
	m.peak10 = max(m.peak10, o.peak10)
	m.idle = max(m.idle, o.idle)
	m.barePeak = max(m.barePeak, o.barePeak)
	m.httpPeak = max(m.httpPeak, o.httpPeak)
}

func (m *measured) report(b *testing.B) {
	b.Helper()
	ms := func(d time.Duration) float64 { return float64(d) / float64(b.N) / float64(time.Millisecond) }
	mib := func(bytes int) float64 { return float64(bytes) / (1 << 20) }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ms(m.wall), "wall-ms")
	b.ReportMetric(ms(m.cpu), "cpu-ms")
	b.ReportMetric(ms(m.bareCPU), "bare-cpu-ms")
	if m.cpu > 0 && m.bareCPU > 0 { // the kernel counts in hundredths of a second
		b.ReportMetric(float64(m.cpu)/float64(m.bareCPU), "cpu/bare")
	}
	b.ReportMetric(mib(m.peak), "peak-MiB")
	b.ReportMetric(mib(m.peak10), "peak10-MiB")
	b.ReportMetric(mib(m.barePeak), "bare-peak-MiB")
	if m.httpPeak > 0 {
		b.ReportMetric(ms(m.httpWall), "http-wall-ms")
		b.ReportMetric(float64(m.wall)/float64(m.httpWall), "wall/http")
		b.ReportMetric(ms(m.httpCPU), "http-cpu-ms")
		b.ReportMetric(mib(m.httpPeak), "http-peak-MiB")
		b.ReportMetric(float64(m.peak)/float64(m.httpPeak), "peak/http")
	}
	if m.cpu > 0 && m.httpCPU > 0 {
		b.ReportMetric(float64(m.cpu)/float64(m.httpCPU), "cpu/http")
	}
	b.ReportMetric(mib(m.idle), "idle-MiB")
	b.ReportMetric(ms(m.idleCPU)/idleTime.Seconds(), "idle-cpu-ms/s")
}

const (
	idleTime = 5 * time.Second
	rounds   = 10
)

// benchFleet is a simulator in a process of its own.
type benchFleet struct {
	tools *stack.Tools
	hosts []string
	dir   string
}

func startFleet(b *testing.B, tools *stack.Tools, servers int) *benchFleet {
	b.Helper()
	f := &benchFleet{tools: tools, dir: b.TempDir()}
	for _, address := range simulator.Addresses(servers) {
		f.hosts = append(f.hosts, strings.TrimSuffix(address, ":9032"))
	}
	p, err := stack.Start(tools.Simulator, []string{"--site", f.dir, "--servers", strconv.Itoa(servers)}, nil)
	require.NoError(b, err)
	b.Cleanup(func() {
		_, err := p.Stop(rig.Patience)
		require.NoError(b, err)
	})
	require.NoError(b, p.Await("ready\n", 1, rig.Patience))
	return f
}

// roundsOf runs a program that makes a round for each newline on its standard input and
// prints a line for each server.
type roundsOf struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Scanner
	wants string // in each line
}

func startRounds(b *testing.B, wants, program string, args ...string) *roundsOf {
	b.Helper()
	r := &roundsOf{cmd: exec.Command(program, args...), wants: wants}
	var err error
	r.stdin, err = r.cmd.StdinPipe()
	require.NoError(b, err)
	stdout, err := r.cmd.StdoutPipe()
	require.NoError(b, err)
	r.lines = bufio.NewScanner(stdout)
	r.cmd.Stderr = os.Stderr
	require.NoError(b, r.cmd.Start())
	time.Sleep(time.Second) // the start of the program is not part of a round
	return r
}

func (r *roundsOf) round(b *testing.B, servers int) (wall, cpu time.Duration) {
	b.Helper()
	before, start := cpuTime(b, r.cmd.Process.Pid), time.Now()
	_, err := io.WriteString(r.stdin, "\n")
	require.NoError(b, err)
	for range servers {
		require.True(b, r.lines.Scan())
		require.Contains(b, r.lines.Text(), r.wants)
	}
	return time.Since(start), cpuTime(b, r.cmd.Process.Pid) - before
}

func (r *roundsOf) end(b *testing.B) {
	b.Helper()
	require.NoError(b, r.stdin.Close())
	require.NoError(b, r.cmd.Wait())
}

// bare measures a round of the bare client.
func (f *benchFleet) bare(b *testing.B, program string) (m measured) {
	b.Helper()
	r := startRounds(b, "<nil>", program, append([]string{f.dir}, f.hosts...)...)
	_, m.bareCPU = r.round(b, len(f.hosts))
	m.barePeak = rig.Memory(b, r.cmd.Process.Pid, "VmHWM:")
	r.end(b)
	return m
}

// plugin measures ten rounds of the plugin, asked for as execd asks.
func (f *benchFleet) plugin(b *testing.B) (m measured) {
	b.Helper()
	settings := filepath.Join(b.TempDir(), "settings.conf")
	text := stack.Settings(f.hosts, f.dir, "  timeout = \"2m\"\n")
	require.NoError(b, os.WriteFile(settings, []byte(text), 0o600))
	r := startRounds(b, `result="success"`, f.tools.Plugin, "--config", settings, "--gather-on-start=false", "--log-level", "error")
	m.wall, m.cpu = r.round(b, len(f.hosts))
	m.peak = rig.Memory(b, r.cmd.Process.Pid, "VmHWM:")
	for range rounds - 1 {
		r.round(b, len(f.hosts))
	}
	m.peak10 = rig.Memory(b, r.cmd.Process.Pid, "VmHWM:")
	time.Sleep(3 * time.Second) // the memory of the round is given back in this time
	idle := cpuTime(b, r.cmd.Process.Pid)
	time.Sleep(idleTime)
	m.idleCPU = cpuTime(b, r.cmd.Process.Pid) - idle
	m.idle = rig.Memory(b, r.cmd.Process.Pid, "VmRSS:")
	r.end(b)
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
func (f *benchFleet) telegraf(b *testing.B) measured {
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
	p, err := stack.Start(f.tools.Telegraf, []string{"--config", config}, nil)
	require.NoError(b, err)

	// The round begins four seconds after the agent, and is seen at once.
	require.NoError(b, p.Await("Starting Telegraf", 1, rig.Patience))
	start := time.Now().Add(4 * time.Second)
	time.Sleep(3 * time.Second)
	before := cpuTime(b, p.PID())
	require.Eventually(b, func() bool {
		points, err := os.ReadFile(output)
		return err == nil && strings.Count(string(points), "\n") >= len(f.hosts)
	}, 4*rig.Patience, 5*time.Millisecond, p.Output())
	m := measured{httpWall: time.Since(start), httpCPU: cpuTime(b, p.PID()) - before, httpPeak: rig.Memory(b, p.PID(), "VmHWM:")}
	_, err = p.Stop(rig.Patience)
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
