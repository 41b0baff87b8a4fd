package report

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/judgement"
)

// Summary counts servers.
type Summary struct {
	Counts
	BelowMinimum int
	Mismatched   int // differ from the usual version of their block
	OutOfSupport int // by the catalogue's estimate
	// Versions are the distinct versions, the most common first.
	Versions []Version
}

// Counts are numbers of servers. Servers is Answered plus Failed, and Answered is Compliant
// plus NonCompliant plus Unknown.
type Counts struct {
	Servers      int `json:"servers"`
	Answered     int `json:"answered"`
	Failed       int `json:"failed"`
	Compliant    int `json:"compliant"` // proven
	NonCompliant int `json:"non_compliant"`
	Unknown      int `json:"unknown"`    // answered, but neither is proven
	Vulnerable   int `json:"vulnerable"` // at least one advisory applies
	Exploited    int `json:"exploited"`  // at least one that CISA lists as exploited
}

// Version is one that servers run.
type Version struct {
	Label   string `json:"release_label,omitempty"` // as servers report it, "" if they do not
	Build   string `json:"version,omitempty"`       // likewise
	Servers int    `json:"servers"`
}

// Add counts a server with the numbers of advisories that apply to it, and of those exploited.
func (c *Counts) Add(answered bool, compliance judgement.Compliance, advisories, exploited int) {
	c.Servers++
	if !answered {
		c.Failed++
		return
	}
	c.Answered++
	switch compliance {
	case judgement.Compliant:
		c.Compliant++
	case judgement.NonCompliant:
		c.NonCompliant++
	case judgement.Unknown:
		c.Unknown++
	}
	c.Vulnerable += min(advisories, 1)
	c.Exploited += min(exploited, 1)
}

// AddServer counts a server of a report.
func (c *Counts) AddServer(s *Server) {
	c.Add(s.Answered(), s.Judgement.Compliance, len(s.Applying()), s.Exploited())
}

func summaryOf(servers iter.Seq[*Server]) Summary {
	var sum Summary
	versions := make(map[Version]int)
	for s := range servers {
		sum.AddServer(s)
		if !s.Answered() {
			continue
		}
		if s.Judgement.BelowMinimum {
			sum.BelowMinimum++
		}
		if s.Comparison == fleet.Different {
			sum.Mismatched++
		}
		if s.Judgement.Unsupported() {
			sum.OutOfSupport++
		}
		info := s.Outcome.Info
		versions[Version{Label: info.ReleaseLabel, Build: info.Version}]++
	}
	sum.Versions = make([]Version, 0, len(versions))
	for version, n := range versions {
		version.Servers = n
		sum.Versions = append(sum.Versions, version)
	}
	slices.SortFunc(sum.Versions, func(a, b Version) int {
		return cmp.Or(cmp.Compare(b.Servers, a.Servers), strings.Compare(a.Label, b.Label), strings.Compare(a.Build, b.Build))
	})
	return sum
}

// addCatalog returns the catalogue of a round, which it adds to the report unless an earlier round
// was judged by it.
func (r *Report) addCatalog(round *fleet.Round) *Catalog {
	if round.Problem != "" && !slices.Contains(r.Problems, round.Problem) {
		r.Problems = append(r.Problems, round.Problem)
	}
	for _, known := range r.Catalogs {
		if known.Name == round.Catalog {
			return known
		}
	}
	c, day := round.Judge.Catalog, round.Day()
	added := &Catalog{
		Name: round.Catalog, Digest: c.Digest(),
		Releases: ageOf(c.ReleasesAsOf, day), Advisories: ageOf(c.AdvisoriesAsOf, day), Exploited: ageOf(c.ExploitedAsOf, day),
		Weaker: round.Weaker,
	}
	r.Catalogs = append(r.Catalogs, added)
	for i := range c.Advisories {
		switch e := (Entry{&c.Advisories[i], round.Catalog}); {
		case e.Undecided():
			r.Undecided = insert(r.Undecided, e)
		case !e.Decides():
			r.Dismissed = insert(r.Dismissed, e)
		}
	}
	return added
}

// insert keeps entries sorted, and only the first with an identifier.
func insert(entries []Entry, e Entry) []Entry {
	place, found := slices.BinarySearchFunc(entries, e.ID, func(other Entry, id string) int { return strings.Compare(other.ID, id) })
	if found {
		return entries
	}
	return slices.Insert(entries, place, e)
}

func ageOf(asOf, day catalog.Day) Age {
	return Age{AsOf: asOf, Days: day.DaysSince(asOf), Future: asOf.InFuture(day)}
}

// ReadByMachine returns the identifiers of the advisories that apply and that nobody has reviewed
// since an update read them.
func (r *Report) ReadByMachine() (ids []string) {
	for _, a := range r.Advisories {
		if a.ByMachine() {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

// listAdvisories groups the servers by the advisories that apply to them.
func (r *Report) listAdvisories() {
	byID := make(map[string]*Advisory)
	for s := range r.Servers() {
		for _, a := range s.Applying() {
			if byID[a.ID] == nil {
				byID[a.ID] = &Advisory{Advisory: a}
				r.Advisories = append(r.Advisories, byID[a.ID])
			}
			fix, _ := s.Round.Judge.FixedIn(a.ID, s.Judgement.Release)
			byID[a.ID].Affected = append(byID[a.ID].Affected, Affected{s, fix})
		}
	}
	slices.SortFunc(r.Advisories, func(a, b *Advisory) int {
		if a.Exploited() != b.Exploited() {
			if a.Exploited() {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.CVSS, a.CVSS), strings.Compare(a.ID, b.ID))
	})
}
