// Package volume tells how much room there is in a file system.
package volume

// Volume is a file system.
type Volume struct {
	ID        uint64 // the same for all directories in it
	Type      string // such as "nfs", "overlay" and "tmpfs"; empty for any other
	Size      int64  // bytes
	Free      int64  // bytes that this user may still write
	FreeFiles int64  // how many more files there can be; -1 if that is not fixed
	ReadOnly  bool
}
