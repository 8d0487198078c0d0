//go:build unix && !aix

package rotate

import (
	"io/fs"
	"os"
	"syscall"
)

// owners says that files have an owner and a group with numbers.
const owners = true

// noFollow makes opening a symbolic link an error.
const noFollow = syscall.O_NOFOLLOW

// forSync is how a file has to be open to be synced.
const forSync = os.O_RDONLY

// chown gives f the owner and group, unless it has them, or at least the group.
func chown(f *os.File, uid, gid int) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	u, g := ownerOf(info)
	if (uid < 0 || u == uid) && (gid < 0 || g == gid) {
		return nil
	}
	if err = f.Chown(uid, gid); err != nil && uid >= 0 && gid >= 0 {
		_ = f.Chown(-1, gid) // who is a member of the group may
	}
	return err
}

// inGroup reports whether the group of f is gid.
func inGroup(f *os.File, gid int) bool {
	info, err := f.Stat()
	if err != nil {
		return false
	}
	_, g := ownerOf(info)
	return gid < 0 || g == gid
}

func ownerOf(info fs.FileInfo) (uid, gid int) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1, -1
	}
	return int(stat.Uid), int(stat.Gid)
}
