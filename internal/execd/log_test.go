package execd

import (
	"bytes"
	"io"
	"log"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/logger"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// redirect returns the log until the test ends.
func redirect(t *testing.T, level telegraf.LogLevel) *bytes.Buffer {
	t.Helper()
	var out bytes.Buffer
	redirectTo(t, &out, level)
	return &out
}

func redirectTo(t *testing.T, w io.Writer, level telegraf.LogLevel) {
	t.Helper()
	undo, err := Redirect(w, level)
	require.NoError(t, err)
	t.Cleanup(undo)
}

func TestLevels(t *testing.T) {
	lines := []string{"E! an error", "W! a warning", "I! news", "D! details", "T! everything"}
	for i, level := range []telegraf.LogLevel{telegraf.Error, telegraf.Warn, telegraf.Info, telegraf.Debug, telegraf.Trace} {
		t.Run(level.String(), func(t *testing.T) {
			out := redirect(t, level)
			l := logger.New("inputs", "qlik_sense_version", "")
			l.Error("an error")
			l.Warnf("a %s", "warning")
			l.Info("news")
			l.Debugf("%s", "details")
			l.Trace("every", "thing")
			require.Equal(t, strings.Join(lines[:i+1], "\n")+"\n", out.String())
		})
	}
}

// net/http logs unsolicited responses with package log.
func TestPackageLogDiscarded(t *testing.T) {
	out := redirect(t, telegraf.Trace)
	log.Print("Unsolicited response: password")
	log.Print("E! with a level")
	require.Empty(t, out.String())
}

func TestRedirectUndo(t *testing.T) {
	var out bytes.Buffer
	undo, err := Redirect(&out, telegraf.Info)
	require.NoError(t, err)
	undo()
	logger.New("", "", "").Error("nobody listens")
	log.Print("nobody listens")
	require.Empty(t, out.String())
}

func TestLine(t *testing.T) {
	tests := []struct {
		name, message, expected string
	}{
		{"plain", "hello", "I! hello\n"},
		{"empty", "", "I! \n"},
		{"line ends at the end", "hello\r\n\n", "I! hello\n"},
		{"line ends inside", "one\ntwo\r\nthree", "I! one two  three\n"},
		{"terminal control", "a\x1b[31mred\x07\x00\x7f", "I! a [31mred   \n"},
		{"next line, vertical tab, form feed", "a\u0085b\vc\fd", "I! a b c d\n"},
		{"another level inside", "one\nE! two", "I! one E! two\n"},
		{"not UTF-8", "a\xff\xc3b", "I! a\ufffd\ufffdb\n"},
		{"other letters", "Zürich 東京", "I! Zürich 東京\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.expected, Line(telegraf.Info, tt.message))
		})
	}
}

func TestLineLimit(t *testing.T) {
	for _, letter := range []string{"x", "é", "東", "😀", "\xff"} {
		for shift := range 4 {
			for length := maxLine - 8; length < maxLine+4; length++ {
				// Padding at the start moves the cut through the characters.
				message := strings.Repeat("-", shift) + strings.Repeat(letter, length/len(letter))
				line := Line(telegraf.Warn, message)
				require.LessOrEqual(t, len(line), maxLine)
				require.Equal(t, len(line)-1, strings.IndexByte(line, '\n'))
				require.True(t, utf8.ValidString(line))
				if whole := "W! " + strings.ToValidUTF8(message, "") + "\n"; len(whole) <= maxLine && utf8.ValidString(message) {
					require.Equal(t, whole, line, "fits")
					continue
				}
				if len(message) > maxLine || !utf8.ValidString(message) {
					require.True(t, strings.HasSuffix(line, "...\n"))
					require.Greater(t, len(line), maxLine-8, "cut more than necessary")
				}
			}
		}
	}
	require.Len(t, Line(telegraf.Error, strings.Repeat("x", 10<<20)), maxLine)
}

// Without a sink, Telegraf's logger keeps all messages in memory.
func TestMemoryLimit(t *testing.T) {
	redirectTo(t, io.Discard, telegraf.Info)
	l := logger.New("inputs", "qlik_sense_version", "")
	run := func(lines int) {
		for i := range lines {
			for range 4 {
				l.Debugf("suppressed line %d of a server whose name is rather long", i)
			}
			l.Infof("written line %d of a server whose name is rather long", i)
		}
	}
	run(1000)
	before := heap()
	run(50_000)
	require.Less(t, heap(), before+1<<20)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// single fails if writes overlap, or if a write is not one line.
type single struct {
	t    *testing.T
	busy sync.Mutex
	n    int
}

func (s *single) Write(p []byte) (int, error) {
	if !s.busy.TryLock() {
		s.t.Error("two lines at the same time")
		return len(p), nil
	}
	defer s.busy.Unlock()
	s.n++
	if !bytes.HasPrefix(p, []byte("I! line ")) || bytes.IndexByte(p, '\n') != len(p)-1 {
		s.t.Errorf("not one line: %q", p)
	}
	return len(p), nil
}

func TestConcurrentUse(t *testing.T) {
	out := &single{t: t}
	redirectTo(t, out, telegraf.Info)
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			l := logger.New("inputs", strconv.Itoa(i), "")
			for j := range 500 {
				l.Infof("line %d\nof %d", j, i)
				l.Debug("suppressed")
			}
		})
	}
	group.Wait()
	require.Equal(t, 16*500, out.n)
}
