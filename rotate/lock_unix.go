//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package rotate

import (
	"os"

	"github.com/sluicelog/sluice/internal/flock"
)

// locking says that there are locks between processes here.
const locking = flock.Supported

// pidDigits is how long the number of a process can be.
const pidDigits = 7

// tryLock takes a lock on f, shared or exclusive, which excludes other open
// files only, and reports whether it could. It replaces the lock that f has.
func tryLock(f *os.File, exclusive bool) (bool, error) { return flock.TryLock(f, exclusive) }

// unlock gives up the lock on f.
func unlock(f *os.File) error { return flock.Unlock(f) }

// running need not be asked where there are locks.
func running(string) bool { return true }
