package rotate

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// sweep removes temporary files, each of a process and written to at a time, that
// are left over.
func sweep(dir string, names naming, left func(pid string, written time.Time) bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		pid, ok := names.temp(entry.Name())
		if !ok || !entry.Type().IsRegular() {
			continue
		}
		if info, err := entry.Info(); err == nil && left(pid, info.ModTime()) {
			errs = append(errs, ignore(os.Remove(filepath.Join(dir, entry.Name())), fs.ErrNotExist))
		}
	}
	return errors.Join(errs...)
}

// resume puts right what an earlier process could not finish, and learns the
// time of its newest backup: names go on from there, so that their order is that
// of the lines even if the clock was set back a little.
func (f *File) resume() error {
	backups, listErr := list(f.dir, f.names, f.live.info, nil)
	for _, b := range backups {
		if b.pid == f.names.pid && !b.stamp.absurd(time.Now()) {
			f.last = b.stamp.time
			break
		}
	}
	return errors.Join(listErr, f.undoInterrupted(), f.sweepOwn())
}

// undoInterrupted makes the live file no backup of itself, unless it is because
// another process is about to rotate it.
func (f *File) undoInterrupted() error {
	if !f.alone() {
		return nil
	}
	info, err := f.live.probe.Stat()
	if err != nil {
		return err
	}
	twins, err := f.twins(info)
	if len(twins) > 0 && f.turns == nil {
		defer await(f.live.probe, false, time.Second) //nolint:errcheck // only a mark for others
		if ok, err := tryLock(f.live.probe, true); err == nil && !ok {
			return nil
		}
	}
	for _, twin := range twins {
		err = errors.Join(err, ignore(os.Remove(twin), fs.ErrNotExist))
	}
	return err
}

// sweepOwn removes what an earlier process with this one's place has left.
func (f *File) sweepOwn() error {
	if f.turns != nil {
		// What others compress has such names as well.
		if ok, err := tryLock(f.turns.work, true); err != nil || !ok || !f.turns.mine {
			return err
		}
		defer unlock(f.turns.work) //nolint:errcheck // closing does it as well
	}
	return sweep(f.dir, f.names, func(pid string, _ time.Time) bool { return pid == f.names.pid })
}
