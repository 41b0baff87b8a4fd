// Package feed brings a catalogue up to date: it reads public lists, from the network or from
// a bundle of saved replies, and merges each into its part of the catalogue in a file.
//
// There are three sources: releases.go (the vendor's list at GitHub), advisories.go (NVD) and
// exploited.go (CISA). Each names where it is published, finds the address of the next page
// and reads the pages of one answer as a list; all else is the same for all three: http.go
// asks for pages, bundle.go carries them, update.go merges what they say.
package feed

import (
	"errors"
	"net/url"
	"strings"

	"telegraf-qlik-sense-version/internal/catalog"
)

// source is where a part of the catalogue comes from. No credentials are used; the proxies
// that the environment names are.
type source struct {
	part    string // of the catalogue, and the word in options: --releases-url, --no-releases
	name    string // in messages
	url     string // where it is published
	copyURL string // where its publisher keeps a copy, "" for nowhere
	header  map[string]string
	maxPage int // bytes
	// forbiddenIsLimit tells that status 403 without more words is the limit of requests.
	forbiddenIsLimit bool
	// next returns the address of the page after the last one, nil where there is none, and
	// nil itself stands for a list of one page.
	next func(pages []*reply) (*url.URL, error)
	// parse reads the pages of one answer.
	parse func(pages [][]byte) (list, error)
}

// sources in the order in which they are merged: advisories name releases, and CISA's list
// names advisories.
var sources = []*source{releases, advisories, exploited}

func (s *source) option() string { return "--" + s.part + "-url" }

// list is what a source says.
type list interface {
	// day is the day that the list says it is of.
	day() catalog.Day
	// merge returns the catalogue with what the list says as of a day. The error is that of
	// a list of which nothing can be taken.
	merge(c *catalog.Catalog, asOf catalog.Day) (*catalog.Catalog, merged, error)
}

// merged is what came of a list, one sentence each.
type merged struct {
	changes []string
	remarks []string // what was found and not taken
}

// answer is a whole list, as it came from a source or out of a bundle.
type answer struct {
	address string // of the first page, without what may be secret in it
	// read is the day on which it was read where it is published, zero for a mirror: nobody
	// knows how old that is.
	read    catalog.Day
	pages   [][]byte
	list    list
	remarks []string
}

// asOf returns the day that the answer is of. The vendor's list does not tell: it is of the
// day on which it was read, or else not older than its newest entry.
func (a *answer) asOf(s *source) catalog.Day {
	if s == releases && !a.read.IsZero() {
		return a.read
	}
	return a.list.day()
}

var (
	errTruncated = errors.New("ends in the middle of the list")
	errShifted   = errors.New("changed while its pages were read")
)

// isOfficial reports whether an address is where the source is published.
func (s *source) isOfficial(address string) bool {
	return address == s.url || address == s.copyURL
}

// Place returns an address without what may be secret in it.
func Place(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "the URL"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// oneLine puts an error of several lines into one.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
