package feed

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"telegraf-qlik-sense-version/internal/text"
)

// A Link header lists links followed by parameters (RFC 8288): <URL>; rel="next".
const linkParameter = `\s*;\s*([^\s=;,]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s";,]*))?`

var (
	linkPattern      = regexp.MustCompile(`<([^>]*)>((?:` + linkParameter + `)*)`)
	parameterPattern = regexp.MustCompile(linkParameter)
)

// nextReleases returns the URL of the next page, nil after the last one. It must be on the same
// host: the user chose only that one.
func nextReleases(pages []*reply) (*url.URL, error) {
	r := pages[len(pages)-1]
	for _, link := range linkPattern.FindAllStringSubmatch(strings.Join(r.header.Values("Link"), ", "), -1) {
		if !isNext(link[2]) {
			continue
		}
		next, err := r.url.Parse(link[1])
		if err != nil {
			return nil, fmt.Errorf("the address of the next page is not valid: %s", text.Quote(link[1]))
		}
		if next.Scheme != r.url.Scheme || next.Host != r.url.Host || next.User != nil {
			return nil, fmt.Errorf("the next page is elsewhere, at %s: a mirror has to name its own pages", text.Quote(redact(next.String())))
		}
		return next, nil
	}
	return nil, nil
}

// isNext reports whether a link's parameters include rel="next".
func isNext(parameters string) bool {
	for _, parameter := range parameterPattern.FindAllStringSubmatch(parameters, -1) {
		relations := strings.Fields(strings.ToLower(strings.Trim(parameter[2], `"`)))
		if strings.EqualFold(parameter[1], "rel") && slices.Contains(relations, "next") {
			return true
		}
	}
	return false
}
