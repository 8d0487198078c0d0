package rotate

import (
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"syscall"
)

// Errors of Windows.
const (
	errWriteProtect   = syscall.Errno(19)
	errHandleDiskFull = syscall.Errno(39)
	errDiskFull       = syscall.Errno(112)
)

// explain turns err, which came up in the directory at, into one that says what
// to do for log files in dir. The two are the same unless dir does not exist.
func explain(err *refusal, dir, at string) error {
	who := "this user"
	if u, lookup := user.Current(); lookup == nil {
		who = u.Username
	}
	switch {
	case errors.Is(err, errWriteProtect):
		return fmt.Errorf("%s is on a volume that is write-protected: log elsewhere: %w", at, err)
	case errors.Is(err, errDiskFull), errors.Is(err, errHandleDiskFull):
		return fmt.Errorf("the volume of %s is full: remove something: %w", at, err)
	case errors.Is(err, fs.ErrPermission) && dir != at:
		return fmt.Errorf("%s %w; %s does not exist: create it, and as administrator run: icacls %q /grant %q",
			who, err, dir, dir, who+":(OI)(CI)M")
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s %w; as administrator, run: icacls %q /grant %q", who, err, dir, who+":(OI)(CI)M")
	default:
		return fmt.Errorf("%s %w", who, err)
	}
}

// checkShared has nothing to look at: rights are not in the mode here.
func checkShared(string, fs.FileInfo) error { return nil }
