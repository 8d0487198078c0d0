package rotate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// backups is list for f, and has the Stats know.
func (f *File) backups(living map[string]bool) ([]backup, error) {
	backups, err := list(f.dir, f.names, f.liveInfo(), living)
	if err != nil {
		return nil, err
	}
	var bytes int64
	for _, b := range backups {
		bytes += b.bytes()
	}
	f.tally.add(func(s *Stats) { s.Backups, s.BackupBytes = len(backups), bytes })
	return backups, nil
}

// expired returns those of the backups, newest first, that exceed a limit.
func (f *File) expired(backups []backup) (expired []backup) {
	now, total := time.Now(), f.tally.get().Size
	for i, b := range backups {
		total += b.bytes()
		if f.opts.MaxBackups > 0 && i >= f.opts.MaxBackups ||
			f.opts.MaxAge > 0 && b.age(now) > f.opts.MaxAge ||
			f.opts.MaxTotalSize > 0 && total > f.opts.MaxTotalSize {
			expired = append(expired, b)
		}
	}
	return expired
}

// keeps asks Keep about b.
func (f *File) keeps(b backup) (keep bool) {
	if f.opts.Keep == nil {
		return false
	}
	if err := guard("Keep", func() { keep = f.opts.Keep(b.public(f.dir)) }); err != nil {
		f.problem(err)
		return true
	}
	return keep
}

// remove removes all forms of b, and reports whether there were any.
func (f *File) remove(b backup) (removed bool, err error) {
	for _, form := range b.forms {
		gone := os.Remove(filepath.Join(f.dir, b.name+form.compression.ext()))
		switch {
		case gone == nil:
			removed = true
			f.tally.add(func(s *Stats) { s.Removed, s.BackupBytes = s.Removed+1, s.BackupBytes-form.size })
		case !errors.Is(gone, fs.ErrNotExist):
			err = errors.Join(err, fmt.Errorf("rotate: %w", gone))
		}
	}
	if removed {
		f.tally.add(func(s *Stats) { s.Backups-- })
	}
	return removed, err
}

// makeRoom removes the oldest backup, and reports whether there was one. It is
// called with the lock, and gives it up meanwhile.
func (f *File) makeRoom() bool {
	f.closing.Lock() // what is open takes its room, removed or not
	f.closeRetired()
	f.closing.Unlock()
	if f.turns != nil {
		f.turns.done()
		defer func() {
			if !f.closed {
				f.turn()
				_ = f.check() // reported there
			}
		}()
	}
	f.unlock()
	defer f.mu.Lock()
	f.freeing.Lock()
	defer f.freeing.Unlock()
	backups, err := list(f.dir, f.names, f.liveInfo(), f.livingProcesses())
	if err != nil {
		return false
	}
	for _, b := range slices.Backward(backups) {
		if f.keeps(b) {
			continue
		}
		removed, err := f.remove(b)
		if err != nil {
			f.problem(err)
			continue
		}
		if !removed { // somebody else has made room
			return true
		}
		if f.opts.OnRemove != nil {
			f.mu.Lock()
			f.announce("OnRemove", b.name, func() { f.opts.OnRemove(b.public(f.dir)) })
			f.mu.Unlock()
			f.kick()
		}
		return true
	}
	return false
}

// awaitRoom gives other processes a moment in which they may find that the file
// they have open is no longer the live one, or give back the turn without which this
// one could not rotate, and reports whether it is worth trying again to write n bytes.
// It waits until a time, which it sets, once in an outage, and only if there has been
// a change in the directory. It is called with the lock, and gives it up meanwhile.
func (f *File) awaitRoom(until *time.Time, n int64) bool {
	now := time.Now()
	if f.turns == nil || f.closed || !f.outage.since.IsZero() || !until.IsZero() && now.After(*until) {
		return false
	}
	if until.IsZero() {
		dir, err := os.Stat(f.dir)
		if err != nil || now.Sub(dir.ModTime()).Abs() > f.roomWait {
			return false
		}
		*until = now.Add(f.roomWait)
	}
	f.turns.done()
	f.unlock()
	time.Sleep(5 * time.Millisecond)
	f.mu.Lock()
	if !f.closed {
		f.turn()
		f.maintain(n)
	}
	return true
}
