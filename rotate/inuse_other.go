//go:build !linux && !windows

package rotate

import (
	"errors"
	"os"
)

// errBusy is no error here: files can be opened for reading at any time.
var errBusy = errors.New("busy")

// inUse guesses whether the file that f has open for reading only is open for
// writing: what a File has open is known where there are locks, the rest only
// by the time of its last write.
func inUse(f *os.File) (bool, error) { return guessInUse(f) }
