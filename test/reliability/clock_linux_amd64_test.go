package reliability

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
)

// clock is the wall clock as one process sees it. That process asks the time of code that the
// kernel has put into its memory (vdso(7)); other code there gives it another time, while the
// machine and its other processes keep theirs.
type clock struct {
	memory *os.File
	offset int64 // where the seconds to add are
}

// wrongTime is clock_gettime(clock, time), with seconds added to the wall clock.
var wrongTime = []byte{
	0xb8, 0xe4, 0x00, 0x00, 0x00, // mov eax, 228: the system call itself
	0x0f, 0x05, // syscall
	0x85, 0xff, // test edi, edi: CLOCK_REALTIME is 0
	0x75, 0x0a, // jne to ret
	0x48, 0x8b, 0x0d, 0x06, 0x00, 0x00, 0x00, // mov rcx, [rip+6]: the seconds
	0x48, 0x01, 0x0e, // add [rsi], rcx
	0xc3,       // ret
	0x90, 0x90, // up to a multiple of 8
}

// clockOf puts wrongTime into a program, and takes it for right at first.
func clockOf(a *agent) *clock {
	a.r.Helper()
	proc := fmt.Sprintf("/proc/%d/", a.PID())
	var start, end int64
	for line := range strings.Lines(a.r.Read(proc + "maps")) {
		if strings.HasSuffix(line, "[vdso]\n") {
			_, err := fmt.Sscanf(line, "%x-%x", &start, &end)
			require.NoError(a.r, err)
		}
	}
	if start == 0 {
		a.r.Skip("not run, for this kernel gives programs no code that tells the time")
	}
	memory, err := os.OpenFile(proc+"mem", os.O_RDWR, 0)
	if err != nil {
		a.r.Skipf("not run, for the clock of another program cannot be put wrong: %v", err)
	}
	a.r.Cleanup(func() { memory.Close() })
	library := make([]byte, end-start)
	_, err = memory.ReadAt(library, start)
	require.NoError(a.r, err)
	file, err := elf.NewFile(bytes.NewReader(library))
	require.NoError(a.r, err)
	symbols, err := file.DynamicSymbols()
	require.NoError(a.r, err)
	i := slices.IndexFunc(symbols, func(s elf.Symbol) bool { return s.Name == "__vdso_clock_gettime" })
	if i < 0 || symbols[i].Size < uint64(len(wrongTime)+8) {
		a.r.Skip("not run, for this kernel's code that tells the time is too short to be replaced")
	}
	entry := start + int64(symbols[i].Value)

	for deadline := time.Now().Add(rig.Patience); ; time.Sleep(10 * time.Millisecond) {
		require.True(a.r, time.Now().Before(deadline), "the program always asks for the time")
		require.NoError(a.r, a.Signal(syscall.SIGSTOP))
		if !a.isWithin(start, end) {
			break
		}
		require.NoError(a.r, a.Signal(syscall.SIGCONT))
	}
	_, err = memory.WriteAt(append(slices.Clone(wrongTime), make([]byte, 8)...), entry)
	require.NoError(a.r, a.Signal(syscall.SIGCONT))
	if err != nil {
		a.r.Skipf("not run, for the clock of another program cannot be put wrong: %v", err)
	}
	return &clock{memory, entry + int64(len(wrongTime))}
}

// isWithin reports whether a thread of the stopped program may be at an address from start to end.
func (a *agent) isWithin(start, end int64) bool {
	a.r.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", a.PID()))
	require.NoError(a.r, err)
	for _, thread := range threads {
		fields := strings.Fields(a.r.Read(thread))
		at, err := strconv.ParseInt(fields[len(fields)-1], 0, 64) // the program counter, or "running"
		if err != nil || at >= start && at < end {
			return true
		}
	}
	return false
}

// set makes the clock wrong by days.
func (c *clock) set(r *rig.Rig, days int) {
	r.Helper()
	seconds := binary.LittleEndian.AppendUint64(nil, uint64(days*24*60*60))
	_, err := c.memory.WriteAt(seconds, c.offset)
	require.NoError(r, err)
}

// number gives a field of an output that has one point.
func number(r *rig.Rig, output, field string) int {
	r.Helper()
	match := regexp.MustCompile(`[ ,]` + field + `=(-?\d+)i`).FindStringSubmatch(output)
	require.NotNil(r, match, "%s in %s", field, output)
	n, err := strconv.Atoi(match[1])
	require.NoError(r, err)
	return n
}

// The clock jumps while the program runs: a year on, a year back, to the right time. Green is
// what the data prove on that day, and needs no restart.
func TestClockThatJumps(t *testing.T) {
	t.Parallel()
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{Reply: simulator.Reply("May 2025 Patch 15", "14.231.27")})
	// The certificates are younger than the data.
	a := startAgent(r, plain, r.Edit(r.Block(hosts, "  insecure_skip_verify = true\n"), `"36500d"`, `"180d"`))
	success := all(hosts, "success")
	dayOfData := -number(r, a.require(success), "advisories_age_days")
	c := clockOf(a)
	for _, tt := range []struct {
		day                 int
		compliance, because string
	}{
		{0, "compliant", ""},
		{365, "unknown", "catalog_too_old"},
		{-365, "unknown", "catalog_too_old"},
		{1, "compliant", ""},
	} {
		c.set(r, dayOfData+tt.day)
		output := a.require(success)
		require.Contains(t, output, `compliance="`+tt.compliance+`"`)
		require.Contains(t, output, `compliance_reason="`+tt.because+`"`)
		require.Equal(t, tt.day, number(r, output, "advisories_age_days"), output)
	}
}

// A clock that jumps in the middle of a round ends no wait and starts none, and one that is
// wrong makes certificates invalid, which the program says.
func TestWrongClockAndCertificates(t *testing.T) {
	t.Parallel()
	r := rig.New(t)
	fleet, hosts := r.Start(simulator.Server{}, simulator.Server{Fault: simulator.FaultNoAnswer})
	a := startAgent(r, plain, r.Block(hosts, "  timeout = \"1s\"\n  max_concurrent_requests = 1\n"))
	right := map[string]string{hosts[0]: "success", hosts[1]: "timeout"}
	a.require(right)
	c := clockOf(a)
	for _, days := range []int{365, -365} {
		c.set(r, 0)
		asked := fleet.Requests(1)
		a.prompt()
		require.Eventually(t, func() bool { return fleet.Requests(1) > asked }, rig.Patience, time.Millisecond)
		c.set(r, days)
		results, output := a.results(len(hosts))
		require.Equal(t, right, results, output)
		for _, match := range regexp.MustCompile(`response_time=([^ ,]+)`).FindAllStringSubmatch(output, -1) {
			seconds, err := strconv.ParseFloat(match[1], 64)
			require.NoError(t, err)
			require.Positive(t, seconds)
			require.Less(t, seconds, rig.Patience.Seconds(), "the jump counts")
		}
		times := regexp.MustCompile(`(?m)^qlik_sense_version.* (\d{19})$`).FindAllStringSubmatch(output, -1)
		require.Equal(t, times[0][1], times[1][1])
	}
	for days, problem := range map[int]string{-30: "is before", 6 * 365: "is after"} {
		c.set(r, days)
		a.require(all(hosts, "tls_error"))
		a.await(problem)
	}
	a.await("; renew the certificate on the server; if its dates are right, check the clock of this machine")
	c.set(r, 0)
	a.require(right)
}
