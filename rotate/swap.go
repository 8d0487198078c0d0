//go:build !windows

package rotate

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// preparing says that swap uses a file made ahead.
const preparing = true

// isFull reports whether err says that there is no space left.
func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// swap makes the content of the live file a backup and puts an empty file in
// its place. The path is never without a file where the file system has hard
// links, and until the very end a failure leaves everything as it was.
func (f *File) swap(s stamp) (backup string, err error) {
	if f.turns != nil || f.halfway { // another process may have been killed
		if err := f.undoInterrupted(); err != nil {
			return "", err
		}
		f.halfway = false
	}
	next, err := f.next()
	if err != nil {
		return "", err
	}
	backup, undo, err := f.setAside(f.path, f.names.pid, s)
	if err != nil {
		f.standby = next // for the next attempt
		return "", err
	}
	if err := rename(next.path, f.path); err != nil {
		undone := undo()
		f.halfway = undone != nil
		return "", errors.Join(err, undone, next.discard())
	}
	f.closeRetired() // if the worker has not come to it
	f.live, f.retired = next.segment, f.live
	return backup, nil
}

// rename is os.Rename without a look at what it replaces, which is known.
func rename(from, to string) error {
	for {
		err := syscall.Rename(from, to)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EINTR) {
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
		}
	}
}

// next returns the file that will be the live one, under its temporary name.
func (f *File) next() (*standby, error) {
	next, perm := f.standby, f.perm()
	f.standby = nil
	switch {
	case next == nil:
	case !next.isThere(): // somebody has removed it
		if err := next.close(); err != nil {
			return nil, err
		}
	case next.dress(perm) == nil:
		return next, nil
	default: // another one may do
		_ = next.discard() // what is left of it the next Open removes
	}
	f.closeRetired() // the worker is late, and its engine can be used
	return newStandby(f.dir, f.names, perm)
}

// setAside gives the live file at path, which is pid's, the name of a backup,
// beside its own name or, where there are no hard links, in place of it.
func (f *File) setAside(path, pid string, s stamp) (backup string, undo func() error, err error) {
	for backup = range f.free(pid, s) {
		err = f.link(path, backup)
		switch {
		case err == nil:
			return backup, func() error { return os.Remove(backup) }, nil
		case errors.Is(err, fs.ErrExist):
			continue
		case !errors.Is(err, fs.ErrPermission) && !errors.Is(err, errors.ErrUnsupported):
			return "", nil, err
		}
		if exists(backup) {
			continue // renaming would replace it
		}
		if err := os.Rename(path, backup); err != nil {
			return "", nil, err
		}
		return backup, func() error { return os.Rename(backup, path) }, nil
	}
	return "", nil, errors.Join(errNoName, err)
}

// twins returns the backups that are the same file as info, as a process leaves
// it that is killed halfway through swap.
func (f *File) twins(info fs.FileInfo) (paths []string, err error) {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Nlink < 2 {
		return nil, nil
	}
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if _, ok := f.names.parse(entry.Name()); !ok {
			continue
		}
		if twin, err := entry.Info(); err == nil && os.SameFile(twin, info) {
			paths = append(paths, filepath.Join(f.dir, entry.Name()))
		}
	}
	return paths, nil
}

// syncDir makes the names in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
