package feed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"telegraf-qlik-sense-version/internal/catalog"
)

const (
	maxPages  = 50
	maxAnswer = 64 << 20 // bytes of all pages
)

// fetcher downloads the pages of a source.
type fetcher struct {
	*source
	client *http.Client
	pause  time.Duration // before the second attempt; longer before each further one
}

// fetch reads the whole list from a mirror, or from the publisher if address is "". today is the
// day of a list from the publisher.
func (s *source) fetch(ctx context.Context, address string, today catalog.Day, pause time.Duration) (*answer, error) {
	f := &fetcher{source: s, client: s.client(), pause: pause}
	defer f.client.CloseIdleConnections()
	if address != "" && !s.isOfficial(address) {
		return f.read(ctx, address)
	}
	first := ctx
	if deadline, ok := ctx.Deadline(); ok && s.copyURL != "" {
		// Leave time for the copy if the server does not answer.
		var cancel context.CancelFunc
		first, cancel = context.WithDeadline(ctx, deadline.Add(-time.Until(deadline)/2))
		defer cancel()
	}
	a, err := f.read(first, s.url)
	if err != nil && s.copyURL != "" && ctx.Err() == nil {
		remark := fmt.Sprintf("%s was read from its copy at %s, because of an error: %s", s.name, redact(s.copyURL), oneLine(err))
		var copyErr error
		if a, copyErr = f.read(ctx, s.copyURL); copyErr != nil {
			return nil, errors.Join(err, copyErr)
		}
		a.remarks, err = []string{remark}, nil
	}
	if err != nil {
		return nil, err
	}
	a.read = today
	return a, nil
}

// read reads all pages, again if the list changed in between.
func (f *fetcher) read(ctx context.Context, address string) (a *answer, err error) {
	u, err := f.parseURL(address)
	if err != nil {
		return nil, err
	}
	for range maxAttempts {
		if a, err = f.pages(ctx, u); !errors.Is(err, errShifted) {
			break
		}
	}
	switch {
	case errors.Is(err, errShifted), errors.Is(err, errTruncated):
		return nil, fmt.Errorf("%s%w: try again", redact(address), err)
	case err != nil:
		return nil, fmt.Errorf("%s%w", redact(address), err)
	}
	a.address = redact(address)
	return a, nil
}

// pages reads all pages once. The error begins with the page; the caller adds the address.
func (f *fetcher) pages(ctx context.Context, first *url.URL) (*answer, error) {
	var replies []*reply
	a := &answer{}
	size := 0
	for u := first; u != nil; {
		if len(replies) == maxPages {
			return nil, fmt.Errorf(": there are more than %d pages: is it %s?", maxPages, f.name)
		}
		reply, err := f.get(ctx, u)
		if err != nil {
			return nil, fmt.Errorf(", page %d: %w", len(replies)+1, err)
		}
		if size += len(reply.body); size > maxAnswer {
			return nil, fmt.Errorf(": is larger than %d MiB: is it %s?", maxAnswer>>20, f.name)
		}
		replies = append(replies, reply)
		a.pages = append(a.pages, reply.body)
		if u = nil; f.next != nil {
			if u, err = f.next(replies); err != nil {
				return nil, fmt.Errorf(", page %d: %w", len(replies), err)
			}
		}
	}
	var err error
	if a.list, err = f.parse(a.pages); err != nil {
		return nil, fmt.Errorf(": %w", err)
	}
	return a, nil
}
