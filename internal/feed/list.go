// Package feed reads the vendor's list of releases: those of the repository
// github.com/qlik-download/qlik-sense-server, from GitHub or from a file.
package feed

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"telegraf-qlik-sense-version/internal/catalog"
	"telegraf-qlik-sense-version/internal/text"
)

// List is what the vendor's list says.
type List struct {
	Releases []catalog.Listed // in the order of the list
	Skipped  []Skipped
	// Partial holds for a list that was read from the network and may go on: its last
	// page is as full as pages are asked for, but names no next one.
	Partial bool
}

// Skipped is an entry that was not taken.
type Skipped struct {
	Name, Tag string // as in the list, whatever that is
	// Preview holds for a draft or a prerelease, which are skipped on purpose.
	Preview bool
	Reason  string
}

// String gives one line, whatever the list said.
func (s Skipped) String() string {
	return fmt.Sprintf("%s (tag %s): %s", text.Quote(s.Name), text.Quote(s.Tag), s.Reason)
}

// Newest is the last day on which something in the list was published: the list is
// of that day or of a later one.
func (l *List) Newest() catalog.Day {
	var newest catalog.Day
	for _, entry := range l.Releases {
		if entry.Published.After(newest) {
			newest = entry.Published
		}
	}
	return newest
}

const (
	// maxSaved bounds a saved reply, in bytes. The whole list takes a few million.
	maxSaved = 64 << 20
	// maxEntries is ten times what GitHub gives of any list.
	maxEntries = 10_000
)

// Read reads a saved reply: a list in JSON, or several one after the other, as
// "gh api --paginate" writes them.
func Read(r io.Reader) (*List, error) {
	l := &List{}
	if err := l.readSaved(r); err != nil {
		return nil, err
	}
	if err := l.usable(); err != nil {
		return nil, err
	}
	return l, nil
}

// ReadFiles reads the saved replies in some files, "-" being stdin, as one list.
func ReadFiles(stdin io.Reader, files ...string) (*List, error) {
	l := &List{}
	for _, file := range files {
		if err := l.readFile(stdin, file); err != nil {
			return nil, err
		}
	}
	if err := l.usable(); err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(files, ", "), err)
	}
	return l, nil
}

func (l *List) readFile(stdin io.Reader, file string) error {
	if file == "-" {
		if err := l.readSaved(stdin); err != nil {
			return fmt.Errorf("standard input: %w", err)
		}
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("%w: check the path and its permissions", err)
	}
	defer f.Close()
	if err := l.readSaved(f); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

func (l *List) readSaved(r io.Reader) error {
	content, err := io.ReadAll(io.LimitReader(r, maxSaved+1))
	if err != nil {
		return err
	}
	if len(content) > maxSaved {
		return fmt.Errorf("is larger than %d MiB: is it the vendor's list?", maxSaved>>20)
	}
	if err := l.parse(content); errors.Is(err, errTruncated) {
		return fmt.Errorf("%w: save it again", err)
	} else if err != nil {
		return err
	}
	return nil
}

// usable is the error of a list of which nothing could be taken.
func (l *List) usable() error {
	if len(l.Releases) > 0 {
		return nil
	}
	for _, s := range l.Skipped {
		if !s.Preview { // what is odd says more
			return fmt.Errorf("there is nothing usable in the list, %d skipped, of which %s: is it the right list, and has its format changed?", len(l.Skipped), s)
		}
	}
	if len(l.Skipped) > 0 {
		return fmt.Errorf("there is nothing usable in the list, %d skipped: all are drafts or prereleases", len(l.Skipped))
	}
	return errors.New("the list is empty: is it the right one?")
}
