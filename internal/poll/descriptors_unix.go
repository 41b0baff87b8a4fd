//go:build unix

package poll

import (
	"fmt"
	"syscall"
)

// noDescriptor are the errors at the limit of the process, and at that of the system.
var noDescriptor = []error{syscall.EMFILE, syscall.ENFILE}

func descriptorCause() string {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return "this process ran out of file descriptors"
	}
	return fmt.Sprintf("this process ran out of file descriptors, its limit is %d", limit.Cur)
}
