// Package plan turns a report into what to install where and in which order: a row for each
// server, in waves that the user names.
package plan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/internal/report"
)

// DefaultWaveTag is the static tag whose values Options.Waves names.
const DefaultWaveTag = "environment"

// Options are what the user asks for.
type Options struct {
	// Target is the release for servers that no patch of their own release makes compliant; zero
	// for the newest release that is safe for each of them.
	Target release.Release
	// Waves are values of the static tag WaveTag ("" for DefaultWaveTag), in the order of the
	// rollout. Without them there is one wave: an order is never guessed.
	Waves   []string
	WaveTag string
}

// Plan is what to install where.
type Plan struct {
	Options Options
	Report  *report.Report
	Waves   []*Wave
	// Warnings are sentences to read before the plan, about data too old to plan by, or waves
	// without servers, for example.
	Warnings []string
}

// Wave is a set of servers that are changed together.
type Wave struct {
	// Number counts from 1. It is 0 for servers that belong to no wave of the user; they come last.
	Number int
	Name   string // the value of the tag, "" for servers without it
	Rows   []*Row // the most urgent first
}

// Todo are the rows with something to do; those with nothing to do are last.
func (w *Wave) Todo() []*Row {
	if done := slices.IndexFunc(w.Rows, func(r *Row) bool { return r.Action == Nothing }); done >= 0 {
		return w.Rows[:done]
	}
	return w.Rows
}

// Action is what to do with a server.
type Action int

// The actions.
const (
	FindOut Action = iota // it did not answer, or could not be judged
	Patch                 // to a patch of the release that it runs
	Upgrade               // to a newer release
	Nothing               // it is proven compliant
)

// String returns the action as one word, for CSV and JSON.
func (a Action) String() string {
	return [...]string{"find_out", "patch", "upgrade", "nothing"}[a]
}

// Row is what to do with one server.
type Row struct {
	Server *report.Server
	Action Action
	// Target is what to install; zero for nothing, or if no safe release is known.
	Target release.Release
	// Releases is the number of releases that an upgrade moves forward; 0 for a patch.
	Releases int
}

// New makes the plan of a report. The error says what is wrong with the options.
func New(r *report.Report, options Options) (*Plan, error) {
	if err := options.checkTarget(r); err != nil {
		return nil, err
	}
	if err := options.checkWaves(); err != nil {
		return nil, err
	}
	options.WaveTag = cmp.Or(options.WaveTag, DefaultWaveTag)
	p := &Plan{Options: options, Report: r, Warnings: warnings(r)}
	waves := make(map[string]*Wave)
	for i, name := range options.Waves {
		waves[name] = &Wave{Number: i + 1, Name: name}
	}
	for _, b := range r.Blocks {
		name := ""
		if len(options.Waves) > 0 {
			name = b.Tags()[options.WaveTag]
		}
		if waves[name] == nil {
			waves[name] = &Wave{Name: name}
		}
		for _, s := range b.Servers {
			waves[name].Rows = append(waves[name].Rows, options.row(s))
		}
	}
	for i, name := range options.Waves {
		if len(waves[name].Rows) == 0 {
			p.Warnings = append(p.Warnings, fmt.Sprintf("Wave %d: no server has the tag %s = %q: check how it is written.", i+1, options.WaveTag, name))
			delete(waves, name)
		}
	}
	for _, wave := range waves {
		slices.SortStableFunc(wave.Rows, byUrgency)
		p.Waves = append(p.Waves, wave)
	}
	slices.SortFunc(p.Waves, func(a, b *Wave) int {
		last := func(w *Wave) int { return cmp.Or(w.Number, len(options.Waves)+1) }
		return cmp.Or(cmp.Compare(last(a), last(b)), strings.Compare(a.Name, b.Name))
	})
	p.Warnings = append(p.Warnings, doubtfulTargets(p.Waves)...)
	return p, nil
}

// checkWaves refuses a wave that is named twice and one without a name.
func (o *Options) checkWaves() error {
	for i, name := range o.Waves {
		switch {
		case name == "":
			return errors.New("--waves: a name is missing: write it like DEV,TEST,PROD")
		case slices.Contains(o.Waves[:i], name):
			return fmt.Errorf("--waves: %s is named twice: name each wave once", name)
		}
	}
	return nil
}

// checkTarget refuses a target that would leave a server of some block not compliant.
func (o *Options) checkTarget(r *report.Report) error {
	if o.Target.IsZero() {
		return nil
	}
	for _, b := range r.Blocks {
		j, policy := judge(b, o.Target), b.Round.Block.Policy()
		switch {
		case j.Verdict == nil:
			return fmt.Errorf("--target %s: %s", o.Target, cmp.Or(j.Remark, "the catalogue does not say what is known of it"))
		case len(j.Verdict.Advisories) > 0:
			return fmt.Errorf("--target %s is itself open to %s: choose a later patch or a newer release", o.Target, strings.Join(ids(j.Verdict.Advisories), ", "))
		case j.BelowMinimum:
			return fmt.Errorf("--target %s is below the minimum_release %s of a block: choose that or a newer release", o.Target, policy.Minimum)
		case policy.RequireSupport && j.Unsupported():
			return fmt.Errorf("--target %s is out of support, and a block sets require_support: choose a newer release", o.Target)
		}
	}
	return nil
}

// RowOf is what a plan with default options does with a server.
func RowOf(s *report.Server) *Row { return (&Options{}).row(s) }

// row decides what to do with a server.
func (o *Options) row(s *report.Server) *Row {
	row := &Row{Server: s}
	switch {
	case s.Proven():
		row.Action = Nothing
		return row
	case !s.Answered() || s.Judgement.Compliance != judgement.NonCompliant:
		row.Action = FindOut
		return row
	}
	if patch, found := safePatch(s); found {
		row.Action, row.Target = Patch, patch
		return row
	}
	row.Action, row.Target = Upgrade, o.Target
	if o.Target.Compare(s.Judgement.Release) <= 0 {
		row.Target = newestSafe(s)
	}
	row.Releases = distance(s.Round.Judge.Catalog, s.Judgement.Release, row.Target)
	return row
}

// safePatch is the lowest safe patch of a server's release that fixes all that applies and meets
// the minimum release, if there is one.
func safePatch(s *report.Server) (patch release.Release, found bool) {
	current, minimum := s.Judgement.Release, s.Round.Block.Minimum()
	patch, found = s.Fix()
	switch {
	case len(s.Applying()) == 0:
		patch = current
	case !found:
		return release.Release{}, false
	}
	if minimum.Initial() == current.Initial() && minimum.Compare(patch) > 0 {
		patch = minimum
	}
	return patch, safe(s.Block, patch)
}

// judge judges a release by the data and policy of a block.
func judge(b *report.Block, target release.Release) judgement.Judgement {
	policy := b.Round.Block.Policy()
	return b.Round.Judge.Judge(target.String(), "", &policy, b.Round.Day())
}

// safe reports whether a release is known and not known to be non-compliant.
func safe(b *report.Block, target release.Release) bool {
	j := judge(b, target)
	return j.Verdict != nil && j.Compliance != judgement.NonCompliant
}

// newestSafe is the newest supported release after that of a server whose latest patch is safe;
// zero if there is none.
func newestSafe(s *report.Server) release.Release {
	for _, r := range slices.Backward(s.Round.Judge.Catalog.Releases) { // oldest first
		if target := latest(&r); supported(s.Block, &r) && r.Label.Compare(s.Judgement.Release.Initial()) > 0 && safe(s.Block, target) {
			return target
		}
	}
	return release.Release{}
}

// latest is a release with its latest known patch.
func latest(r *catalog.Release) release.Release {
	target := r.Label
	if r.LatestPatch != nil {
		target.Patch = *r.LatestPatch
	}
	return target
}

// supported reports whether support for a release is known not to have ended.
func supported(b *report.Block, r *catalog.Release) bool {
	return !r.EndOfSupport.IsZero() && r.EndOfSupport.DaysSince(b.Round.Day()) >= 0
}

// Lowest are the lowest targets for upgrades of a block's servers, the oldest first: of each
// supported release the lowest patch such that it and all later ones are safe.
func Lowest(b *report.Block) (targets []release.Release) {
	for _, r := range b.Round.Judge.Catalog.Releases {
		target := latest(&r)
		if !supported(b, &r) || !safe(b, target) {
			continue
		}
		for lower := target; lower.Patch > 0; target = lower {
			if lower.Patch--; !safe(b, lower) {
				break
			}
		}
		targets = append(targets, target)
	}
	return targets
}

// WillDo are the releases that are good enough for a server to be patched or upgraded, each from the
// named patch; lowest are those of its block. A target that was planned earlier is still right
// if this list has its release with the same or a lower patch.
func (r *Row) WillDo(lowest []release.Release) (all []release.Release) {
	if r.Action != Patch && r.Action != Upgrade {
		return nil
	}
	current := r.Server.Judgement.Release.Initial()
	if r.Action == Patch {
		all = append(all, r.Target)
	}
	for _, target := range lowest {
		if target.Initial().Compare(current) > 0 {
			all = append(all, target)
		}
	}
	return all
}

// distance is the number of releases of a catalogue after from, up to and including to.
func distance(c *catalog.Catalog, from, to release.Release) (n int) {
	for _, r := range c.Releases {
		if r.Label.Compare(from.Initial()) > 0 && r.Label.Compare(to) <= 0 {
			n++
		}
	}
	return n
}

// byUrgency orders the rows of a wave: installations, then servers to find out about, then those
// with nothing to do; among installations those that close exploited advisories first, then by the
// highest score, then by the days of exposure.
func byUrgency(a, b *Row) int {
	rank := func(r *Row) int { return [...]int{FindOut: 1, Patch: 0, Upgrade: 0, Nothing: 2}[r.Action] }
	exploited := func(r *Row) int { return min(r.Server.Exploited(), 1) }
	score := func(r *Row) float64 {
		if v := r.Server.Judgement.Verdict; v != nil {
			return v.MaxCVSS
		}
		return 0
	}
	exposed := func(r *Row) int { days, _ := r.Server.Judgement.ExposedDays(); return days }
	return cmp.Or(
		cmp.Compare(rank(a), rank(b)),
		cmp.Compare(exploited(b), exploited(a)),
		cmp.Compare(score(b), score(a)),
		cmp.Compare(exposed(b), exposed(a)),
		strings.Compare(a.Server.Server.String(), b.Server.Server.String()),
	)
}

func ids(advisories []*catalog.Advisory) []string {
	all := make([]string, len(advisories))
	for i, a := range advisories {
		all[i] = a.ID
	}
	return all
}
