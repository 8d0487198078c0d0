package replay

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
)

// rejects keeps what is refused or broken, one line each. It makes its file when there is the first.
type rejects struct {
	path string // empty for none

	mu     sync.Mutex
	file   *os.File
	size   int64 // of what is whole
	dirty  bool
	failed error
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
	if r.failed = r.write(text); r.failed != nil {
		r.failed = fmt.Errorf("--rejects %s: %w", cli.Printable(r.path), r.failed)
	}
}

func (r *rejects) write(text []byte) error {
	if r.file == nil {
		f, err := os.OpenFile(r.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		r.file = f
		info, err := f.Stat()
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
	if err := r.file.Sync(); err != nil {
		r.failed = fmt.Errorf("--rejects %s: %w", cli.Printable(r.path), err)
		return r.failed
	}
	r.dirty = false
	return nil
}

func (r *rejects) close() error {
	err := r.sync()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return err
	}
	return errors.Join(err, r.file.Close())
}
