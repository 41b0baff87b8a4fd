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

// watch keeps what one process holds, from look to look.
type watch struct {
	pid   int
	begun time.Time
	looks []look
}

type look struct {
	after                        time.Duration
	memory, descriptors, threads int // resident bytes; numbers
}

func (w *watch) look(t *testing.T) {
	t.Helper()
	w.looks = append(w.looks, look{
		after:       time.Since(w.begun),
		memory:      rig.Memory(t, w.pid, "VmRSS:"),
		descriptors: entries(t, w.pid, "fd"),
		threads:     entries(t, w.pid, "task"),
	})
}

func entries(t *testing.T, pid int, folder string) int {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/%s", pid, folder))
	require.NoError(t, err)
	return len(list)
}

// least is the least of what a look has: a round that is under way adds to it for a moment, a
// leak raises it for good.
func least(looks []look) look {
	all := looks[0]
	for _, l := range looks {
		all.memory, all.descriptors, all.threads = min(all.memory, l.memory), min(all.descriptors, l.descriptors), min(all.threads, l.threads)
	}
	return all
}

func most(looks []look) look {
	all := looks[0]
	for _, l := range looks {
		all.memory, all.descriptors, all.threads = max(all.memory, l.memory), max(all.descriptors, l.descriptors), max(all.threads, l.threads)
	}
	return all
}

func requireNoGrowth(t *testing.T, first, last look) {
	t.Helper()
	require.LessOrEqual(t, last.memory, first.memory*5/4+(4<<20), "bytes of memory")
	require.LessOrEqual(t, last.descriptors, first.descriptors, "descriptors")
	require.LessOrEqual(t, last.threads, first.threads+8, "threads")
}

// table has a line for each eighth of the time: the least and the most in it.
func (w *watch) table() []string {
	lines := []string{"until | looks | memory (MiB) | descriptors | threads"}
	for i := range 8 {
		part := w.looks[len(w.looks)*i/8 : len(w.looks)*(i+1)/8]
		if len(part) == 0 {
			continue
		}
		low, high := least(part), most(part)
		lines = append(lines, fmt.Sprintf("%s | %d | %.1f to %.1f | %d to %d | %d to %d", part[len(part)-1].after.Round(time.Second), len(part),
			float64(low.memory)/(1<<20), float64(high.memory)/(1<<20), low.descriptors, high.descriptors, low.threads, high.threads))
	}
	return lines
}
