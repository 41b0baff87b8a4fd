// Package feed updates a catalogue file: it reads public lists, from the network or from a
// bundle of saved replies, and merges each into its part of the catalogue.
//
// There are three sources: releases.go (the vendor's list on GitHub), advisories.go (NVD) and
// exploited.go (CISA). Each has a URL, finds the URL of the next page and parses the pages.
// The rest is common: http.go requests pages, bundle.go saves them, update.go merges them.
package feed

import (
	"errors"
	"net/url"
	"strings"

	"telegraf-qlik-sense-version/internal/catalog"
)

// source is where a part of the catalogue comes from. Requests carry no credentials and use the
// proxies from the environment.
type source struct {
	part    string // of the catalogue, also in options: --releases-url, --no-releases
	name    string // in messages
	url     string // where it is published
	copyURL string // of the publisher's copy, "" for none
	header  map[string]string
	maxPage int // bytes
	// forbiddenIsLimit is set if a plain status 403 means too many requests.
	forbiddenIsLimit bool
	// next returns the URL of the page after the last one, nil if there is none. It is nil for
	// a list that always has one page.
	next func(pages []*reply) (*url.URL, error)
	// parse reads the pages of one answer.
	parse func(pages [][]byte) (list, error)
}

// sources in the order of merging: advisories name releases, and CISA's list names advisories.
var sources = []*source{releases, advisories, exploited}

func (s *source) option() string { return "--" + s.part + "-url" }

// list is the content of a source's answer.
type list interface {
	// day returns the date of the list by its content.
	day() catalog.Day
	// merge returns a copy of the catalogue with the list as of a day merged in, or an error if
	// nothing in the list is usable.
	merge(c *catalog.Catalog, asOf catalog.Day) (*catalog.Catalog, catalog.MergeReport, error)
}

// answer is a whole list, from a source or from a bundle.
type answer struct {
	address string // of the first page; see redact
	// read is the day of the download, zero for a mirror, whose copy may be of any age.
	read    catalog.Day
	pages   [][]byte
	list    list
	remarks []string
}

// asOf returns the date of the answer. The vendor's list has none: it is the day of the download
// or, for a mirror, the day of its newest entry.
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

// isOfficial reports whether an address is that of the publisher.
func (s *source) isOfficial(address string) bool {
	return address == s.url || address == s.copyURL
}

// redact returns an address without user name, query and fragment, which may be secret.
func redact(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "the URL"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// oneLine joins the lines of an error.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
