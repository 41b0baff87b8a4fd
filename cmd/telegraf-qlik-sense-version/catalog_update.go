package main

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
	"telegraf-qlik-sense-version/internal/feed"
	"telegraf-qlik-sense-version/internal/text"
)

const (
	// fetchLimit is the time for all pages of the vendor's list together.
	fetchLimit = 2 * time.Minute
	// maxTold bounds the entries of the list which are named because they are odd.
	maxTold = 10
)

// updating is a call of "catalog update".
type updating struct {
	ctx   context.Context
	stdin io.Reader
	today catalog.Day
	from  files
	url   string // "" is GitHub's
	file  string
}

// files is an option that may be repeated.
type files []string

func (f *files) String() string { return strings.Join(*f, ", ") }

// names says where the files are read, for people.
func (f *files) names() string {
	names := slices.Clone(*f)
	if i := slices.Index(names, "-"); i >= 0 {
		names[i] = "standard input"
	}
	return strings.Join(names, ", ")
}

func (f *files) Set(file string) error {
	if file == "" {
		return errors.New("name a file, or - for standard input")
	}
	if file == "-" && slices.Contains(*f, "-") {
		return errors.New("standard input can be read once")
	}
	*f = append(*f, file)
	return nil
}

func updateCatalog(u *updating, words []string) error {
	switch {
	case len(words) != 1 || words[0] == "":
		return fmt.Errorf("catalog update: name one FILE to bring up to date, not %d: see telegraf-qlik-sense-version --help", len(words))
	case len(u.from) > 0 && u.url != "":
		return errors.New("catalog update: --from and --url are two sources: use one of them")
	case len(u.from) == 0 && u.url == "":
		u.url = feed.URL
	}
	u.file = words[0]
	report, err := u.run()
	if err == nil {
		return printOut(report)
	}
	// The state of the file is what one has to know about every failure.
	state := "stays as it was"
	if _, missing := os.Lstat(u.file); errors.Is(missing, fs.ErrNotExist) {
		state = "was not made"
	}
	var errs []error
	for line := range strings.Lines(err.Error()) {
		errs = append(errs, fmt.Errorf("%s %s: %s", u.file, state, strings.TrimSuffix(line, "\n")))
	}
	return errors.Join(errs...)
}

// run does the update and says what it did. With an error it has changed nothing.
func (u *updating) run() (report string, err error) {
	old, err := catalog.Load(u.file)
	isNew := errors.Is(err, fs.ErrNotExist)
	if isNew {
		old = catalog.BuiltIn()
	} else if err != nil {
		return "", fmt.Errorf("reading it: %w", err)
	}
	if err := old.CheckDays(u.today); err != nil {
		return "", err
	}
	list, source, err := u.read()
	if err != nil {
		return "", err
	}
	if list.Newest().After(u.today) {
		return "", fmt.Errorf("%s has an entry of %s, and today is %s: check the clock of this machine", source, list.Newest(), u.today)
	}

	complete, changes := old.Complement(catalog.BuiltIn())
	if err := complete.Check(); err != nil {
		return "", fmt.Errorf("the built-in catalogue does not fit the file: %w", err)
	}
	merged, merge, err := complete.Merge(list.Releases, u.asOf(list))
	if err != nil {
		return "", err
	}
	changes = append(changes, merge.Changes...)
	written := isNew || !reflect.DeepEqual(old, merged)
	if written {
		if err := merged.Save(u.file, u.comment(source)); err != nil {
			return "", err
		}
	}
	return u.report(list, changes, merge.LeftOut, merged, isNew, written), nil
}

// asOf is the day that a list is of. Nobody knows when a reply was saved or mirrored, but
// that it was not before its newest entry.
func (u *updating) asOf(list *feed.List) catalog.Day {
	if u.url == feed.URL {
		return u.today
	}
	return list.Newest()
}

// read gives the vendor's list and what to call its source.
func (u *updating) read() (list *feed.List, source string, err error) {
	if len(u.from) > 0 {
		list, err = feed.ReadFiles(u.stdin, u.from...)
		return list, u.from.names(), err
	}
	ctx, cancel := context.WithTimeout(u.ctx, fetchLimit)
	defer cancel()
	list, err = feed.Fetch(ctx, u.url)
	return list, feed.Place(u.url), err
}

// comment stands at the head of the file.
func (u *updating) comment(source string) string {
	return fmt.Sprintf(`Releases of Qlik Sense Enterprise on Windows and the advisories that concern them.
Written by "telegraf-qlik-sense-version catalog update" on %s from %s.

The next update writes the whole file again, without comments: remarks belong into the key note.
"telegraf-qlik-sense-version catalog check FILE" checks what was edited.

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
`, u.today, source)
}

func (u *updating) report(list *feed.List, changes []string, leftOut []catalog.LeftOut, c *catalog.Catalog, isNew, written bool) string {
	var out strings.Builder
	for _, change := range changes {
		fmt.Fprintln(&out, change)
	}
	for _, l := range leftOut {
		fmt.Fprintln(&out, l)
	}
	previews, odd := 0, 0
	for _, skipped := range list.Skipped {
		if skipped.Preview {
			previews++
			continue
		}
		if odd++; odd <= maxTold {
			fmt.Fprintf(&out, "skipped %s\n", skipped)
		}
	}
	if odd > maxTold {
		fmt.Fprintf(&out, "skipped %d more like these\n", odd-maxTold)
	}
	if previews > 0 {
		fmt.Fprintf(&out, "skipped %d of the list: drafts and prereleases\n", previews)
	}

	if list.Partial {
		fmt.Fprintln(&out, "the list may go on: its last page is full and names no next one")
	}

	what := text.Plural(len(changes), "change")
	if len(changes) == 0 {
		what = "nothing new"
	}
	if isNew {
		what = "made from the built-in catalogue, " + what
	}
	fmt.Fprintf(&out, "%s: %s, releases as of %s", u.file, what, c.ReleasesAsOf)
	if !written {
		out.WriteString(", not written")
	}
	out.WriteString("\n")
	return out.String()
}
