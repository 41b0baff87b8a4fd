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

// then is a server of the baseline.
type then struct {
	*server
	tags    map[string]string
	matched bool
}

// now is a server of the report.
type now struct {
	*server
	report *report.Server
	tags   map[string]string
	then   *then // nil where the baseline lacks it
}

// Compare compares a report with the baseline. A report that is limited to some servers is
// compared by those alone.
func (b *Baseline) Compare(r *report.Report) *report.Comparison {
	c := &report.Comparison{AskedAt: b.document.AskedAt.UTC(), Program: b.document.Program, Whole: len(b.document.Only) == 0}
	older, newer := b.servers(), serversOf(r)
	match(older, newer)
	for i := range newer {
		n := &newer[i]
		one := report.Compared{Server: n.report, Source: n.Source, Host: n.Host, Tags: n.tags, Now: n.state()}
		switch {
		case n.then != nil:
			one.Then = n.then.state()
			compare(&one, n)
			count(&c.Then, n.then.server)
		case !c.Whole:
			one.Changes = []report.Change{report.NotCompared}
		default:
			one.Changes = []report.Change{report.Added}
		}
		if n.then != nil || c.Whole {
			count(&c.Now, n.server)
		}
		c.Servers = append(c.Servers, one)
	}
	if len(r.Only) == 0 {
		for _, o := range older {
			if !o.matched {
				count(&c.Then, o.server)
			}
		}
		c.Servers = append(c.Servers, missing(older, unlisted(r))...)
	}
	c.Closed = tally(c.Servers, func(s *report.Compared) []string { return s.Closed })
	c.Opened = tally(c.Servers, func(s *report.Compared) []string { return slices.Concat(s.OpenedByUpdate, s.OpenedByData) })
	c.Remarks = b.remarks(r, c)
	return c
}

func (b *Baseline) servers() (all []*then) {
	for _, block := range b.document.Blocks {
		for _, s := range block.Servers {
			all = append(all, &then{server: s, tags: block.Tags})
		}
	}
	return all
}

func serversOf(r *report.Report) (all []now) {
	for i := range r.Blocks {
		for j := range r.Blocks[i].Servers {
			s := &r.Blocks[i].Servers[j]
			all = append(all, now{server: newServer(s), report: s, tags: r.Blocks[i].Tags()})
		}
	}
	return all
}

// match matches servers by host name and static tags, which together are one server in a
// report. Where a baseline has one twice, the first belongs to the first.
func match(older []*then, newer []now) {
	type place struct{ tags, source string }
	at := func(tags map[string]string, s *server) place {
		return place{tagsKey(tags), strings.ToLower(strings.TrimSuffix(s.Source, "."))}
	}
	candidates := make(map[place][]*then)
	for _, o := range older {
		key := at(o.tags, o.server)
		candidates[key] = append(candidates[key], o)
	}
	for i := range newer {
		n := &newer[i]
		key := at(n.tags, n.server)
		if found := candidates[key]; len(found) > 0 {
			n.then, found[0].matched = found[0], true
			candidates[key] = found[1:]
		}
	}
}

// tagsKey is the same for the same tags.
func tagsKey(tags map[string]string) string {
	var key strings.Builder
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		key.WriteString(strconv.Quote(valid(name)) + "=" + strconv.Quote(valid(tags[name])) + " ")
	}
	return key.String()
}

// unlisted are the tags of the blocks whose nodes could not be listed.
func unlisted(r *report.Report) map[string]bool {
	blocks := make(map[string]bool)
	for i := range r.Blocks {
		if site := r.Blocks[i].Site(); site != nil && !site.Listed {
			blocks[tagsKey(r.Blocks[i].Tags())] = true
		}
	}
	return blocks
}

// missing are the servers that only the baseline has.
func missing(older []*then, unlisted map[string]bool) (all []report.Compared) {
	for _, o := range older {
		if o.matched {
			continue
		}
		change := report.Vanished
		if unlisted[tagsKey(o.tags)] {
			change = report.NotAsked
		}
		all = append(all, report.Compared{
			Source: o.Source, Host: cmp.Or(o.Host, o.Source), Tags: o.tags, Then: o.state(), Changes: []report.Change{change},
		})
	}
	return all
}

// compare says what changed at a server that both have.
func compare(c *report.Compared, n *now) {
	add := func(change report.Change, condition bool) {
		if condition {
			c.Changes = append(c.Changes, change)
		}
	}
	before := n.then.server
	if !before.answered() || !n.answered() {
		add(report.GoneDark, before.answered())
		add(report.Back, n.answered())
		return
	}
	same := n.sameVersion(before)
	direction := n.newer(before)
	add(report.Upgraded, !same && direction > 0)
	add(report.Downgraded, !same && direction < 0)
	add(report.OtherVersion, !same && direction == 0)

	was, is := before.compliance(), n.compliance()
	add(report.Fixed, was == judgement.NonCompliant && is == judgement.Compliant && !same)
	// What the version of then would be judged today tells updates from newer data.
	open, applying := is, n.Advisories
	if !same {
		open, applying = judgedToday(n.report, before)
	}
	if n.judged() {
		c.Closed = without(before.Advisories, n.Advisories)
		for _, id := range without(n.Advisories, before.Advisories) {
			if slices.Contains(applying, id) {
				c.OpenedByData = append(c.OpenedByData, id)
			} else {
				c.OpenedByUpdate = append(c.OpenedByUpdate, id)
			}
		}
	}
	opened := is == judgement.NonCompliant && was != judgement.NonCompliant && len(c.OpenedByUpdate)+len(c.OpenedByData) == 0
	add(report.OpenedByUpdate, len(c.OpenedByUpdate) > 0 || opened && open != judgement.NonCompliant)
	add(report.OpenedByData, len(c.OpenedByData) > 0 || opened && open == judgement.NonCompliant)
	add(report.ClosedByData, same && (len(c.Closed) > 0 || was == judgement.NonCompliant && is == judgement.Compliant))
	add(report.Proven, was == judgement.Unknown && is == judgement.Compliant)
	add(report.Unproven, was != judgement.Unknown && is == judgement.Unknown)
}

// judgedToday judges the version that a server ran then by what it is judged by now.
func judgedToday(s *report.Server, before *server) (compliance judgement.Compliance, advisories []string) {
	policy := s.Round.Block.Policy()
	j := s.Round.Judge.Judge(before.Label, before.Build, &policy, s.Round.Day())
	if j.Verdict != nil {
		for _, a := range j.Verdict.Advisories {
			advisories = append(advisories, valid(a.ID))
		}
	}
	return j.Compliance, advisories
}

// without returns what is in the first list and not in the second, each once.
func without(list, others []string) (rest []string) {
	seen := make(map[string]bool, len(others))
	for _, one := range others {
		seen[one] = true
	}
	for _, one := range list {
		if !seen[one] {
			rest, seen[one] = append(rest, one), true
		}
	}
	return rest
}

func tally(servers []report.Compared, of func(*report.Compared) []string) []report.Tally {
	counts := make(map[string]int)
	for i := range servers {
		for _, id := range of(&servers[i]) {
			counts[id]++
		}
	}
	tallies := make([]report.Tally, 0, len(counts))
	for _, id := range slices.Sorted(maps.Keys(counts)) {
		tallies = append(tallies, report.Tally{ID: id, Servers: counts[id]})
	}
	return tallies
}
