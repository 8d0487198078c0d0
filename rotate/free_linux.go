package rotate

import "golang.org/x/sys/unix"

// blockSize returns the unit that fs counts blocks in.
func blockSize(fs *unix.Statfs_t) int64 {
	if fs.Frsize > 0 {
		return int64(fs.Frsize) //nolint:unconvert // not on every processor
	}
	return int64(fs.Bsize) //nolint:unconvert // as above
}
