//go:build !unix

package asyncbuf

import "os"

// raise ends this process as Ctrl+C ends one on Windows that does not handle it.
// There, as on the other systems without signals, it cannot send one to itself.
func raise(os.Signal) {
	const statusControlCExit = -0x3FFFFEC6 // 0xC000013A as an int32, as int may have 32 bits
	os.Exit(statusControlCExit)
}
