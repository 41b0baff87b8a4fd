// Package atomicfile writes files as a whole or not at all.
package atomicfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Write replaces the contents of a file: with all of text or, if that does not work, not
// at all. Whoever reads the file meanwhile gets the old contents or the new ones. An
// existing file keeps its permissions and its owner; a new one gets what the umask, or
// the rules of its folder, allow. Behind a symbolic link the file is replaced, not the link.
func Write(file string, text []byte) error {
	target, old, err := resolve(file)
	if err != nil {
		return err
	}
	f, err := create(target, old)
	if err != nil {
		return err
	}
	removeStale(f)
	if _, err = f.Write(text); err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = rename(f.Name(), target)
	}
	if err != nil {
		return errors.Join(withoutTemporary(target, err), os.Remove(f.Name()))
	}
	return nil
}

// withoutTemporary names the file that was to be written: the name of the temporary one means
// nothing to anybody.
func withoutTemporary(target string, err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	} else if link, ok := errors.AsType[*os.LinkError](err); ok {
		err = link.Err
	} else {
		return err
	}
	return fmt.Errorf("%s cannot be written: %w", target, err)
}

// Check reports whether Write would be permitted to write the file, without touching it.
func Check(file string) error {
	target, old, err := resolve(file)
	if err != nil {
		return err
	}
	f, err := create(target, old)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// resolve returns the path of the file behind links, and its FileInfo, nil for a file
// that does not exist yet.
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

// Temporary files are in the same folder as the target, since a file can only be renamed
// within its file system, and have names of this form.
const (
	tempPrefix = ".telegraf-qlik-sense-version-"
	tempSuffix = ".tmp"
)

// create makes the temporary file that is to replace target, with the permissions and the
// owner of the old file, nil if there is none.
func create(target string, old fs.FileInfo) (*os.File, error) {
	mode := fs.FileMode(0o666) // before the umask
	if old != nil {
		mode = 0o600 // until the owner is right
	}
	// Not os.CreateTemp, which always makes files that only their owner can read: only the
	// system knows the umask and the default permissions of the folder.
	name := filepath.Join(filepath.Dir(target), tempPrefix+rand.Text()+tempSuffix)
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		// Without the name of the temporary file, which means nothing to anybody.
		if path, ok := errors.AsType[*fs.PathError](err); ok {
			err = path.Err
		}
		return nil, fmt.Errorf("a new file cannot be made in %s: %w: check that folder and its permissions", filepath.Dir(target), err)
	}
	if old == nil {
		return f, nil
	}
	if err := keepOwner(f, old); err != nil {
		err = fmt.Errorf("giving the new file the owner of the old one: %w: run this as that owner or as an administrator", err)
		return nil, errors.Join(err, f.Close(), os.Remove(name))
	}
	if err := f.Chmod(old.Mode().Perm()); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(name))
	}
	return f, nil
}

// staleAfter is the age from which on a temporary file is a leftover. Writing takes
// seconds at most.
const staleAfter = time.Hour

// removeStale removes the temporary files that writes which were killed left in the folder
// of f. Nothing that a process does about its own end helps against a kill or a power
// failure, and files without a name (O_TMPFILE) exist on Linux only and cannot replace a
// file. Errors are ignored: the file of somebody else is theirs to remove.
func removeStale(f *os.File) {
	own, err := f.Stat()
	if err != nil {
		return
	}
	dir := filepath.Dir(f.Name())
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), tempPrefix) || !strings.HasSuffix(entry.Name(), tempSuffix) || !entry.Type().IsRegular() {
			continue
		}
		// Compared with f, not with the clock of this machine: the folder may be on another.
		if info, err := entry.Info(); err == nil && own.ModTime().Sub(info.ModTime()) > staleAfter {
			os.Remove(filepath.Join(dir, entry.Name())) //nolint:errcheck // see above
		}
	}
}
