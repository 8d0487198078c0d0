package asyncbuf_test

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/internal/testlog"
)

// TestMemoryOfAHungPipelineIsBounded logs 100 MB, or 10 under race, into a buffer of 1 MiB whose
// sink hangs.
func TestMemoryOfAHungPipelineIsBounded(t *testing.T) {
	const (
		calls, size = 100_000, 1 << 20
		bound       = 4 << 20 // two buffers, and what it takes to keep the lines apart
	)
	text := strings.Repeat("x", 1023)
	line := []byte(text + "\n")
	grown := func(log func()) uint64 {
		before := heap()
		log()
		return max(heap(), before) - before
	}
	for _, policy := range []asyncbuf.Policy{asyncbuf.Block, asyncbuf.DropNewest, asyncbuf.DropOldest} {
		calls := calls
		if testlog.Race {
			calls /= 10
		}
		if policy == asyncbuf.Block {
			calls = size/1024 + 100 // each call beyond waits for a millisecond
		}
		t.Run("Writer/"+policy.String(), func(t *testing.T) {
			release := make(chan struct{})
			sink := writerFunc(func(p []byte) (int, error) {
				<-release
				return len(p), nil
			})
			var w *asyncbuf.Writer
			if n := grown(func() {
				w = asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{
					Size: size, Policy: policy, BlockTimeout: time.Millisecond,
				})
				for range calls {
					if _, err := w.Write(line); err != nil {
						t.Fatal(err)
					}
				}
			}); n > bound {
				t.Errorf("the heap grew by %d bytes", n)
			}
			if s := checkAccounts(t, w); s.Dropped == 0 || s.HighWater > size {
				t.Errorf("%+v", s)
			}
			close(release)
			closeWriter(t, w)
		})
		t.Run("Handler/"+policy.String(), func(t *testing.T) {
			release := make(chan struct{})
			inner := &recorder{do: func(context.Context, slog.Record) error {
				<-release
				return testlog.ErrInjected
			}}
			var h *asyncbuf.Handler
			if n := grown(func() {
				h = asyncbuf.NewHandler(inner, &asyncbuf.HandlerOptions{
					Size: size, Policy: policy, BlockTimeout: time.Millisecond,
				})
				for range calls {
					r := record(slog.LevelInfo, "m", slog.Any("v", []string{strings.Clone(text)}))
					if err := h.Handle(t.Context(), r); err != nil {
						t.Fatal(err)
					}
				}
			}); n > bound {
				t.Errorf("the heap grew by %d bytes", n)
			}
			if s := checkAccounts(t, h); s.Dropped == 0 || s.HighWater > size {
				t.Errorf("%+v", s)
			}
			close(release)
			closeFailing(t, h)
		})
	}
}

// heap returns how much of it is in use.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // what the first one found may have been held by a finalizer
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestHandledRecordsAreForgotten wants nothing that a record refers to to be
// kept for long after it was handled.
func TestHandledRecordsAreForgotten(t *testing.T) {
	h := asyncbuf.NewHandler(slog.DiscardHandler, nil)
	before := heap()
	for range 100 {
		r := record(slog.LevelInfo, "m", slog.Any("v", [][]byte{make([]byte, 200<<10)}))
		if err := h.Handle(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The worker may clear its memory after the flush: give it time, without a clock.
	var grown uint64
	for range 200 {
		if grown = max(heap(), before) - before; grown < 2<<20 {
			break
		}
		runtime.Gosched()
	}
	if grown >= 2<<20 {
		t.Errorf("%d bytes are kept after all was handled", grown)
	}
	closeWriter(t, h)
}

// TestCallersThatEndAreForgotten has a handler that ends the goroutines of its
// callers at SyncLevel, of which nothing may be kept.
func TestCallersThatEndAreForgotten(t *testing.T) {
	inner := &recorder{do: func(context.Context, slog.Record) error {
		runtime.Goexit()
		return nil
	}}
	h := asyncbuf.NewHandler(inner, &asyncbuf.HandlerOptions{Summary: noRecord})
	log := func() {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = h.Handle(t.Context(), record(slog.LevelError, "m"))
		}()
		<-ended
	}
	log()
	const calls = 10_000
	before := heap()
	for range calls {
		log()
	}
	if grown := max(heap(), before) - before; grown > calls*16 {
		t.Errorf("the heap grew by %d bytes in %d calls", grown, calls)
	}
	closeFailingWith(t, h)
	diff(t, "dropped", uint64(calls+1), checkAccounts(t, h).DroppedFailed)
}
