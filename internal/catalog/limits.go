package catalog

import "fmt"

// Bounds of the texts in an entry, which reports and log lines repeat. A CVE record allows a
// description of 4096 characters and a reference of 2048.
const (
	maxText    = 4 << 10 // bytes of a summary, a note or a remark
	maxLine    = 2 << 10 // bytes of any other text
	maxEntries = 100     // entries of a list
)

// Bounds of a catalogue: each release is compared with each advisory, which would need too much
// memory for a megabyte of the shortest entries. About ten of each come out per year.
const (
	maxReleases   = 500
	maxAdvisories = 1000
)

func checkText(errorf func(string, ...any), key, value string, limit int) {
	if len(value) > limit {
		errorf("%s is %d bytes long, the maximum is %d: shorten it", key, len(value), limit)
	}
}

func checkCount(errorf func(string, ...any), key string, count int) {
	if count > maxEntries {
		errorf("%s has %d entries, the maximum is %d: keep those that matter", key, count, maxEntries)
	}
}

// checkList bounds a list of texts and reports only the first one that is too long.
func checkList(errorf func(string, ...any), key string, values []string) {
	checkCount(errorf, key, len(values))
	for i, value := range values {
		if len(value) > maxLine {
			errorf("%s: entry %d is %d bytes long, the maximum is %d: shorten it", key, i+1, len(value), maxLine)
			return
		}
	}
}

func (c *Catalog) checkSizes(errorf func(string, ...any)) {
	checkList(errorf, "sources", c.Sources)
	checkCount(errorf, "notes", len(c.Notes))
	if n := len(c.Releases); n > maxReleases {
		errorf("there are %d releases, the maximum is %d: is it a catalogue of Qlik Sense?", n, maxReleases)
	}
	if n := len(c.Advisories); n > maxAdvisories {
		errorf("there are %d advisories, the maximum is %d: is it a catalogue of Qlik Sense?", n, maxAdvisories)
	}
	for i, note := range c.Notes {
		checkText(errorf, fmt.Sprintf("notes: entry %d", i+1), note, maxText)
	}
}

func (r *Release) checkSizes(errorf func(string, ...any)) {
	checkText(errorf, "note", r.Note, maxText)
	checkList(errorf, "sources", r.Sources)
}

func (a *Advisory) checkSizes(errorf func(string, ...any)) {
	checkText(errorf, "summary", a.Summary, maxText)
	checkText(errorf, "note", a.Note, maxText)
	checkText(errorf, "cvss_vector", a.CVSSVector, maxLine)
	checkText(errorf, "cvss_source", a.CVSSSource, maxLine)
	checkText(errorf, "source", a.Source, maxLine)
	checkText(errorf, "status", a.Status, maxLine)
	checkText(errorf, "dismissed", a.Dismissed, maxLine)
	checkText(errorf, "remark", a.Remark, maxText)
	checkCount(errorf, "fixed", len(a.Fixed))
	checkList(errorf, "superseded_by", a.SupersededBy)
	checkList(errorf, "references", a.References)
}
