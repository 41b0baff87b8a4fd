package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/plugins/inputs/qlik_sense_version"
)

func (r *Report) addCatalog(block *qlik_sense_version.QlikSenseVersion) {
	name := block.CatalogName()
	if slices.ContainsFunc(r.Catalogs, func(c Catalog) bool { return c.Name == name }) {
		return
	}
	c := block.Judge().Catalog
	r.Catalogs = append(r.Catalogs, Catalog{
		Name: name, ReleasesAsOf: c.ReleasesAsOf.String(), AdvisoriesAsOf: c.AdvisoriesAsOf.String(), ExploitedAsOf: c.ExploitedAsOf.String(),
	})
}

// summarise counts the servers.
func (r *Report) summarise() {
	s := &r.Summary
	versions := make(map[Count]int)
	for _, b := range r.Blocks {
		for i := range b.Servers {
			server := &b.Servers[i]
			s.Servers++
			if !server.Answered() {
				s.Failed++
				continue
			}
			s.Answered++
			versions[Count{ReleaseLabel: server.ReleaseLabel, Version: server.Version}]++
			s.judge(server)
		}
	}
	if s.Answered > 0 {
		percent := 100 * float64(s.Compliant) / float64(s.Answered)
		s.CompliantPercent = &percent
	}
	s.Versions = make([]Count, 0, len(versions))
	for version, servers := range versions {
		version.Servers = servers
		s.Versions = append(s.Versions, version)
	}
	slices.SortFunc(s.Versions, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Servers, a.Servers), strings.Compare(a.ReleaseLabel, b.ReleaseLabel), strings.Compare(a.Version, b.Version))
	})
}

func (s *Summary) judge(server *Server) {
	switch server.Compliance {
	case "compliant":
		s.Compliant++
	case "non_compliant":
		s.NonCompliant++
	default:
		s.Unknown++
	}
	count := func(n *int, condition bool) {
		if condition {
			*n++
		}
	}
	count(&s.Vulnerable, server.Vulnerable())
	count(&s.Exploited, server.exploited())
	count(&s.BelowMinimum, is(server.BelowMinimum))
	count(&s.Mismatched, is(server.VersionMismatch))
	count(&s.OutOfSupport, server.SupportDaysLeft != nil && *server.SupportDaysLeft < 0)
}

// listAdvisories turns the servers' advisories round: each one with its servers.
func (r *Report) listAdvisories(blocks []*qlik_sense_version.QlikSenseVersion) {
	r.Advisories = []Advisory{}
	places := make(map[string]int)
	for i, b := range r.Blocks {
		judge := blocks[i].Judge()
		for j := range b.Servers {
			server := &b.Servers[j]
			for _, id := range server.Advisories {
				place, known := places[id]
				if !known {
					place = len(r.Advisories)
					places[id] = place
					r.Advisories = append(r.Advisories, describe(judge.Catalog, id))
				}
				affected := Affected{Block: i, Source: server.Source}
				running := release.Release{Year: *server.ReleaseYear, Month: time.Month(*server.ReleaseMonth), Patch: *server.Patch}
				if fix, found := judge.FixedIn(id, running); found {
					affected.FixedIn = fix.String()
				}
				r.Advisories[place].Affected = append(r.Advisories[place].Affected, affected)
			}
		}
	}
	slices.SortFunc(r.Advisories, func(a, b Advisory) int {
		return cmp.Or(
			-cmp.Compare(min(len(a.ExploitedSince), 1), min(len(b.ExploitedSince), 1)), cmp.Compare(b.CVSS, a.CVSS), strings.Compare(a.ID, b.ID))
	})
}

func describe(c *catalog.Catalog, id string) Advisory {
	i := slices.IndexFunc(c.Advisories, func(a catalog.Advisory) bool { return a.ID == id })
	a := &c.Advisories[i] // a judgement by this catalogue names it
	described := Advisory{
		ID: a.ID, Summary: a.Summary, CVSS: a.CVSS, CVSSSource: a.CVSSSource, Ransomware: a.Ransomware,
		Fixed: make([]string, 0, len(a.Fixed)), References: a.References,
	}
	if a.Exploited() {
		described.ExploitedSince = a.ExploitedSince.String()
	}
	for _, fix := range a.Fixed {
		described.Fixed = append(described.Fixed, fix.String())
	}
	return described
}
