package testlog

import (
	"os"
	"syscall"
	"testing"
)

// TinyDisk mounts a tmpfs with the given options, such as "size=128k", and
// returns its directory. It skips t where that is not allowed.
func TinyDisk(t *testing.T, options string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a file system")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}
