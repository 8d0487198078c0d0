//go:build !darwin && !dragonfly && !freebsd && !linux && !windows

package volume

import (
	"errors"
	"os"
)

// Of fails: this system has no call for it that Go knows.
func Of(dir string) (Volume, error) {
	return Volume{}, &os.PathError{Op: "statfs", Path: dir, Err: errors.ErrUnsupported}
}
