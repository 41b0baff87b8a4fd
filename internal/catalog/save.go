package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Save writes the catalogue to a file, with a comment in front: all of it or, where that
// does not work, nothing. Who reads the file meanwhile gets the old or the new one.
// A file that exists keeps its permissions and its owner; a new one can be read by
// everyone. Behind a symbolic link it is the file that is replaced, not the link.
func (c *Catalog) Save(file, comment string) error {
	text, err := c.Encode(comment)
	if err != nil {
		return err
	}
	if len(text) > MaxSize {
		return fmt.Errorf("the catalogue takes %d bytes, and one of more than %d would not be read again", len(text), MaxSize)
	}
	if _, err := Parse(text); err != nil {
		return fmt.Errorf("the catalogue would not be in order: %w", err)
	}

	target, err := filepath.EvalSymlinks(file)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(file); err == nil {
			return fmt.Errorf("%s is a link to a file that is not there: create that file, or remove the link", file)
		}
		return replace(file, nil, text)
	} else if err != nil {
		return err
	}
	old, err := os.Stat(target)
	if err != nil {
		return err
	}
	if !old.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file: name one that may be replaced", file)
	}
	return replace(target, old, text)
}

// newFileMode is that of a catalogue made anew. It holds no secret, and the account of
// Telegraf has to read what an administrator made.
const newFileMode = 0o644

// replace puts a complete new file in the place of the old one, nil where there is
// none.
func replace(file string, old fs.FileInfo, text []byte) error {
	// In the same folder: a file can only be renamed within its file system.
	f, err := os.CreateTemp(filepath.Dir(file), ".catalog-*.tmp")
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
