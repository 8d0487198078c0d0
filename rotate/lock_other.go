//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package rotate

import (
	"os"
	"strconv"
)

// Nothing here locks, not even where package flock could: an open file that
// cannot be removed tells as much.
const (
	locking   = false
	pidDigits = 10
)

func tryLock(*os.File, bool) (bool, error) { return true, nil }

func unlock(*os.File) error { return nil }

// running reports whether there is a process with a number.
func running(pid string) bool {
	n, err := strconv.Atoi(pid)
	if err != nil {
		return false
	}
	process, err := os.FindProcess(n)
	if err != nil {
		return false
	}
	_ = process.Release()
	return true
}
