package feed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"telegraf-qlik-sense-version/internal/text"
)

const (
	perPage  = 100 // GitHub's most
	maxPages = 50
)

// FetchReleases reads the list from GitHub's REST API, or from a mirror of it, page after
// page, until ctx ends it.
func FetchReleases(ctx context.Context, address string) (*ReleaseList, error) {
	u, err := releases.parseURL(address)
	if err != nil {
		return nil, err
	}
	client := releases.client()
	defer client.CloseIdleConnections()

	l := &ReleaseList{}
	for page := 1; u != nil; page++ {
		if page > maxPages {
			return nil, fmt.Errorf("%s: there are more than %d pages: is it %s?", Place(address), maxPages, releases.name)
		}
		if u, err = l.fetch(ctx, client, u); err != nil {
			return nil, fmt.Errorf("%s, page %d: %w", Place(address), page, err)
		}
	}
	if err := l.usable(); err != nil {
		return nil, fmt.Errorf("%s: %w", Place(address), err)
	}
	return l, nil
}

// fetch adds a page and returns the address of the next one, nil after the last.
func (l *ReleaseList) fetch(ctx context.Context, client *http.Client, u *url.URL) (*url.URL, error) {
	reply, err := releases.get(ctx, client, u)
	if err != nil {
		return nil, err
	}
	before := len(l.Releases) + len(l.Skipped)
	if err := l.parse(reply.body); errors.Is(err, errTruncated) {
		return nil, fmt.Errorf("%w: try again", err)
	} else if err != nil {
		return nil, err
	}
	next, err := nextPage(reply)
	l.Partial = next == nil && len(l.Releases)+len(l.Skipped)-before == perPage
	return next, err
}

// A Link header has links with parameters behind them (RFC 8288): <URL>; rel="next".
const linkParameter = `\s*;\s*([^\s=;,]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s";,]*))?`

var (
	linkPattern      = regexp.MustCompile(`<([^>]*)>((?:` + linkParameter + `)*)`)
	parameterPattern = regexp.MustCompile(linkParameter)
)

// nextPage returns the address that an answer names for the page after it, nil if it names
// none. It must be on the host that was asked, since the user named only that one.
func nextPage(r *reply) (*url.URL, error) {
	for _, link := range linkPattern.FindAllStringSubmatch(strings.Join(r.header.Values("Link"), ", "), -1) {
		if !isNext(link[2]) {
			continue
		}
		next, err := r.url.Parse(link[1])
		if err != nil {
			return nil, fmt.Errorf("the address of the next page is none: %s", text.Quote(link[1]))
		}
		if next.Scheme != r.url.Scheme || next.Host != r.url.Host || next.User != nil {
			return nil, fmt.Errorf("the next page is elsewhere, at %s: a mirror has to name its own pages", text.Quote(Place(next.String())))
		}
		return next, nil
	}
	return nil, nil
}

// isNext reports whether parameters are those of a link to the next page.
func isNext(parameters string) bool {
	for _, parameter := range parameterPattern.FindAllStringSubmatch(parameters, -1) {
		relations := strings.Fields(strings.ToLower(strings.Trim(parameter[2], `"`)))
		if strings.EqualFold(parameter[1], "rel") && slices.Contains(relations, "next") {
			return true
		}
	}
	return false
}
