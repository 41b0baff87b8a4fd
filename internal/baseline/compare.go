package baseline

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/report"
)

// baselineServer is a server of the baseline.
type baselineServer struct {
	*server
	tags    map[string]string
	matched bool
}

// reportServer is a server of the report.
type reportServer struct {
	*server
	report  *report.Server
	earlier *baselineServer // nil if it is not in the baseline
}

// Compare compares a report with the baseline. If the report is limited to some servers, only those
// are compared.
func (b *Baseline) Compare(r *report.Report) *report.Comparison {
	c := &report.Comparison{AskedAt: b.document.AskedAt.UTC(), Program: b.document.Program, Whole: len(b.document.Only) == 0}
	older, newer := b.servers(), serversOf(r)
	match(older, newer)
	for _, n := range newer {
		compared := &report.Compared{Server: n.report, Source: n.Source, Host: n.Host, Tags: n.report.Block.Tags(), Now: n.state()}
		switch {
		case n.earlier != nil:
			compared.Then = n.earlier.state()
			compare(compared, n)
			n.earlier.addTo(&c.Then)
		case !c.Whole:
			compared.Changes = []report.Change{report.NotCompared}
		default:
			compared.Changes = []report.Change{report.Added}
		}
		if n.earlier != nil || c.Whole {
			n.addTo(&c.Now)
		}
		c.Servers = append(c.Servers, compared)
	}
	if len(r.Only) == 0 {
		addMissing(c, older, unlisted(r))
	}
	c.Closed = tally(c.Servers, func(s *report.Compared) []string { return s.Closed })
	c.Opened = tally(c.Servers, func(s *report.Compared) []string { return slices.Concat(s.OpenedByUpdate, s.OpenedByData) })
	c.Remarks = b.remarks(r, c)
	return c
}

func (b *Baseline) servers() (all []*baselineServer) {
	for _, block := range b.document.Blocks {
		for _, s := range block.Servers {
			all = append(all, &baselineServer{server: s, tags: block.Tags})
		}
	}
	return all
}

func serversOf(r *report.Report) (all []*reportServer) {
	for s := range r.Servers() {
		all = append(all, &reportServer{server: newServer(s), report: s})
	}
	return all
}

// match pairs servers by host name and static tags, which together are unique in a report.
// Duplicates in a baseline are paired in order.
func match(older []*baselineServer, newer []*reportServer) {
	type identity struct{ tags, source string }
	identityOf := func(tags map[string]string, s *server) identity {
		return identity{tagsKey(tags), strings.ToLower(strings.TrimSuffix(s.Source, "."))}
	}
	candidates := make(map[identity][]*baselineServer)
	for _, o := range older {
		key := identityOf(o.tags, o.server)
		candidates[key] = append(candidates[key], o)
	}
	for _, n := range newer {
		key := identityOf(n.report.Block.Tags(), n.server)
		if found := candidates[key]; len(found) > 0 {
			n.earlier, found[0].matched = found[0], true
			candidates[key] = found[1:]
		}
	}
}

// tagsKey returns a string that identifies the tags.
func tagsKey(tags map[string]string) string {
	var key strings.Builder
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		key.WriteString(strconv.Quote(validUTF8(name)) + "=" + strconv.Quote(validUTF8(tags[name])) + " ")
	}
	return key.String()
}

// unlisted returns the blocks whose nodes could not be listed, by tagsKey.
func unlisted(r *report.Report) map[string]bool {
	blocks := make(map[string]bool)
	for _, b := range r.Blocks {
		if site := b.Site(); site != nil && !site.Listed {
			blocks[tagsKey(b.Tags())] = true
		}
	}
	return blocks
}

// addMissing adds the servers that only the baseline has.
func addMissing(c *report.Comparison, older []*baselineServer, unlisted map[string]bool) {
	for _, o := range older {
		if o.matched {
			continue
		}
		change := report.Vanished
		if unlisted[tagsKey(o.tags)] {
			change = report.NotAsked
		}
		o.addTo(&c.Then)
		c.Servers = append(c.Servers, &report.Compared{
			Source: o.Source, Host: cmp.Or(o.Host, o.Source), Tags: o.tags, Then: o.state(), Changes: []report.Change{change},
		})
	}
}

// compare finds the changes of a server that both the baseline and the report have.
func compare(c *report.Compared, n *reportServer) {
	add := func(change report.Change, condition bool) {
		if condition {
			c.Changes = append(c.Changes, change)
		}
	}
	before := n.earlier.server
	if !before.answered() || !n.answered() {
		add(report.GoneDark, before.answered())
		add(report.Back, n.answered())
		return
	}
	same := n.sameVersion(before)
	direction := n.compareVersion(before)
	add(report.Upgraded, !same && direction > 0)
	add(report.Downgraded, !same && direction < 0)
	add(report.OtherVersion, !same && direction == 0)

	was, is := before.compliance(), n.compliance()
	add(report.Fixed, was == judgement.NonCompliant && is == judgement.Compliant && !same)
	// Judge the earlier version by today's data, to tell an update from newer data.
	complianceToday, advisoriesToday := is, n.Advisories
	if !same {
		complianceToday, advisoriesToday = judgeToday(n.report, before)
	}
	if n.judged() {
		c.Closed = without(before.Advisories, n.Advisories)
		for _, id := range without(n.Advisories, before.Advisories) {
			if slices.Contains(advisoriesToday, id) {
				c.OpenedByData = append(c.OpenedByData, id)
			} else {
				c.OpenedByUpdate = append(c.OpenedByUpdate, id)
			}
		}
	}
	opened := is == judgement.NonCompliant && was != judgement.NonCompliant && len(c.OpenedByUpdate)+len(c.OpenedByData) == 0
	add(report.OpenedByUpdate, len(c.OpenedByUpdate) > 0 || opened && complianceToday != judgement.NonCompliant)
	add(report.OpenedByData, len(c.OpenedByData) > 0 || opened && complianceToday == judgement.NonCompliant)
	add(report.ClosedByData, same && (len(c.Closed) > 0 || was == judgement.NonCompliant && is == judgement.Compliant))
	add(report.Proven, was == judgement.Unknown && is == judgement.Compliant)
	add(report.Unproven, was != judgement.Unknown && is == judgement.Unknown)
}

// judgeToday judges the version of a server in the baseline by the data and policy of the report.
func judgeToday(s *report.Server, before *server) (compliance judgement.Compliance, advisories []string) {
	policy := s.Round.Block.Policy()
	j := s.Round.Judge.Judge(before.Label, before.Build, &policy, s.Round.Day())
	if j.Verdict != nil {
		for _, a := range j.Verdict.Advisories {
			advisories = append(advisories, validUTF8(a.ID))
		}
	}
	return j.Compliance, advisories
}

// without returns the distinct elements of list that are not in others.
func without(list, others []string) (rest []string) {
	seen := make(map[string]bool, len(others))
	for _, id := range others {
		seen[id] = true
	}
	for _, id := range list {
		if !seen[id] {
			rest, seen[id] = append(rest, id), true
		}
	}
	return rest
}

func tally(servers []*report.Compared, ids func(*report.Compared) []string) []report.Tally {
	counts := make(map[string]int)
	for _, s := range servers {
		for _, id := range ids(s) {
			counts[id]++
		}
	}
	tallies := make([]report.Tally, 0, len(counts))
	for _, id := range slices.Sorted(maps.Keys(counts)) {
		tallies = append(tallies, report.Tally{ID: id, Servers: counts[id]})
	}
	return tallies
}
