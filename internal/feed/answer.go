package feed

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"telegraf-qlik-sense-version/internal/text"
)

// statusError says what an answer other than a list means and what to do about it.
func statusError(response *http.Response, content []byte) error {
	code := response.StatusCode
	header := response.Header
	switch {
	case (code == http.StatusForbidden || code == http.StatusTooManyRequests) &&
		(header.Get("X-Ratelimit-Remaining") == "0" || header.Get("Retry-After") != ""):
		return limitError(header, time.Now())
	case code == http.StatusNotFound:
		return errors.New("HTTP status 404 Not Found: there is no list: check the URL, or the vendor has moved it")
	case code >= 300 && code < 400:
		return fmt.Errorf("HTTP status %s without a usable new address: check the URL", status(code))
	case code >= 500:
		return fmt.Errorf("HTTP status %s: the fault is there: try again later", status(code))
	}
	var object struct{ Message string }
	if err := json.Unmarshal(content, &object); err == nil && object.Message != "" {
		return fmt.Errorf("HTTP status %s, with the message %s", status(code), text.Quote(object.Message))
	}
	return fmt.Errorf("HTTP status %s: check the URL", status(code))
}

func status(code int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", code, http.StatusText(code)))
}

// limitError is the answer to too many requests. An address may ask GitHub sixty times
// an hour without credentials, and all behind one proxy share that.
func limitError(header http.Header, now time.Time) error {
	until := "for now"
	if at := limitEnd(header, now); !at.IsZero() {
		until = "until " + at.Local().Format("2006-01-02 15:04 MST")
	}
	return fmt.Errorf("the limit of requests is used up %s: wait, read the list elsewhere and hand it over with --from FILE, or name a mirror with --url", until)
}

// limitEnd is when requests are answered again, zero where that cannot be told.
func limitEnd(header http.Header, now time.Time) time.Time {
	const longest = 7 * 24 * time.Hour // what is further away is no sense
	var at time.Time
	if after := header.Get("Retry-After"); after != "" {
		if seconds, err := strconv.ParseUint(after, 10, 31); err == nil {
			at = now.Add(time.Duration(seconds) * time.Second)
		} else if date, err := http.ParseTime(after); err == nil {
			at = date
		}
	} else if reset, err := strconv.ParseInt(header.Get("X-Ratelimit-Reset"), 10, 64); err == nil {
		at = time.Unix(reset, 0)
	}
	if at.Before(now) || at.After(now.Add(longest)) {
		return time.Time{}
	}
	return at
}

// A Link header has links with parameters behind them (RFC 8288): <URL>; rel="next".
const linkParameter = `\s*;\s*([^\s=;,]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s";,]*))?`

var (
	linkPattern      = regexp.MustCompile(`<([^>]*)>((?:` + linkParameter + `)*)`)
	parameterPattern = regexp.MustCompile(linkParameter)
)

// nextPage is the address that an answer names for the page behind it, nil where it
// names none. It stays on the host that was asked, for that alone was asked for.
func nextPage(response *http.Response) (*url.URL, error) {
	for _, link := range linkPattern.FindAllStringSubmatch(strings.Join(response.Header.Values("Link"), ", "), -1) {
		if !isNext(link[2]) {
			continue
		}
		asked := response.Request.URL
		next, err := asked.Parse(link[1])
		if err != nil {
			return nil, fmt.Errorf("the address of the next page is none: %s", text.Quote(link[1]))
		}
		if next.Scheme != asked.Scheme || next.Host != asked.Host || next.User != nil {
			return nil, fmt.Errorf("the next page is elsewhere, at %s: a mirror has to name its own pages", text.Quote(Place(next.String())))
		}
		return next, nil
	}
	return nil, nil
}

// isNext holds for the parameters of a link to the next page.
func isNext(parameters string) bool {
	for _, parameter := range parameterPattern.FindAllStringSubmatch(parameters, -1) {
		relations := strings.Fields(strings.ToLower(strings.Trim(parameter[2], `"`)))
		if strings.EqualFold(parameter[1], "rel") && slices.Contains(relations, "next") {
			return true
		}
	}
	return false
}
