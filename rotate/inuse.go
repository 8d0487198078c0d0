package rotate

import (
	"os"
	"time"
)

// quiet is how long after its last write a file counts as in use where
// nothing better can be known.
const quiet = time.Minute

// guessInUse is for where the system does not say who has f open for writing.
// It is right about each live file of a [File], which holds a shared lock on
// it, and takes every file written to within the last minute for one in use.
func guessInUse(f *os.File) (bool, error) {
	// Where there are no locks, as on some network file systems, time decides.
	if free, err := tryLock(f, true); err == nil && !free {
		return true, nil
	} else if err == nil && locking {
		if err := unlock(f); err != nil {
			return false, err
		}
	}
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	return time.Since(info.ModTime()) < quiet, nil
}
