package flock

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// Supported says whether there are locks on this system.
const Supported = true

// A lock of this system is on bytes, and nobody else can read those. This one
// is far behind the end of every file.
const lockedByte = 1 << 30 // the upper half of the offset

// TryLock takes a lock on f, shared or exclusive, and reports whether it could.
// It never waits. The lock replaces the one that f has.
func TryLock(f *os.File, exclusive bool) (bool, error) {
	// Here a second lock would be one more, not another one.
	if err := Unlock(f); err != nil {
		return false, err
	}
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if exclusive {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err := control(f, func(h windows.Handle) error {
		return windows.LockFileEx(h, flags, 0, 1, 0, &windows.Overlapped{OffsetHigh: lockedByte})
	})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, os.NewSyscallError("LockFileEx", err)
}

// Unlock gives up the lock on f.
func Unlock(f *os.File) error {
	err := control(f, func(h windows.Handle) error {
		return windows.UnlockFileEx(h, 0, 1, 0, &windows.Overlapped{OffsetHigh: lockedByte})
	})
	if errors.Is(err, windows.ERROR_NOT_LOCKED) {
		return nil
	}
	return os.NewSyscallError("UnlockFileEx", err)
}

func control(f *os.File, call func(windows.Handle) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var called error
	if err := conn.Control(func(fd uintptr) { called = call(windows.Handle(fd)) }); err != nil {
		return err
	}
	return called
}
