package rotate

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"strings"
)

// permissions are what a file is created with.
type permissions struct {
	mode     fs.FileMode
	uid, gid int    // -1 leaves what there is
	owner    string // as asked for: that they cannot be given is an error, unless it is empty
	copied   bool   // they are those of another file
}

// apply makes the file have them, whatever the umask says. What another file let
// its group do is not for the group that this one has, should that be another.
func (p permissions) apply(f *os.File) error {
	// The owner first, because giving a file away may take mode bits away.
	if err := chown(f, p.uid, p.gid); err != nil && p.owner != "" {
		return fmt.Errorf("the Owner is %q: %w", p.owner, err)
	}
	if p.copied && !inGroup(f, p.gid) {
		p.mode &^= 0o070
	}
	return f.Chmod(p.mode)
}

// owner looks up what Options.Owner names.
func owner(spec string) (uid, gid int, err error) {
	uid, gid = -1, -1
	if spec == "" {
		return uid, gid, nil
	}
	if !owners {
		return uid, gid, fmt.Errorf("the Owner is %q, must be empty: files have no such owner on this operating system", spec)
	}
	name, group, both := strings.Cut(spec, ":")
	if name == "" && group == "" || both && group == "" {
		return uid, gid, fmt.Errorf(`the Owner is %q, must be "user", "user:group" or ":group"`, spec)
	}
	if name != "" {
		uid, err = number(name, func() (string, error) {
			u, err := user.Lookup(name)
			if err != nil {
				return "", err
			}
			return u.Uid, nil
		})
	}
	if group != "" && err == nil {
		gid, err = number(group, func() (string, error) {
			g, err := user.LookupGroup(group)
			if err != nil {
				return "", err
			}
			return g.Gid, nil
		})
	}
	if err != nil {
		return -1, -1, fmt.Errorf("the Owner is %q: %w", spec, err)
	}
	return uid, gid, nil
}

// number returns the number that lookup finds, or else the one that name is.
func number(name string, lookup func() (string, error)) (int, error) {
	found, err := lookup()
	if err != nil {
		found = name
	}
	n, notNumber := strconv.ParseUint(found, 10, 31)
	switch {
	case notNumber == nil:
		return int(n), nil
	case err != nil:
		return -1, err
	default:
		return -1, notNumber
	}
}
