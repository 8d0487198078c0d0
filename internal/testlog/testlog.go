// Package testlog holds the doubles that the tests of this module share:
// writers that fail, write short, block or fill up, a handler that keeps what
// it was given, and checks for leaked goroutines. Every double is safe for
// concurrent use and remembers exactly what it let through, so that a fault
// test can compare the accounting with what arrived.
package testlog

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"syscall"
)

// Buffer is a concurrency-safe writer that keeps each Write apart. The zero
// value is ready to use.
type Buffer struct {
	mu     sync.Mutex
	writes [][]byte
}

// Write keeps a copy of p.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writes = append(b.writes, bytes.Clone(p))
	return len(p), nil
}

// Writes returns a copy of what each Write was given.
func (b *Buffer) Writes() [][]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([][]byte, len(b.writes))
	for i, w := range b.writes {
		out[i] = bytes.Clone(w)
	}
	return out
}

// Bytes returns all that was written.
func (b *Buffer) Bytes() []byte { return bytes.Join(b.Writes(), nil) }

// String returns all that was written.
func (b *Buffer) String() string { return string(b.Bytes()) }

// Lines returns the complete lines that were written, without their newlines.
// What follows the last newline is the second result.
func (b *Buffer) Lines() (lines []string, rest string) { return Lines(b.Bytes()) }

// Reset forgets all that was written.
func (b *Buffer) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writes = nil
}

// Lines splits p into its complete lines and what follows the last newline.
func Lines(p []byte) (lines []string, rest string) {
	for {
		line, after, found := bytes.Cut(p, []byte{'\n'})
		if !found {
			return lines, string(p)
		}
		lines = append(lines, string(line))
		p = after
	}
}

// ErrInjected is what the doubles fail with where no other error is named.
var ErrInjected = errors.New("injected failure")

// FaultWriter passes writes to W until told to do otherwise. The zero value
// with W set passes everything.
type FaultWriter struct {
	W io.Writer

	mu     sync.Mutex
	err    error
	short  int
	panics any
	gate   chan struct{}
	calls  int
}

// Fail makes every following Write fail with err and write nothing; nil ends it.
func (w *FaultWriter) Fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err, w.short = err, 0
}

// Short makes every following Write pass on at most n bytes and fail with err,
// or with no error at all when err is nil, which breaks the io.Writer contract
// as some real writers do. A negative n ends it.
func (w *FaultWriter) Short(n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err, w.short = err, n+1
}

// Panic makes every following Write panic with v; nil ends it.
func (w *FaultWriter) Panic(v any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.panics = v
}

// Block makes every following Write wait until release is called.
func (w *FaultWriter) Block() (release func()) {
	gate := make(chan struct{})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gate = gate
	return sync.OnceFunc(func() {
		w.mu.Lock()
		if w.gate == gate {
			w.gate = nil
		}
		w.mu.Unlock()
		close(gate)
	})
}

// Calls reports how often Write was called.
func (w *FaultWriter) Calls() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls
}

// Write does what the writer was last told to do.
func (w *FaultWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	w.calls++
	gate, err, short, panics := w.gate, w.err, w.short, w.panics
	w.mu.Unlock()
	if gate != nil {
		<-gate
	}
	if panics != nil {
		panic(panics)
	}
	if short > 0 {
		n, werr := w.W.Write(p[:min(short-1, len(p))])
		return n, errors.Join(err, werr)
	}
	if err != nil {
		return 0, err
	}
	return w.W.Write(p)
}

// FullDisk is a writer with room for a limited number of bytes. Like a file on
// a full disk it takes what fits and fails with ENOSPC for the rest.
type FullDisk struct {
	W io.Writer

	mu   sync.Mutex
	room int
}

// SetRoom sets how many more bytes fit.
func (d *FullDisk) SetRoom(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room = n
}

// Write passes on what fits.
func (d *FullDisk) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fits := min(d.room, len(p))
	n, err := d.W.Write(p[:fits])
	d.room -= n
	if err == nil && n < len(p) {
		err = syscall.ENOSPC
	}
	return n, err
}
