//go:build unix

package replay

import (
	"os"
	"syscall"
)

// identity returns what tells a file from all others on this machine, 0 if that is not known.
func identity(info os.FileInfo) (device, inode uint64) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Dev), uint64(st.Ino) //nolint:gosec,unconvert,nolintlint // the types differ between systems
	}
	return 0, 0
}
