// Package plan makes of a report what to install where, in which order: a row for each
// server, in waves that the user names.
package plan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/fleet"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/release"
	"telegraf-qlik-sense-version/internal/report"
)

// DefaultWaveTag is the static tag whose values Options.Waves names.
const DefaultWaveTag = "environment"

// Options are what the user asks for.
type Options struct {
	// Target is what servers are upgraded to that no patch of their release makes compliant;
	// zero for the newest release that is safe for each of them.
	Target release.Release
	// Waves are values of the static tag WaveTag ("" for DefaultWaveTag), the first wave
	// first. Without them there is one wave: an order is never guessed.
	Waves   []string
	WaveTag string
}

// Plan is what to install where. Its rows are those of Waves, one after the other.
type Plan struct {
	Options Options
	Report  *report.Report
	Waves   []Wave
	// Warnings are sentences to read before the plan: data that are too old to plan by, and
	// waves that no server belongs to.
	Warnings []string
}

// Wave is what is done at one time.
type Wave struct {
	// Number counts from 1. It is 0 for servers that the user put into no wave, which come last,
	// and where there are no waves.
	Number int
	Name   string // the value of the tag, "" for servers without it
	Rows   []Row  // the most urgent first
}

// Todo are the rows with something to do: all but those that need nothing, which are last.
func (w *Wave) Todo() []Row {
	for i := range w.Rows {
		if w.Rows[i].Action == Nothing {
			return w.Rows[:i]
		}
	}
	return w.Rows
}

// Action is what to do with a server.
type Action int

// The actions.
const (
	FindOut Action = iota // it did not answer, or could not be judged
	Patch                 // a patch of the release that it runs
	Upgrade               // a newer release
	Nothing               // it is proven compliant
)

// String gives the action in a word, for CSV and JSON.
func (a Action) String() string {
	return [...]string{"find_out", "patch", "upgrade", "nothing"}[a]
}

// Row is what to do with one server.
type Row struct {
	Block  *report.Block
	Server *report.Server
	Action Action
	// Target is what to install; zero where nothing is to be installed, and where no release
	// is known that would do.
	Target release.Release
	// Releases is how many releases an upgrade goes on by: 1 is the next one. 0 for a patch.
	Releases int
}

// New makes the plan of a report. The error says why the target will not do.
func New(r *report.Report, options Options) (*Plan, error) {
	if err := options.checkTarget(r); err != nil {
		return nil, err
	}
	if err := options.checkWaves(); err != nil {
		return nil, err
	}
	p := &Plan{Options: options, Report: r, Warnings: warnings(r)}
	waves := make(map[string]*Wave)
	for i, name := range options.Waves {
		waves[name] = &Wave{Number: i + 1, Name: name}
	}
	for i := range r.Blocks {
		b := &r.Blocks[i]
		name := ""
		if len(options.Waves) > 0 {
			name = b.Tags()[options.waveTag()]
		}
		if waves[name] == nil {
			waves[name] = &Wave{Name: name}
		}
		for j := range b.Servers {
			waves[name].Rows = append(waves[name].Rows, options.row(b, &b.Servers[j]))
		}
	}
	for i, name := range options.Waves {
		if len(waves[name].Rows) == 0 {
			p.Warnings = append(p.Warnings, fmt.Sprintf("Wave %d: no server has the tag %s = %q: check how it is written.", i+1, options.waveTag(), name))
			delete(waves, name)
		}
	}
	p.Warnings = append(p.Warnings, doubtful(waves)...)
	for _, wave := range waves {
		slices.SortStableFunc(wave.Rows, urgency)
		p.Waves = append(p.Waves, *wave)
	}
	slices.SortFunc(p.Waves, func(a, b Wave) int {
		last := func(w Wave) int { return cmp.Or(w.Number, len(options.Waves)+1) }
		return cmp.Or(cmp.Compare(last(a), last(b)), strings.Compare(a.Name, b.Name))
	})
	return p, nil
}

// WaveTag is the static tag whose values are waves.
func (p *Plan) WaveTag() string { return p.Options.waveTag() }

func (o *Options) waveTag() string { return cmp.Or(o.WaveTag, DefaultWaveTag) }

// checkWaves finds a wave that is named twice or not at all.
func (o *Options) checkWaves() error {
	for i, name := range o.Waves {
		switch {
		case name == "":
			return errors.New("--waves: a name is missing: write it like DEV,TEST,PROD")
		case slices.Contains(o.Waves[:i], name):
			return fmt.Errorf("--waves: %s stands there twice", name)
		}
	}
	return nil
}

// checkTarget refuses a target that would leave a server of some block not compliant.
func (o *Options) checkTarget(r *report.Report) error {
	if o.Target.IsZero() {
		return nil
	}
	for i := range r.Blocks {
		round := r.Blocks[i].Round
		policy := round.Block.Policy()
		j := round.Judge.Judge(o.Target.String(), "", &policy, round.Day())
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

// RowOf is what a plan without wishes does with a server.
func RowOf(b *report.Block, s *report.Server) Row { return (&Options{}).row(b, s) }

// row decides what to do with a server.
func (o *Options) row(b *report.Block, s *report.Server) Row {
	row := Row{Block: b, Server: s, Action: FindOut}
	switch {
	case s.Proven():
		row.Action = Nothing
		return row
	case !s.Answered() || s.Judgement.Compliance != judgement.NonCompliant:
		return row
	}
	if patch, found := safePatch(b, s); found {
		row.Action, row.Target = Patch, patch
		return row
	}
	row.Action = Upgrade
	if o.Target.Compare(s.Judgement.Release) > 0 {
		row.Target = o.Target
	} else {
		row.Target = newest(b.Round, s.Judgement.Release)
	}
	row.Releases = distance(b.Round.Judge.Catalog, s.Judgement.Release, row.Target)
	return row
}

// safePatch is the lowest patch of a server's release against which nothing would speak.
func safePatch(b *report.Block, s *report.Server) (patch release.Release, found bool) {
	runs, policy := s.Judgement.Release, b.Round.Block.Policy()
	patch, found = s.Fix()
	switch {
	case len(s.Applying()) == 0:
		patch = runs
	case !found:
		return release.Release{}, false
	}
	if policy.Minimum.Initial() == runs.Initial() && policy.Minimum.Compare(patch) > 0 {
		patch = policy.Minimum
	}
	return patch, safe(b.Round, patch)
}

// safe reports whether nothing is known against a release.
func safe(round *fleet.Round, target release.Release) bool {
	policy := round.Block.Policy()
	j := round.Judge.Judge(target.String(), "", &policy, round.Day())
	return j.Verdict != nil && j.Compliance != judgement.NonCompliant
}

// newest is the newest release known, with its newest patch, that is safe, supported and newer
// than what runs; zero where there is none.
func newest(round *fleet.Round, runs release.Release) release.Release {
	releases := round.Judge.Catalog.Releases // oldest first
	for i := len(releases) - 1; i >= 0; i-- {
		r := &releases[i]
		if target := latest(r); supported(round, r) && r.Label.Compare(runs.Initial()) > 0 && safe(round, target) {
			return target
		}
	}
	return release.Release{}
}

// latest is a release with its newest patch known.
func latest(r *catalog.Release) release.Release {
	target := r.Label
	if r.LatestPatch != nil {
		target.Patch = *r.LatestPatch
	}
	return target
}

// supported reports whether an upgrade may go to a release.
func supported(round *fleet.Round, r *catalog.Release) bool {
	return !r.EndOfSupport.IsZero() && r.EndOfSupport.DaysSince(round.Day()) >= 0
}

// Lowest are the targets that an upgrade of a block's servers may have at the least, the oldest
// first: of each supported release the lowest patch from which on nothing is known against it.
func Lowest(b *report.Block) (targets []release.Release) {
	releases := b.Round.Judge.Catalog.Releases
	for i := range releases {
		target := latest(&releases[i])
		if !supported(b.Round, &releases[i]) || !safe(b.Round, target) {
			continue
		}
		for lower := target; lower.Patch > 0; target = lower {
			if lower.Patch--; !safe(b.Round, lower) {
				break
			}
		}
		targets = append(targets, target)
	}
	return targets
}

// WillDo are the releases of which each patch from the one named on would do for a server that
// is to be patched or upgraded; lowest are those of its block. A target that was planned earlier
// is right for as long as its release is among them with a patch that is not above.
func (r *Row) WillDo(lowest []release.Release) (all []release.Release) {
	if r.Action != Patch && r.Action != Upgrade {
		return nil
	}
	runs := r.Server.Judgement.Release.Initial()
	if r.Action == Patch {
		all = append(all, r.Target)
	}
	for _, target := range lowest {
		if target.Initial().Compare(runs) > 0 {
			all = append(all, target)
		}
	}
	return all
}

// distance is the number of releases in a catalogue from one to another.
func distance(c *catalog.Catalog, from, to release.Release) (n int) {
	for i := range c.Releases {
		if label := c.Releases[i].Label; label.Compare(from.Initial()) > 0 && label.Compare(to) <= 0 {
			n++
		}
	}
	return n
}

// urgency orders the rows of a wave: what is to be installed before what is to be found out
// and what needs nothing; of the first what is exploited, then the highest score, then what
// has been known for longest.
func urgency(a, b Row) int {
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
		cmp.Compare(rank(&a), rank(&b)),
		cmp.Compare(exploited(&b), exploited(&a)),
		cmp.Compare(score(&b), score(&a)),
		cmp.Compare(exposed(&b), exposed(&a)),
		strings.Compare(a.Server.Server.String(), b.Server.Server.String()),
	)
}

// Rows are those of all waves, in the order of the plan.
func (p *Plan) Rows() []Row {
	var rows []Row
	for _, wave := range p.Waves {
		rows = append(rows, wave.Rows...)
	}
	return rows
}

func ids(advisories []*catalog.Advisory) []string {
	all := make([]string, len(advisories))
	for i, a := range advisories {
		all[i] = a.ID
	}
	return all
}
