package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"telegraf-qlik-sense-version/internal/judgement"
)

// Comparison is what changed since an earlier report, the baseline.
type Comparison struct {
	AskedAt time.Time // of the baseline
	Program string    // that wrote it
	// Remarks are sentences about differences in settings and data, and about what is not compared.
	Remarks []string
	// Then and Now count the servers that are compared. Whole is set where Now counts all
	// servers of the report.
	Then, Now Counts
	Whole     bool
	// Servers are those of the report in its order, and then those that only the baseline has.
	Servers []*Compared
	// Closed are the advisories that applied then and do not now, each with the number of such
	// servers; Opened the reverse. Both are sorted by identifier.
	Closed, Opened []Tally
}

// Tally is an advisory and a number of servers.
type Tally struct {
	ID      string `json:"id"`
	Servers int    `json:"servers"`
}

// Compared is a server then and now.
type Compared struct {
	// Server is nil for one that only the baseline has.
	Server       *Server
	Source, Host string
	Tags         map[string]string // the static tags
	Changes      []Change          // empty for an unchanged server
	// Then and Now are nil where the baseline or the report lacks the server.
	Then, Now *State
	// Closed are the advisories that applied then and do not now. New ones either apply to the
	// version that runs now but not to the earlier one (OpenedByUpdate), or by newer data to both.
	Closed, OpenedByUpdate, OpenedByData []string
}

// State is what was known about a server at one time.
type State struct {
	Answered     bool
	Result       string // "success", or how its poll failed
	Label, Build string // as the server reported them
	Compliance   judgement.Compliance
}

// Change is a kind of change of a server, which may have several: upgraded and fixed, for example.
type Change int

// The changes. Green means proven: a server is fixed if it was not compliant, runs another
// version, and is proven compliant.
const (
	Upgraded Change = iota
	Downgraded
	OtherVersion // it is unknown which one is newer
	Fixed
	OpenedByUpdate // the version that runs now is open to something that the earlier one is not
	OpenedByData   // not compliant because of newer data, other settings or the end of support
	ClosedByData   // the same version, but an objection to it has gone
	Proven         // unknown then, compliant now
	Unproven       // judged then, unknown now
	GoneDark       // answered then
	Back           // did not answer then
	Added          // not in the baseline
	Vanished       // only in the baseline
	NotAsked       // only in the baseline, and the nodes of its site could not be listed now
	NotCompared    // not in the baseline, which is limited to some servers
)

var changeWords = [...]struct{ name, words string }{
	Upgraded:       {"upgraded", "upgraded"},
	Downgraded:     {"downgraded", "downgraded"},
	OtherVersion:   {"other_version", "runs another version"},
	Fixed:          {"fixed", "fixed"},
	OpenedByUpdate: {"opened_by_update", "newly open by the change of version"},
	OpenedByData:   {"opened_by_data", "newly open by newer data"},
	ClosedByData:   {"closed_by_data", "closed by newer data"},
	Proven:         {"proven", "proven now"},
	Unproven:       {"unproven", "not judged any more"},
	GoneDark:       {"gone_dark", "gone dark"},
	Back:           {"back", "back"},
	Added:          {"new", "new"},
	Vanished:       {"vanished", "vanished"},
	NotAsked:       {"not_asked", "not asked: the nodes of its site could not be listed"},
	NotCompared:    {"not_compared", "not compared"},
}

// String returns the change as one word, for CSV and JSON.
func (c Change) String() string { return changeWords[c].name }

// Names are the changes in one word each.
func (s *Compared) Names() []string {
	names := make([]string, 0, len(s.Changes))
	for _, change := range s.Changes {
		names = append(names, change.String())
	}
	return names
}

// Words are the changes for people: "upgraded, fixed".
func (s *Compared) Words() string {
	all := make([]string, 0, len(s.Changes))
	for _, change := range s.Changes {
		words := changeWords[change].words
		switch {
		case change == OpenedByData && len(s.OpenedByData) == 0:
			words = "newly out of policy"
		case change == ClosedByData && len(s.Closed) == 0:
			words = "in policy without a change of version"
		}
		all = append(all, words)
	}
	return strings.Join(all, ", ")
}

// Has reports whether the server has a change.
func (s *Compared) Has(wanted Change) bool { return slices.Contains(s.Changes, wanted) }

// Version is the version in words, "" if the server did not answer.
func (s *State) Version() string {
	if !s.Answered {
		return ""
	}
	return cmp.Or(strings.TrimSpace(s.Label), strings.TrimSpace(s.Build), "no version reported")
}

// Word is the state in a few words: "compliant", "not compliant", "unknown", or how the poll failed.
func (s *State) Word() string {
	switch {
	case !s.Answered:
		return "no answer: " + s.Result
	case s.Compliance == judgement.NonCompliant:
		return "not compliant"
	}
	return s.Compliance.String()
}

// Changed returns the servers with changes, the number of those without, and of those that are
// not compared.
func (c *Comparison) Changed() (changed []*Compared, unchanged, notCompared int) {
	for _, s := range c.Servers {
		switch {
		case len(s.Changes) == 0:
			unchanged++
		case s.Has(NotCompared):
			notCompared++
		default:
			changed = append(changed, s)
		}
	}
	return changed, unchanged, notCompared
}

// Count is a number of servers then and now, with its name in JSON and in words.
type Count struct {
	Name, Words string
	Then, Now   int
}

// Counts pairs the counts then and now.
func (c *Comparison) Counts() []Count {
	then, now := &c.Then, &c.Now
	return []Count{
		{"servers", "servers", then.Servers, now.Servers},
		{"answered", "answered", then.Answered, now.Answered},
		{"failed", "did not answer", then.Failed, now.Failed},
		{"compliant", "proven compliant", then.Compliant, now.Compliant},
		{"non_compliant", "not compliant", then.NonCompliant, now.NonCompliant},
		{"unknown", "unknown", then.Unknown, now.Unknown},
		{"vulnerable", "vulnerable", then.Vulnerable, now.Vulnerable},
		{"exploited", "exploited", then.Exploited, now.Exploited},
	}
}
