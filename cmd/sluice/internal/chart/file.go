package chart

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// CheckFile returns what is wrong with a file as the one that a picture is written to: it has to be a picture, or empty, or
// not there yet. So no log and no device is replaced because its name stood where that of the picture should.
func CheckFile(name string) error {
	_, _, err := fileOf(name)
	return err
}

// fileOf returns the file that a name leads to, and its mode.
func fileOf(name string) (string, os.FileMode, error) {
	if end, err := filepath.EvalSymlinks(name); err == nil {
		name = end
	}
	info, err := os.Lstat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		_, err = os.Stat(filepath.Dir(name))
		return name, 0o644, err
	case err != nil:
		return "", 0, err
	case !info.Mode().IsRegular():
		return "", 0, fmt.Errorf("%q is no file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = f.Close() }() // what is only read
	begin, err := io.ReadAll(io.LimitReader(f, 4))
	if err == nil && len(begin) > 0 && !bytes.Equal(begin, []byte("<svg")) {
		err = fmt.Errorf("%q is there, and no picture of sluice: remove it, or name another file", name)
	}
	return name, info.Mode().Perm(), err
}

// WriteFile writes the picture to a file, which then has all of it or, after an error, what it had before. The error is that of
// CheckFile if it may not be replaced.
func (p *Picture) WriteFile(name string) (err error) {
	name, mode, err := fileOf(name)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // it is of no use
		}
	}()
	_, err = p.WriteTo(f)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	return err
}
