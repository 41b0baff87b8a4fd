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

// clock shifts the wall clock of a single process. A process reads the time through code that the
// kernel maps into its memory (vdso(7)); that code is overwritten, so that the clock of the machine and
// of other processes stays right.
type clock struct {
	memory *os.File
	offset int64 // address of the seconds to add
}

// shiftedClockGettime is machine code of clock_gettime(clock, time) that adds seconds to the wall clock.
// The seconds follow the code.
var shiftedClockGettime = []byte{
	0xb8, 0xe4, 0x00, 0x00, 0x00, // mov eax, 228: the number of the system call
	0x0f, 0x05, // syscall
	0x85, 0xff, // test edi, edi: CLOCK_REALTIME is 0
	0x75, 0x0a, // jne to ret
	0x48, 0x8b, 0x0d, 0x06, 0x00, 0x00, 0x00, // mov rcx, [rip+6]: the seconds
	0x48, 0x01, 0x0e, // add [rsi], rcx
	0xc3,       // ret
	0x90, 0x90, // align to 8 bytes
}

// patchClock overwrites the plugin's clock_gettime; the clock is not shifted yet.
func patchClock(p *plugin) *clock {
	p.r.Helper()
	proc := fmt.Sprintf("/proc/%d/", p.PID())
	var start, end int64
	for line := range strings.Lines(p.r.Read(proc + "maps")) {
		if strings.HasSuffix(line, "[vdso]\n") {
			_, err := fmt.Sscanf(line, "%x-%x", &start, &end)
			require.NoError(p.r, err)
		}
	}
	if start == 0 {
		p.r.Skip("needs a kernel with a vDSO")
	}
	memory, err := os.OpenFile(proc+"mem", os.O_RDWR, 0)
	if err != nil {
		p.r.Skipf("cannot write to the memory of another process: %v", err)
	}
	p.r.Cleanup(func() { memory.Close() })
	library := make([]byte, end-start)
	_, err = memory.ReadAt(library, start)
	require.NoError(p.r, err)
	file, err := elf.NewFile(bytes.NewReader(library))
	require.NoError(p.r, err)
	symbols, err := file.DynamicSymbols()
	require.NoError(p.r, err)
	i := slices.IndexFunc(symbols, func(s elf.Symbol) bool { return s.Name == "__vdso_clock_gettime" })
	if i < 0 || symbols[i].Size < uint64(len(shiftedClockGettime)+8) {
		p.r.Skip("needs a vDSO whose clock_gettime is long enough to be overwritten")
	}
	entry := start + int64(symbols[i].Value)

	for deadline := time.Now().Add(rig.Patience); ; time.Sleep(10 * time.Millisecond) {
		require.True(p.r, time.Now().Before(deadline), "the program was reading the clock whenever it was stopped")
		require.NoError(p.r, p.Signal(syscall.SIGSTOP))
		if !p.isWithin(start, end) {
			break
		}
		require.NoError(p.r, p.Signal(syscall.SIGCONT))
	}
	_, err = memory.WriteAt(append(slices.Clone(shiftedClockGettime), make([]byte, 8)...), entry)
	require.NoError(p.r, p.Signal(syscall.SIGCONT))
	if err != nil {
		p.r.Skipf("cannot write to the memory of another process: %v", err)
	}
	return &clock{memory, entry + int64(len(shiftedClockGettime))}
}

// isWithin reports whether a thread of the stopped program may be executing code from start to end.
func (p *plugin) isWithin(start, end int64) bool {
	p.r.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", p.PID()))
	require.NoError(p.r, err)
	for _, thread := range threads {
		fields := strings.Fields(p.r.Read(thread))
		pc, err := strconv.ParseInt(fields[len(fields)-1], 0, 64) // the program counter, or "running"
		if err != nil || pc >= start && pc < end {
			return true
		}
	}
	return false
}

// set shifts the clock by days.
func (c *clock) set(r *rig.Rig, days int) {
	r.Helper()
	seconds := binary.LittleEndian.AppendUint64(nil, uint64(days*24*60*60))
	_, err := c.memory.WriteAt(seconds, c.offset)
	require.NoError(r, err)
}

// intField returns an integer field of an output with one point.
func intField(r *rig.Rig, output, field string) int {
	r.Helper()
	match := regexp.MustCompile(`[ ,]` + field + `=(-?\d+)i`).FindStringSubmatch(output)
	require.NotNil(r, match, "%s in %s", field, output)
	n, err := strconv.Atoi(match[1])
	require.NoError(r, err)
	return n
}

// The clock jumps while the plugin runs: a year ahead, a year back, then to the right time. Compliance
// is judged by the age of the data on that day, without a restart.
func TestClockJump(t *testing.T) {
	t.Parallel()
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{Reply: simulator.Reply("May 2025 Patch 15", "14.231.27")})
	// The certificates are newer than the data, so skip their verification.
	p := startPlugin(r, unwrapped, r.Edit(r.Block(hosts, "  insecure_skip_verify = true\n"), `"36500d"`, `"180d"`))
	success := sameResult(hosts, "success")
	dayOfData := -intField(r, p.requireRound(success), "advisories_age_days")
	c := patchClock(p)
	for _, tt := range []struct {
		day                int
		compliance, reason string
	}{
		{0, "compliant", ""},
		{365, "unknown", "catalog_too_old"},
		{-365, "unknown", "catalog_too_old"},
		{1, "compliant", ""},
	} {
		c.set(r, dayOfData+tt.day)
		output := p.requireRound(success)
		require.Contains(t, output, `compliance="`+tt.compliance+`"`)
		require.Contains(t, output, `compliance_reason="`+tt.reason+`"`)
		require.Equal(t, tt.day, intField(r, output, "advisories_age_days"), output)
	}
}

// A clock that jumps during a round does not affect its timeouts. With a wrong clock certificates are
// not valid, and the hint names the clock.
func TestClockJumpDuringRound(t *testing.T) {
	t.Parallel()
	r := rig.New(t)
	fleet, hosts := r.Start(simulator.Server{}, simulator.Server{Fault: simulator.FaultNoAnswer})
	p := startPlugin(r, unwrapped, r.Block(hosts, "  timeout = \"1s\"\n  max_concurrent_requests = 1\n"))
	expected := map[string]string{hosts[0]: "success", hosts[1]: "timeout"}
	p.requireRound(expected)
	c := patchClock(p)
	for _, days := range []int{365, -365} {
		c.set(r, 0)
		asked := fleet.Requests(1)
		p.requestRound()
		require.Eventually(t, func() bool { return fleet.Requests(1) > asked }, rig.Patience, time.Millisecond)
		c.set(r, days)
		results, output := p.awaitResults(len(hosts))
		require.Equal(t, expected, results, output)
		for _, match := range regexp.MustCompile(`response_time=([^ ,]+)`).FindAllStringSubmatch(output, -1) {
			seconds, err := strconv.ParseFloat(match[1], 64)
			require.NoError(t, err)
			require.Positive(t, seconds)
			require.Less(t, seconds, rig.Patience.Seconds(), "the jump is part of the response time")
		}
		times := regexp.MustCompile(`(?m)^qlik_sense_version.* (\d{19})$`).FindAllStringSubmatch(output, -1)
		require.Equal(t, times[0][1], times[1][1])
	}
	for days, problem := range map[int]string{-30: "is before", 6 * 365: "is after"} {
		c.set(r, days)
		p.requireRound(sameResult(hosts, "tls_error"))
		p.await(problem)
	}
	p.await("; renew the certificate on the server; if its dates are right, check the clock of this machine")
	c.set(r, 0)
	p.requireRound(expected)
}
