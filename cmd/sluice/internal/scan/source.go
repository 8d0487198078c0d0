package scan

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// find returns the files that the arguments stand for: in the order of these, and by name in a directory. Arguments that
// stand for nothing are missing.
func find(args []string, recursive bool, fail func(error)) (found []source, missing []error) {
	f := finder{recursive: recursive, fail: fail, seen: make(map[string]bool)}
	for _, arg := range args {
		if err := f.argument(arg); err != nil {
			missing = append(missing, err)
		}
	}
	return f.found, missing
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
	real := name
	if name != stdin {
		if path, err := filepath.EvalSymlinks(name); err == nil {
			real = path
		}
		if path, err := filepath.Abs(real); err == nil {
			real = path
		}
	}
	if !f.seen[real] {
		f.seen[real] = true
		f.found = append(f.found, source{name, size})
	}
}

// text is what a source holds, up to what it had when it was opened: a log that grows as fast as it is read would have no end.
type text struct {
	ctx  context.Context
	name string
	r    io.Reader
	read func(n int)
}

// Name returns what findings are to have as their file.
func (t *text) Name() string { return t.name }

func (t *text) Read(p []byte) (int, error) {
	if err := t.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := t.r.Read(p)
	t.read(n)
	return n, err
}

// open opens the source. The text is valid until close.
func (s source) open(ctx context.Context, in io.Reader, read func(n int)) (t *text, closeFile func(), err error) {
	t = &text{ctx: ctx, name: s.name, r: in, read: read}
	if s.name == stdin {
		return t, func() {}, nil
	}
	file, err := os.Open(s.name)
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = file.Close() }) // or the read of a pipe would wait on
	t.r = file
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() && info.Size() > 0 { // those of /proc have none
		t.r = io.LimitReader(file, info.Size())
	}
	return t, func() {
		if stop() {
			_ = file.Close() // only read from
		}
	}, nil
}
