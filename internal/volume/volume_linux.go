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
	unit := int64(fs.Bsize) //nolint:unconvert // not on every processor
	if fs.Frsize > 0 {
		unit = int64(fs.Frsize) //nolint:unconvert // as above
	}
	v := Volume{
		ID:        uint64(info.Dev),        //nolint:unconvert // as above
		Size:      int64(fs.Blocks) * unit, //nolint:gosec // no file system is that large
		Free:      int64(fs.Bavail) * unit, //nolint:gosec // as above
		FreeFiles: int64(fs.Ffree),         //nolint:gosec // as above
		ReadOnly:  fs.Flags&unix.ST_RDONLY != 0,
	}
	if fs.Files == 0 {
		v.FreeFiles = -1
	}
	switch uint32(fs.Type) { //nolint:gosec // the sign is one of some processors only
	case unix.NFS_SUPER_MAGIC:
		v.Type = "nfs"
	case unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC:
		v.Type = "smb"
	case unix.FUSE_SUPER_MAGIC:
		v.Type = "fuse"
	case unix.OVERLAYFS_SUPER_MAGIC:
		v.Type = "overlay"
	case unix.TMPFS_MAGIC, unix.RAMFS_MAGIC:
		v.Type = "tmpfs"
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
