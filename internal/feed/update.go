package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/text"
)

// sourceTimeout is what a source may take, all of its pages together.
const sourceTimeout = 60 * time.Second

// Update brings the catalogue in a file up to date.
type Update struct {
	File  string // made out of the built-in catalogue if it does not exist
	Today catalog.Day
	// ReleasesURL is a mirror of the vendor's list, "" for the list itself.
	ReleasesURL string
	// From are files with saved replies to read instead of the network.
	From  []string
	Stdin io.Reader // for the file name Stdin

	timeout time.Duration // of a source, 0 for sourceTimeout
}

// Result is what an update did.
type Result struct {
	File    string
	New     bool // the file was made
	Written bool // false where there was nothing new
	Catalog *catalog.Catalog
	// Changes are one sentence each, of the built-in catalogue and of the vendor's list.
	Changes  []string
	LeftOut  []catalog.LeftOut
	Releases *ReleaseList
}

// Run updates the file and returns what it did. With an error the file is as it was, and
// each line of the error says so.
func (u *Update) Run(ctx context.Context) (*Result, error) {
	result, err := u.run(ctx)
	if err == nil {
		return result, nil
	}
	// The state of the file is what one has to know about every failure.
	state := "stays as it was"
	if _, missing := os.Lstat(u.File); errors.Is(missing, fs.ErrNotExist) {
		state = "was not made"
	}
	var errs []error
	for line := range strings.Lines(err.Error()) {
		errs = append(errs, fmt.Errorf("%s %s: %s", u.File, state, strings.TrimSuffix(line, "\n")))
	}
	return nil, errors.Join(errs...)
}

func (u *Update) run(ctx context.Context) (*Result, error) {
	old, err := catalog.Load(u.File)
	isNew := errors.Is(err, fs.ErrNotExist)
	if isNew {
		old = catalog.BuiltIn()
	} else if err != nil {
		return nil, fmt.Errorf("reading it: %w", err)
	}
	if err := old.CheckDays(u.Today); err != nil {
		return nil, err
	}
	list, origin, err := u.readReleases(ctx)
	if err != nil {
		return nil, err
	}
	if list.Newest().After(u.Today) {
		return nil, fmt.Errorf("%s has an entry of %s, and today is %s: check the clock of this machine", origin, list.Newest(), u.Today)
	}

	complete, changes := old.Complement(catalog.BuiltIn())
	if err := complete.Check(); err != nil {
		return nil, fmt.Errorf("the built-in catalogue does not fit the file: %w", err)
	}
	merged, merge, err := complete.Merge(list.Releases, u.asOf(list))
	if err != nil {
		return nil, err
	}
	r := &Result{
		File:     u.File,
		New:      isNew,
		Written:  isNew || !reflect.DeepEqual(old, merged),
		Catalog:  merged,
		Changes:  slices.Concat(changes, merge.Changes),
		LeftOut:  merge.LeftOut,
		Releases: list,
	}
	if r.Written {
		if err := merged.Save(u.File, u.comment(origin)); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// readReleases returns the vendor's list and where it is from, for messages.
func (u *Update) readReleases(ctx context.Context) (list *ReleaseList, origin string, err error) {
	if len(u.From) > 0 {
		list, err = ReadReleases(u.Stdin, u.From...)
		return list, fileNames(u.From...), err
	}
	timeout := u.timeout
	if timeout == 0 {
		timeout = sourceTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	address := u.ReleasesURL
	if address == "" {
		address = ReleasesURL
	}
	list, err = FetchReleases(ctx, address)
	return list, Place(address), err
}

// asOf returns the day that a list is of. Nobody knows when a reply was saved or mirrored,
// but that it was not before its newest entry.
func (u *Update) asOf(list *ReleaseList) catalog.Day {
	if len(u.From) == 0 && (u.ReleasesURL == "" || u.ReleasesURL == ReleasesURL) {
		return u.Today
	}
	return list.Newest()
}

// comment returns the head of the file.
func (u *Update) comment(origin string) string {
	return fmt.Sprintf(`Releases of Qlik Sense Enterprise on Windows and the advisories that concern them.
Written by "telegraf-qlik-sense-version catalog update" on %s from %s.

The next update writes the whole file again, without comments: remarks belong into the key note.
"telegraf-qlik-sense-version catalog check FILE" checks what was edited.

ends_with        announces the table that closes the file, so that a file that was cut off is noticed
A release:
verified         false for one that was announced, not seen: servers that run it are not judged
basis            how it is known that a build is a patch: stated (a source names both), derived
                 (counted between two stated ones), checked (counted, and days of fixes agree), counted
                 (may be off by one), ambiguous. The last two do not tell the patch from the build.
An advisory:
fixed            the first releases with the fix, one of each month. A newer release is not affected,
                 one that is older or not listed has no fix. Empty: information, it decides nothing
affected_from    the first release that is affected, where something limits it
superseded_by    advisories whose fixes hold this one's fix as well
exploited_since  the day on which CISA listed it
verified         false for information that decides nothing
keep             true for an entry of your own wording, which no update may replace

ends_with says that [end] closes the file: without it the file was cut off and is refused.
`, u.Today, origin)
}

// maxNamed bounds the entries of the list that String names for one reason.
const maxNamed = 10

// String returns the report of the update: a line for each change and each entry that was
// not taken, then one for the file.
func (r *Result) String() string {
	var out strings.Builder
	for _, change := range r.Changes {
		fmt.Fprintln(&out, change)
	}
	for i, l := range r.LeftOut {
		if i == maxNamed {
			fmt.Fprintf(&out, "left out %d more for such reasons\n", len(r.LeftOut)-maxNamed)
			break
		}
		fmt.Fprintln(&out, l)
	}
	previews, odd := 0, 0
	for _, skipped := range r.Releases.Skipped {
		if skipped.Preview {
			previews++
			continue
		}
		if odd++; odd <= maxNamed {
			fmt.Fprintf(&out, "skipped %s\n", skipped)
		}
	}
	if odd > maxNamed {
		fmt.Fprintf(&out, "skipped %d more like these\n", odd-maxNamed)
	}
	if previews > 0 {
		fmt.Fprintf(&out, "skipped %d of the list: drafts and prereleases\n", previews)
	}
	if r.Releases.Partial {
		fmt.Fprintln(&out, "the list may go on: its last page is full and names no next one")
	}

	changes := "nothing new"
	if len(r.Changes) > 0 {
		changes = text.Plural(len(r.Changes), "change")
	}
	if r.New {
		changes = "made from the built-in catalogue, " + changes
	}
	fmt.Fprintf(&out, "%s: %s, releases as of %s", r.File, changes, r.Catalog.ReleasesAsOf)
	if !r.Written {
		out.WriteString(", not written")
	}
	out.WriteString("\n")
	return out.String()
}
