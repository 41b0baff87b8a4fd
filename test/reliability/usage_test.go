//go:build linux

package reliability

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/test/rig"
)

// usageLog records the resources of a process over time.
type usageLog struct {
	pid     int
	begun   time.Time
	samples []sample
}

type sample struct {
	after                        time.Duration
	memory, descriptors, threads int // resident bytes; numbers
}

func (u *usageLog) record(t *testing.T) {
	t.Helper()
	u.samples = append(u.samples, sample{
		after:       time.Since(u.begun),
		memory:      rig.Memory(t, u.pid, "VmRSS:"),
		descriptors: entries(t, u.pid, "fd"),
		threads:     entries(t, u.pid, "task"),
	})
}

func entries(t *testing.T, pid int, folder string) int {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/%s", pid, folder))
	require.NoError(t, err)
	return len(list)
}

// minimum returns the minimum of each resource: a round in progress raises usage for a moment, a leak
// for good.
func minimum(samples []sample) sample {
	result := samples[0]
	for _, s := range samples {
		result.memory, result.descriptors, result.threads = min(result.memory, s.memory), min(result.descriptors, s.descriptors), min(result.threads, s.threads)
	}
	return result
}

func maximum(samples []sample) sample {
	result := samples[0]
	for _, s := range samples {
		result.memory, result.descriptors, result.threads = max(result.memory, s.memory), max(result.descriptors, s.descriptors), max(result.threads, s.threads)
	}
	return result
}

func requireNoGrowth(t *testing.T, first, last sample) {
	t.Helper()
	require.LessOrEqual(t, last.memory, first.memory*5/4+(4<<20), "bytes of memory")
	require.LessOrEqual(t, last.descriptors, first.descriptors, "descriptors")
	require.LessOrEqual(t, last.threads, first.threads+8, "threads")
}

// table formats the range of each resource, with a line for each eighth of the time.
func (u *usageLog) table() []string {
	lines := []string{"until | samples | memory (MiB) | descriptors | threads"}
	for i := range 8 {
		part := u.samples[len(u.samples)*i/8 : len(u.samples)*(i+1)/8]
		if len(part) == 0 {
			continue
		}
		low, high := minimum(part), maximum(part)
		lines = append(lines, fmt.Sprintf("%s | %d | %.1f to %.1f | %d to %d | %d to %d", part[len(part)-1].after.Round(time.Second), len(part),
			float64(low.memory)/(1<<20), float64(high.memory)/(1<<20), low.descriptors, high.descriptors, low.threads, high.threads))
	}
	return lines
}
