package rotate

import (
	"sync"
	"time"
)

// Stats are the counts of a [File] since it was opened. Lines are what ends in
// a newline, and what follows the last one in a Write. At every moment,
// Accepted is Written plus Dropped: a File queues nothing.
type Stats struct {
	Accepted uint64 // lines given to Write, apart from those refused after Close
	Written  uint64 // lines in the file, each whole
	Dropped  uint64 // lines refused because Write failed; a caller that tries again makes each try count

	WrittenBytes int64 // bytes of the lines written
	Size         int64 // bytes in the live file, as far as known

	Rotations       uint64    // successful ones
	LastRotation    time.Time // zero if there was none
	RotateErrors    uint64    // attempts that failed; the file went on as it was
	LastRotateError error     // nil if the last attempt succeeded

	Backups     int   // what rotations have left, plain or compressed, when last looked
	BackupBytes int64 // bytes on disk of those
	FreeSpace   int64 // bytes that this process may still use of the file system, when last looked; -1 if unknown

	Reopened   uint64 // live file opened again: Reopen, or moved by somebody
	Removed    uint64 // backup files removed by a limit
	Compressed uint64 // backups compressed
	Errors     uint64 // all that failed, after Open: writes, rotations, the worker's work, hooks

	LastError     error // nil if there was none
	LastErrorTime time.Time
}

// tally keeps the Stats, under a lock of its own, so that asking for them
// never waits for the disk.
type tally struct {
	mu    sync.Mutex
	stats Stats
}

func (t *tally) add(change func(*Stats)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(&t.stats)
}

// wrote counts a Write of all lines, of which some were written. It is what
// every Write pays for, so it goes without a closure.
func (t *tally) wrote(all, written uint64, bytes, size int64) {
	t.mu.Lock()
	t.stats.Accepted += all
	t.stats.Written += written
	t.stats.Dropped += all - written
	t.stats.WrittenBytes += bytes
	t.stats.Size = size
	t.mu.Unlock()
}

func (t *tally) get() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stats
}

func (t *tally) failed(err error) {
	now := time.Now()
	t.add(func(s *Stats) { s.Errors, s.LastError, s.LastErrorTime = s.Errors+1, err, now })
}

// measure looks how much space there is.
func (f *File) measure() {
	free, err := freeSpace(f.dir)
	if err != nil {
		free = -1
	}
	f.tally.add(func(s *Stats) { s.FreeSpace = free })
}
