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

// maxLine bounds a log line, in bytes with its newline. execd stops reading at a line of
// 64 KiB, so the plugin would hang at its next line.
const maxLine = 8 << 10

// Redirect sends the messages of Telegraf's loggers to w, each on one line with the letter of
// its level, as execd expects. It drops messages below the level, and all of package log. undo
// waits for the line that is being written, as long as w blocks.
func Redirect(w io.Writer, level telegraf.LogLevel) (undo func(), err error) {
	// Without a sink, Telegraf's logger keeps all messages in memory until there is one. The
	// callback does the writing.
	logger.RedirectLogging(io.Discard)
	// Libraries use package log for developers; net/http quotes there what a server sent.
	log.SetOutput(io.Discard)

	var mu sync.Mutex
	id, err := logger.AddCallback(func(lineLevel telegraf.LogLevel, _ time.Time, _ string, _ map[string]interface{}, args ...interface{}) {
		if !level.Includes(lineLevel) {
			return
		}
		line := Line(lineLevel, fmt.Sprint(args...))
		mu.Lock()
		defer mu.Unlock()
		io.WriteString(w, line) //nolint:errcheck // there is nowhere else to report it
	})
	return func() { logger.RemoveCallback(id) }, err
}

// Line returns a message as a line that execd logs at the given level.
func Line(level telegraf.LogLevel, message string) string {
	line := level.Indicator() + " " + text.OneLine(strings.TrimSpace(message))
	if len(line) >= maxLine {
		line = text.Truncate(line, maxLine-len("...\n")) + "..."
	}
	return line + "\n"
}
