//go:build !windows

package atomicfile

import "os"

// rename replaces target with a file.
func rename(file, target string) error { return os.Rename(file, target) }
