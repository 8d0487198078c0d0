//go:build darwin || dragonfly || freebsd || linux

package rotate

import (
	"os"

	"golang.org/x/sys/unix"
)

// freeSpace returns how many bytes this user can still write to the file system
// of dir.
func freeSpace(dir string) (int64, error) {
	var fs unix.Statfs_t
	if err := statfs(dir, &fs); err != nil {
		return 0, err
	}
	// What is reserved for root can make it negative on FreeBSD.
	return max(int64(fs.Bavail), 0) * blockSize(&fs), nil //nolint:gosec // the type varies by system
}

// noInodes reports whether the file system of dir can hold no more files. Some
// file systems have no fixed number of them, and count none.
func noInodes(dir string) bool {
	var fs unix.Statfs_t
	return statfs(dir, &fs) == nil && fs.Files > 0 && fs.Ffree == 0
}

func statfs(dir string, fs *unix.Statfs_t) error {
	for {
		err := unix.Statfs(dir, fs)
		switch err {
		case nil:
			return nil
		case unix.EINTR:
		default:
			return &os.PathError{Op: "statfs", Path: dir, Err: err}
		}
	}
}
