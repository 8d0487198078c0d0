//go:build unix

package input

import (
	"io/fs"
	"syscall"
)

// identity is the same for two names of a file, and rarely for two files.
type identity struct{ device, inode uint64 }

func identityOf(info fs.FileInfo) identity {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return identity{uint64(s.Dev), uint64(s.Ino)} //nolint:unconvert // their types differ from system to system
	}
	return identity{}
}
