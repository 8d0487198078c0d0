//go:build unix

package pipeline

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// modes says that users have rights by mode bits.
const modes = true

func isRoot() bool { return os.Geteuid() == 0 }

// username returns the name of the user that files are accessed as.
func username() string {
	name, _ := names(os.Geteuid(), -1)
	return name
}

// whoami describes the user that files are accessed as.
func whoami() string { return fmt.Sprintf("user %s (uid %d)", username(), os.Geteuid()) }

// belongs describes the owner and the mode of a file.
func belongs(info fs.FileInfo) string {
	mode := fmt.Sprintf("%04o", unixMode(info.Mode()))
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "mode " + mode
	}
	owner, group := names(int(stat.Uid), int(stat.Gid))
	return owner + ":" + group + " " + mode
}

// unixMode returns the bits as chmod takes them.
func unixMode(m fs.FileMode) fs.FileMode {
	bits := m.Perm()
	for bit, value := range map[fs.FileMode]fs.FileMode{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if m&bit != 0 {
			bits |= value
		}
	}
	return bits
}

// ownerOf returns the name of the user that a file belongs to.
func ownerOf(info fs.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "another user"
	}
	owner, _ := names(int(stat.Uid), -1)
	return owner
}

// isOthers reports whether a file belongs to another user than this one and root.
func isOthers(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid != 0 && int(stat.Uid) != os.Geteuid()
}

// names returns what the user and the group are called, or else their numbers.
func names(uid, gid int) (owner, group string) {
	owner, group = strconv.Itoa(uid), strconv.Itoa(gid)
	if u, err := user.LookupId(owner); err == nil {
		owner = u.Username
	}
	if g, err := user.LookupGroupId(group); err == nil {
		group = g.Name
	}
	return owner, group
}

// isJournal reports whether f is what systemd says in JOURNAL_STREAM that it has
// connected to the journal: device:inode.
func isJournal(info fs.FileInfo, stream string) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stream == fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}
