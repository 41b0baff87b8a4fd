package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// renameTimeout bounds the wait while another program has the target open. The plugin and virus
// scanners read it in milliseconds.
const renameTimeout = 2 * time.Second

// rename replaces target with a file. Windows does not replace one that another program has open.
func rename(file, target string) error {
	for deadline := time.Now().Add(renameTimeout); ; time.Sleep(lockPoll) {
		err := os.Rename(file, target)
		if !errors.Is(err, windows.ERROR_SHARING_VIOLATION) && !errors.Is(err, windows.ERROR_ACCESS_DENIED) {
			return err
		}
		if time.Now().After(deadline) {
			// Without the name of the temporary file, which would only confuse.
			if link, ok := errors.AsType[*os.LinkError](err); ok {
				err = link.Err
			}
			return fmt.Errorf("%s cannot be replaced while another program has it open, and stays as it was: %w: "+
				"close it there (an editor, a spreadsheet, a viewer) and run this again; if no program has it open, check its permissions", target, err)
		}
	}
}
