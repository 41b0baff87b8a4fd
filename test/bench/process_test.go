//go:build linux

package bench

import (
	"bytes"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
)

const idleTime = 3 * time.Second

// addIdle measures memory and CPU of an idle program.
func (m *measurement) addIdle(b *testing.B, pid int) {
	b.Helper()
	time.Sleep(3 * time.Second) // let the runtime return the memory of the round
	before := cpuTime(b, pid)
	time.Sleep(idleTime)
	m.idleCPU = cpuTime(b, pid) - before
	m.idle = rig.Memory(b, pid, "VmRSS:")
}

// samplingTicks yields times to sample a process, with true until the duration is over. The pauses
// take 95% of the time, so that sampling does not slow down the process.
func samplingTicks(within time.Duration) iter.Seq[bool] {
	return func(yield func(bool) bool) {
		deadline := time.Now().Add(within)
		for begin := time.Now(); yield(begin.Before(deadline)); begin = time.Now() {
			time.Sleep(time.Millisecond + 19*time.Since(begin))
		}
	}
}

// watchConnections samples the open connections of a process until the returned function is called,
// which returns the peak.
func watchConnections(pid int) (most func() int) {
	stop, result := make(chan struct{}), make(chan int)
	go func() {
		peak := 0
		for range samplingTicks(0) {
			peak = max(peak, sockets(pid))
			select {
			case <-stop:
				result <- peak
				return
			default:
			}
		}
	}()
	return func() int { close(stop); return <-result }
}

func sockets(pid int) (n int) {
	folder := fmt.Sprintf("/proc/%d/fd", pid)
	files, err := os.Open(folder)
	if err != nil {
		return 0 // the process has ended
	}
	defer files.Close()
	names, _ := files.Readdirnames(-1) // count what could be read
	for _, name := range names {
		if target, err := os.Readlink(filepath.Join(folder, name)); err == nil && strings.HasPrefix(target, "socket:") {
			n++
		}
	}
	return n
}

// cpuTime returns the CPU time that a process has used so far, in ticks of 10 ms.
func cpuTime(tb testing.TB, pid int) time.Duration {
	tb.Helper()
	// The kernel keeps nanoseconds only per thread, and would lose ended threads: use the clock ticks
	// of the whole process.
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
