package scan

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
)

// stdin is the name of standard input.
const stdin = "-"

// source is a text to scan.
type source struct {
	name string
	size int64 // on disk; -1 if nobody knows
}

// finder collects sources.
type finder struct {
	recursive bool
	fail      func(error) // is told what cannot be looked at
	found     []source
	seen      map[string]bool // real paths
}

// find returns the files that the arguments stand for: in the order of these, and by name in a directory. The error
// has all arguments that stand for nothing.
func find(args []string, recursive bool, fail func(error)) ([]source, error) {
	f := finder{recursive: recursive, fail: fail, seen: make(map[string]bool)}
	var errs []error
	for _, arg := range args {
		if err := f.argument(arg); err != nil {
			errs = append(errs, err)
		}
	}
	return f.found, errors.Join(errs...)
}

func (f *finder) argument(arg string) error {
	if arg == stdin {
		f.add(stdin, -1)
		return nil
	}
	if dir, ok := strings.CutSuffix(filepath.ToSlash(arg), "/..."); ok {
		if dir == "" {
			dir = "/"
		}
		return f.path(dir, true)
	}
	if _, err := os.Lstat(arg); errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(arg, "*?[") {
		matches, err := filepath.Glob(arg)
		switch {
		case err != nil:
			return fmt.Errorf("%s: want a pattern in which each [ has its ]", cli.Printable(arg))
		case len(matches) == 0:
			return fmt.Errorf("%s: no file matches this pattern", cli.Printable(arg))
		}
		for _, match := range matches {
			if err := f.path(match, f.recursive); err != nil {
				f.fail(err) // gone meanwhile, or a link to nothing
			}
		}
		return nil
	}
	return f.path(arg, f.recursive)
}

// path adds what was named: whatever it is, as long as it can be read.
func (f *finder) path(path string, recursive bool) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: there is no such file or directory", cli.Printable(path))
	case err != nil:
		f.fail(err)
	case info.IsDir():
		f.directory(path, recursive)
	case info.Mode().IsRegular():
		f.add(path, info.Size())
	default:
		f.add(path, -1)
	}
	return nil
}

// directory adds the regular files in a directory, and those that a link in it leads to. Devices, pipes and sockets are no
// logs, and could keep the scan waiting for ever.
func (f *finder) directory(dir string, recursive bool) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		f.fail(err)
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if entry.IsDir() {
			if recursive {
				f.directory(path, true)
			}
			continue
		}
		info, err := entry.Info()
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			info, err = os.Stat(path)
		}
		switch {
		case errors.Is(err, fs.ErrNotExist): // a link to nothing
		case err != nil:
			f.fail(err)
		case info.Mode().IsRegular():
			f.add(path, info.Size())
		}
	}
}

// add adds a file once, by whatever name it comes first.
func (f *finder) add(name string, size int64) {
	path := name
	if name != stdin {
		if target, err := filepath.EvalSymlinks(name); err == nil {
			path = target
		}
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
	}
	if !f.seen[path] {
		f.seen[path] = true
		f.found = append(f.found, source{name, size})
	}
}
