package plan

import (
	"fmt"
	"slices"
	"strings"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/internal/report"
	"telegraf-qlik-sense-version/internal/text"
)

// supportSoon is the number of days before the end of support from which it is given as a reason.
const supportSoon = 180

// Runs is the version that the server runs, or "no answer".
func (r *Row) Runs() string {
	switch info := r.Server.Outcome.Info; {
	case info == nil:
		return "no answer"
	case info.ReleaseLabel != "":
		return info.ReleaseLabel
	default:
		return info.Version
	}
}

// Do says what to do: "May 2025 Patch 15", "find out first" or "nothing".
func (r *Row) Do() string {
	switch {
	case r.Action == FindOut:
		return "find out first"
	case r.Action == Nothing:
		return "nothing"
	case r.Target.IsZero():
		return "no safe release known"
	}
	return r.Target.String()
}

// Effort is the effort of the change in a few words, "" if nothing is installed.
func (r *Row) Effort() string {
	switch {
	case r.Action == Patch:
		return "patch"
	case r.Action == Upgrade && !r.Target.IsZero():
		return "upgrade over " + text.Plural(r.Releases, "release")
	}
	return ""
}

// Closes are the identifiers of the advisories that no longer apply afterwards.
func (r *Row) Closes() []string {
	if r.Target.IsZero() {
		return nil
	}
	return ids(r.Server.Applying())
}

// Why gives the reasons for the action, the gravest first.
func (r *Row) Why() (why []string) {
	s := r.Server
	if !s.Answered() {
		return []string{s.Outcome.Cause}
	}
	if s.Judgement.Compliance == judgement.Unknown {
		_, why = s.Verdict()
	}
	if s.Exploited() > 0 {
		why = append(why, "known to be exploited")
	}
	if v := s.Judgement.Verdict; v != nil && v.MaxCVSS > 0 {
		why = append(why, fmt.Sprintf("CVSS %.1f", v.MaxCVSS))
	}
	if days, known := s.Judgement.ExposedDays(); known {
		why = append(why, "exposed for "+text.Plural(days, "day"))
	}
	if s.Judgement.BelowMinimum {
		why = append(why, "below the minimum "+s.Round.Block.Minimum().String())
	}
	if days, known := s.Judgement.SupportDaysLeft(); known && days <= supportSoon {
		why = append(why, supportWords(days))
	}
	if r.Action == Upgrade && len(s.Applying()) > 0 {
		why = append(why, "no patch of "+s.Judgement.Release.Initial().String()+" will do")
	}
	return why
}

// doubtfulTargets returns a sentence for each target that the catalogue does not confirm.
func doubtfulTargets(waves []*Wave) (all []string) {
	for _, wave := range waves {
		for _, row := range wave.Rows {
			round := row.Server.Round
			releases := round.Judge.Catalog.Releases
			place := slices.IndexFunc(releases, func(r catalog.Release) bool { return r.Label == row.Target.Initial() })
			if place < 0 {
				continue // nothing is to be installed
			}
			listed := &releases[place]
			if listed.LatestPatch == nil || *listed.LatestPatch < row.Target.Patch {
				all = append(all, fmt.Sprintf("%s is newer than any patch known of its release: make sure that it exists before you plan with it.", row.Target))
			}
			if row.Action == Upgrade && !listed.EndOfSupport.IsZero() && listed.EndOfSupport.DaysSince(round.Day()) < 0 {
				all = append(all, fmt.Sprintf("%s has been out of support since %s, according to the catalogue.", row.Target, listed.EndOfSupport))
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// supportWords says when support ends, or ended.
func supportWords(days int) string {
	switch {
	case days < 0:
		return "support ended " + text.Plural(-days, "day") + " ago"
	case days == 0:
		return "support ends today"
	}
	return "support ends in " + text.Plural(days, "day")
}

// Title is "Wave 1, DEV", or the reason why its servers are in no wave.
func (p *Plan) Title(w *Wave) string {
	switch {
	case w.Number > 0:
		return fmt.Sprintf("Wave %d, %s", w.Number, w.Name)
	case len(p.Options.Waves) == 0:
		return "All servers"
	case w.Name == "":
		return "In no wave, without the tag " + p.Options.WaveTag
	}
	return "In no wave, " + w.Name
}

// Lines are ready for a change request, one for each wave and target:
// "Wave 1, DEV: 4 servers to May 2025 Patch 15 closes CVE-2024-55579, CVE-2024-55580".
func (p *Plan) Lines() (lines []string) {
	for _, w := range p.Waves {
		add := func(servers int, words string) {
			if servers > 0 {
				lines = append(lines, p.Title(w)+": "+text.Plural(servers, "server")+" "+words)
			}
		}
		findOut, noTarget := 0, 0
		rowsTo := make(map[release.Release][]*Row)
		var targets []release.Release // in the order of the plan
		for _, row := range w.Rows {
			switch {
			case row.Action == FindOut:
				findOut++
			case row.Action == Nothing:
			case row.Target.IsZero():
				noTarget++
			default:
				if rowsTo[row.Target] == nil {
					targets = append(targets, row.Target)
				}
				rowsTo[row.Target] = append(rowsTo[row.Target], row)
			}
		}
		for _, target := range targets {
			add(len(rowsTo[target]), "to "+target.String()+" "+effect(rowsTo[target]))
		}
		add(noTarget, "with no safe release known")
		add(findOut, "to find out about first")
	}
	return lines
}

// effect says what the changes to one target achieve.
func effect(rows []*Row) string {
	var closed []string
	var reasons judgement.Reasons
	for _, row := range rows {
		closed = append(closed, row.Closes()...)
		reasons |= row.Server.Judgement.Reasons
	}
	slices.Sort(closed)
	var parts []string
	if closed = slices.Compact(closed); len(closed) > 0 {
		parts = append(parts, "closes "+strings.Join(closed, ", "))
	}
	if reasons&judgement.BelowMinimum != 0 {
		parts = append(parts, "meets the minimum release")
	}
	if reasons&judgement.OutOfSupport != 0 {
		parts = append(parts, "is in support")
	}
	return strings.Join(parts, " and ")
}

// warnings are about the data that the plan is based on.
func warnings(r *report.Report) (all []string) {
	for _, b := range r.Blocks {
		policy, asOf := b.Round.Block.Policy(), b.Round.Judge.Catalog.AdvisoriesAsOf
		if days := b.Round.Day().DaysSince(asOf); days > policy.MaxAge {
			all = append(all, fmt.Sprintf("Advisories are of %s, older than catalog_max_age allows (%s): what this plan installs may be "+
				"open to newer ones. Bring the catalogue up to date first.", asOf, text.Plural(policy.MaxAge, "day")))
		}
		if r.IncompleteSite(b) {
			_, problem := b.SiteWords()
			all = append(all, fmt.Sprintf("Site %s: some of its servers are missing here. %s", b.Site().Source(), problem))
		}
	}
	for _, warning := range r.Warnings() {
		all = append(all, warning.Text)
	}
	for _, problem := range r.Problems {
		all = append(all, "Planned by other data, because the catalogue cannot be read: "+problem+".")
	}
	for _, a := range r.Undecided {
		if a.Exploited() {
			all = append(all, a.ID+" is known to be exploited and undecided: no target of this plan is known to be safe from it.")
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
