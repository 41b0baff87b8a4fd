package report

import (
	"cmp"
	"slices"
	"strings"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/judgement"
)

// Summary counts servers. Servers is Answered plus Failed, and Answered is Compliant
// plus NonCompliant plus Unknown.
type Summary struct {
	Servers, Answered, Failed int
	Compliant                 int // proven
	NonCompliant              int
	Unknown                   int // answered, and neither is proven
	Vulnerable                int // an advisory applies
	Exploited                 int // one that CISA lists as exploited
	BelowMinimum              int
	Mismatched                int // run another version than is usual in their block
	OutOfSupport              int // by the catalogue's estimate
	// Versions are the distinct versions, the one that most servers run first.
	Versions []Version
}

// Version is one that servers run.
type Version struct {
	Label, Build string // as servers tell them; "" where they do not
	Servers      int
}

// summarise counts the servers of a report and of each block.
func (r *Report) summarise() {
	all := make([]*Server, 0)
	for i := range r.Blocks {
		b := &r.Blocks[i]
		servers := make([]*Server, len(b.Servers))
		for j := range b.Servers {
			servers[j] = &b.Servers[j]
		}
		b.Summary = summaryOf(servers)
		all = append(all, servers...)
	}
	r.Summary = summaryOf(all)
}

func summaryOf(servers []*Server) Summary {
	s := Summary{Servers: len(servers)}
	versions := make(map[Version]int)
	for _, server := range servers {
		if !server.Answered() {
			s.Failed++
			continue
		}
		s.Answered++
		info := server.Outcome.Info
		versions[Version{Label: info.ReleaseLabel, Build: info.Version}]++
		s.count(server)
	}
	s.Versions = make([]Version, 0, len(versions))
	for version, n := range versions {
		version.Servers = n
		s.Versions = append(s.Versions, version)
	}
	slices.SortFunc(s.Versions, func(a, b Version) int {
		return cmp.Or(cmp.Compare(b.Servers, a.Servers), strings.Compare(a.Label, b.Label), strings.Compare(a.Build, b.Build))
	})
	return s
}

// count adds a server that answered.
func (s *Summary) count(server *Server) {
	switch server.Judgement.Compliance {
	case judgement.Compliant:
		s.Compliant++
	case judgement.NonCompliant:
		s.NonCompliant++
	case judgement.Unknown:
		s.Unknown++
	}
	increment := func(n *int, condition bool) {
		if condition {
			*n++
		}
	}
	increment(&s.Vulnerable, len(server.Applying()) > 0)
	increment(&s.Exploited, server.Exploited() > 0)
	increment(&s.BelowMinimum, server.Judgement.BelowMinimum)
	increment(&s.Mismatched, server.Comparison == fleet.Different)
	increment(&s.OutOfSupport, server.Judgement.Unsupported())
}

// addCatalog adds the catalogue of a round, unless an earlier round was judged by it, and returns
// its index.
func (r *Report) addCatalog(round *fleet.Round) int {
	if round.Problem != "" && !slices.Contains(r.Problems, round.Problem) {
		r.Problems = append(r.Problems, round.Problem)
	}
	if known := slices.IndexFunc(r.Catalogs, func(c Catalog) bool { return c.Name == round.Catalog }); known >= 0 {
		return known
	}
	c, day := round.Judge.Catalog, round.Day()
	r.Catalogs = append(r.Catalogs, Catalog{
		Name: round.Catalog, Digest: c.Digest(),
		Releases: ageOf(c.ReleasesAsOf, day), Advisories: ageOf(c.AdvisoriesAsOf, day), Exploited: ageOf(c.ExploitedAsOf, day),
		Weaker: round.Weaker,
	})
	for i := range c.Advisories {
		switch e := (Entry{&c.Advisories[i], round.Catalog}); {
		case e.Undecided():
			r.Undecided = insert(r.Undecided, e)
		case !e.Decides():
			r.Dismissed = insert(r.Dismissed, e)
		}
	}
	return len(r.Catalogs) - 1
}

// insert adds an entry in its place, unless there is one of the same identifier.
func insert(entries []Entry, e Entry) []Entry {
	place, found := slices.BinarySearchFunc(entries, e.ID, func(other Entry, id string) int { return strings.Compare(other.ID, id) })
	if found {
		return entries
	}
	return slices.Insert(entries, place, e)
}

// ReadByMachine returns the identifiers of the advisories that apply to a server and that
// nobody but a machine has read.
func (r *Report) ReadByMachine() (ids []string) {
	for i := range r.Advisories {
		if a := &r.Advisories[i]; a.ByMachine() {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

func ageOf(asOf, day catalog.Day) Age {
	return Age{AsOf: asOf, Days: day.DaysSince(asOf), Future: asOf.InFuture(day)}
}

// listAdvisories turns the servers' advisories round: each one with its servers.
func (r *Report) listAdvisories() {
	places := make(map[string]int)
	for i := range r.Blocks {
		for j := range r.Blocks[i].Servers {
			server := &r.Blocks[i].Servers[j]
			for _, a := range server.Applying() {
				place, known := places[a.ID]
				if !known {
					place = len(r.Advisories)
					places[a.ID] = place
					r.Advisories = append(r.Advisories, Advisory{Advisory: a})
				}
				fix, _ := server.Round.Judge.FixedIn(a.ID, server.Judgement.Release)
				r.Advisories[place].Affected = append(r.Advisories[place].Affected, Affected{Block: i, Server: server, FixedIn: fix})
			}
		}
	}
	slices.SortFunc(r.Advisories, func(a, b Advisory) int {
		switch {
		case a.Exploited() != b.Exploited():
			if a.Exploited() {
				return -1
			}
			return 1
		default:
			return cmp.Or(cmp.Compare(b.CVSS, a.CVSS), strings.Compare(a.ID, b.ID))
		}
	})
}
