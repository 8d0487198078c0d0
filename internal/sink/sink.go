// Package sink is the end of a branch: the writer that an encoder and all
// handlers derived from it share, with its one lock and its accounts.
package sink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/sluicelog/sluice/internal/panics"
)

// LevelWriter is the one small interface between encoders and writers: a
// writer that has it is told each line's level, so that it knows which lines
// must not be dropped and which must be on their way before Handle returns. It
// has a lock of its own, which it does not hold while a caller waits, and it may
// take a line and return an error all the same, which then says that the line is
// late: what it returns besides is how much of the line it took.
type LevelWriter interface {
	WriteLevel(level slog.Level, line []byte) (int, error)
}

// A Sink writes whole lines to a writer, one Write a line: one at a time, unless
// the writer is a LevelWriter.
type Sink struct {
	pkg     string // named in errors
	w       io.Writer
	levels  LevelWriter // w, where it is one
	onError func(error)

	mu sync.Mutex // for writers that are not LevelWriters

	written, bytes, dropped atomic.Uint64
}

// New returns a Sink for w. The errors it returns begin with pkg. Each is given
// to onError, if that is not nil, outside the lock.
func New(pkg string, w io.Writer, onError func(error)) *Sink {
	levels, _ := w.(LevelWriter)
	return &Sink{pkg: pkg, w: w, levels: levels, onError: onError}
}

// Announce tells w, if it wants to know as an asyncbuf.Writer does, how lines are
// encoded: newHandler returns a handler that writes as the one before w does. It
// is for lines that w makes itself.
func Announce(w io.Writer, newHandler func(io.Writer) slog.Handler) {
	if u, ok := w.(interface {
		UseEncoder(newHandler func(io.Writer) slog.Handler)
	}); ok {
		u.UseEncoder(newHandler)
	}
}

// Write writes one line. A writer that panics has failed.
func (s *Sink) Write(level slog.Level, line []byte) error {
	err := s.offer(level, line)
	if err != nil {
		err = fmt.Errorf("%s: write: %w", s.pkg, err)
		s.report(err)
	}
	return err
}

func (s *Sink) offer(level slog.Level, line []byte) (err error) {
	var n int
	returned := false
	if s.levels == nil {
		s.mu.Lock()
	}
	defer func() {
		if s.levels == nil {
			s.mu.Unlock()
		}
		if !returned { // it has panicked, or ended its goroutine
			s.dropped.Add(1)
			err = errors.New("panic: " + panics.Text(recover()))
		}
	}()
	if s.levels != nil {
		n, err = s.levels.WriteLevel(level, line)
	} else {
		n, err = s.w.Write(line)
	}
	returned = true
	switch {
	case err == nil && n == len(line):
		s.count(n)
		return nil
	case err == nil:
		err = io.ErrShortWrite
	}
	if s.levels != nil && n == len(line) { // it is late
		s.count(n)
	} else {
		s.dropped.Add(1)
	}
	return err
}

func (s *Sink) count(size int) {
	s.written.Add(1)
	s.bytes.Add(uint64(size)) //nolint:gosec // the length of a line
}

func (s *Sink) report(err error) {
	if s.onError == nil {
		return
	}
	// A hook that panics must not take the program down with it, and there is
	// nobody left to tell.
	defer func() { _ = recover() }()
	s.onError(err)
}

// Flush flushes the writer if it can be flushed. A writer that panics has
// failed.
func (s *Sink) Flush(ctx context.Context) error {
	if err := s.flush(ctx); err != nil {
		return fmt.Errorf("%s: flush: %w", s.pkg, err)
	}
	return nil
}

func (s *Sink) flush(ctx context.Context) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("panic: " + panics.Text(r))
		}
	}()
	if w, ok := s.w.(interface{ Flush(context.Context) error }); ok {
		return w.Flush(ctx) // safe beside writes, by the rules of this module
	}
	return s.hand()
}

// EndBatch flushes a writer that has a buffer itself, and no more: it does not
// wait for what is behind that. A writer that panics has failed.
func (s *Sink) EndBatch() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("panic: " + panics.Text(r))
		}
		if err != nil {
			err = fmt.Errorf("%s: end of batch: %w", s.pkg, err)
		}
	}()
	return s.hand()
}

// hand flushes a bufio.Writer and its like, which is not safe beside writes.
func (s *Sink) hand() error {
	w, ok := s.w.(interface{ Flush() error })
	if !ok {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return w.Flush()
}

// Counts are how many lines a writer took, of how many bytes, and how many lines
// it refused.
type Counts struct{ Written, WrittenBytes, Dropped uint64 }

// Counts returns the counts so far.
func (s *Sink) Counts() Counts {
	return Counts{s.written.Load(), s.bytes.Load(), s.dropped.Load()}
}
