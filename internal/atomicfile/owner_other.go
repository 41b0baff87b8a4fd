//go:build !unix

package atomicfile

import (
	"io/fs"
	"os"
)

// keepOwner does nothing: the folder determines the owner.
func keepOwner(*os.File, fs.FileInfo) error { return nil }
