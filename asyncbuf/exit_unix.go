//go:build unix

package asyncbuf

import (
	"os"
	"syscall"
)

// raise sends a signal to this process.
func raise(sig os.Signal) {
	number, ok := sig.(syscall.Signal)
	if !ok || syscall.Kill(os.Getpid(), number) != nil {
		os.Exit(2) // as the runtime does when it cannot die of a signal
	}
}
