package volume

import (
	"hash/maphash"
	"math"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// seed makes a number of the name of a volume.
var seed = maphash.MakeSeed() //nolint:gochecknoglobals // never written

// Of returns the volume of the directory dir.
func Of(dir string) (Volume, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Volume{}, err
	}
	path, err := windows.UTF16PtrFromString(abs)
	if err != nil {
		return Volume{}, err
	}
	var free, size uint64
	if err := windows.GetDiskFreeSpaceEx(path, &free, &size, nil); err != nil {
		return Volume{}, &os.PathError{Op: "GetDiskFreeSpaceEx", Path: dir, Err: err}
	}
	return Volume{
		ID:        maphash.String(seed, strings.ToLower(filepath.VolumeName(abs))),
		Size:      int64(min(size, math.MaxInt64)), //nolint:gosec // it fits
		Free:      int64(min(free, math.MaxInt64)), //nolint:gosec // it fits
		FreeFiles: -1,
	}, nil
}
