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
	// sourceTimeout is what a source may take, with all of its pages and attempts.
	sourceTimeout = 60 * time.Second
	// firstPause comes before the second attempt. With those that follow it outlasts the 30
	// seconds in which NVD counts requests.
	firstPause = 6 * time.Second
)

// Parts are those of a catalogue that have a source each, and the words in options.
var Parts = []string{releases.part, advisories.part, exploited.part}

// Sources says which sources are read, and where. The zero value reads all of them where
// they are published.
type Sources struct {
	Mirrors map[string]string // address by part
	LeftOut map[string]bool   // parts that are not read

	timeout, pause time.Duration // 0 for sourceTimeout and firstPause
}

// outcome is what reading a source came to.
type outcome struct {
	*source
	answer *answer // nil with an error
	err    error
}

// chosen returns the sources that are not left out.
func (s *Sources) chosen() ([]*source, error) {
	chosen := slices.DeleteFunc(slices.Clone(sources), func(one *source) bool { return s.LeftOut[one.part] })
	if len(chosen) == 0 {
		return nil, errors.New("all sources are left out: nothing is to be done")
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

// fetch reads the sources from the network, all at the same time.
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

// check refuses what is dated in the future: it would silence every warning of old data.
func (o *outcome) check(today catalog.Day) {
	if o.err != nil {
		return
	}
	if day := o.answer.asOf(o.source); day.InFuture(today) || o.source == releases && o.answer.list.day().After(today) {
		o.err = fmt.Errorf("%s is of %s, and today is %s: check the clock of this machine", o.answer.address, later(day, o.answer.list.day()), today)
	}
}

func later(a, b catalog.Day) catalog.Day {
	if b.After(a) {
		return b
	}
	return a
}

// prefixed puts a text in front of each line of an error.
func prefixed(prefix string, err error) error {
	lines := strings.Split(err.Error(), "\n")
	errs := make([]error, 0, len(lines))
	for _, line := range lines {
		errs = append(errs, errors.New(prefix+line))
	}
	return errors.Join(errs...)
}
