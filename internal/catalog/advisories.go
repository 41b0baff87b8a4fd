package catalog

import (
	"fmt"
	"strings"

	"telegraf-qlik-sense-version/internal/release"
)

// Record is an advisory as read from NVD's record.
type Record struct {
	Advisory // ByMachine; without data from CISA
	// Rejected marks a withdrawn record: only its identifier and days count.
	Rejected bool
}

// rejectedByNVD is the start of the reason for which an update dismisses an advisory.
const rejectedByNVD = "rejected by NVD, "

// MergeAdvisories returns a copy of the catalogue with NVD's records as of a day merged in.
// An entry that somebody wrote or edited stays, with a remark if the record differs, unless
// only the record lists fixed releases. A rejected record dismisses its advisory. Entries
// without a record stay.
func (c *Catalog) MergeAdvisories(records []Record, asOf Day) (*Catalog, MergeReport, error) {
	m := advisoryMerge{catalog: c.clone()}
	m.catalog.AdvisoriesAsOf = Later(c.AdvisoriesAsOf, asOf)
	own := m.catalog.byID()
	for i := range records {
		if r := &records[i]; own[r.ID] != nil {
			m.update(own[r.ID], r)
		} else if !r.Rejected {
			m.added = append(m.added, r.Advisory)
			m.change(r.ID, "new, "+r.verdict())
		}
	}
	return m.finish()
}

// advisoryMerge is the state of MergeAdvisories and MergeExploits.
type advisoryMerge struct {
	catalog *Catalog
	added   []Advisory // apart, so that pointers to the others stay valid
	report  MergeReport
}

func (m *advisoryMerge) change(id, what string) {
	m.report.Changes = append(m.report.Changes, id+": "+what)
}

func (m *advisoryMerge) remark(id, what string) {
	m.report.Remarks = append(m.report.Remarks, id+": "+what)
}

// update brings an entry in line with its record.
func (m *advisoryMerge) update(own *Advisory, r *Record) {
	switch {
	case r.RecordModified.DaysSince(own.RecordModified) < 0 && !own.RecordModified.IsZero():
		return // the entry comes from a later version of the record
	case r.Rejected:
		m.reject(own, r)
		return
	}
	if strings.HasPrefix(own.Dismissed, rejectedByNVD) && !own.Keep {
		own.Dismissed, own.Status = "", r.Status
		m.change(own.ID, "counts again: NVD does not reject it any more")
	}
	onlyRecordDecides := len(own.Fixed) == 0 && len(r.Fixed) > 0 && own.Dismissed == ""
	if !own.Keep && (own.ByMachine() || onlyRecordDecides) {
		m.replace(own, r)
	} else {
		m.compare(own, r)
	}
}

// reject dismisses an advisory whose record was withdrawn.
func (m *advisoryMerge) reject(own *Advisory, r *Record) {
	reason := rejectedByNVD + r.RecordModified.String()
	switch {
	case own.Keep:
		m.setRemark(own, "NVD rejected the record on "+r.RecordModified.String())
	case own.Dismissed == "":
		own.Dismissed, own.Status = reason, r.Status
		if own.ByMachine() {
			own.RecordModified = r.RecordModified
		}
		m.change(own.ID, "dismissed: "+reason)
	}
}

// replace overwrites an entry with its record, except for the data from CISA and a dismissal.
func (m *advisoryMerge) replace(own *Advisory, r *Record) {
	replacement := r.Advisory
	replacement.ExploitedSince, replacement.ExploitedDue = own.ExploitedSince, own.ExploitedDue
	replacement.Ransomware, replacement.Dismissed = own.Ransomware, own.Dismissed
	if len(replacement.Fixed) == 0 && len(own.Fixed) > 0 {
		// A description that is no longer understood must not make servers look safe.
		replacement.Fixed, replacement.Note = own.Fixed, own.Note
		replacement.Remark = "kept the fixed releases of an earlier record: " + r.Note
	}
	if !sameElements(own.Fixed, replacement.Fixed) {
		m.change(own.ID, fmt.Sprintf("fixed in %s -> %s", names(own.Fixed), names(replacement.Fixed)))
	}
	if own.CVSS != replacement.CVSS {
		m.change(own.ID, fmt.Sprintf("score %.1f -> %.1f (%s)", own.CVSS, replacement.CVSS, replacement.CVSSSource))
	}
	if own.Summary != replacement.Summary {
		m.change(own.ID, "new summary")
	}
	if !own.ByMachine() && own.Note != "" {
		m.change(own.ID, "read by machine from now on; the hand-written note was: "+own.Note)
	}
	if replacement.Remark != "" && own.Remark != replacement.Remark {
		m.remark(own.ID, replacement.Remark)
	}
	*own = replacement
}

// compare keeps an entry that somebody wrote and remarks where the record differs.
func (m *advisoryMerge) compare(own *Advisory, r *Record) {
	var parts []string
	if !own.RecordModified.IsZero() && r.RecordModified.After(own.RecordModified) {
		parts = append(parts, fmt.Sprintf("NVD's record changed on %s, but the entry is based on the one of %s", r.RecordModified, own.RecordModified))
	}
	if len(r.Fixed) > 0 && !sameElements(own.Fixed, r.Fixed) {
		parts = append(parts, fmt.Sprintf("NVD's record says fixed in %s, the entry says %s", names(r.Fixed), names(own.Fixed)))
	}
	if r.CVSS != own.CVSS && r.CVSS > 0 {
		parts = append(parts, fmt.Sprintf("NVD's record has the score %.1f (%s), the entry %.1f", r.CVSS, r.CVSSSource, own.CVSS))
	}
	m.setRemark(own, strings.Join(parts, "; "))
}

func (m *advisoryMerge) setRemark(own *Advisory, remark string) {
	if remark != "" && remark != own.Remark {
		m.remark(own.ID, remark+": the hand-written entry stays")
	}
	own.Remark = remark
}

// verdict describes whether an added entry decides, and if not, why.
func (a *Advisory) verdict() string {
	if a.Decides() {
		return "fixed in " + names(a.Fixed)
	}
	return "undecided: " + a.Note
}

// finish adds the new entries and the releases that only a fix names, and checks the result.
func (m *advisoryMerge) finish() (*Catalog, MergeReport, error) {
	c := m.catalog
	c.Advisories = append(c.Advisories, m.added...)
	c.sort()
	m.addAnnounced()
	c.reconcile()
	if err := c.Check(); err != nil {
		return nil, m.report, fmt.Errorf("it does not fit the catalogue: %w", err)
	}
	return c, m.report, nil
}

// addAnnounced adds the releases that a fix names and the catalogue lacks, as unverified: servers
// that run one are not judged until the vendor lists it.
func (m *advisoryMerge) addAnnounced() {
	known := m.catalog.byLabel()
	for i := range m.catalog.Advisories {
		a := &m.catalog.Advisories[i]
		for _, fix := range a.Fixed {
			label := fix.Initial()
			if known[label] != nil {
				continue
			}
			r := Release{Label: label, Sources: []string{a.Source}, Note: "Named by " + a.ID + ", and not in the vendor's list yet."}
			known[label] = &r
			m.catalog.Releases = append(m.catalog.Releases, r)
			m.change(label.String(), "added as announced, because "+a.ID+" names it")
		}
	}
	m.catalog.sort()
}

// names lists releases for people.
func names(releases []release.Release) string {
	if len(releases) == 0 {
		return "no release"
	}
	var all []string
	for _, r := range releases {
		all = append(all, r.String())
	}
	return strings.Join(all, ", ")
}
