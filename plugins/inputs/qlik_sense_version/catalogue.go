package qlik_sense_version

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/judgement"
	"telegraf-qlik-sense-version/internal/poll"
	"telegraf-qlik-sense-version/internal/release"
)

// catalogue is what the versions of a block are judged by. A file is read again when
// it has changed.
type catalogue struct {
	judge *judgement.Judge
	read  fs.FileInfo // of the file, when it was read
	// What was said of it already.
	problem string // of the file, "" for none
	warned  warned
}

// warned is what was said of the age of a catalogue.
type warned struct {
	judge *judgement.Judge
	parts [3]bool // releases, advisories, exploitation
}

func (q *QlikSenseVersion) initMinimum() (err error) {
	if q.MinimumRelease == "" {
		return nil
	}
	if q.minimum, err = release.Parse(q.MinimumRelease); err != nil {
		return &poll.SettingError{Key: "minimum_release", Err: fmt.Errorf(`%w: write it like "May 2025 Patch 3"`, err)}
	}
	return nil
}

func (q *QlikSenseVersion) initCatalogue() error {
	if q.CatalogFile == "" {
		q.judge = judgement.BuiltIn()
		return nil
	}
	info, err := os.Stat(q.CatalogFile)
	if err == nil {
		err = q.load(info)
	}
	if err == nil {
		return nil
	}
	if _, unreadable := errors.AsType[*fs.PathError](err); unreadable {
		err = fmt.Errorf("%w: check the path and the permissions of Telegraf's account", err)
	}
	var errs []error
	for line := range strings.Lines(err.Error()) {
		if len(errs) == maxProblems {
			line = fmt.Sprintf(`there is more: "telegraf-qlik-sense-version catalog check %s" shows all of it`, q.CatalogFile)
		}
		errs = append(errs, &poll.SettingError{Key: "catalog_file", Err: errors.New(strings.TrimSpace(line))})
		if len(errs) > maxProblems {
			break
		}
	}
	return errors.Join(errs...)
}

// maxProblems is how many problems of a catalogue are shown at the start.
const maxProblems = 10

func (q *QlikSenseVersion) load(info fs.FileInfo) error {
	c, err := catalog.Load(q.CatalogFile)
	if err != nil {
		return err
	}
	q.judge, q.read = judgement.New(c), info
	return nil
}

// judgeOn gives the judge of a round on that day, by the catalogue file as it is now.
// A file that cannot be used any more leaves the one that was read before.
func (q *QlikSenseVersion) judgeOn(today catalog.Day) *judgement.Judge {
	if q.CatalogFile != "" {
		q.refresh()
	}
	q.warnOfAge(today)
	return q.judge
}

func (q *QlikSenseVersion) refresh() {
	info, err := os.Stat(q.CatalogFile)
	if err == nil && os.SameFile(info, q.read) && info.ModTime().Equal(q.read.ModTime()) && info.Size() == q.read.Size() {
		if q.problem != "" {
			q.problem = ""
			q.announce()
		}
		return
	}
	if err == nil {
		err = q.load(info)
	}
	switch {
	case err == nil:
		q.problem = ""
		q.announce()
	case err.Error() != q.problem:
		q.problem = err.Error()
		q.Log.Warnf("Catalogue of %s stays in use, for the file has become unusable: %s",
			q.judge.Catalog.AdvisoriesAsOf, strings.ReplaceAll(q.problem, "\n", "; "))
	}
}

// warnOfMinimum says that a minimum is none which the catalogue knows: it may be
// misspelt, or newer than the catalogue.
func (q *QlikSenseVersion) warnOfMinimum() {
	initial := q.minimum.Initial()
	listed := slices.ContainsFunc(q.judge.Catalog.Releases, func(r catalog.Release) bool { return r.Label == initial })
	if !q.minimum.IsZero() && !listed {
		q.Log.Warnf("Setting minimum_release: the catalogue has no release %q: check the month and the year", initial)
	}
}

// announce tells how far the data reaches.
func (q *QlikSenseVersion) announce() {
	c := q.judge.Catalog
	q.Log.Infof("Catalogue (%s): releases of %s, advisories of %s, known exploitation of %s",
		q.CatalogName(), c.ReleasesAsOf, c.AdvisoriesAsOf, c.ExploitedAsOf)
}

// Judge gives the judge of the versions, by the catalogue that is in use. It is known
// after Init.
func (q *QlikSenseVersion) Judge() *judgement.Judge { return q.judge }

// Minimum gives the minimum release, zero where there is none. It is known after Init.
func (q *QlikSenseVersion) Minimum() release.Release { return q.minimum }

// CatalogName is the file that the catalogue comes from, or "built in".
func (q *QlikSenseVersion) CatalogName() string {
	if q.CatalogFile == "" {
		return "built in"
	}
	return q.CatalogFile
}

// warnOfAge says once of each catalogue what the age of its parts means.
func (q *QlikSenseVersion) warnOfAge(today catalog.Day) {
	c := q.judge.Catalog
	if q.warned.judge != q.judge {
		q.warned = warned{judge: q.judge}
		if err := c.CheckDays(today); err != nil {
			q.Log.Warnf("Catalogue (%s): %s", q.CatalogName(), strings.ReplaceAll(err.Error(), "\n", "; "))
		}
		if builtIn := catalog.BuiltIn(); builtIn.AdvisoriesAsOf.After(c.AdvisoriesAsOf) {
			q.Log.Warnf(`Catalogue (%s): its advisories are of %s, those built into this plugin of %s: `+
				`"telegraf-qlik-sense-version catalog update FILE" adds them`, q.CatalogName(), c.AdvisoriesAsOf, builtIn.AdvisoriesAsOf)
		}
	}
	for i, part := range []struct {
		day     catalog.Day
		meaning string
	}{
		{c.ReleasesAsOf, `its list of releases is %d days old, so that patches_behind may be too low: bring it up to date with ` +
			`"telegraf-qlik-sense-version catalog update FILE", and name the file in catalog_file`},
		{c.AdvisoriesAsOf, "its advisories are %d days old, so that servers may be open to newer ones: install a newer version of this plugin, or of the catalogue"},
		{c.ExploitedAsOf, "what it knows of exploitation is %d days old, so that exploited_advisory_count may be too low: " +
			"look the advisories up in CISA's list, or install a newer version of this plugin"},
	} {
		if age := today.DaysSince(part.day); age > catalog.OldAfter && !q.warned.parts[i] {
			q.warned.parts[i] = true
			q.Log.Warnf("Catalogue (%s): "+part.meaning, q.CatalogName(), age)
		}
	}
}
