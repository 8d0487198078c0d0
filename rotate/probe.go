package rotate

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// ErrWorldWritable is what an error of [Probe] Is about a directory in which a
// [File] would work, and everybody else could replace its files too.
var ErrWorldWritable = errors.New("every user may rename and remove the files in it")

// Probe reports whether a [File] would work in the directory dir, and if not,
// why: an error says what was refused, to which user, what the directory is,
// and what to run. It is for the start of a program, and for tools that look
// over a system. It creates a hidden file, writes to it, syncs, links, renames
// and removes it. Nothing of that stays, unless the directory lets no file be
// removed, which is an error.
//
// If dir does not exist, Probe does so in the nearest directory above it, in
// which Open would create it. It creates no directory.
//
// File systems without hard links are good enough, though their log files are
// missing for a moment at each rotation. Where users have rights by mode bits,
// a directory that everybody may write to is an error that Is
// [ErrWorldWritable], unless its sticky bit is set as that of /tmp is. That is
// looked at last: everything else is well then. The volumes of some container
// platforms are such directories, where it may not matter.
//
// Success is about this moment, and about a small file. Whether the locks work
// that MultiProcess and PerProcess need is found out by Open.
func Probe(dir string) error {
	if err := probe(dir); err != nil {
		return fmt.Errorf("rotate: probe %s: %w", dir, err)
	}
	return nil
}

func probe(dir string) error {
	if dir == "" {
		return errors.New("the path of the directory is empty")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	at, info, err := nearest(dir)
	if err != nil {
		return err
	}
	if err := rehearse(at); err != nil {
		return explain(err, dir, at)
	}
	return checkShared(at, info)
}

// nearest returns dir if it exists, else the nearest directory above it.
func nearest(dir string) (at string, info fs.FileInfo, err error) {
	for at = dir; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		switch {
		case err == nil && info.IsDir():
			return at, info, nil
		case err == nil:
			what := "a file"
			if !info.Mode().IsRegular() {
				what = kind(info.Mode())
			}
			return "", nil, fmt.Errorf("%s is %s, must be a directory: move it away, or log elsewhere: %w",
				at, what, syscall.ENOTDIR)
		case errors.Is(err, fs.ErrNotExist):
			if target, linkErr := os.Readlink(at); linkErr == nil {
				return "", nil, fmt.Errorf("%s is a symbolic link to %s: create that directory: %w", at, target, fs.ErrNotExist)
			}
		case errors.Is(err, fs.ErrPermission) && filepath.Dir(at) != at:
			// Which of the directories above is it that may not be searched?
			above, _, nearErr := nearest(filepath.Dir(at))
			if nearErr == nil {
				nearErr = explain(&refusal{"search", err}, dir, above)
			}
			return "", nil, nearErr
		case !errors.Is(err, syscall.ENOTDIR): // else a file is in the way above
			return "", nil, err
		}
		if filepath.Dir(at) == at {
			return "", nil, err
		}
	}
}

// refusal is an error with what it kept from being done in a directory.
type refusal struct {
	what string
	err  error
}

func (r *refusal) Error() string { return "can not " + r.what + ": " + r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

// rehearse does with a small file in dir what a File does with large ones.
func rehearse(dir string) *refusal {
	if err := canList(dir); err != nil {
		return &refusal{"list the files", err}
	}
	f, err := os.CreateTemp(dir, tempPattern("rotate-probe"))
	if err != nil {
		return &refusal{"create a file", err}
	}
	name := f.Name()
	second := strings.TrimSuffix(name, tempExt) + "-2" + tempExt
	// More than some file systems put beside the name, so that it takes a block.
	_, writeErr := f.Write(make([]byte, 8*KiB))
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"write to a file", func() error { return writeErr }},
		{"set the mode of a file", func() error { return f.Chmod(defaultFileMode) }},
		{"sync a file", f.Sync},
		{"link a file", func() error { return tryLink(name, second) }},
		{"remove a file", func() error { return ignore(os.Remove(second), fs.ErrNotExist) }},
		{"close a file", f.Close},
		{"rename a file", func() error { return os.Rename(name, second) }},
		{"sync the directory", func() error { return ignore(ignore(syncDir(dir), syscall.EINVAL), errors.ErrUnsupported) }},
		{"remove a file", func() error { return os.Remove(second) }},
	} {
		if err := step.do(); err != nil {
			_ = f.Close()
			for _, path := range []string{name, second} {
				if left := ignore(os.Remove(path), fs.ErrNotExist); left != nil {
					err = fmt.Errorf("%w (%s is left behind)", err, path)
				}
			}
			return &refusal{step.what, err}
		}
	}
	return nil
}

// tryLink links name. That there are no links here is no error.
func tryLink(name, link string) error {
	err := os.Link(name, link)
	return ignore(ignore(err, fs.ErrPermission), errors.ErrUnsupported)
}

// canList fails if nobody could tell what files there are in dir.
func canList(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_, err = d.Readdirnames(1)
	return errors.Join(ignore(err, io.EOF), d.Close())
}
