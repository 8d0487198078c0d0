package rotate

import (
	"sync"
	"sync/atomic"
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
//
// The lock would be a good part of what a Write costs besides the writing. So
// what nearly every Write has to say, that lines were written, is in one number
// until somebody asks: the lines in its upper 24 bits, the bytes in the others.
type tally struct {
	recent atomic.Uint64
	mu     sync.Mutex
	stats  Stats
}

const (
	byteBits = 40
	byteMask = 1<<byteBits - 1
	half     = 1<<63 | 1<<(byteBits-1) // that one of the two is half full
)

// count counts lines that were written, no more than maxPlain.
func (t *tally) count(lines, bytes int) {
	if t.recent.Add(uint64(lines)<<byteBits|uint64(bytes))&half != 0 { //nolint:gosec // never negative
		t.add(func(*Stats) {})
	}
}

// collect adds what is recent to the rest. It is called with the lock.
func (t *tally) collect() {
	recent := t.recent.Swap(0)
	lines, bytes := recent>>byteBits, int64(recent&byteMask)
	t.stats.Accepted += lines
	t.stats.Written += lines
	t.stats.WrittenBytes += bytes
	t.stats.Size += bytes
}

func (t *tally) add(change func(*Stats)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.collect()
	change(&t.stats)
}

func (t *tally) get() (s Stats) {
	t.add(func(stats *Stats) { s = *stats })
	return s
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
