package rotate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

const maxLinks = 40 // as many as Linux follows

// resolve returns the absolute path of the file that path stands for, with all
// symbolic links followed, so that the target is rotated and not the link. The
// file need not exist; missing directories are created with opts.DirMode.
func resolve(path string, opts *Options) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	for range maxLinks {
		// Not filepath.Dir, which takes l/.. for nothing although l may be a link.
		dir, name := filepath.Split(path)
		if err := makeDirs(dir, opts.DirMode); err != nil {
			return "", err
		}
		if dir, err = filepath.EvalSymlinks(dir); err != nil {
			return "", err
		}
		path = filepath.Join(dir, name)
		target, err := os.Readlink(path)
		switch {
		case err != nil, opts.PerProcess: // not a link, or not yet the file's name
			return path, nil //nolint:nilerr // the end of the chain, or a file that is not there yet
		case opts.NoFollow:
			return "", errors.New("it is a symbolic link, which NoFollow forbids")
		}
		if !filepath.IsAbs(target) {
			target = dir + string(filepath.Separator) + target
		}
		path = target
	}
	return "", fmt.Errorf("%s: more than %d symbolic links", path, maxLinks)
}

// makeDirs is like os.MkdirAll, but gives the directories it creates exactly
// the permissions in mode.
func makeDirs(dir string, mode fs.FileMode) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if parent == dir { // as a drive that is not there
		return err
	}
	if err := makeDirs(parent, mode); err != nil {
		return err
	}
	err = os.Mkdir(dir, mode)
	if errors.Is(err, fs.ErrExist) { // somebody else was faster: theirs
		return nil
	}
	if err != nil {
		return err
	}
	if info, err = os.Stat(dir); err != nil {
		return err
	}
	// The other bits, setgid above all, come from the parent and are to stay.
	return os.Chmod(dir, info.Mode()&^fs.ModePerm|mode)
}

// exists reports whether there is anything called path.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// syncFile makes the content of the file at path durable.
func syncFile(path string) error {
	f, err := os.OpenFile(path, forSync|noFollow, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
