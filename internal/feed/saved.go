package feed

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// maxSaved bounds a saved reply, in bytes. The vendor's whole list takes a few million.
const maxSaved = 64 << 20

// Stdin is the name of standard input among files.
const Stdin = "-"

// readSaved reads a saved reply of the source.
func (s *source) readSaved(r io.Reader, parse func([]byte) error) error {
	content, err := io.ReadAll(io.LimitReader(r, maxSaved+1))
	if err != nil {
		return err
	}
	if len(content) > maxSaved {
		return fmt.Errorf("is larger than %d MiB: is it %s?", maxSaved>>20, s.name)
	}
	if err := parse(content); errors.Is(err, errTruncated) {
		return fmt.Errorf("%w: save it again", err)
	} else if err != nil {
		return err
	}
	return nil
}

// readFile reads the saved reply in a file.
func (s *source) readFile(stdin io.Reader, file string, parse func([]byte) error) error {
	r := stdin
	if file != Stdin {
		f, err := os.Open(file)
		if err != nil {
			return fmt.Errorf("%w: check the path and its permissions", err)
		}
		defer f.Close()
		r = f
	}
	if err := s.readSaved(r, parse); err != nil {
		return fmt.Errorf("%s: %w", fileNames(file), err)
	}
	return nil
}

// fileNames returns the names of files for people.
func fileNames(files ...string) string {
	names := slices.Clone(files)
	if i := slices.Index(names, Stdin); i >= 0 {
		names[i] = "standard input"
	}
	return strings.Join(names, ", ")
}
