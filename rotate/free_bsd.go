//go:build darwin || dragonfly || freebsd

package rotate

import "golang.org/x/sys/unix"

// blockSize returns the unit that fs counts blocks in.
func blockSize(fs *unix.Statfs_t) int64 { return int64(fs.Bsize) } //nolint:gosec // a few thousand
