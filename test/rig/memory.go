package rig

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Memory is a line of /proc/PID/status, in bytes: VmRSS is the resident set of a process,
// VmHWM its peak.
func Memory(tb testing.TB, pid int, line string) int {
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
