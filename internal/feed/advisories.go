package feed

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/text"
)

// advisories is NVD's API 2.0. Without a key it allows five requests in 30 seconds and refuses
// more with status 403. The URL finds records whose descriptions contain both words: a query
// by product would miss records that NVD has not analysed, which is most of them since 2026.
var advisories = &source{
	part: "advisories",
	name: "NVD's list of advisories",
	url:  "https://services.nvd.nist.gov/rest/json/cves/2.0?keywordSearch=qlik%20sense",
	next: nextRecords, parse: parseAdvisories,
	forbiddenIsLimit: true,
	maxPage:          20 << 20,
}

// advisoryList is the content of NVD's reply.
type advisoryList struct {
	records []catalog.Record
	foreign int // records about other products
	asOf    catalog.Day
}

func (l *advisoryList) day() catalog.Day { return l.asOf }

func (l *advisoryList) merge(c *catalog.Catalog, asOf catalog.Day) (*catalog.Catalog, catalog.MergeReport, error) {
	return c.MergeAdvisories(l.records, asOf)
}

// nvdReply is one page of NVD's reply.
type nvdReply struct {
	Format          string   `json:"format"`
	Version         string   `json:"version"`
	Timestamp       *nvdTime `json:"timestamp"`
	StartIndex      *int     `json:"startIndex"`
	TotalResults    *int     `json:"totalResults"`
	Vulnerabilities []struct {
		Record json.RawMessage `json:"cve"`
	} `json:"vulnerabilities"`
}

const maxRecords = 10_000 // far more than there are

func parseEnvelope(content []byte) (*nvdReply, error) {
	var reply nvdReply
	if err := parseObject(content, &reply); err != nil {
		return nil, err
	}
	switch {
	case reply.Format != "NVD_CVE" || reply.Version != "2.0":
		return nil, fmt.Errorf("has format %s, version %s, and this program reads NVD_CVE 2.0: is it the right list, and has its format changed?",
			text.Quote(reply.Format), text.Quote(reply.Version))
	case reply.Timestamp == nil || reply.StartIndex == nil || reply.TotalResults == nil || reply.Vulnerabilities == nil:
		return nil, errors.New("lacks timestamp, startIndex, totalResults or vulnerabilities: has its format changed?")
	case *reply.TotalResults > maxRecords:
		return nil, fmt.Errorf("has more than %d records: is it NVD's list?", maxRecords)
	}
	return &reply, nil
}

// nextRecords returns the URL of the next page, nil after the last one.
func nextRecords(pages []*reply) (*url.URL, error) {
	last := pages[len(pages)-1]
	envelope, err := parseEnvelope(last.body)
	if err != nil {
		return nil, err
	}
	received := *envelope.StartIndex + len(envelope.Vulnerabilities)
	switch {
	case received >= *envelope.TotalResults:
		return nil, nil
	case len(envelope.Vulnerabilities) == 0:
		return nil, errTruncated
	case last.url.Query().Has("startIndex") && last.url.Query().Get("startIndex") != strconv.Itoa(*envelope.StartIndex):
		return nil, errShifted // or a mirror that always answers with the first page
	}
	next := *pages[0].url
	query := next.Query()
	query.Set("startIndex", strconv.Itoa(received))
	next.RawQuery = query.Encode()
	return &next, nil
}

// parseAdvisories reads the pages of one answer. Only their counts tell whether the list changed
// in between.
func parseAdvisories(pages [][]byte) (list, error) {
	l := &advisoryList{}
	seen := make(map[string]bool)
	read, total := 0, 0
	for i, page := range pages {
		envelope, err := parseEnvelope(page)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			total = *envelope.TotalResults
		}
		if *envelope.TotalResults != total || *envelope.StartIndex != read {
			return nil, errShifted
		}
		read += len(envelope.Vulnerabilities)
		if day := catalog.DayOf(envelope.Timestamp.Time); l.asOf.IsZero() || l.asOf.After(day) {
			l.asOf = day
		}
		for _, v := range envelope.Vulnerabilities {
			record, ours, err := parseRecord(v.Record)
			switch {
			case err != nil:
				return nil, fmt.Errorf("%w: has its format changed?", err)
			case seen[record.ID]:
				return nil, errShifted
			case record.Published.After(catalog.DayOf(envelope.Timestamp.Time)):
				return nil, fmt.Errorf("%s was published on %s, after the reply of %s: has its format changed?", record.ID, record.Published, l.asOf)
			case record.RecordModified.After(catalog.DayOf(envelope.Timestamp.Time)):
				// No later version of the record would ever replace it.
				return nil, fmt.Errorf("%s was modified on %s, after the reply of %s: has its format changed?", record.ID, record.RecordModified, l.asOf)
			}
			seen[record.ID] = true
			if !ours {
				l.foreign++
				continue
			}
			l.records = append(l.records, record)
		}
	}
	switch {
	case read < total:
		return nil, fmt.Errorf("has %d records of %d: %w", read, total, errTruncated)
	case len(l.records) == 0:
		return nil, fmt.Errorf("has no record about Qlik Sense, but %d others: is it the right list?", l.foreign)
	}
	return l, nil
}
