package pipeline

import (
	"context"
	"io"
	"os"
	"reflect"
	"slices"
	"sync"

	encoding "github.com/sluicelog/sluice/internal/sink"
)

// needsLock reports whether encoders of different generations need one in common to
// write to w. The operating system has one for files, and what is told levels has
// its own.
func needsLock(w io.Writer) bool {
	switch w.(type) {
	case *os.File, standardError, encoding.LevelWriter:
		return false
	}
	return true
}

// locks are those of the writers that sinks and the fallback print to: one each,
// whoever prints to it. Whose turn it is may use them.
type locks struct{ all []*lockedWriter }

// of returns w with its lock, if it needs one. Two writers that are funcs nobody can
// compare have two.
func (l *locks) of(w io.Writer) io.Writer {
	if !needsLock(w) {
		return w
	}
	for _, known := range l.all {
		if sameWriter(known.w, w) {
			return known
		}
	}
	l.all = append(l.all, &lockedWriter{w: w})
	return l.all[len(l.all)-1]
}

// keep forgets the locks of writers that used does not hold.
func (l *locks) keep(used func(io.Writer) bool) {
	l.all = slices.DeleteFunc(l.all, func(known *lockedWriter) bool { return !used(known) })
}

func sameWriter(a, b io.Writer) bool {
	return same(reflect.ValueOf(&a).Elem(), reflect.ValueOf(&b).Elem())
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
