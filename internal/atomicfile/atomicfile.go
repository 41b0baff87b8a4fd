// Package atomicfile replaces files atomically.
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

// Write replaces the contents of a file. Readers see the old contents or the new ones, and after
// an error the old ones. A file keeps its permissions and its owner; a new one gets those that
// the umask and its folder imply. If file is a symbolic link, its target is replaced.
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

// withoutTemporary replaces the name of the temporary file in an error, which would only confuse,
// with that of the target.
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

// Check returns an error if Write could not write the file. It does not change the file.
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

// resolve follows links. old is nil if the file does not exist.
func resolve(file string) (target string, old fs.FileInfo, err error) {
	target, err = filepath.EvalSymlinks(file)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(file); err == nil {
			return "", nil, fmt.Errorf("%s is a link to a file that does not exist: create that file, or remove the link", file)
		}
		return file, nil, nil
	} else if err != nil {
		return "", nil, err
	}
	if old, err = os.Stat(target); err != nil {
		return "", nil, err
	}
	if !old.Mode().IsRegular() {
		return "", nil, fmt.Errorf("%s is not a regular file: name one that may be replaced", file)
	}
	return target, old, nil
}

// Names of temporary files. They are in the folder of the target, because a file can only be
// renamed within its file system.
const (
	tempPrefix = ".telegraf-qlik-sense-version-"
	tempSuffix = ".tmp"
)

// create creates the temporary file that will replace target, with the permissions and the owner
// of the old file, if there is one.
func create(target string, old fs.FileInfo) (*os.File, error) {
	mode := fs.FileMode(0o666) // before the umask
	if old != nil {
		mode = 0o600 // until it has the right owner
	}
	// Not os.CreateTemp, whose files only their owner can read: the system applies the umask and
	// the default permissions of the folder.
	name := filepath.Join(filepath.Dir(target), tempPrefix+rand.Text()+tempSuffix)
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		// Without the name of the temporary file, which would only confuse.
		if path, ok := errors.AsType[*fs.PathError](err); ok {
			err = path.Err
		}
		return nil, fmt.Errorf("a new file cannot be created in %s: %w: check that folder and its permissions", filepath.Dir(target), err)
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

// staleAfter is the age at which a temporary file is a leftover. Writing takes seconds at most.
const staleAfter = time.Hour

// removeStale removes old temporary files in the folder of f, left by writes that were killed.
// Files without a name (O_TMPFILE) would not need that, but exist only on Linux and cannot
// replace a file. Errors are ignored: the files may belong to somebody else.
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
		// Compared with f, not with this machine's clock: the folder may be on another machine.
		if info, err := entry.Info(); err == nil && own.ModTime().Sub(info.ModTime()) > staleAfter {
			os.Remove(filepath.Join(dir, entry.Name())) //nolint:errcheck // see above
		}
	}
}
