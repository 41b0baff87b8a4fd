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

// BuiltIn is the name of the built-in catalogue.
const BuiltIn = catalog.BuiltInName

// source is where a catalogue comes from: a file, which is read again after every change, a
// web server, which is asked once an hour, or the program itself.
type source struct {
	process *Process
	file    string          // "" unless it is a file
	remote  *catalog.Remote // nil unless it is on a web server
	limiter boundedfile.Limiter

	mu      sync.Mutex
	judge   *judgement.Judge // with the catalogue that was read last
	weaker  []string         // entries of judge that are weaker than the built-in ones
	info    fs.FileInfo      // of the file, when it was read
	problem string           // why the catalogue could not be read again, or ""
	warned  [3]bool          // of the age of releases, advisories, exploitation
	tooOld  map[int]bool     // values of catalog_max_age, in days, with a warning
	remoteState

	rounds   int    // running now
	pinned   *Basis // of all overlapping rounds
	pinnedAt time.Time
}

// Basis is the catalogue by which the servers of a round are judged.
type Basis struct {
	Judge *judgement.Judge
	// Catalog is the name of the catalogue: BuiltIn, the file or the URL.
	Catalog string
	// Weaker are its entries that are weaker than the built-in ones, a sentence each.
	Weaker []string
	// Problem says why the current content of the file or URL is not used, "" if it is.
	Problem string
}

// source returns the catalogue of the settings. A file is read at the first call, a web
// server is not asked before the first round. The error joins *poll.SettingErrors; further
// calls return one that refers to them.
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
		return nil, &poll.SettingError{Key: "catalog_file", Err: fmt.Errorf("%s cannot be used: see the error of the first block that names it", file)}
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
	lines := strings.Split(err.Error(), "\n")
	if len(lines) > maxProblems {
		lines = append(lines[:maxProblems], fmt.Sprintf(`there is more: "telegraf-qlik-sense-version catalog check %s" shows all of it`, file))
	}
	errs := make([]error, len(lines))
	for i, line := range lines {
		errs[i] = &poll.SettingError{Key: "catalog_file", Err: errors.New(strings.TrimSpace(line))}
	}
	return errors.Join(errs...)
}

// load reads the file, unless it is unchanged, and adds the entries of the built-in catalogue
// that it lacks.
func (s *source) load(ctx context.Context) (changed bool, err error) {
	type content struct {
		info    fs.FileInfo
		catalog *catalog.Catalog // nil if the file is unchanged
	}
	before := s.info
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
	s.info = c.info
	s.use(newLoadedCatalog(c.catalog))
	return true, nil
}

// loadedCatalog is a catalogue that was read, completed by the built-in one.
type loadedCatalog struct {
	judge         *judgement.Judge
	added, weaker []string // compared with the built-in catalogue
}

func newLoadedCatalog(c *catalog.Catalog) *loadedCatalog {
	completed, added := c.CompletedBy(catalog.BuiltIn())
	judge := judgement.New(completed)
	return &loadedCatalog{judge, added, judge.Weaker(judgement.BuiltIn())}
}

// use replaces the catalogue. It warns once of each weaker entry.
func (s *source) use(r *loadedCatalog) {
	if len(r.added) > 0 {
		s.process.warnf(`Catalogue (%s): it lacks entries that are built into this program; they were added: %s: `+
			`"telegraf-qlik-sense-version catalog update FILE" writes them to the file`, s.place(), strings.Join(r.added, ", "))
	}
	for _, weaker := range r.weaker {
		if !slices.Contains(s.weaker, weaker) {
			s.process.warnf("Catalogue (%s): weaker than what is built into this program: %s", s.place(), weaker)
		}
	}
	s.judge, s.weaker = r.judge, r.weaker
}

// isSame reports whether a file is unchanged.
func isSame(before, now fs.FileInfo) bool {
	return before != nil && os.SameFile(before, now) && now.ModTime().Equal(before.ModTime()) && now.Size() == before.Size()
}

// begin begins a round. Call end after it.
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

// current returns the current catalogue. Rounds that overlap get the same one, so that the
// servers of all blocks are judged alike. If it cannot be read, the previous one stays in use.
// maxAge is catalog_max_age of the block, in days.
func (s *source) current(ctx context.Context, today catalog.Day, maxAge int) Basis {
	s.await(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	// Rounds of many blocks could overlap without end.
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

// renew starts to use a catalogue that has changed.
func (s *source) renew(ctx context.Context, today catalog.Day) {
	switch {
	case s.remote != nil && ctx.Err() == nil:
		s.useFetched(today)
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
	case ctx.Err() != nil: // err does not concern the file
	case err != nil && err.Error() != s.problem:
		s.problem = err.Error()
		s.process.warnf("Catalogue of %s stays in use, because the file has become unusable: %s: %s",
			s.judge.Catalog.AdvisoriesAsOf, s.file, strings.ReplaceAll(s.problem, "\n", "; "))
	case err == nil && (changed || s.problem != ""):
		s.problem = ""
		s.announce(today)
	}
}

// place is the file or URL of the settings.
func (s *source) place() string {
	switch {
	case s.remote != nil:
		return s.remote.URL()
	case s.file != "":
		return s.file
	}
	return BuiltIn
}

// name is the name of the catalogue in use.
func (s *source) name() string {
	if s.remote != nil && !s.fetched {
		return BuiltIn
	}
	return s.place()
}

// announce logs how recent the data are.
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

// warnOfAge warns once of each part of the catalogue that is old.
func (s *source) warnOfAge(today catalog.Day) {
	c := s.judge.Catalog
	cure := `and name the file in catalog_file`
	if s.remote != nil {
		cure = "on the machine that puts the file at " + s.remote.URL()
	}
	for i, part := range []struct {
		day           catalog.Day
		meaning, cure string
	}{
		{c.ReleasesAsOf, "its list of releases is %d days old, so patches_behind may be too low",
			`with "telegraf-qlik-sense-version catalog update FILE", ` + cure},
		{c.AdvisoriesAsOf, "its advisories are %d days old, so servers may be open to newer ones", "in the same way"},
		{c.ExploitedAsOf, "what it knows of exploitation is %d days old, so exploited_advisory_count may be too low", "in the same way"},
	} {
		if age := today.DaysSince(part.day); age > catalog.OldAfter && !s.warned[i] {
			s.warned[i] = true
			s.process.warnf("Catalogue (%s): %s: bring it up to date %s", s.name(), fmt.Sprintf(part.meaning, age), part.cure)
		}
	}
}
