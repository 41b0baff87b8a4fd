package catalog

import "fmt"

// Bounds of the texts in an entry, which reports and log lines repeat. A CVE record allows a
// description of 4096 characters and a reference of 2048.
const (
	maxText    = 4 << 10 // bytes of a summary, a note or a remark
	maxLine    = 2 << 10 // bytes of any other text
	maxEntries = 100     // entries of a list
)

// Bounds of a catalogue: each release is compared with each advisory, for which a megabyte of
// the shortest entries would need too much memory. About ten of each come out per year.
const (
	maxReleases   = 500
	maxAdvisories = 1000
)

func checkText(wrong func(string, ...any), key, value string, most int) {
	if len(value) > most {
		wrong("%s takes %d bytes, and %d are the most: shorten it", key, len(value), most)
	}
}

func checkCount(wrong func(string, ...any), key string, count int) {
	if count > maxEntries {
		wrong("%s has %d entries, and %d are the most: keep those that matter", key, count, maxEntries)
	}
}

// checkList bounds a list of texts and reports only the first one that is too long.
func checkList(wrong func(string, ...any), key string, values []string) {
	checkCount(wrong, key, len(values))
	for i, value := range values {
		if len(value) > maxLine {
			wrong("%s: entry %d takes %d bytes, and %d are the most: shorten it", key, i+1, len(value), maxLine)
			return
		}
	}
}

func (c *Catalog) checkSizes(wrong func(string, ...any)) {
	checkList(wrong, "sources", c.Sources)
	checkCount(wrong, "notes", len(c.Notes))
	if n := len(c.Releases); n > maxReleases {
		wrong("there are %d releases, and %d are the most: is it one of Qlik Sense?", n, maxReleases)
	}
	if n := len(c.Advisories); n > maxAdvisories {
		wrong("there are %d advisories, and %d are the most: is it one of Qlik Sense?", n, maxAdvisories)
	}
	for i, note := range c.Notes {
		checkText(wrong, fmt.Sprintf("notes: entry %d", i+1), note, maxText)
	}
}

func (r *Release) checkSizes(wrong func(string, ...any)) {
	checkText(wrong, "note", r.Note, maxText)
	checkList(wrong, "sources", r.Sources)
}

func (a *Advisory) checkSizes(wrong func(string, ...any)) {
	checkText(wrong, "summary", a.Summary, maxText)
	checkText(wrong, "note", a.Note, maxText)
	checkText(wrong, "cvss_vector", a.CVSSVector, maxLine)
	checkText(wrong, "cvss_source", a.CVSSSource, maxLine)
	checkText(wrong, "source", a.Source, maxLine)
	checkText(wrong, "status", a.Status, maxLine)
	checkText(wrong, "dismissed", a.Dismissed, maxLine)
	checkText(wrong, "remark", a.Remark, maxText)
	checkCount(wrong, "fixed", len(a.Fixed))
	checkList(wrong, "superseded_by", a.SupersededBy)
	checkList(wrong, "references", a.References)
}
