//go:build !darwin && !dragonfly && !freebsd && !linux && !windows

package rotate

import (
	"errors"
	"os"
)

// freeSpace fails: this system has no call for it that Go knows.
func freeSpace(dir string) (int64, error) {
	return 0, &os.PathError{Op: "statfs", Path: dir, Err: errors.ErrUnsupported}
}

func noInodes(string) bool { return false }
