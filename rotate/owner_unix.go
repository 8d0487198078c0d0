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

// chown gives f the owner and group, unless it has them.
func chown(f *os.File, uid, gid int) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	u, g := ownerOf(info)
	if (uid < 0 || u == uid) && (gid < 0 || g == gid) {
		return nil
	}
	return f.Chown(uid, gid)
}

func ownerOf(info fs.FileInfo) (uid, gid int) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1, -1
	}
	return int(stat.Uid), int(stat.Gid)
}
