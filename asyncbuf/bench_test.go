package asyncbuf_test

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
)

// lockedBufio is what a program without a Writer would do: bufio and a mutex.
type lockedBufio struct {
	mu sync.Mutex
	w  *bufio.Writer
}

func (l *lockedBufio) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func (l *lockedBufio) Close() error { return l.w.Flush() }

// sinks are the ways to a file that the benchmarks compare.
var sinks = []struct {
	name string
	open func(*os.File) io.Writer
}{
	{"file", func(f *os.File) io.Writer { return f }},
	{"bufio", func(f *os.File) io.Writer { return &lockedBufio{w: bufio.NewWriterSize(f, 256<<10)} }},
	{"asyncbuf", func(f *os.File) io.Writer { return asyncbuf.NewWriter(f, nil) }},
	{"asyncbuf_1ms", func(f *os.File) io.Writer {
		return asyncbuf.NewWriter(f, &asyncbuf.WriterOptions{FlushInterval: time.Millisecond})
	}},
}

func openFile(b *testing.B) *os.File {
	b.Helper()
	f, err := os.OpenFile(filepath.Join(b.TempDir(), "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := f.Close(); err != nil {
			b.Error(err)
		}
	})
	return f
}

func benchLine() []byte { return append(bytes.Repeat([]byte("x"), 219), '\n') }

// BenchmarkWrite is the sustained cost of a line, the final write included.
func BenchmarkWrite(b *testing.B) {
	line := benchLine()
	for _, sink := range sinks {
		b.Run(sink.name+"/serial", func(b *testing.B) {
			w := sink.open(openFile(b))
			b.ReportAllocs()
			b.SetBytes(int64(len(line)))
			for b.Loop() {
				if _, err := w.Write(line); err != nil {
					b.Fatal(err)
				}
			}
			finish(b, w)
		})
		b.Run(sink.name+"/parallel", func(b *testing.B) {
			w := sink.open(openFile(b))
			b.ReportAllocs()
			b.SetBytes(int64(len(line)))
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := w.Write(line); err != nil {
						b.Error(err)
					}
				}
			})
			finish(b, w)
		})
	}
}

func finish(b *testing.B, w io.Writer) {
	b.Helper()
	if _, ok := w.(*os.File); ok {
		return // closed by openFile
	}
	if c, ok := w.(io.Closer); ok {
		if err := c.Close(); err != nil {
			b.Error(err)
		}
	}
}

// BenchmarkOverhead is what a Writer adds to a sink that costs nothing.
func BenchmarkOverhead(b *testing.B) {
	line := benchLine()
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelError} {
		b.Run(level.String(), func(b *testing.B) {
			w := asyncbuf.NewWriter(io.Discard, nil)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.WriteLevel(level, line); err != nil {
					b.Fatal(err)
				}
			}
			finish(b, w)
		})
	}
}

// BenchmarkDropOldest is the cost of a line that drives out an older one, from
// behind as many that stay.
func BenchmarkDropOldest(b *testing.B) {
	line := append(bytes.Repeat([]byte("x"), 24), '\n')
	for _, kept := range []int{0, 4000} {
		b.Run(strconv.Itoa(kept), func(b *testing.B) {
			hung := make(chan struct{})
			w := asyncbuf.NewWriter(writerFunc(func(p []byte) (int, error) {
				<-hung
				return len(p), nil
			}), &asyncbuf.WriterOptions{Policy: asyncbuf.DropOldest, Summary: quiet})
			for i := range kept + 20_000 {
				level := slog.LevelInfo
				if i < kept {
					level = slog.LevelWarn
				}
				if _, err := w.WriteLevel(level, line); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.Write(line); err != nil {
					b.Fatal(err)
				}
			}
			close(hung)
			finish(b, w)
		})
	}
}

// BenchmarkSyncLevel compares a line at SyncLevel with a write to the file.
func BenchmarkSyncLevel(b *testing.B) {
	line := benchLine()
	b.Run("file", func(b *testing.B) {
		f := openFile(b)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := f.Write(line); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("asyncbuf", func(b *testing.B) {
		w := asyncbuf.NewWriter(openFile(b), nil)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := w.WriteLevel(slog.LevelError, line); err != nil {
				b.Fatal(err)
			}
		}
		finish(b, w)
	})
}
