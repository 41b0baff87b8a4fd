package feed

import (
	"errors"
	"fmt"
	"slices"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/text"
)

const perPage = 100 // GitHub's maximum, as in the URL below

// releases is the vendor's list: the releases of the GitHub repository
// qlik-download/qlik-sense-server.
var releases = &source{
	part: "releases",
	name: "the vendor's list of releases",
	url:  "https://api.github.com/repos/qlik-download/qlik-sense-server/releases?per_page=100",
	header: map[string]string{
		"Accept":               "application/vnd.github+json",
		"X-GitHub-Api-Version": "2022-11-28",
	},
	next: nextReleases, parse: parseReleases,
	maxPage: 10 << 20,
}

// releaseList is the content of the vendor's list.
type releaseList struct {
	releases []catalog.Listed // in the order of the list
	skipped  []skipped
	// partial marks a list that may be incomplete: its last page is full.
	partial bool
}

// skipped is an entry that was not used.
type skipped struct {
	name, tag string // as in the list
	preview   bool   // a draft or a prerelease
	reason    string
}

// String returns one line, whatever the list contains.
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
	return l, l.checkUsable()
}

func (l *releaseList) entries() int { return len(l.releases) + len(l.skipped) }

// day returns the day on which the newest entry was published: the list is not older than that.
func (l *releaseList) day() catalog.Day {
	var newest catalog.Day
	for _, entry := range l.releases {
		newest = catalog.Later(newest, entry.Published)
	}
	return newest
}

// maxNamed bounds how many remarks of one kind are written out.
const maxNamed = 10

func (l *releaseList) merge(c *catalog.Catalog, asOf catalog.Day) (*catalog.Catalog, catalog.MergeReport, error) {
	result, report, err := c.Merge(l.releases, asOf)
	report.Remarks = report.LeftOut
	if more := len(report.LeftOut) - maxNamed; more > 0 {
		report.Remarks = slices.Concat(report.LeftOut[:maxNamed], []string{fmt.Sprintf("left out %d more for similar reasons", more)})
	}
	report.Remarks = append(report.Remarks, l.notTaken()...)
	return result, report, err
}

// notTaken returns remarks on the skipped entries and on a list that may be incomplete.
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
		remarks = append(remarks, "the list may go on: its last page is full and does not name a next one")
	}
	return remarks
}

// checkUsable returns an error for a list without a usable entry.
func (l *releaseList) checkUsable() error {
	if len(l.releases) > 0 {
		return nil
	}
	for _, s := range l.skipped {
		if !s.preview { // an entry that cannot be read is the better diagnosis
			return fmt.Errorf("there is nothing usable in the list, %d skipped, for example %s: is it the right list, and has its format changed?", len(l.skipped), s)
		}
	}
	if len(l.skipped) > 0 {
		return fmt.Errorf("there is nothing usable in the list, %d skipped: all are drafts or prereleases", len(l.skipped))
	}
	return errors.New("the list is empty: is it the right one?")
}
