// Package feed brings a catalogue up to date: it reads public lists, from the network or from
// saved replies, and merges them into the catalogue in a file.
//
// Each list is a source with files of its own. That of the vendor's releases is in
// releases.go (what it says), releases_json.go and releases_pages.go (how GitHub writes it).
package feed

import (
	"errors"
	"fmt"
	"io"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/text"
)

// ReleasesURL is where GitHub publishes the vendor's list of releases: those of the
// repository github.com/qlik-download/qlik-sense-server.
const ReleasesURL = "https://api.github.com/repos/qlik-download/qlik-sense-server/releases?per_page=100"

var releases = &source{
	name:   "the vendor's list",
	url:    ReleasesURL,
	option: "--releases-url",
	header: map[string]string{
		"Accept":               "application/vnd.github+json",
		"X-GitHub-Api-Version": "2022-11-28",
	},
	maxReply: 10 << 20, // of one page
}

// ReleaseList is what the vendor's list says.
type ReleaseList struct {
	Releases []catalog.Listed // in the order of the list
	Skipped  []Skipped
	// Partial marks a list that was read from the network and may go on: its last page is as
	// full as pages are asked for, but names no next one.
	Partial bool
}

// Skipped is an entry that was not taken.
type Skipped struct {
	Name, Tag string // as in the list, whatever that is
	// Preview marks a draft or a prerelease, which are skipped on purpose.
	Preview bool
	Reason  string
}

// String returns one line, whatever the list said.
func (s Skipped) String() string {
	return fmt.Sprintf("%s (tag %s): %s", text.Quote(s.Name), text.Quote(s.Tag), s.Reason)
}

// Newest returns the last day on which something in the list was published: the list is
// of that day or of a later one.
func (l *ReleaseList) Newest() catalog.Day {
	var newest catalog.Day
	for _, entry := range l.Releases {
		if entry.Published.After(newest) {
			newest = entry.Published
		}
	}
	return newest
}

// ReadReleases reads saved replies as one list. Each file, Stdin among them, holds a list in
// JSON, or several one after the other, as "gh api --paginate" writes them.
func ReadReleases(stdin io.Reader, files ...string) (*ReleaseList, error) {
	l := &ReleaseList{}
	for _, file := range files {
		if err := releases.readFile(stdin, file, l.parse); err != nil {
			return nil, err
		}
	}
	if err := l.usable(); err != nil {
		return nil, fmt.Errorf("%s: %w", fileNames(files...), err)
	}
	return l, nil
}

// usable returns the error of a list of which nothing could be taken.
func (l *ReleaseList) usable() error {
	if len(l.Releases) > 0 {
		return nil
	}
	for _, s := range l.Skipped {
		if !s.Preview { // an odd entry says more
			return fmt.Errorf("there is nothing usable in the list, %d skipped, of which %s: is it the right list, and has its format changed?", len(l.Skipped), s)
		}
	}
	if len(l.Skipped) > 0 {
		return fmt.Errorf("there is nothing usable in the list, %d skipped: all are drafts or prereleases", len(l.Skipped))
	}
	return errors.New("the list is empty: is it the right one?")
}
