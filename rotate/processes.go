package rotate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// livingProcesses returns the numbers of the other processes that have files of
// their own here: they look after their backups themselves.
func (f *File) livingProcesses() map[string]bool { return f.processes(nil) }

// retire makes the live files of processes that have ended their last backups.
func (f *File) retire() (living map[string]bool) {
	if f.names.pid == "" {
		return nil
	}
	gone := make(map[string]bool)
	living = f.processes(func(pid, path string, info fs.FileInfo) {
		gone[pid] = true
		err := f.retireFile(pid, path, info)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // somebody else was faster
			f.problem(fmt.Errorf("rotate: make %s of an ended process a backup: %w", path, err))
		}
	})
	if err := sweep(f.dir, f.names, func(pid string) bool { return gone[pid] }); err != nil {
		f.problem(fmt.Errorf("rotate: remove what ended processes have left: %w", err))
	}
	return living
}

// processes tells which of the other processes live, and calls ended, if not
// nil, for the file of each that does not, while nobody can take it over.
func (f *File) processes(ended func(pid, path string, info fs.FileInfo)) (living map[string]bool) {
	if f.names.pid == "" {
		return nil
	}
	living = make(map[string]bool)
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		f.problem(fmt.Errorf("rotate: list backups of %s: %w", f.path, err))
		return living
	}
	for _, entry := range entries {
		pid, ok := f.names.process(entry.Name())
		if !ok || pid == f.names.pid || !entry.Type().IsRegular() {
			continue
		}
		path := filepath.Join(f.dir, entry.Name())
		info, release, err := hold(path, 0)
		switch {
		case err != nil:
			living[pid] = !errors.Is(err, fs.ErrNotExist) // if in doubt
			continue
		case !locking && running(pid):
			living[pid] = true
		case ended != nil:
			ended(pid, path, info)
		}
		release()
	}
	return living
}

// retireFile makes the file of an ended process a backup from the time of its
// last line. An empty one is removed, and one that is a backup already, because
// the process was killed then, loses its other name.
func (f *File) retireFile(pid, path string, info fs.FileInfo) error {
	twins, err := f.twins(info)
	if err != nil {
		return err
	}
	if info.Size() > 0 && len(twins) == 0 {
		s, err := f.lastOf(pid, info.ModTime())
		if err != nil {
			return err
		}
		if _, _, err := f.setAside(path, pid, s); err != nil {
			return err
		}
	}
	// Nobody uses it, but if it has been renamed, somebody may have made another.
	if now, err := os.Lstat(path); err != nil || !os.SameFile(info, now) {
		return err
	}
	return os.Remove(path)
}

// lastOf returns the stamp for the last backup of a process, whose file was
// written to last at t.
func (f *File) lastOf(pid string, t time.Time) (stamp, error) {
	t = t.Truncate(time.Microsecond)
	backups, err := list(f.dir, f.names, nil, nil)
	for _, b := range backups {
		// The clock of the file system is a little late.
		if b.pid == pid && !t.After(b.stamp.time) {
			t = b.stamp.time.Add(time.Microsecond)
		}
	}
	return stamp{time: t}, err
}
