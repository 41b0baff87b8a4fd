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

	File  string // created from the built-in catalogue if it does not exist
	Today catalog.Day
	// From is a bundle to read instead of the network, "" for none.
	From string
}

// Result is the outcome of an update.
type Result struct {
	File    string
	New     bool // the file was created
	Written bool // false if there was nothing new
	Catalog *catalog.Catalog
	Changes []string // from the built-in catalogue and the sources, one sentence each
	Remarks []string // what was found but not taken, one sentence each
}

// Run updates the file. The parts of the catalogue are independent: if a source fails, its part
// and the day of that part stay as they were. The error then has a line for each failure and a
// last one with the parts that were not updated. Without a result the file is unchanged.
func (u *Update) Run(ctx context.Context) (*Result, error) {
	outcomes, err := u.read(ctx)
	if err != nil {
		return nil, u.unchanged(err)
	}
	var remarks []string
	unlock, err := atomicfile.Lock(ctx, u.File)
	switch {
	case err == nil:
		defer unlock()
	case errors.Is(err, context.Canceled):
		return nil, u.unchanged(errInterrupted)
	case errors.Is(err, atomicfile.ErrCannotLock):
		remarks = append(remarks, oneLine(err)+": run no other update of the file at the same time")
	default:
		return nil, u.unchanged(err)
	}
	return u.apply(outcomes, remarks)
}

// apply loads the file again, under the lock, so that it does not undo an update that ran in the
// meantime, and merges the lists into it.
func (u *Update) apply(outcomes []outcome, remarks []string) (*Result, error) {
	old, isNew, err := u.load()
	if err != nil {
		return nil, u.unchanged(err)
	}
	r := &Result{File: u.File, New: isNew, Remarks: remarks}
	if err := r.merge(old, outcomes); err != nil {
		return nil, u.unchanged(err)
	}
	failed, good := partition(outcomes)
	if len(good) == 0 {
		return nil, errors.Join(u.unchanged(failures(failed)), u.stale(old, failed))
	}
	if r.Written = isNew || !reflect.DeepEqual(old, r.Catalog); r.Written {
		r.Remarks = append(r.Remarks, u.lostComments()...)
		if err := r.Catalog.Save(u.File, u.comment(good)); err != nil {
			return nil, u.unchanged(err)
		}
	}
	if len(failed) == 0 {
		return r, nil
	}
	return r, errors.Join(withPrefix(u.File+": ", failures(failed)), u.stale(r.Catalog, failed))
}

// read reads the sources or the bundle. First it checks that the file can be read and replaced,
// to fail before any request.
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

// merge merges the built-in catalogue and the answers into old. If nothing in an answer is
// usable, its outcome gets the error.
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
		next, report, err := o.answer.list.merge(c, o.answer.asOf(o.source))
		if err != nil {
			o.err = fmt.Errorf("%s: %w", o.answer.address, err)
			continue
		}
		c = next
		r.Changes = append(r.Changes, report.Changes...)
		r.Remarks = slices.Concat(r.Remarks, o.answer.remarks, report.Remarks)
	}
	r.Catalog = c
	return nil
}

// unchanged prefixes each line of an error with the state of the file.
func (u *Update) unchanged(err error) error {
	state := "stays as it was"
	if _, missing := os.Lstat(u.File); errors.Is(missing, fs.ErrNotExist) {
		state = "was not created"
	}
	return withPrefix(u.File+" "+state+": ", err)
}

// failures joins the errors of outcomes, each line prefixed with the part.
func failures(failed []outcome) error {
	errs := make([]error, 0, len(failed))
	for _, o := range failed {
		errs = append(errs, withPrefix(o.part+": ", o.err))
	}
	return errors.Join(errs...)
}

// stale names the parts that were not updated, with their days: the last line of the error.
func (u *Update) stale(c *catalog.Catalog, failed []outcome) error {
	var parts []string
	for _, p := range c.Days() {
		if slices.ContainsFunc(failed, func(o outcome) bool { return o.part == p.Part }) {
			parts = append(parts, p.String())
		}
	}
	return fmt.Errorf("%s: not updated: %s", u.File, strings.Join(parts, ", "))
}

// String returns the report of the update: a line for each change and remark, then one for the
// file.
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
		changes = "created from the built-in catalogue, " + changes
	}
	fmt.Fprintf(&out, "%s: %s", r.File, changes)
	for _, p := range r.Catalog.Days() {
		out.WriteString(", " + p.String())
	}
	if !r.Written {
		out.WriteString(", not written")
	}
	out.WriteString("\n")
	return out.String()
}
