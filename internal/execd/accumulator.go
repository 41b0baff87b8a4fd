package execd

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/logger"
	"github.com/influxdata/telegraf/metric"
	"github.com/influxdata/telegraf/plugins/serializers/influx"
)

// maxPoint bounds a line of points, in bytes with its newline. execd drops lines of 64 KiB.
const maxPoint = 60 << 10

// accumulator writes points as they are added. AddMetric blocks until they are read, so that points
// do not pile up. Telegraf's own accumulator, in package agent, would link most of Telegraf into
// the program.
type accumulator struct {
	log    telegraf.Logger
	failed chan error
	cancel func() // called when w fails

	mu         sync.Mutex
	serializer influx.Serializer
	w          io.Writer // nil after it failed
}

// newAccumulator returns an accumulator that writes to stdout, and calls cancel when that
// fails.
func newAccumulator(stdout io.Writer, cancel func()) (*accumulator, error) {
	w, limit, err := wholeLines(stdout)
	if err != nil {
		return nil, fmt.Errorf("preparing standard output: %w", err)
	}
	a := &accumulator{
		log:    logger.New("", "", ""),
		failed: make(chan error, 1),
		cancel: cancel,
		// It splits a longer line into several with the same series and time.
		serializer: influx.Serializer{MaxLineBytes: min(maxPoint, limit)},
		w:          w,
	}
	return a, a.serializer.Init()
}

// err returns the error of writing to stdout, or nil.
func (a *accumulator) err() error {
	select {
	case err := <-a.failed:
		return fmt.Errorf("writing the points: %w", err)
	default:
		return nil
	}
}

// AddMetric writes a point.
func (a *accumulator) AddMetric(m telegraf.Metric) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.w == nil {
		return
	}
	lines, err := a.serializer.Serialize(m)
	if err != nil {
		a.log.Errorf("A point was left out because it cannot be written as line protocol: %v", err)
		return
	}
	for line := range bytes.Lines(lines) {
		if _, err := a.w.Write(line); err != nil {
			a.w = nil
			a.failed <- err
			a.cancel()
			return
		}
	}
}

// AddError logs an error as Telegraf does.
func (a *accumulator) AddError(err error) {
	if err != nil {
		a.log.Errorf("Error in plugin: %v", err)
	}
}

// AddFields writes a point, by default with the current time.
func (a *accumulator) AddFields(measurement string, fields map[string]interface{}, tags map[string]string, t ...time.Time) {
	at := time.Now()
	if len(t) > 0 {
		at = t[0]
	}
	a.AddMetric(metric.New(measurement, tags, fields, at))
}

// AddGauge is AddFields: line protocol has no types.
func (a *accumulator) AddGauge(measurement string, fields map[string]interface{}, tags map[string]string, t ...time.Time) {
	a.AddFields(measurement, fields, tags, t...)
}

// AddCounter is AddFields: line protocol has no types.
func (a *accumulator) AddCounter(measurement string, fields map[string]interface{}, tags map[string]string, t ...time.Time) {
	a.AddFields(measurement, fields, tags, t...)
}

// AddSummary is AddFields: line protocol has no types.
func (a *accumulator) AddSummary(measurement string, fields map[string]interface{}, tags map[string]string, t ...time.Time) {
	a.AddFields(measurement, fields, tags, t...)
}

// AddHistogram is AddFields: line protocol has no types.
func (a *accumulator) AddHistogram(measurement string, fields map[string]interface{}, tags map[string]string, t ...time.Time) {
	a.AddFields(measurement, fields, tags, t...)
}

// SetPrecision does nothing: times are written as they are.
func (*accumulator) SetPrecision(time.Duration) {}

// WithTracking is for inputs that acknowledge messages, which no input here does.
func (*accumulator) WithTracking(int) telegraf.TrackingAccumulator {
	panic("execd: delivery cannot be tracked through a pipe")
}
