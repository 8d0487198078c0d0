package replay

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
)

// rejects keeps what is refused or broken, one line each. It makes its file when there is the first.
type rejects struct {
	path     string // empty for none
	forLines bool   // also for the broken lines of log files: it is no spool's own

	mu     sync.Mutex
	file   *os.File
	size   int64 // of what is whole
	dirty  bool
	failed error
}

// openRejects returns where rejects are kept: the user's file or else a spool's own, as they are removed from the spool.
// That it cannot be written is found out before anything is sent.
func (o *options) openRejects(args []string, sources []source) (*rejects, error) {
	r := &rejects{path: o.rejects, forLines: o.rejects != ""}
	stat := os.Stat
	for _, s := range sources {
		if s, ok := s.(*spooled); ok && r.path == "" {
			r.path = filepath.Join(s.dir, quarantineName)
			stat = os.Lstat // a link in somebody's spool is not followed
		}
	}
	if r.path == "" {
		return r, nil
	}
	kept, err := stat(r.path)
	if err == nil && !kept.Mode().IsRegular() {
		return nil, cli.Usagef("--rejects: %s is not a regular file", cli.Printable(r.path))
	}
	for _, arg := range args {
		if info, statErr := os.Stat(arg); err == nil && statErr == nil && os.SameFile(info, kept) {
			return nil, cli.Usagef("--rejects: %s is a source as well: what is refused would be sent again and again; want another file", cli.Printable(r.path))
		}
	}
	if o.dryRun {
		return r, nil
	}
	if err := r.try(); err != nil {
		return nil, cli.Usagef("--rejects: %w", err)
	}
	return r, nil
}

// try finds out whether the file can be written, and leaves everything as it was.
func (r *rejects) try() error {
	f, err := os.OpenFile(r.path, os.O_APPEND|os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if f, err = os.CreateTemp(filepath.Dir(r.path), ".sluice-*.tmp"); err == nil {
			err = os.Remove(f.Name())
		}
	}
	if f != nil {
		err = errors.Join(err, f.Close())
	}
	return err
}

// add keeps a line. When that fails, sync says so, before what was refused is done with.
func (r *rejects) add(text []byte) {
	if r.path == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed != nil {
		return
	}
	r.failed = r.explain(r.write(text))
}

func (r *rejects) explain(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("--rejects %s: %w", cli.Printable(r.path), err)
}

func (r *rejects) write(text []byte) error {
	if r.file == nil {
		f, err := os.OpenFile(r.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		r.file = f
		info, err := f.Stat()
		if err == nil && !r.forLines {
			err = handOver(filepath.Dir(r.path))
		}
		if err != nil {
			return err
		}
		r.size = info.Size()
	}
	n, err := r.file.Write(append(append(make([]byte, 0, len(text)+1), text...), '\n'))
	if err != nil {
		return errors.Join(err, r.file.Truncate(r.size)) // no half line
	}
	r.size += int64(n)
	r.dirty = true
	return nil
}

// sync makes sure that all that was added is on the disk.
func (r *rejects) sync() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed != nil || !r.dirty {
		return r.failed
	}
	r.failed = r.explain(r.file.Sync())
	r.dirty = r.failed != nil
	return r.failed
}

// close makes sure of the same, for good.
func (r *rejects) close() error {
	_ = r.sync() // which failed keeps
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file != nil {
		r.failed = errors.Join(r.failed, r.explain(r.file.Close()))
	}
	return r.failed
}

// kept returns the file with all that was to be kept, if there is one. It is for after close.
func (r *rejects) kept() string {
	if r.file == nil || r.failed != nil {
		return ""
	}
	return r.path
}
