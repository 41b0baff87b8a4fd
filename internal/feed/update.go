package feed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"

	"telegraf-qlik-sense-version/internal/atomicfile"
	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/text"
)

var errInterrupted = errors.New("interrupted")

// Update brings the catalogue in a file up to date.
type Update struct {
	Sources

	File  string // made out of the built-in catalogue if it does not exist
	Today catalog.Day
	// From is a bundle to read instead of the network, "" for none.
	From string
}

// Result is what an update did.
type Result struct {
	File    string
	New     bool // the file was made
	Written bool // false where there was nothing new
	Catalog *catalog.Catalog
	// Changes are one sentence each, of the built-in catalogue and of the sources.
	Changes []string
	// Remarks are what was found and not taken, one sentence each.
	Remarks []string
}

// Run updates the file. The parts of the catalogue are independent of each other: one whose
// source fails stays as it was, with its day, and the error says so, one line for each
// failure and a last one for what is old now. Without a result the file is as it was.
func (u *Update) Run(ctx context.Context) (*Result, error) {
	outcomes, err := u.read(ctx)
	if err != nil {
		return nil, u.untouched(err)
	}
	var remarks []string
	unlock, err := atomicfile.Lock(ctx, u.File)
	switch {
	case err == nil:
		defer unlock()
	case errors.Is(err, context.Canceled):
		return nil, u.untouched(errInterrupted)
	case errors.Is(err, atomicfile.ErrCannotLock):
		remarks = append(remarks, oneLine(err)+": run no other update of the file at the same time")
	default:
		return nil, u.untouched(err)
	}
	return u.apply(outcomes, remarks)
}

// apply merges what was read into the file as it is now, under the lock: an update that ran
// meanwhile is not undone.
func (u *Update) apply(outcomes []outcome, remarks []string) (*Result, error) {
	old, isNew, err := u.load()
	if err != nil {
		return nil, u.untouched(err)
	}
	r := &Result{File: u.File, New: isNew, Remarks: remarks}
	if err := r.merge(old, outcomes); err != nil {
		return nil, u.untouched(err)
	}
	failed := slices.DeleteFunc(slices.Clone(outcomes), func(o outcome) bool { return o.err == nil })
	if len(failed) == len(outcomes) {
		return nil, errors.Join(u.untouched(failures(failed)), u.stale(old, failed))
	}
	if r.Written = isNew || !reflect.DeepEqual(old, r.Catalog); r.Written {
		r.Remarks = append(r.Remarks, u.lostComments()...)
		if err := r.Catalog.Save(u.File, u.comment(outcomes)); err != nil {
			return nil, u.untouched(err)
		}
	}
	return r, u.partly(r.Catalog, failed)
}

// read reads the sources, or the bundle, after a look at the file: one that cannot be used or
// replaced needs no network.
func (u *Update) read(ctx context.Context) ([]outcome, error) {
	chosen, err := u.chosen()
	if err != nil {
		return nil, err
	}
	if _, _, err := u.load(); err != nil {
		return nil, err
	}
	if err := atomicfile.Check(u.File); err != nil {
		return nil, err
	}
	if u.From != "" {
		return readBundle(u.From, chosen, u.Today)
	}
	outcomes := u.fetch(ctx, chosen, u.Today)
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, errInterrupted
	}
	return outcomes, nil
}

func (u *Update) load() (old *catalog.Catalog, isNew bool, err error) {
	old, err = catalog.Load(u.File)
	switch isNew = errors.Is(err, fs.ErrNotExist); {
	case isNew:
		old = catalog.BuiltIn()
	case errors.Is(err, fs.ErrPermission):
		return nil, false, fmt.Errorf("reading it: %w: check its permissions", err)
	case err != nil:
		return nil, false, fmt.Errorf("reading it: %w", err)
	}
	return old, isNew, old.CheckDays(u.Today)
}

// merge puts what the built-in catalogue and the sources know together. A list of which
// nothing can be taken makes an error of its outcome.
func (r *Result) merge(old *catalog.Catalog, outcomes []outcome) error {
	c, changes := old.Complement(catalog.BuiltIn())
	if err := c.Check(); err != nil {
		return fmt.Errorf("the built-in catalogue does not fit the file: %w", err)
	}
	r.Changes = changes
	for i := range outcomes {
		o := &outcomes[i]
		if o.err != nil {
			continue
		}
		next, what, err := o.answer.list.merge(c, o.answer.asOf(o.source))
		if err != nil {
			o.err = fmt.Errorf("%s: %w", o.answer.address, err)
			continue
		}
		c = next
		r.Changes = append(r.Changes, what.changes...)
		r.Remarks = slices.Concat(r.Remarks, o.answer.remarks, what.remarks)
	}
	r.Catalog = c
	return nil
}

// untouched says in each line of an error what became of the file.
func (u *Update) untouched(err error) error {
	state := "stays as it was"
	if _, missing := os.Lstat(u.File); errors.Is(missing, fs.ErrNotExist) {
		state = "was not made"
	}
	return prefixed(u.File+" "+state+": ", err)
}

// failures joins what failed, with the part in front of each line.
func failures(failed []outcome) error {
	errs := make([]error, 0, len(failed))
	for _, o := range failed {
		errs = append(errs, prefixed(o.part+": ", o.err))
	}
	return errors.Join(errs...)
}

// partly returns the error of an update of which some sources have failed, nil where none
// has.
func (u *Update) partly(c *catalog.Catalog, failed []outcome) error {
	if len(failed) == 0 {
		return nil
	}
	return errors.Join(prefixed(u.File+": ", failures(failed)), u.stale(c, failed))
}

// stale says what is old now: the last line of every failure of a source.
func (u *Update) stale(c *catalog.Catalog, failed []outcome) error {
	parts := make([]string, 0, len(failed))
	for _, o := range failed {
		parts = append(parts, asOf(c, o.part))
	}
	return fmt.Errorf("%s: not brought up to date: %s", u.File, strings.Join(parts, ", "))
}

// asOf returns "releases as of 2026-11-24".
func asOf(c *catalog.Catalog, part string) string {
	day := map[string]catalog.Day{
		releases.part: c.ReleasesAsOf, advisories.part: c.AdvisoriesAsOf, exploited.part: c.ExploitedAsOf,
	}[part]
	return part + " as of " + day.String()
}

// String returns the report of the update: a line for each change and each remark, then one
// for the file.
func (r *Result) String() string {
	var out strings.Builder
	for _, line := range slices.Concat(r.Changes, r.Remarks) {
		out.WriteString(text.OneLine(line) + "\n")
	}
	changes := "nothing new"
	if len(r.Changes) > 0 {
		changes = text.Plural(len(r.Changes), "change")
	}
	if r.New {
		changes = "made from the built-in catalogue, " + changes
	}
	days := make([]string, 0, len(Parts))
	for _, part := range Parts {
		days = append(days, asOf(r.Catalog, part))
	}
	fmt.Fprintf(&out, "%s: %s, %s", r.File, changes, strings.Join(days, ", "))
	if !r.Written {
		out.WriteString(", not written")
	}
	out.WriteString("\n")
	return out.String()
}
