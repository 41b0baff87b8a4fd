package atomicfile

import (
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// tryLock opens a file exclusively. Windows removes the file when it is closed, including by the end
// of the process. A folder cannot be locked.
func tryLock(dir string) (unlock func(), err error) {
	name, err := windows.UTF16PtrFromString(filepath.Join(dir, tempPrefix+"lock"))
	if err != nil {
		return nil, err
	}
	const share = 0
	h, err := windows.CreateFile(name, windows.GENERIC_WRITE|windows.DELETE, share, nil, windows.OPEN_ALWAYS,
		windows.FILE_ATTRIBUTE_TEMPORARY|windows.FILE_ATTRIBUTE_HIDDEN|windows.FILE_FLAG_DELETE_ON_CLOSE, 0)
	switch {
	case err == nil:
		return func() { windows.CloseHandle(h) }, nil //nolint:errcheck // nothing was written
	case errors.Is(err, windows.ERROR_SHARING_VIOLATION):
		return nil, errLocked
	case errors.Is(err, windows.ERROR_ACCESS_DENIED):
		// While the file of the last holder is being removed, or for lack of permission.
		return nil, fmt.Errorf("%w (or writing to the folder is not allowed: %w)", errLocked, err)
	}
	return nil, err
}
