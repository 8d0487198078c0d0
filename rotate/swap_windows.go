package rotate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// preparing says that a file made ahead is of no use here.
const preparing = false

// isFull reports whether err says that there is no space left.
func isFull(err error) bool { return errors.Is(err, errDiskFull) || errors.Is(err, errHandleDiskFull) }

const (
	renameTries = 4
	renamePause = 50 * time.Millisecond
)

// swap makes the content of the live file a backup and puts an empty file in
// its place. Windows does not rename a file that Go has open, so the file is
// closed first. Whatever fails then, the file at the path is opened again; if
// even that fails, there is no live file until a Write opens one.
func (f *File) swap(s stamp) (backup string, err error) {
	old := f.live
	f.live = nil
	if err := old.close(); err != nil {
		f.problem(fmt.Errorf("rotate: close %s: %w", f.path, err))
	}
	backup, _, err = f.setAside(f.path, f.names.pid, s)
	return backup, errors.Join(err, f.openLive())
}

// setAside renames the live file to a backup. Virus scanners and indexers hold
// files open for moments, so it tries more than once.
func (f *File) setAside(path, pid string, s stamp) (backup string, undo func() error, err error) {
	for backup = range f.free(pid, s) {
		if exists(backup) {
			continue // os.Rename would replace it
		}
		for try := 1; ; try++ {
			if err = os.Rename(path, backup); err == nil || try == renameTries {
				return backup, nil, err
			}
			time.Sleep(renamePause)
		}
	}
	return "", nil, errNoName
}

// twins returns nothing: there is no moment with two names.
func (f *File) twins(fs.FileInfo) ([]string, error) { return nil, nil }

// syncDir does nothing: Windows cannot sync a directory.
func syncDir(string) error { return nil }
