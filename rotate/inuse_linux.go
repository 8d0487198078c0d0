package rotate

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// errBusy is the error of opening a file, without waiting, that somebody has a
// write lease on.
const errBusy = unix.EWOULDBLOCK

// inUse reports whether any process, this one included, has the file open for
// writing that f has open for reading only.
//
// The kernel grants a read lease (see fcntl(2), F_SETLEASE) only if nobody has.
// It is given back at once. Where there are no leases, as for the files of
// other users and on network file systems, it is a guess.
func inUse(f *os.File) (bool, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return false, err
	}
	var asked error
	err = conn.Control(func(fd uintptr) { asked = lease(int(fd)) })
	switch {
	case err != nil:
		return false, err
	case asked == nil:
		return false, nil
	case errors.Is(asked, unix.EAGAIN):
		return true, nil
	default:
		return guessInUse(f)
	}
}

// lease takes a read lease on fd and gives it back.
func lease(fd int) error {
	// Of others, such as network file systems and FUSE, this kernel may not see
	// everybody who has the file open.
	const zfs = 0x2fc12fc1
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return err
	}
	switch uint32(fs.Type) { //nolint:gosec // the numbers have 32 bits, their type varies
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, zfs,
		unix.TMPFS_MAGIC, unix.RAMFS_MAGIC, unix.OVERLAYFS_SUPER_MAGIC:
	default:
		return unix.ENOTSUP
	}
	// Whoever opens the file for writing meanwhile waits for the lease to be
	// given back, and we get a signal. That is SIGIO, whose default is to end
	// the process, unless it is set to one that does nothing.
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETSIG, int(unix.SIGURG)); err != nil {
		return err
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_RDLCK); err != nil {
		return err
	}
	_, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_UNLCK)
	return err
}
