//go:build unix

package rotate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// explain turns err, which came up in the directory at, into one that says what
// to do for log files in dir. The two are the same unless dir does not exist.
func explain(err *refusal, dir, at string) error {
	switch {
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%s is on a read-only file system: mount it for writing, or log elsewhere; "+
			"to see what is mounted there, run: df %s: %w", at, quote(at), err)
	case errors.Is(err, syscall.ENOSPC) && noInodes(at):
		return fmt.Errorf("the file system of %s has no inode left for another file: remove some; "+
			"to see how many there are, run: df -i %s: %w", at, quote(at), err)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("the file system of %s is full: remove something; "+
			"to see how much there is, run: df -h %s: %w", at, quote(at), err)
	case errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%s has used up the quota on the file system of %s; to see how much it is, run: quota -s: %w",
			whoami(), at, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s %w; %s; %s", whoami(), err, whose(at), remedy(err.what, dir, at))
	default:
		return fmt.Errorf("%s %w", whoami(), err)
	}
}

// remedy says what to do about a lack of permission.
func remedy(what, dir, at string) string {
	me, _ := names(os.Geteuid(), -1)
	info, statErr := os.Stat(at)
	if statErr != nil {
		return "look at it as root"
	}
	uid, _ := ownerOf(info)
	install := "sudo install -d -o " + me + " -m 0750 "
	switch {
	case what == "search":
		return "to let others go through it, run: sudo chmod a+x " + quote(at)
	case what == "set the mode of a file":
		return "the file system may know no modes"
	case os.Geteuid() == 0 || allows(info):
		return "its mode does not forbid it, so look for an attribute of the directory (lsattr -d " + quote(at) +
			"), a rule of SELinux or AppArmor, or a network file system that takes this user for another"
	case dir != at:
		return "to create it for this user, run: " + install + quote(dir)
	case uid == os.Geteuid():
		return "run: chmod u+rwx " + quote(dir)
	case strings.Count(filepath.Clean(dir), "/") <= 2: // such as /var/log: not to be given away
		own := filepath.Join(dir, strings.TrimPrefix(filepath.Base(os.Args[0]), "-"))
		return "log into a directory of its own, as from: " + install + quote(own)
	default:
		return "to give it to this user, run: " + install + quote(dir)
	}
}

// allows reports whether the mode bits of a directory allow this user
// everything.
func allows(info fs.FileInfo) bool {
	const all = 0o7
	bits := info.Mode().Perm()
	uid, gid := ownerOf(info)
	groups, _ := os.Getgroups() // without them, others' rights are what is left
	switch {
	case uid == os.Geteuid():
		return bits>>6&all == all
	case gid == os.Getegid() || slices.Contains(groups, gid):
		return bits>>3&all == all
	default:
		return bits&all == all
	}
}

// whoami returns the user that files are accessed as.
func whoami() string {
	name, _ := names(os.Geteuid(), -1)
	return fmt.Sprintf("user %s (uid %d)", name, os.Geteuid())
}

// whose describes the owner and the mode of dir.
func whose(dir string) string {
	info, err := os.Stat(dir)
	if err != nil {
		return err.Error()
	}
	owner, group := names(ownerOf(info))
	return fmt.Sprintf("%s belongs to %s:%s and has mode %04o", dir, owner, group, info.Mode().Perm())
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

// quote returns s as one word of a shell's command line.
func quote(s string) string {
	safe := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("/._-+,:@%=", c)
	}
	if s != "" && !strings.ContainsFunc(s, func(c rune) bool { return !safe(c) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// checkShared fails if others than the owner of a file in dir may replace it.
func checkShared(dir string, info fs.FileInfo) error {
	if info.Mode().Perm()&0o002 == 0 || info.Mode()&fs.ModeSticky != 0 {
		return nil
	}
	return fmt.Errorf("%s: %w; if they need not, run: sudo chmod o-w %s", whose(dir), ErrWorldWritable, quote(dir))
}
