package fleet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"telegraf-qlik-sense-version/internal/boundedfile"
	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/poll"
)

// BuiltIn is the name of the catalogue that this program was built with.
const BuiltIn = catalog.BuiltInName

// source is where a catalogue comes from: a file, which is read again when it has
// changed, a web server, which is asked once an hour, or the program itself.
type source struct {
	process *Process
	file    string          // "" unless it is a file
	remote  *catalog.Remote // nil unless it is on a web server
	limiter boundedfile.Limiter

	mu      sync.Mutex
	judge   *judgement.Judge // by what was read last
	weaker  []string         // entries of judge that are weaker than the built-in ones
	read    fs.FileInfo      // of the file, when it was read
	problem string           // what keeps the catalogue from being read again, "" for nothing
	warned  [3]bool          // of the age of releases, advisories, exploitation
	tooOld  map[int]bool     // for which catalog_max_age that was said, in days
	remoteState

	rounds   int    // that run
	pinned   *Basis // of all rounds that overlap
	pinnedAt time.Time
}

// Basis is what the servers of a round are judged by.
type Basis struct {
	Judge *judgement.Judge
	// Catalog is the name of the catalogue: BuiltIn, the file or the URL.
	Catalog string
	// Weaker are its entries that are weaker than the built-in ones, a sentence each.
	Weaker []string
	// Problem says why servers are not judged by the catalogue that the settings name as it
	// is now, "" where they are.
	Problem string
}

// source returns the catalogue of the settings. A file is read at the first call, a web
// server is not asked before the first round. What is wrong with it is joined, each part a
// *poll.SettingError; further calls say that in one line.
func (p *Process) source(file, address string) (*source, error) {
	if address != "" {
		return p.remoteSource(file, address)
	}
	s, known := p.sourceOf(file)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.judge != nil:
		return s, nil
	case known:
		return nil, &poll.SettingError{Key: "catalog_file", Err: fmt.Errorf("%s cannot be used, as the first block that names it says", file)}
	case file == "":
		s.judge = judgement.BuiltIn()
	default:
		s.file = file
		if _, err := s.load(context.Background()); err != nil {
			return nil, catalogError(file, err)
		}
	}
	s.announce(catalog.DayOf(p.now()))
	return s, nil
}

// sourceOf returns the source of a file or URL, "" for the built-in catalogue.
func (p *Process) sourceOf(place string) (s *source, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s, known = p.sources[place]; !known {
		s = &source{process: p}
		p.sources[place] = s
	}
	return s, known
}

// maxProblems is how many problems of a catalogue are shown at the start.
const maxProblems = 10

func catalogError(file string, err error) error {
	if _, unreadable := errors.AsType[*fs.PathError](err); unreadable {
		err = fmt.Errorf("%w: check the path and the permissions of Telegraf's account", err)
	}
	var errs []error
	for line := range strings.Lines(err.Error()) {
		if len(errs) == maxProblems {
			line = fmt.Sprintf(`there is more: "telegraf-qlik-sense-version catalog check %s" shows all of it`, file)
		}
		errs = append(errs, &poll.SettingError{Key: "catalog_file", Err: errors.New(strings.TrimSpace(line))})
		if len(errs) > maxProblems {
			break
		}
	}
	return errors.Join(errs...)
}

// load reads the file, unless it is as it was, and adds what the built-in catalogue knows
// beyond it.
func (s *source) load(ctx context.Context) (changed bool, err error) {
	type content struct {
		info    fs.FileInfo
		catalog *catalog.Catalog // nil where the file is as it was
	}
	before := s.read
	c, err := boundedfile.Within(ctx, &s.limiter, func() (c content, err error) {
		if c.info, err = os.Stat(s.file); err != nil || isSame(before, c.info) {
			return c, err
		}
		c.catalog, err = catalog.Load(s.file)
		return c, err
	})
	if err != nil || c.catalog == nil {
		return false, err
	}
	s.read = c.info
	s.use(newReading(c.catalog))
	return true, nil
}

// reading is a catalogue that was read.
type reading struct {
	judge         *judgement.Judge
	added, weaker []string // compared with the built-in catalogue
}

// newReading adds what the built-in catalogue knows beyond c.
func newReading(c *catalog.Catalog) *reading {
	completed, added := c.CompletedBy(catalog.BuiltIn())
	judge := judgement.New(completed)
	return &reading{judge, added, judge.Weaker(judgement.BuiltIn())}
}

// use judges by a catalogue from now on. Of a weaker entry it tells once.
func (s *source) use(r *reading) {
	if len(r.added) > 0 {
		s.process.warnf(`Catalogue (%s): it lacks what is built into this program, which was added: %s: `+
			`"telegraf-qlik-sense-version catalog update FILE" writes it there`, s.place(), strings.Join(r.added, ", "))
	}
	for _, weaker := range r.weaker {
		if !slices.Contains(s.weaker, weaker) {
			s.process.warnf("Catalogue (%s): weaker than what is built into this program: %s", s.place(), weaker)
		}
	}
	s.judge, s.weaker = r.judge, r.weaker
}

// isSame reports whether a file is the one that was read before, as it was.
func isSame(before, now fs.FileInfo) bool {
	return before != nil && os.SameFile(before, now) && now.ModTime().Equal(before.ModTime()) && now.Size() == before.Size()
}

// begin tells that a round begins, which end has to follow.
func (s *source) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rounds++
	if s.remote != nil {
		s.ask()
	}
}

func (s *source) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rounds--; s.rounds == 0 {
		s.pinned = nil
	}
}

// current returns the catalogue as it is now, the same for rounds that overlap: the servers
// of all blocks are judged alike. What cannot be read any more leaves what was read before in
// use. maxAge is that of the block, in days.
func (s *source) current(ctx context.Context, today catalog.Day, maxAge int) Basis {
	s.await(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	// Rounds of many blocks with times of their own could overlap without end.
	if s.rounds == 0 || s.pinned == nil || s.process.now().Sub(s.pinnedAt) >= askEvery {
		s.renew(ctx, today)
		s.pinned, s.pinnedAt = &Basis{Judge: s.judge, Catalog: s.name(), Weaker: s.weaker, Problem: s.currentProblem()}, s.process.now()
	}
	s.warnOfAge(today)
	if age := today.DaysSince(s.judge.Catalog.AdvisoriesAsOf); age > maxAge && !s.tooOld[maxAge] {
		s.tooOld[maxAge] = true
		s.process.warnf("Catalogue (%s): its advisories are %d days old, more than catalog_max_age allows (%d): they prove no server compliant",
			s.name(), age, maxAge)
	}
	return *s.pinned
}

// renew brings in what is new.
func (s *source) renew(ctx context.Context, today catalog.Day) {
	switch {
	case s.remote != nil && ctx.Err() == nil:
		s.takeFetched(today)
	case s.file != "":
		s.refresh(ctx, today)
	}
}

func (s *source) currentProblem() string {
	if s.problem == "" {
		return ""
	}
	return s.place() + ": " + strings.ReplaceAll(s.problem, "\n", "; ")
}

func (s *source) refresh(ctx context.Context, today catalog.Day) {
	changed, err := s.load(ctx)
	switch {
	case ctx.Err() != nil: // says nothing of the file
	case err != nil && err.Error() != s.problem:
		s.problem = err.Error()
		s.process.warnf("Catalogue of %s stays in use, for the file has become unusable: %s: %s",
			s.judge.Catalog.AdvisoriesAsOf, s.file, strings.ReplaceAll(s.problem, "\n", "; "))
	case err == nil && (changed || s.problem != ""):
		s.problem = ""
		s.announce(today)
	}
}

// place is what the settings name.
func (s *source) place() string {
	switch {
	case s.remote != nil:
		return s.remote.URL()
	case s.file != "":
		return s.file
	}
	return BuiltIn
}

// name is that of the catalogue that judges.
func (s *source) name() string {
	if s.remote != nil && !s.fetched {
		return BuiltIn
	}
	return s.place()
}

// announce tells how far the data that were read reach.
func (s *source) announce(today catalog.Day) {
	c := s.judge.Catalog
	s.process.infof("Catalogue (%s): releases of %s, advisories of %s, known exploitation of %s",
		s.name(), c.ReleasesAsOf, c.AdvisoriesAsOf, c.ExploitedAsOf)
	if err := c.CheckDays(today); err != nil {
		s.process.warnf("Catalogue (%s): %s", s.name(), strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	for _, a := range c.Undecided() {
		if a.Exploited() {
			s.process.errorf("Catalogue (%s): %s is exploited, and nobody can map it to releases yet: no server is proven compliant until somebody decides it: %s",
				s.name(), a.ID, a.Decision(s.name()))
		}
	}
	s.warned, s.tooOld = [3]bool{}, make(map[int]bool)
	s.warnOfAge(today)
}

// warnOfAge says once of what was read what the age of its parts means.
func (s *source) warnOfAge(today catalog.Day) {
	c := s.judge.Catalog
	cure := `and name the file in catalog_file`
	if s.remote != nil {
		cure = "on the machine that puts the file at " + s.remote.URL()
	}
	for i, part := range []struct {
		day     catalog.Day
		meaning string
	}{
		{c.ReleasesAsOf, `its list of releases is %d days old, so that patches_behind may be too low: bring it up to date with ` +
			`"telegraf-qlik-sense-version catalog update FILE", ` + cure},
		{c.AdvisoriesAsOf, "its advisories are %d days old, so that servers may be open to newer ones: bring it up to date in the same way"},
		{c.ExploitedAsOf, "what it knows of exploitation is %d days old, so that exploited_advisory_count may be too low: bring it up to date in the same way"},
	} {
		if age := today.DaysSince(part.day); age > catalog.OldAfter && !s.warned[i] {
			s.warned[i] = true
			s.process.warnf("Catalogue (%s): "+part.meaning, s.name(), age)
		}
	}
}
