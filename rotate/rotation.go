package rotate

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"
)

// maintain does what is due before n bytes are written. What fails is reported
// and tried again later: it never keeps the bytes from being written.
func (f *File) maintain(n int64) {
	due := f.full(n) && f.rotating.ready()
	if due || f.live == nil || f.turns != nil || f.lookDue.Load() {
		if err := f.check(); err != nil { // reported there
			if due {
				f.rotating.failed()
			}
			return
		}
	}
	// The check may have found that the file was moved or truncated, or that
	// others have filled it.
	if (due || f.turns != nil) && f.full(n) && f.rotating.ready() {
		_ = f.rotate(SizeLimit) // reported there
	}
}

// full reports whether the live file has no room for n bytes. An empty file
// has room for everything.
func (f *File) full(n int64) bool {
	return f.opts.MaxSize > 0 && f.size > 0 && n > f.opts.MaxSize-f.size
}

// check looks at whether the path still names the live file, and if not, opens
// what it names now. It also learns of a change of size by somebody else.
func (f *File) check() error {
	if f.lookDue.Load() {
		f.looked()
	}
	if f.live == nil {
		return f.tryReopen()
	}
	info, err := os.Lstat(f.path)
	switch {
	case err == nil && os.SameFile(info, f.live.info):
		f.live.info = info // its mode may be another one
		f.reopening.succeeded()
		if info.Size() != f.size { // somebody truncated it, or wrote to it
			f.resize()
		}
		return nil
	case err == nil, errors.Is(err, fs.ErrNotExist):
		return f.tryReopen()
	default: // not a reason to leave a file that can be written to
		if !f.reopening.ready() {
			return err
		}
		f.reopening.failed()
		err = fmt.Errorf("rotate: check %s: %w", f.path, err)
		f.problem(err)
		return err
	}
}

// resize learns the size of the live file, and how it ends.
func (f *File) resize() {
	size, torn, err := f.live.tail()
	// A process without its turn may be in the middle of a line, and be put off by
	// the scheduler: only what stays as it is has been left so.
	for same, tries := 0, 0; torn && err == nil && f.turns != nil && same < 4 && tries < 40; same, tries = same+1, tries+1 {
		time.Sleep(5 * time.Millisecond)
		before := size
		if size, torn, err = f.live.tail(); size != before {
			same = -1
		}
	}
	if err == nil {
		f.size, f.torn = size, torn && f.alone()
		f.tally.add(func(s *Stats) { s.Size = size })
	}
}

// lookSoon makes the next Write look at the path. Where other processes rotate,
// it looks itself, so that a process with nothing to write lets go of a backup.
func (f *File) lookSoon() {
	f.measure()
	f.lookDue.Store(true)
	if !f.opts.MultiProcess {
		return
	}
	if !f.mu.TryLock() { // who has it looks as well, or does not take long
		f.look.Reset(checkInterval)
		return
	}
	defer f.unlock()
	if !f.closed && f.turns != nil {
		defer f.turn()()
		_ = f.check() // reported there
	}
}

// looked puts off the next look.
func (f *File) looked() {
	f.lookDue.Store(false)
	f.look.Reset(checkInterval)
}

var errBackoff = errors.New("the last attempt to open it failed a moment ago")

func (f *File) tryReopen() error {
	if !f.reopening.ready() {
		return fmt.Errorf("rotate: reopen %s: %w", f.path, errBackoff)
	}
	return f.reopen()
}

func (f *File) reopen() error {
	err := makeDirs(f.dir, f.opts.DirMode) // they may be gone as well
	if err == nil {
		err = f.openLive()
	}
	if err == nil {
		err = f.undoInterrupted()
	}
	if err != nil {
		f.reopening.failed()
		err = fmt.Errorf("rotate: reopen %s: %w", f.path, err)
		f.problem(err)
		return err
	}
	f.reopening.succeeded()
	f.tally.add(func(s *Stats) { s.Reopened++ })
	return nil
}

// rotate makes the content of the live file a backup, unless it is empty.
func (f *File) rotate(reason Reason) error {
	if f.turns != nil {
		f.renew()
	}
	if f.size == 0 {
		return nil
	}
	if !f.alone() {
		return f.notRotated(errTurn)
	}
	if f.torn { // whoever reads the backups should find only whole lines
		if n, err := f.live.write([]byte{'\n'}); err == nil {
			f.size += int64(n)
			f.torn = false
		}
	}
	now := time.Now().Round(0).Truncate(time.Microsecond)
	if last := (stamp{time: f.last}); !now.After(f.last) && !last.absurd(now) { // keep the order even if the clock does not
		now = f.last.Add(time.Microsecond)
	}
	size := f.size
	backup, err := f.swap(stamp{time: now})
	if err != nil {
		return f.notRotated(err)
	}
	f.rotating.succeeded()
	f.size, f.torn, f.renamed, f.last = 0, false, true, now
	f.setDeadline(time.Now())
	f.tally.add(func(s *Stats) {
		s.Rotations, s.LastRotation, s.LastRotateError, s.Size = s.Rotations+1, now, nil, 0
		s.Backups, s.BackupBytes = s.Backups+1, s.BackupBytes+size
	})
	f.unsynced = append(f.unsynced, backup)
	if f.opts.OnRotate != nil {
		e := Event{Path: f.path, Backup: backup, Size: size, Time: now, Reason: reason}
		f.announce("OnRotate", backup, func() { f.opts.OnRotate(e) })
	}
	f.kick()
	return nil
}

// closeRetired closes the file that was rotated last. It is called with the lock.
func (f *File) closeRetired() {
	f.closeBackup(f.retired)
	f.retired = nil
}

func (f *File) closeBackup(seg *segment) {
	if seg == nil {
		return
	}
	if err := seg.close(); err != nil {
		f.problem(fmt.Errorf("rotate: close a backup of %s: %w", f.path, err))
	}
}

func (f *File) notRotated(err error) error {
	f.rotating.failed()
	err = fmt.Errorf("rotate: rotate %s: %w", f.path, err)
	f.tally.add(func(s *Stats) { s.RotateErrors, s.LastRotateError = s.RotateErrors+1, err })
	f.problem(err)
	return err
}

const maxSequence = 1000

// free yields the paths that a backup of pid's file with stamp s could have, best
// first, and skips those whose compressed form exists.
func (f *File) free(pid string, s stamp) iter.Seq[string] {
	// A time that no backup of this process has yet is that of no compressed one.
	older := f.turns != nil || pid != f.names.pid || !s.time.After(f.last)
	return func(yield func(string) bool) {
		for s.seq = range maxSequence {
			path := filepath.Join(f.dir, f.names.backup(pid, s))
			taken := (older || s.seq > 0) && (exists(path+Gzip.ext()) || exists(path+Zstd.ext()))
			if !taken && !yield(path) {
				return
			}
		}
	}
}
