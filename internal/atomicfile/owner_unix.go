//go:build unix

package atomicfile

import (
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives the new file the owner and the group of the old one: a file for Telegraf's
// group must stay readable for it when root updates it.
func keepOwner(f *os.File, old fs.FileInfo) error {
	created, err := f.Stat()
	if err != nil {
		return err
	}
	newOwner, newOK := created.Sys().(*syscall.Stat_t)
	oldOwner, oldOK := old.Sys().(*syscall.Stat_t)
	if !newOK || !oldOK || newOwner.Uid == oldOwner.Uid && newOwner.Gid == oldOwner.Gid {
		return nil
	}
	return f.Chown(int(oldOwner.Uid), int(oldOwner.Gid))
}
