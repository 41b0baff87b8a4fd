// Package atomicfile writes files as a whole or not at all.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Write puts a text into a file: all of it or, where that does not work, nothing. Who
// reads the file meanwhile gets the old text or the new one. A file that exists keeps
// its permissions and its owner; a new one can be read by everyone. Behind a symbolic
// link it is the file that is replaced, not the link.
func Write(file string, text []byte) error {
	target, old, err := resolve(file)
	if err != nil {
		return err
	}
	return replace(target, old, text)
}

// Check finds out whether Write would be let write the file, without touching it.
func Check(file string) error {
	target, _, err := resolve(file)
	if err != nil {
		return err
	}
	f, err := create(target)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// resolve finds the file behind links, and what it is; nil for one that is yet to be
// made.
func resolve(file string) (target string, old fs.FileInfo, err error) {
	target, err = filepath.EvalSymlinks(file)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(file); err == nil {
			return "", nil, fmt.Errorf("%s is a link to a file that is not there: create that file, or remove the link", file)
		}
		return file, nil, nil
	} else if err != nil {
		return "", nil, err
	}
	if old, err = os.Stat(target); err != nil {
		return "", nil, err
	}
	if !old.Mode().IsRegular() {
		return "", nil, fmt.Errorf("%s is no regular file: name one that may be replaced", file)
	}
	return target, old, nil
}

// create makes a temporary file in the same folder: a file can only be renamed within
// its file system.
func create(file string) (*os.File, error) {
	return os.CreateTemp(filepath.Dir(file), ".telegraf-qlik-sense-version-*.tmp")
}

// newFileMode is that of a new file: what an administrator makes, the account of Telegraf
// has to read, and a report is there to be passed on.
const newFileMode = 0o644

// replace puts a complete new file in the place of the old one, nil where there is
// none.
func replace(file string, old fs.FileInfo, text []byte) error {
	f, err := create(file)
	if err != nil {
		return err
	}
	err = fill(f, old, text)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func fill(f *os.File, old fs.FileInfo, text []byte) error {
	if _, err := f.Write(text); err != nil {
		return err
	}
	mode := fs.FileMode(newFileMode)
	if old != nil {
		mode = old.Mode().Perm()
		if err := keepOwner(f, old); err != nil {
			return fmt.Errorf("giving the new file the owner of the old one: %w: run this as that owner or as an administrator", err)
		}
	}
	if err := f.Chmod(mode); err != nil {
		return err
	}
	return f.Sync()
}
