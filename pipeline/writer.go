package pipeline

import (
	"context"
	"io"
	"os"
	"sync"

	encoding "github.com/sluicelog/sluice/internal/sink"
)

// needsLock reports whether encoders of different generations need one in common to
// write to w. The operating system has one for files, and what is told levels has
// its own.
func needsLock(w io.Writer) bool {
	switch w.(type) {
	case *os.File, encoding.LevelWriter:
		return false
	}
	return true
}

// A lockedWriter is a writer with a lock.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// Flush flushes w in either of the ways that encoders know.
func (l *lockedWriter) Flush(ctx context.Context) error {
	switch w := l.w.(type) {
	case interface{ Flush(context.Context) error }:
		return w.Flush(ctx)
	case interface{ Flush() error }:
		l.mu.Lock()
		defer l.mu.Unlock()
		return w.Flush()
	}
	return nil
}

// Fd returns the descriptor of a terminal.
func (l *lockedWriter) Fd() uintptr {
	if f, ok := l.w.(interface{ Fd() uintptr }); ok {
		return f.Fd()
	}
	return ^uintptr(0)
}
