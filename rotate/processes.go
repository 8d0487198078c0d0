package rotate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// claimWait is how long somebody else may look at whether a process lives.
const claimWait = time.Second

// claim locks the hidden file by which others see that the process lives whose
// number is in the name of the live file. It stays there until somebody finds that
// the process has ended, and so tells its file from others with a number.
func claim(dir string, names naming, perm permissions) (*os.File, error) {
	path := filepath.Join(dir, names.lockFile(""))
	for range maxAttempts {
		file, err := openRegular(path, perm)
		if err != nil {
			return nil, err
		}
		err = await(file, true, claimWait)
		if err == nil && isAt(file, path) {
			return file, nil
		}
		_ = file.Close() // nothing was written to it
		switch {
		case errors.Is(err, errTurn):
			return nil, errors.New("PerProcess is set, but another process has the same number, in another container perhaps: " +
				"give each its own path")
		case err != nil:
			_ = os.Remove(path) // it is of no use to anybody
			return nil, fmt.Errorf("PerProcess is set, but %s can not be locked: %w", path, bare(err))
		}
	}
	return nil, errReplaced
}

// livingProcesses returns the numbers of the other processes that have files of
// their own here: they look after their backups themselves.
func (f *File) livingProcesses() map[string]bool { return f.processes(nil) }

// retire makes the live files of processes that have ended their last backups.
func (f *File) retire() (living map[string]bool) {
	if f.names.pid == "" {
		return nil
	}
	living = f.processes(func(pid string) error {
		its := func(p string, _ time.Time) bool { return p == pid }
		return errors.Join(f.retireFile(pid), sweep(f.dir, f.names, its))
	})
	// A backup of an ended process is compressed by one that may have ended as well.
	left := func(pid string, written time.Time) bool {
		return pid != f.names.pid && !living[pid] && time.Since(written) > time.Hour
	}
	if err := sweep(f.dir, f.names, left); err != nil {
		f.problem(fmt.Errorf("rotate: remove what ended processes have left: %w", err))
	}
	return living
}

// processes tells which of the other processes live, and calls ended, if not
// nil, for each that does not, while no other can get its number.
func (f *File) processes(ended func(pid string) error) (living map[string]bool) {
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
		pid, ok := f.names.claimant(entry.Name())
		if !ok || pid == f.names.pid || !entry.Type().IsRegular() {
			continue
		}
		path := filepath.Join(f.dir, entry.Name())
		lock, err := os.OpenFile(path, os.O_RDWR|noFollow, 0)
		if err != nil {
			living[pid] = !errors.Is(err, fs.ErrNotExist) // if in doubt
			continue
		}
		free, err := tryLock(lock, true)
		switch {
		case err != nil, !free, !isAt(lock, path), !locking && running(pid):
			living[pid] = true // if in doubt
		case ended != nil:
			err := ended(pid)
			if !locking {
				_ = lock.Close() // an open file cannot be removed there
			}
			if err == nil {
				err = ignore(os.Remove(path), fs.ErrNotExist)
			}
			if err != nil {
				f.problem(fmt.Errorf("rotate: make %s of an ended process a backup: %w", f.names.liveOf(pid), err))
			}
		}
		_ = lock.Close() // nothing was written to it
	}
	return living
}

// retireFile makes the file of an ended process a backup from the time of its
// last line. An empty one is removed, and one that is a backup already, because
// the process was killed then, loses its other name.
func (f *File) retireFile(pid string) error {
	path := filepath.Join(f.dir, f.names.liveOf(pid))
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return ignore(err, fs.ErrNotExist)
	}
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
	return ignore(os.Remove(path), fs.ErrNotExist)
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
