package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// file is what is needed of an open file.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	Sync() error
}

// disk is the file system, as far as tests let it fail.
type disk struct {
	create func(path string) (file, error)           // which does not exist
	open   func(path string, flag int) (file, error) // which does
	remove func(path string) error
	rename func(from, to string) error
	sync   func(f file) error
	names  func(dir string) error // syncs what is in a directory
}

func realDisk() *disk {
	return &disk{
		create: func(path string) (file, error) {
			return noNil(os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600))
		},
		open:   func(path string, flag int) (file, error) { return noNil(openRegular(path, flag)) },
		remove: os.Remove,
		rename: os.Rename,
		sync:   file.Sync,
		names:  syncDir,
	}
}

// noNil keeps a nil pointer out of an interface.
func noNil(f *os.File, err error) (file, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

// openRegular opens a file that is one, and no link to one: a spool is written
// with the rights of the program, and must not be led astray.
func openRegular(path string, flag int) (*os.File, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && flag&os.O_CREATE != 0:
		return os.OpenFile(path, flag|os.O_EXCL, 0o600)
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "open", Path: path, Err: fmt.Errorf("not a regular file: %s", info.Mode().Type())}
	}
	return os.OpenFile(path, flag&^os.O_CREATE|noFollow, 0)
}

// syncDir forces the names in a directory to the disk.
func syncDir(path string) error {
	if !syncingDirs {
		return nil
	}
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	err = dir.Sync()
	return errors.Join(err, dir.Close())
}
