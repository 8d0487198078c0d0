package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A File is a file that gets its name when it is complete: until then there is what was there before.
type File struct {
	file *os.File
	path string
}

// CreateFile creates a file beside path, with the permissions of what has that name, or else mode. If path is a link,
// the file will replace what it leads to. It is an error if that is a directory, a device or the like.
func CreateFile(path string, mode fs.FileMode) (*File, error) {
	target := path
	if end, err := filepath.EvalSymlinks(path); err == nil {
		target = end
	}
	switch info, err := os.Lstat(target); {
	case err == nil && !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: want the name of a file", Printable(path))
	case err == nil:
		mode = info.Mode().Perm()
	}
	file, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*.tmp")
	if err != nil {
		return nil, err
	}
	f := &File{file, target}
	if err := file.Chmod(mode); err != nil {
		f.Discard()
		return nil, err
	}
	return f, nil
}

// Write writes to the file.
func (f *File) Write(p []byte) (int, error) { return f.file.Write(p) }

// Publish gives the file its name when it is on the disk. If that fails, the file is gone.
func (f *File) Publish() error {
	err := errors.Join(f.file.Sync(), f.file.Close())
	if err == nil {
		err = os.Rename(f.file.Name(), f.path)
	}
	if err != nil {
		_ = os.Remove(f.file.Name()) // err says what is wrong
	}
	return err
}

// Discard removes the file, unless it was published.
func (f *File) Discard() {
	if f.file.Close() == nil {
		_ = os.Remove(f.file.Name()) // it is of no use
	}
}
