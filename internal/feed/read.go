package feed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"telegraf-qlik-sense-version/internal/catalog"
)

const (
	// sourceTimeout bounds the time for a source, with all its pages and attempts.
	sourceTimeout = 60 * time.Second
	// firstPause comes before the second attempt. Together with the longer pauses after it, it
	// exceeds the 30 seconds over which NVD counts requests.
	firstPause = 6 * time.Second
)

// Parts are the parts of a catalogue, as named in options. Each has a source.
var Parts = []string{releases.part, advisories.part, exploited.part}

// Sources selects the sources. The zero value reads all of them from their publishers.
type Sources struct {
	Mirrors map[string]string // URLs by part
	LeftOut map[string]bool   // parts that are not read

	timeout, pause time.Duration // 0 for sourceTimeout and firstPause
}

// outcome is the result of reading a source.
type outcome struct {
	*source
	answer *answer // nil with an error
	err    error
}

func partition(outcomes []outcome) (failed, good []outcome) {
	for _, o := range outcomes {
		if o.err != nil {
			failed = append(failed, o)
		} else {
			good = append(good, o)
		}
	}
	return failed, good
}

// chosen returns the sources that are not left out.
func (s *Sources) chosen() ([]*source, error) {
	chosen := slices.DeleteFunc(slices.Clone(sources), func(one *source) bool { return s.LeftOut[one.part] })
	if len(chosen) == 0 {
		return nil, errors.New("all sources are left out: there is nothing to do")
	}
	for _, one := range chosen {
		if mirror := s.Mirrors[one.part]; mirror != "" {
			if _, err := one.parseURL(mirror); err != nil {
				return nil, err
			}
		}
	}
	return chosen, nil
}

// fetch reads the sources from the network, in parallel.
func (s *Sources) fetch(ctx context.Context, chosen []*source, today catalog.Day) []outcome {
	timeout, pause := s.timeout, s.pause
	if timeout == 0 {
		timeout, pause = sourceTimeout, firstPause
	}
	outcomes := make([]outcome, len(chosen))
	var group sync.WaitGroup
	for i, one := range chosen {
		group.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			outcomes[i].source = one
			outcomes[i].answer, outcomes[i].err = one.fetch(ctx, s.Mirrors[one.part], today, pause)
		})
	}
	group.Wait()
	for i := range outcomes {
		outcomes[i].check(today)
	}
	return outcomes
}

// check refuses an answer dated in the future: it would suppress every warning of old data.
func (o *outcome) check(today catalog.Day) {
	if o.err != nil {
		return
	}
	if day := o.answer.asOf(o.source); day.InFuture(today) || o.source == releases && o.answer.list.day().After(today) {
		o.err = fmt.Errorf("%s is dated %s, but today is %s: check the clock of this machine", o.answer.address, catalog.Later(day, o.answer.list.day()), today)
	}
}

// withPrefix puts a prefix before each line of an error.
func withPrefix(prefix string, err error) error {
	lines := strings.Split(err.Error(), "\n")
	errs := make([]error, 0, len(lines))
	for _, line := range lines {
		errs = append(errs, errors.New(prefix+line))
	}
	return errors.Join(errs...)
}
