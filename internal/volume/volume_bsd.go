//go:build darwin || dragonfly || freebsd

package volume

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Of returns the file system of the directory dir.
func Of(dir string) (Volume, error) {
	var (
		fs   unix.Statfs_t
		info unix.Stat_t
	)
	if err := again(func() error { return unix.Statfs(dir, &fs) }); err != nil {
		return Volume{}, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	if err := again(func() error { return unix.Stat(dir, &info) }); err != nil {
		return Volume{}, &os.PathError{Op: "stat", Path: dir, Err: err}
	}
	unit := int64(fs.Bsize) //nolint:gosec // a few thousand
	v := Volume{
		ID:        uint64(info.Dev),                //nolint:gosec // a number like any other
		Size:      int64(fs.Blocks) * unit,         //nolint:gosec // the type varies by system
		Free:      max(int64(fs.Bavail), 0) * unit, //nolint:gosec // negative for what is reserved for root
		FreeFiles: int64(fs.Ffree),                 //nolint:gosec // the type varies by system
		ReadOnly:  fs.Flags&unix.MNT_RDONLY != 0,
	}
	if fs.Files == 0 {
		v.FreeFiles = -1
	}
	switch name := unix.ByteSliceToString(fs.Fstypename[:]); name {
	case "nfs", "tmpfs":
		v.Type = name
	case "smbfs":
		v.Type = "smb"
	}
	return v, nil
}

// again calls f until it is not interrupted.
func again(f func() error) error {
	for {
		if err := f(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
