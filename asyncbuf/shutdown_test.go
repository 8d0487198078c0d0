package asyncbuf_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/internal/testlog"
)

// inASecond returns a context that ends then.
func inASecond(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestFlushWritesWhatWasTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &flusher{}
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{FlushInterval: time.Hour})
		defer closeWriter(t, w)
		write(t, w, "a", "b")
		start := time.Now()
		if err := w.Flush(t.Context()); err != nil {
			t.Errorf("Flush() = %v", err)
		}
		diff(t, "waited", time.Duration(0), time.Since(start))
		diff(t, "sink", "a\nb\n<flush>", sink.String())
		if err := w.Flush(t.Context()); err != nil {
			t.Errorf("Flush() of an empty writer = %v", err)
		}
		sink.err = testlog.ErrInjected
		if err := w.Flush(t.Context()); !errors.Is(err, testlog.ErrInjected) {
			t.Errorf("Flush() = %v, want the sink's error", err)
		}
		sink.err = nil
	})
}

// A flusher is a sink with a Flush of its own.
type flusher struct {
	testlog.Buffer
	err error
}

func (f *flusher) Flush(context.Context) error {
	_, err := f.Write([]byte("<flush>"))
	return errors.Join(err, f.err)
}

func TestFlushReturnsInTimeFromAHungSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		sink := &testlog.FaultWriter{W: &got}
		release := sink.Block()
		w := asyncbuf.NewWriter(sink, nil)
		write(t, w, "a", "b")
		start := time.Now()
		err := w.Flush(inASecond(t))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Flush() = %v, want %v", err, context.DeadlineExceeded)
		}
		diff(t, "waited", time.Second, time.Since(start))
		diff(t, "error", "asyncbuf: flush: 2 lines left: context deadline exceeded", err.Error())
		release()
		closeWriter(t, w)
		diff(t, "sink", "a\nb\n", got.String())
		checkAccounts(t, w)
	})
}

// TestFlushAndCloseDoNotWaitForThePause lets a sink recover in the middle of a
// long pause between two tries.
func TestFlushAndCloseDoNotWaitForThePause(t *testing.T) {
	for name, call := range map[string]func(*asyncbuf.Writer, context.Context) error{
		"Flush":    (*asyncbuf.Writer).Flush,
		"Shutdown": (*asyncbuf.Writer).Shutdown,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got testlog.Buffer
				sink := &testlog.FaultWriter{W: &got}
				sink.Fail(testlog.ErrInjected)
				w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{RetryFor: -1})
				write(t, w, "a")
				time.Sleep(10 * time.Second)
				sink.Fail(nil)
				start := time.Now()
				if err := call(w, t.Context()); err != nil {
					t.Error(err)
				}
				diff(t, "waited", time.Duration(0), time.Since(start))
				diff(t, "sink", "a\n", got.String())
				closeWriter(t, w)
				checkAccounts(t, w)
			})
		})
	}
}

func TestFlushTellsOfLinesGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &testlog.FaultWriter{W: io.Discard}
		sink.Fail(testlog.ErrInjected)
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{RetryFor: time.Second})
		write(t, w, "a")
		if err := w.Flush(t.Context()); !errors.Is(err, testlog.ErrInjected) {
			t.Errorf("Flush() = %v, want %v", err, testlog.ErrInjected)
		}
		diff(t, "given up", uint64(1), checkAccounts(t, w).DroppedFailed)
		sink.Fail(nil)
		closeWriter(t, w)
	})
}

func TestCloseIsIdempotentAndRefusesLines(t *testing.T) {
	testlog.CheckGoroutines(t)
	var sink testlog.Buffer
	w := asyncbuf.NewWriter(&sink, nil)
	write(t, w, "a")
	for range 3 {
		closeWriter(t, w)
	}
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelError} {
		if n, err := w.WriteLevel(level, []byte("late\n")); n != 0 || !errors.Is(err, os.ErrClosed) {
			t.Errorf("WriteLevel(%v) after Close = %d, %v; want 0, %v", level, n, err, os.ErrClosed)
		}
	}
	if err := w.Flush(t.Context()); err != nil {
		t.Errorf("Flush() after Close = %v", err)
	}
	diff(t, "sink", "a\n", sink.String())
	s := checkAccounts(t, w)
	diff(t, "refused", uint64(2), s.Refused)
	diff(t, "accepted", uint64(1), s.Accepted)
}

func TestOnlyTheFirstCloseFlushesTheSink(t *testing.T) {
	var sink flusher
	w := asyncbuf.NewWriter(&sink, nil)
	closeWriter(t, w)
	sink.err = testlog.ErrInjected // its owner has closed it
	closeWriter(t, w)
	diff(t, "sink", "<flush>", sink.String())
}

func TestCloseRefusesCallersThatWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		sink := &testlog.FaultWriter{W: &got}
		release := sink.Block()
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{MaxLines: 1})
		write(t, w, "a")
		var callers sync.WaitGroup
		for range 3 {
			callers.Go(func() {
				if n, err := io.WriteString(w, "b\n"); n != 0 || !errors.Is(err, os.ErrClosed) {
					t.Errorf("Write() = %d, %v; want 0, %v", n, err, os.ErrClosed)
				}
			})
		}
		synctest.Wait()
		time.AfterFunc(time.Second, release)
		closeWriter(t, w)
		callers.Wait()
		diff(t, "sink", "a\n", got.String())
		diff(t, "refused", uint64(3), checkAccounts(t, w).Refused)
	})
}

func TestShutdownReturnsInTimeFromAHungSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		sink := &testlog.FaultWriter{W: &got}
		release := sink.Block()
		var told []uint64
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{
			OnDrop: func(d asyncbuf.Drop) { told = append(told, d.Lines) },
		})
		write(t, w, "a", "b")
		time.Sleep(time.Second) // these are in the sink now
		write(t, w, "c", "d", "e")
		var syncErr error
		var caller sync.WaitGroup
		caller.Go(func() { _, syncErr = w.WriteLevel(slog.LevelError, []byte("f\n")) })
		synctest.Wait()

		err := w.Shutdown(inASecond(t))
		diff(t, "error", "asyncbuf: shutdown: 4 lines dropped, 2 left in the sink: context deadline exceeded", fmt.Sprint(err))
		diff(t, "told", []uint64{4}, told)
		s := checkAccounts(t, w)
		diff(t, "dropped", uint64(4), s.DroppedShutdown)
		diff(t, "in the sink", uint64(2), s.Queued)
		caller.Wait()
		if !errors.Is(syncErr, os.ErrClosed) {
			t.Errorf("WriteLevel() = %v, want %v", syncErr, os.ErrClosed)
		}

		release()
		synctest.Wait()
		diff(t, "sink", "a\nb\n", got.String())
		s = checkAccounts(t, w)
		diff(t, "written", uint64(2), s.Written)
		if err := w.Close(); err == nil {
			t.Error("second Close forgot the dropped lines")
		}
	})
}

func TestLinesThatAHungSinkFailsAfterShutdownAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &testlog.FaultWriter{W: io.Discard}
		sink.Fail(testlog.ErrInjected)
		release := sink.Block()
		var told []uint64
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{
			OnDrop: func(d asyncbuf.Drop) { told = append(told, d.Lines) },
		})
		write(t, w, "a", "b")
		time.Sleep(time.Second) // these are in the sink now
		write(t, w, "c")
		err := w.Shutdown(inASecond(t))
		diff(t, "error", "asyncbuf: shutdown: 1 lines dropped, 2 left in the sink: context deadline exceeded", fmt.Sprint(err))
		release()
		synctest.Wait()
		diff(t, "told", []uint64{1, 2}, told)
		s := checkAccounts(t, w)
		diff(t, "dropped", uint64(3), s.DroppedShutdown)
		diff(t, "queued", uint64(0), s.Queued)
	})
}

func TestShutdownReturnsInTimeWhenACallerHangsInTheSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &testlog.FaultWriter{W: io.Discard}
		release := sink.Block()
		w := asyncbuf.NewWriter(sink, nil)
		var caller sync.WaitGroup
		caller.Go(func() {
			if _, err := w.WriteLevel(slog.LevelError, []byte("e\n")); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		if err := w.Shutdown(inASecond(t)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown() = %v, want %v", err, context.DeadlineExceeded)
		}
		release()
		caller.Wait()
		diff(t, "written", uint64(1), checkAccounts(t, w).Written)
	})
}

func TestShutdownOverADeadSinkEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &testlog.FaultWriter{W: io.Discard}
		sink.Fail(testlog.ErrInjected)
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{RetryFor: time.Minute})
		write(t, w, "a", "b")
		start := time.Now()
		err := w.Shutdown(t.Context()) // no deadline
		if !errors.Is(err, testlog.ErrInjected) || time.Since(start) > 2*time.Minute {
			t.Errorf("Shutdown() = %v after %v", err, time.Since(start))
		}
		diff(t, "given up", uint64(2), checkAccounts(t, w).DroppedFailed)
	})
}

func TestLifecycleConcurrentSafe(t *testing.T) {
	testlog.CheckGoroutines(t)
	for range 50 {
		var sink testlog.Buffer
		w := asyncbuf.NewWriter(&sink, &asyncbuf.WriterOptions{Size: 64})
		var all sync.WaitGroup
		var mu sync.Mutex
		taken := 0
		for range 4 {
			all.Go(func() {
				for range 50 {
					if n, err := io.WriteString(w, "line\n"); err == nil && n == 5 {
						mu.Lock()
						taken++
						mu.Unlock()
					} else if !errors.Is(err, os.ErrClosed) {
						t.Errorf("Write() = %d, %v", n, err)
					}
				}
			})
		}
		for range 3 {
			all.Go(func() {
				if err := w.Flush(t.Context()); err != nil {
					t.Errorf("Flush() = %v", err)
				}
			})
			all.Go(func() { closeWriter(t, w) })
			all.Go(func() { checkAccounts(t, w) })
		}
		all.Wait()
		lines, _ := sink.Lines()
		diff(t, "lines", taken, len(lines))
		diff(t, "queued", uint64(0), checkAccounts(t, w).Queued)
	}
}
