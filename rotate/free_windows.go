package rotate

import (
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// freeSpace returns how many bytes this user can still write to the volume of
// dir.
func freeSpace(dir string) (int64, error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(path, &free, nil, nil); err != nil {
		return 0, &os.PathError{Op: "GetDiskFreeSpaceEx", Path: dir, Err: err}
	}
	return int64(min(free, math.MaxInt64)), nil //nolint:gosec // it fits
}

// noInodes reports false: volumes have no fixed number of files.
func noInodes(string) bool { return false }
