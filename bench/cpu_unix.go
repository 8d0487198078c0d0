//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package bench

import (
	"syscall"
	"time"
)

// cpu returns the time that the processors have spent on this process, in it and
// in the kernel. It is false where that is unknown.
func cpu() (time.Duration, bool) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, false
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), true
}

// syncDisk has all written that others have left to be written, which would
// otherwise disturb what is timed next.
func syncDisk() { syscall.Sync() }
