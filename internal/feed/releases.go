package feed

import (
	"errors"
	"fmt"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/text"
)

// ReleasesURL is where GitHub publishes the vendor's list of releases: those of the
// repository github.com/qlik-download/qlik-sense-server.
const ReleasesURL = "https://api.github.com/repos/qlik-download/qlik-sense-server/releases?per_page=100"

const perPage = 100 // GitHub's most

// releases is the vendor's list.
var releases = &source{
	part: "releases",
	name: "the vendor's list of releases",
	url:  ReleasesURL,
	header: map[string]string{
		"Accept":               "application/vnd.github+json",
		"X-GitHub-Api-Version": "2022-11-28",
	},
	next: nextReleases, parse: parseReleases,
	maxPage: 10 << 20,
}

// releaseList is what the vendor's list says.
type releaseList struct {
	releases []catalog.Listed // in the order of the list
	skipped  []skipped
	// partial marks a list that may go on: its last page is as full as pages are asked for.
	partial bool
}

// skipped is an entry that was not taken.
type skipped struct {
	name, tag string // as in the list, whatever that is
	// preview marks a draft or a prerelease, which are skipped on purpose.
	preview bool
	reason  string
}

// String returns one line, whatever the list said.
func (s skipped) String() string {
	return fmt.Sprintf("%s (tag %s): %s", text.Quote(s.name), text.Quote(s.tag), s.reason)
}

func parseReleases(pages [][]byte) (list, error) {
	l := &releaseList{}
	for i, page := range pages {
		before := l.entries()
		if err := l.parse(page); err != nil {
			return nil, fmt.Errorf("page %d %w", i+1, err)
		}
		l.partial = l.entries()-before == perPage
	}
	return l, l.usable()
}

func (l *releaseList) entries() int { return len(l.releases) + len(l.skipped) }

// day returns the last day on which something in the list was published: the list is of that
// day or of a later one.
func (l *releaseList) day() catalog.Day {
	var newest catalog.Day
	for _, entry := range l.releases {
		if entry.Published.After(newest) {
			newest = entry.Published
		}
	}
	return newest
}

// maxNamed bounds the entries of the list that are named for one reason.
const maxNamed = 10

func (l *releaseList) merge(c *catalog.Catalog, asOf catalog.Day) (*catalog.Catalog, merged, error) {
	result, report, err := c.Merge(l.releases, asOf)
	if err != nil {
		return nil, merged{}, err
	}
	var remarks []string
	for i, left := range report.LeftOut {
		if i == maxNamed {
			remarks = append(remarks, fmt.Sprintf("left out %d more for such reasons", len(report.LeftOut)-maxNamed))
			break
		}
		remarks = append(remarks, left.String())
	}
	return result, merged{report.Changes, append(remarks, l.notTaken()...)}, nil
}

// notTaken tells what is in the list and was not taken.
func (l *releaseList) notTaken() (remarks []string) {
	previews, odd := 0, 0
	for _, s := range l.skipped {
		if s.preview {
			previews++
			continue
		}
		if odd++; odd <= maxNamed {
			remarks = append(remarks, "skipped "+s.String())
		}
	}
	if odd > maxNamed {
		remarks = append(remarks, fmt.Sprintf("skipped %d more like these", odd-maxNamed))
	}
	if previews > 0 {
		remarks = append(remarks, fmt.Sprintf("skipped %d of the list: drafts and prereleases", previews))
	}
	if l.partial {
		remarks = append(remarks, "the list may go on: its last page is full and names no next one")
	}
	return remarks
}

// usable returns the error of a list of which nothing could be taken.
func (l *releaseList) usable() error {
	if len(l.releases) > 0 {
		return nil
	}
	for _, s := range l.skipped {
		if !s.preview { // an odd entry says more
			return fmt.Errorf("there is nothing usable in the list, %d skipped, of which %s: is it the right list, and has its format changed?", len(l.skipped), s)
		}
	}
	if len(l.skipped) > 0 {
		return fmt.Errorf("there is nothing usable in the list, %d skipped: all are drafts or prereleases", len(l.skipped))
	}
	return errors.New("the list is empty: is it the right one?")
}
