package feed

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/internal/text"
)

// nvdRecord has the members of a record that are used. NVD may add others at any time.
type nvdRecord struct {
	ID           string        `json:"id"`
	Assigner     string        `json:"sourceIdentifier"`
	Published    nvdTime       `json:"published"`
	Modified     nvdTime       `json:"lastModified"`
	Status       string        `json:"vulnStatus"`
	Descriptions []description `json:"descriptions"`
	Metrics      struct {
		V40 []metric `json:"cvssMetricV40"`
		V31 []metric `json:"cvssMetricV31"`
		V30 []metric `json:"cvssMetricV30"`
		V2  []metric `json:"cvssMetricV2"`
	} `json:"metrics"`
	Configurations []configuration `json:"configurations"`
	References     []struct {
		URL string `json:"url"`
	} `json:"references"`
}

type description struct {
	Lang  string `json:"lang"`
	Value string `json:"value"`
}

type metric struct {
	Source string `json:"source"`
	Data   struct {
		Score  float64 `json:"baseScore"`
		Vector string  `json:"vectorString"`
	} `json:"cvssData"`
}

// nvdTime is a time as NVD writes it, in UTC without a zone.
type nvdTime struct{ time.Time }

// UnmarshalJSON also accepts a time with a zone.
func (t *nvdTime) UnmarshalJSON(content []byte) (err error) {
	var value string
	if err = json.Unmarshal(content, &value); err != nil {
		return err
	}
	if t.Time, err = time.Parse("2006-01-02T15:04:05", value); err != nil {
		t.Time, err = time.Parse(time.RFC3339, value)
	}
	return err
}

const (
	nvdSource  = "nvd@nist.gov"
	cisaSource = "134c704f-9b21-4f2e-91b3-4a467353bcc0" // its Vulnrichment (ADP)

	nvdPage      = "https://nvd.nist.gov/vuln/detail/"
	maxReference = 20 // for each record; NVD repeats them
	maxSummary   = 4 << 10
	maxNote      = 1 << 10
)

var (
	cveID     = regexp.MustCompile(`^CVE-\d{4}-\d{4,19}$`)
	qlikSense = regexp.MustCompile(`(?i)\bQlik\s*Sense\b`)
)

// parseRecord reads a record of a reply. ours reports whether it is about Qlik Sense.
func parseRecord(content json.RawMessage) (record catalog.Record, ours bool, err error) {
	var r nvdRecord
	if err := json.Unmarshal(content, &r); err != nil {
		return record, false, fmt.Errorf("a record is not in NVD's format: %s", text.Excerpt(err.Error(), maxNote))
	}
	record.Rejected = r.Status == "Rejected"
	switch {
	case !cveID.MatchString(r.ID):
		return record, false, fmt.Errorf("a record has the identifier %s", text.Quote(r.ID))
	case r.Modified.IsZero() || r.Published.IsZero() || r.Status == "":
		return record, false, fmt.Errorf("%s lacks published, lastModified or vulnStatus", r.ID)
	case r.Descriptions == nil:
		return record, false, fmt.Errorf("%s lacks descriptions", r.ID)
	}
	english := r.english()
	cpes := readCPEs(r.Configurations)
	record.Advisory = catalog.Advisory{
		ID: r.ID, Summary: summary(english), Published: catalog.DayOf(r.Published.Time), Verified: true, References: r.references(),
		ReadBy: catalog.Machine, Source: nvdPage + r.ID, Status: text.Excerpt(r.Status, 100), RecordModified: catalog.DayOf(r.Modified.Time),
	}
	record.Fixed = []release.Release{}
	record.CVSS, record.CVSSVector, record.CVSSSource = r.score()
	list, err := readText(english)
	if err == nil {
		if reason := cpes.contradiction(list.fixed); reason != "" {
			err = errors.New(reason)
		}
	}
	if err != nil {
		record.Note = text.Excerpt("Not decided by machine: "+err.Error()+hint(&cpes, list)+".", maxNote)
	} else {
		record.Fixed = list.fixed
		record.Note = text.Excerpt(fmt.Sprintf("Read by machine from the sentence: %q", list.sentence), maxSummary-len("..."))
	}
	// NVD removes the text of a rejected record: keep it, since the catalogue may have its identifier.
	return record, record.Rejected || cpes.qlik || qlikSense.MatchString(english), nil
}

// hint tells a person who decides what NVD's CPEs say if the text has no list.
func hint(cpes *affected, list *textList) string {
	runs := cpes.firstFixed()
	if list != nil || len(runs) == 0 || cpes.negated {
		return ""
	}
	labels := make([]string, 0, len(runs))
	for _, r := range runs {
		labels = append(labels, r.String())
	}
	return "; NVD's CPEs end before " + strings.Join(labels, ", ")
}

func (r *nvdRecord) english() string {
	for _, d := range r.Descriptions {
		if d.Lang == "en" {
			return d.Value
		}
	}
	return ""
}

func summary(english string) string {
	line := strings.ToValidUTF8(strings.Join(strings.Fields(text.OneLine(english)), " "), "?")
	if line == "" {
		return "NVD's record has no English text."
	}
	return text.Excerpt(line, maxSummary-len("..."))
}

// score returns NVD's own score, else that of the CNA, else that of another source: never simply
// the highest. Of the scores of one source it takes that of the newest version of CVSS; version 2,
// which has another scale, comes last.
func (r *nvdRecord) score() (score float64, vector, source string) {
	m := r.Metrics
	for _, metrics := range [][]metric{slices.Concat(m.V40, m.V31, m.V30), m.V2} {
		for _, wanted := range []struct{ source, name string }{
			{nvdSource, "NVD"}, {r.Assigner, "CNA (as shown by NVD)"}, {cisaSource, "CISA-ADP (as shown by NVD)"}, {"", "another source (as shown by NVD)"},
		} {
			for _, one := range metrics {
				if (one.Source == wanted.source || wanted.source == "") && one.Data.Score > 0 && one.Data.Score <= 10 {
					return one.Data.Score, text.Excerpt(one.Data.Vector, 200), wanted.name
				}
			}
		}
	}
	return 0, "", ""
}

// references returns the record's own page and those that it links to.
func (r *nvdRecord) references() []string {
	pages := []string{nvdPage + r.ID}
	for _, reference := range r.References {
		pages = appendReference(pages, reference.URL)
	}
	return pages
}

// appendReference adds a web page unless it is a duplicate or exceeds the bounds.
func appendReference(pages []string, page string) []string {
	const longest = 1 << 10
	web := strings.HasPrefix(page, "https://") || strings.HasPrefix(page, "http://")
	if !web || text.OneLine(page) != page || len(page) > longest || slices.Contains(pages, page) || len(pages) == maxReference {
		return pages
	}
	return append(pages, strings.ToValidUTF8(page, "?"))
}
