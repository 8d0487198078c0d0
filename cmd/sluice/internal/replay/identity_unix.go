//go:build unix

package replay

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// identity returns what tells a file from all others on this machine, 0 if that is not known.
func identity(info os.FileInfo) (device, inode uint64) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Dev), uint64(st.Ino) //nolint:gosec,unconvert,nolintlint // the types differ between systems
	}
	return 0, 0
}

// handOver gives the files that root has made in a directory to the owner of that, whose programs could not go on with
// them.
func handOver(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if os.Geteuid() != 0 || !ok || owner.Uid == 0 {
		return nil
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.Type().IsRegular() {
			err = errors.Join(err, handOverFile(filepath.Join(dir, e.Name()), owner))
		}
	}
	return err
}

func handOverFile(path string, owner *syscall.Stat_t) error {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	info, err := f.Stat()
	if err != nil {
		return err
	}
	// What has another name as well may be a file of root's that the owner has linked to.
	if st, ok := info.Sys().(*syscall.Stat_t); ok && info.Mode().IsRegular() && st.Uid == 0 && st.Nlink == 1 {
		return f.Chown(int(owner.Uid), int(owner.Gid))
	}
	return nil
}
