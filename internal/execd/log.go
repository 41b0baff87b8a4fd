package execd

import (
	"fmt"
	"io"
	"log"
	"strings"
	"sync"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/logger"

	"telegraf-qlik-sense-version/internal/text"
)

// maxLine bounds a log line, in bytes with its end. execd stops reading at a line
// of 64 KiB and the plugin then hangs at its next one.
const maxLine = 8 << 10

// Redirect sends every log line of Telegraf's loggers to w: one line each, with the
// level's letter in front, as execd wants it. Lines above the level are dropped, and
// what libraries tell package log. undo ends it, after the line that is
// being written, so it waits as long as w does.
func Redirect(w io.Writer, level telegraf.LogLevel) (undo func(), err error) {
	// Without a sink, Telegraf's logger keeps every line it is given for ever,
	// to print it when the sink is set up. The callback is what writes.
	logger.RedirectLogging(io.Discard)
	// What libraries tell package log is meant for developers; net/http quotes there
	// what a server sent.
	log.SetOutput(io.Discard)

	var mu sync.Mutex
	id, err := logger.AddCallback(func(lineLevel telegraf.LogLevel, _ time.Time, _ string, _ map[string]interface{}, args ...interface{}) {
		if !level.Includes(lineLevel) {
			return
		}
		line := Line(lineLevel, fmt.Sprint(args...))
		mu.Lock()
		defer mu.Unlock()
		io.WriteString(w, line) //nolint:errcheck // there is no other place to tell it
	})
	return func() { logger.RemoveCallback(id) }, err
}

// Line forms one line that execd logs at the given level.
func Line(level telegraf.LogLevel, message string) string {
	message = text.OneLine(strings.TrimSpace(message))

	line := level.Indicator() + " " + message
	if len(line) >= maxLine {
		line = strings.ToValidUTF8(line[:maxLine-len("...\n")], "") + "..."
	}
	return line + "\n"
}
