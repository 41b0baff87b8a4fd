//go:build !unix

package poll

import "syscall"

// noDescriptor is WSAEMFILE of Windows.
var noDescriptor = []error{syscall.Errno(10024)}

func descriptorCause() string { return "this process ran out of sockets" }
