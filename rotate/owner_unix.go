//go:build unix

package rotate

import (
	"io/fs"
	"os"
	"syscall"
)

// inheritOwner gives f the owner and group that like has, as far as this
// process may: only root can give files away, so a refusal is not an error.
func inheritOwner(f *os.File, like fs.FileInfo) {
	want, ok := like.Sys().(*syscall.Stat_t)
	if !ok {
		return
	}
	if info, err := f.Stat(); err == nil {
		if have, ok := info.Sys().(*syscall.Stat_t); ok && (have.Uid != want.Uid || have.Gid != want.Gid) {
			_ = f.Chown(int(want.Uid), int(want.Gid))
		}
	}
}
