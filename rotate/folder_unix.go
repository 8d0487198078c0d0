//go:build unix

package rotate

import (
	"io/fs"
	"syscall"
)

// noWait makes opening a pipe return at once.
const noWait = syscall.O_NONBLOCK

// linked reports whether a file has more than one name.
func linked(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && s.Nlink > 1
}
