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

// addIdle measures what a program takes that has nothing to do any more.
func (m *measured) addIdle(b *testing.B, pid int) {
	b.Helper()
	time.Sleep(3 * time.Second) // the memory of the round is given back in this time
	before := cpuTime(b, pid)
	time.Sleep(idleTime)
	m.idleCPU = cpuTime(b, pid) - before
	m.idle = rig.Memory(b, pid, "VmRSS:")
}

// looks are moments to look at something, true until the time is over. Nineteen parts of twenty
// of the time go by between them, so that looking does not slow down what is looked at.
func looks(within time.Duration) iter.Seq[bool] {
	return func(yield func(bool) bool) {
		deadline := time.Now().Add(within)
		for begin := time.Now(); yield(begin.Before(deadline)); begin = time.Now() {
			time.Sleep(time.Millisecond + 19*time.Since(begin))
		}
	}
}

// watchConnections watches a process until the function that it returns is called, which gives
// the most connections that were seen at the same time.
func watchConnections(pid int) (most func() int) {
	stop, result := make(chan struct{}), make(chan int)
	go func() {
		peak := 0
		for range looks(0) {
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
		return 0 // it has ended
	}
	defer files.Close()
	names, _ := files.Readdirnames(-1) // those that were read count
	for _, name := range names {
		if target, err := os.Readlink(filepath.Join(folder, name)); err == nil && strings.HasPrefix(target, "socket:") {
			n++
		}
	}
	return n
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
