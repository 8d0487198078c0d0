package asyncbuf_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/internal/testlog"
)

// faults returns what a handler may do instead of its work.
func faults() map[string]func() error {
	return map[string]func() error{
		"fails":                func() error { return testlog.ErrInjected },
		"panics":               func() error { panic("boom") },
		"panics with an error": func() error { panic(testlog.ErrInjected) },
		"ends its goroutine": func() error {
			runtime.Goexit()
			return nil
		},
	}
}

// TestFaultyRecordIsTriedOnce wants a record that cannot be handled to be
// counted and told of, and to be in nobody's way.
func TestFaultyRecordIsTriedOnce(t *testing.T) {
	for name, fault := range faults() {
		for _, level := range []slog.Level{slog.LevelInfo, slog.LevelError} {
			t.Run(name+" at "+level.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var told []error
					tries := 0
					inner := &recorder{do: func(_ context.Context, r slog.Record) error {
						if r.Message != "bad" {
							return nil
						}
						tries++
						return fault()
					}}
					h := asyncbuf.NewHandler(inner, &asyncbuf.HandlerOptions{
						Summary: noRecord,
						OnError: func(err error) { told = append(told, err) },
					})
					handle(t, h, slog.LevelInfo, "a", "b")
					var caller sync.WaitGroup
					caller.Go(func() { // which the fault may end
						err := h.Handle(t.Context(), record(level, "bad"))
						if (err == nil) != (level == slog.LevelInfo) {
							t.Errorf("Handle() = %v", err)
						}
					})
					caller.Wait()
					handle(t, h, slog.LevelInfo, "c")
					time.Sleep(time.Second)
					handle(t, h, slog.LevelError, "d")
					start := time.Now()
					closeFailingWith(t, h)
					diff(t, "Close waited", time.Duration(0), time.Since(start))
					diff(t, "handled", []string{"a", "b", "c", "d"}, inner.messages())
					diff(t, "tries", 1, tries)
					s := checkAccounts(t, h)
					diff(t, "failed", map[slog.Level]uint64{level: 1}, s.DroppedByLevel)
					diff(t, "failures", uint64(1), s.Failures)
					diff(t, "told", 1, len(told))
					if s.LastError == nil {
						t.Error("no last error")
					}
				})
			})
		}
	}
}

// closeFailingWith closes a buffer whose sink has failed in some way.
func closeFailingWith(t *testing.T, buf account) {
	t.Helper()
	if err := buf.Close(); errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close() = %v", err)
	}
}

func TestHandlerRetriesForAWhile(t *testing.T) {
	for name, test := range map[string]struct {
		retryFor time.Duration
		failing  time.Duration
		want     []string
	}{
		"it recovers":        {time.Second, 500 * time.Millisecond, []string{"a", "bad", "c", "d"}},
		"it does not":        {time.Second, time.Hour, []string{"a", "c", "d"}},
		"it takes a day":     {-1, 24 * time.Hour, []string{"a", "bad", "c", "d"}},
		"it is not to retry": {0, time.Millisecond, []string{"a", "c", "d"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, tries := time.Now(), 0
				inner := &recorder{do: func(_ context.Context, r slog.Record) error {
					if r.Message != "bad" {
						return nil
					}
					if tries++; time.Since(start) >= test.failing {
						return nil
					}
					return testlog.ErrInjected
				}}
				h := asyncbuf.NewHandler(inner, &asyncbuf.HandlerOptions{
					RetryFor: test.retryFor, FlushInterval: -1, Summary: noRecord,
				})
				handle(t, h, slog.LevelInfo, "a", "bad", "c")
				for range 60 { // the accounts hold all the time
					time.Sleep(37 * time.Millisecond)
					checkAccounts(t, h)
				}
				time.Sleep(48 * time.Hour)
				handle(t, h, slog.LevelInfo, "d")
				closeFailing(t, h)
				diff(t, "handled", test.want, inner.messages())
				s := checkAccounts(t, h)
				diff(t, "failed", uint64(4-len(test.want)), s.DroppedFailed)
				if most := 10 + 24*3600; tries > most {
					t.Errorf("%d tries, want at most %d: the pauses do not grow", tries, most)
				}
				if test.retryFor == 0 {
					diff(t, "tries", 1, tries)
				}
			})
		})
	}
}

// TestDeadHandlerIsTriedOnceForEachRecord wants only the first record to cost
// the time of RetryFor.
func TestDeadHandlerIsTriedOnceForEachRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead, tries := true, 0
		inner := &recorder{do: func(context.Context, slog.Record) error {
			if tries++; dead {
				return testlog.ErrInjected
			}
			return nil
		}}
		h := asyncbuf.NewHandler(inner, &asyncbuf.HandlerOptions{RetryFor: time.Minute, Summary: noRecord})
		handle(t, h, slog.LevelInfo, names(50)...)
		start := time.Now()
		if err := h.Flush(t.Context()); !errors.Is(err, testlog.ErrInjected) {
			t.Errorf("Flush() = %v, want %v", err, testlog.ErrInjected)
		}
		if waited := time.Since(start); waited < time.Minute || waited > 62*time.Second {
			t.Errorf("waited %v for 50 records, want a minute", waited)
		}
		tries = 0
		handle(t, h, slog.LevelInfo, names(50)...)
		_ = h.Flush(t.Context()) // says that it gave them up
		diff(t, "tries", 50, tries)
		diff(t, "failed", uint64(100), checkAccounts(t, h).DroppedFailed)

		dead = false
		handle(t, h, slog.LevelInfo, "works")
		if err := h.Flush(t.Context()); err != nil {
			t.Errorf("Flush() = %v", err)
		}
		dead, start = true, time.Now()
		handle(t, h, slog.LevelInfo, "dead again")
		_ = h.Flush(t.Context())
		if waited := time.Since(start); waited < time.Minute {
			t.Errorf("waited %v, want a minute again", waited)
		}
		closeFailing(t, h)
		checkAccounts(t, h)
	})
}

func TestShutdownReturnsInTimeFromAHungHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := make(chan struct{})
		inner := &recorder{do: func(context.Context, slog.Record) error {
			<-hung
			return nil
		}}
		var told []uint64
		h := asyncbuf.NewHandler(inner, &asyncbuf.HandlerOptions{
			OnDrop: func(d asyncbuf.Drop) { told = append(told, d.Lines) },
		})
		handle(t, h, slog.LevelInfo, "a", "b")
		time.Sleep(time.Second) // these are on their way
		handle(t, h, slog.LevelInfo, "c", "d", "e")
		var caller sync.WaitGroup
		caller.Go(func() {
			if err := h.Handle(t.Context(), record(slog.LevelError, "f")); !errors.Is(err, os.ErrClosed) {
				t.Errorf("Handle() = %v, want %v", err, os.ErrClosed)
			}
		})
		synctest.Wait()
		start := time.Now()
		if err := h.Flush(inASecond(t)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Flush() = %v, want %v", err, context.DeadlineExceeded)
		}
		if err := h.Shutdown(inASecond(t)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown() = %v, want %v", err, context.DeadlineExceeded)
		}
		diff(t, "waited", 2*time.Second, time.Since(start))
		caller.Wait()
		s := checkAccounts(t, h)
		diff(t, "dropped", uint64(4), s.DroppedShutdown)
		diff(t, "on their way", uint64(2), s.Queued)

		close(hung)
		synctest.Wait()
		s = checkAccounts(t, h)
		diff(t, "queued", uint64(0), s.Queued)
		// The program may have closed what the handler needs.
		diff(t, "handled after Shutdown", []string{"a"}, inner.messages())
		diff(t, "dropped", uint64(5), s.DroppedShutdown)
		diff(t, "told", []uint64{4, 1}, told)
	})
}

// TestHandlerMayLogIntoItself has a handler that logs about each record it is
// given, as one does whose network library logs through slog's default.
func TestHandlerMayLogIntoItself(t *testing.T) {
	for _, from := range []slog.Level{slog.LevelInfo, slog.LevelError} {
		for _, into := range []slog.Level{slog.LevelInfo, slog.LevelError} {
			for _, policy := range []asyncbuf.Policy{asyncbuf.Block, asyncbuf.DropNewest, asyncbuf.DropOldest} {
				for _, room := range []int{1, 100} {
					name := fmt.Sprintf("%v logs %v/%v/room for %d", from, into, policy, room)
					t.Run(name, func(t *testing.T) { logIntoItself(t, from, into, policy, room) })
				}
			}
		}
	}
}

func logIntoItself(t *testing.T, from, into slog.Level, policy asyncbuf.Policy, room int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var h *asyncbuf.Handler
		depth, said := 0, 0
		inner := new(recorder)
		inner.do = func(ctx context.Context, r slog.Record) error {
			if depth++; depth > 1 {
				t.Errorf("%d calls within each other", depth)
			}
			defer func() { depth-- }()
			if r.Message != "chat" {
				for range 3 {
					said++
					_ = h.Handle(ctx, record(into, "chat")) // refused without room
				}
			}
			return nil
		}
		h = asyncbuf.NewHandler(inner, &asyncbuf.HandlerOptions{MaxLines: room, Policy: policy, Summary: noRecord})
		for range 5 {
			handle(t, h, from, "m")
			time.Sleep(time.Second)
		}
		closeWriter(t, h)
		s := checkAccounts(t, h)
		got := inner.messages()
		diff(t, "said", 15, said)
		diff(t, "handled", s.Written, uint64(len(got)))
		diff(t, "accounts", uint64(20), s.Accepted+s.Refused)
		if room > 1 {
			diff(t, "handled with room", 20, len(got))
		}

		_ = h.Handle(t.Context(), record(from, "m")) // after Close, without a buffer
		if err := h.Handle(t.Context(), record(from, "chat")); err != nil {
			t.Errorf("Handle() after Close = %v", err)
		}
		checkAccounts(t, h)
	})
}

func TestFlushAndCloseFromInsideTheHandlerDoNotWait(t *testing.T) {
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelError} {
		t.Run(level.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var h *asyncbuf.Handler
				inner := &recorder{do: func(ctx context.Context, _ slog.Record) error {
					if err := h.Flush(ctx); err == nil {
						t.Error("Flush() has no error")
					}
					if err := h.Shutdown(ctx); err == nil {
						t.Error("Shutdown() has no error")
					}
					return nil
				}}
				h = asyncbuf.NewHandler(inner, nil)
				handle(t, h, level, "a")
				time.Sleep(time.Second)
				closeWriter(t, h)
				diff(t, "handled", []string{"a"}, inner.messages())
				checkAccounts(t, h)
			})
		})
	}
}

func TestHandlerOverAHandlerLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &recorder{do: slowly(10 * time.Millisecond)}
		middle := asyncbuf.NewHandler(slow, &asyncbuf.HandlerOptions{MaxLines: 1})
		other := new(recorder) // beside the small one
		outer := asyncbuf.NewHandler(fork{middle, other}, &asyncbuf.HandlerOptions{MaxLines: 10})
		want := names(200)
		for i, msg := range want {
			level := slog.LevelInfo
			if i%40 == 39 {
				level = slog.LevelError
			}
			handle(t, outer, level, msg)
		}
		if err := outer.Flush(t.Context()); err != nil {
			t.Errorf("Flush() = %v", err)
		}
		diff(t, "handled", want, slow.messages())
		diff(t, "beside", want, other.messages())
		s := checkAccounts(t, outer)
		diff(t, "dropped", uint64(0), s.Dropped)
		diff(t, "failures", uint64(0), s.Failures)
		closeWriter(t, outer)
		closeWriter(t, middle)
		checkAccounts(t, middle)
	})
}

// A fork is a handler over two.
type fork struct{ a, b slog.Handler }

func (f fork) Enabled(context.Context, slog.Level) bool { return true }

func (f fork) Handle(ctx context.Context, r slog.Record) error {
	return errors.Join(f.a.Handle(ctx, r.Clone()), f.b.Handle(ctx, r.Clone()))
}

func (f fork) WithAttrs(as []slog.Attr) slog.Handler {
	return fork{f.a.WithAttrs(as), f.b.WithAttrs(as)}
}

func (f fork) WithGroup(name string) slog.Handler {
	return fork{f.a.WithGroup(name), f.b.WithGroup(name)}
}
func (f fork) Unwrap() []slog.Handler { return []slog.Handler{f.a, f.b} }

// TestHandlerOverAWriterWaits has a Writer without room below a fork: waiting
// there is better than trying again, which the other branch would see, too.
func TestHandlerOverAWriterWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		w := asyncbuf.NewWriter(writerFunc(func(p []byte) (int, error) {
			time.Sleep(10 * time.Millisecond)
			return got.Write(p)
		}), &asyncbuf.WriterOptions{MaxLines: 1})
		other := new(recorder)
		h := asyncbuf.NewHandler(fork{lineHandler{w}, other}, &asyncbuf.HandlerOptions{MaxLines: 10, RetryFor: time.Second})
		want := names(200)
		for i, msg := range want {
			level := slog.LevelInfo
			if i%40 == 39 {
				level = slog.LevelError
			}
			handle(t, h, level, msg)
		}
		closeWriter(t, h)
		closeWriter(t, w)
		lines, _ := got.Lines()
		diff(t, "lines", want, lines)
		diff(t, "beside", want, other.messages())
		diff(t, "refused", uint64(0), checkAccounts(t, w).Refused)
		diff(t, "failures", uint64(0), checkAccounts(t, h).Failures)
	})
}

// A lineHandler is an encoder that writes messages, without a lock.
type lineHandler struct{ w *asyncbuf.Writer }

func (h lineHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h lineHandler) Handle(_ context.Context, r slog.Record) error {
	_, err := h.w.WriteLevel(r.Level, []byte(r.Message+"\n"))
	return err
}
func (h lineHandler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h lineHandler) WithGroup(string) slog.Handler      { return h }

// An ender is told of the end of each batch.
type ender struct {
	recorder
	end func() error
}

func (h *ender) EndBatch() error { return h.end() }

// A batcher has a Flush like that of a bufio.Writer.
type batcher struct {
	recorder
	end func() error
}

func (h *batcher) Flush() error { return h.end() }

// A drainer has a Flush as Handlers have it.
type drainer struct {
	recorder
	flush func(context.Context) error
}

func (h *drainer) Flush(ctx context.Context) error { return h.flush(ctx) }

// A wrapper is a handler over one.
type wrapper struct {
	slog.Handler
}

func (w wrapper) Unwrap() slog.Handler { return w.Handler }

func TestHandlersBehindAreToldOfTheEndOfABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls []string
		a, b, c := new(ender), new(batcher), new(drainer)
		a.end = func() error { calls = append(calls, fmt.Sprint("EndBatch after ", len(a.messages()))); return nil }
		b.end = func() error { calls = append(calls, fmt.Sprint("Flush after ", len(b.messages()))); return nil }
		c.flush = func(context.Context) error {
			calls = append(calls, fmt.Sprint("Flush(ctx) after ", len(c.messages())))
			return nil
		}
		h := asyncbuf.NewHandler(wrapper{fork{wrapper{a}, fork{b, c}}}, nil)
		handle(t, h, slog.LevelInfo, "1", "2", "3")
		time.Sleep(time.Second)
		synctest.Wait()
		diff(t, "by the worker", []string{"EndBatch after 3", "Flush after 3"}, calls)
		calls = nil
		handle(t, h, slog.LevelError, "4")
		diff(t, "by a caller", []string{"EndBatch after 4", "Flush after 4"}, calls)
		calls = nil
		if err := h.Flush(t.Context()); err != nil {
			t.Errorf("Flush() = %v", err)
		}
		diff(t, "by Flush", []string{"EndBatch after 4", "Flush after 4", "Flush(ctx) after 4"}, calls)
		calls = nil
		closeWriter(t, h)
		diff(t, "by Close", []string{"EndBatch after 4", "Flush after 4", "Flush(ctx) after 4"}, calls)
		calls = nil
		closeWriter(t, h)
		diff(t, "by the second Close", []string(nil), calls)
	})
}

func TestFailureAtTheEndOfABatchIsTold(t *testing.T) {
	for name, fault := range faults() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner := &ender{end: fault}
				told := 0
				h := asyncbuf.NewHandler(inner, &asyncbuf.HandlerOptions{OnError: func(error) { told++ }})
				for _, msg := range names(3) {
					handle(t, h, slog.LevelInfo, msg)
					time.Sleep(time.Second)
					synctest.Wait()
				}
				diff(t, "handled", 3, len(inner.messages()))
				diff(t, "told", 3, told)
				s := checkAccounts(t, h)
				diff(t, "written", uint64(3), s.Written)
				diff(t, "dropped", uint64(0), s.Dropped)
				if s.LastError == nil {
					t.Error("no last error")
				}
				start := time.Now()
				if err := h.Close(); err == nil {
					t.Error("Close() does not tell that the last flush failed")
				}
				diff(t, "Close waited", time.Duration(0), time.Since(start))
			})
		})
	}
}

// TestEndOfABatchMayLog has an EndBatch, and a sink's Flush, that log into the
// buffer they belong to.
func TestEndOfABatchMayLog(t *testing.T) {
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelError} {
		for _, room := range []int{1, 100} {
			t.Run(fmt.Sprintf("%v/room for %d", level, room), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					said := 0
					var h *asyncbuf.Handler
					inner := &ender{end: func() error {
						for ; said < 4; said++ {
							_ = h.Handle(t.Context(), record(level, "chat")) // refused without room
						}
						return nil
					}}
					h = asyncbuf.NewHandler(inner, &asyncbuf.HandlerOptions{MaxLines: room})
					handle(t, h, slog.LevelInfo, "a")
					time.Sleep(time.Second)
					closeWriter(t, h)
					s := checkAccounts(t, h)
					diff(t, "handled", s.Written, uint64(len(inner.messages())))
					diff(t, "said", uint64(5), s.Accepted+s.Refused)

					said = 0
					var w *asyncbuf.Writer
					sink := &flushingSink{flush: func() error {
						for ; said < 4; said++ {
							_, _ = w.WriteLevel(level, []byte("chat\n"))
						}
						return nil
					}}
					w = asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{MaxLines: room})
					write(t, w, "a")
					time.Sleep(time.Second)
					closeWriter(t, w)
					s = checkAccounts(t, w)
					diff(t, "said", uint64(5), s.Accepted+s.Refused)
					diff(t, "sink", "a\n"+strings.Repeat("chat\n", int(s.Written)-1), sink.String())
				})
			})
		}
	}
}

// A flushingSink is a sink like a bufio.Writer.
type flushingSink struct {
	testlog.Buffer
	flush func() error
}

func (s *flushingSink) Flush() error { return s.flush() }

func TestSinkIsFlushedAfterEachBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls []string
		var sink flushingSink
		sink.flush = func() error { calls = append(calls, sink.String()); return testlog.ErrInjected }
		told := 0
		w := asyncbuf.NewWriter(&sink, &asyncbuf.WriterOptions{OnError: func(error) { told++ }})
		write(t, w, "a", "b")
		time.Sleep(time.Second)
		if n, err := w.WriteLevel(slog.LevelError, []byte("c\n")); n != 2 || err != nil {
			t.Errorf("WriteLevel() = %d, %v", n, err)
		}
		closeWriter(t, w)
		diff(t, "calls", []string{"a\nb\n", "a\nb\nc\n"}, calls)
		diff(t, "told", 2, told)
		s := checkAccounts(t, w)
		if !errors.Is(s.LastError, testlog.ErrInjected) {
			t.Errorf("last error %v", s.LastError)
		}
	})
}

func TestHandlerFlushReturnsTheErrorOfTheHandlersBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := new(drainer), new(drainer)
		errA, errB := errors.New("a"), errors.New("b")
		a.flush = func(context.Context) error { return errA }
		b.flush = func(context.Context) error { panic(errB) }
		h := asyncbuf.NewHandler(fork{a, b}, nil)
		for _, call := range []func(context.Context) error{h.Flush, h.Shutdown} {
			if err := call(t.Context()); !errors.Is(err, errA) || !errors.Is(err, errB) {
				t.Errorf("error %v, want both", err)
			}
		}
	})
}

func TestHandlerFlushReturnsInTimeFromAHungFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := make(chan struct{})
		inner := &drainer{flush: func(context.Context) error {
			<-hung
			return nil
		}}
		h := asyncbuf.NewHandler(inner, nil)
		start := time.Now()
		if err := h.Flush(inASecond(t)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Flush() = %v, want %v", err, context.DeadlineExceeded)
		}
		if waited := time.Since(start); waited > 2*time.Second {
			t.Errorf("waited %v", waited)
		}
		close(hung)
		closeWriter(t, h)
	})
}

// TestHookMayEndItsGoroutine has hooks that call runtime.Goexit, as t.Fatal does.
func TestHookMayEndItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &testlog.FaultWriter{W: io.Discard}
		sink.Fail(testlog.ErrInjected)
		told, dropped := 0, 0
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{
			MaxLines: 1,
			Policy:   asyncbuf.DropNewest,
			OnError: func(error) {
				told++
				runtime.Goexit()
			},
			OnDrop: func(asyncbuf.Drop) {
				dropped++
				runtime.Goexit()
			},
			Summary: func(asyncbuf.Drop) []byte {
				runtime.Goexit()
				return nil
			},
		})
		write(t, w, "a", "x")
		time.Sleep(time.Second)
		sink.Fail(nil)
		time.Sleep(time.Minute)
		write(t, w, "b")
		start := time.Now()
		closeWriter(t, w)
		diff(t, "Close waited", time.Duration(0), time.Since(start))
		if told < 3 {
			t.Errorf("OnError was told %d times", told)
		}
		diff(t, "OnDrop", 1, dropped)
		diff(t, "written", uint64(2), checkAccounts(t, w).Written)
	})
}

// TestSinkMayEndItsGoroutine has a sink that calls runtime.Goexit in the worker
// and in callers.
func TestSinkMayEndItsGoroutine(t *testing.T) {
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelError} {
		t.Run(level.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got testlog.Buffer
				calls := 0
				sink := writerFunc(func(p []byte) (int, error) {
					if calls++; calls <= 3 {
						runtime.Goexit()
					}
					return got.Write(p)
				})
				told := 0
				w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{OnError: func(error) { told++ }})
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					_, _ = w.WriteLevel(level, []byte("a\n"))
				}()
				<-ended
				checkAccounts(t, w)
				write(t, w, "b")
				time.Sleep(time.Second)
				if n, err := w.WriteLevel(slog.LevelError, []byte("c\n")); n != 2 || err != nil {
					t.Errorf("WriteLevel() = %d, %v", n, err)
				}
				closeWriter(t, w)
				diff(t, "sink", "a\nb\nc\n", got.String())
				diff(t, "told", 3, told)
				s := checkAccounts(t, w)
				diff(t, "written", uint64(3), s.Written)
				diff(t, "failures", uint64(3), s.Failures)
			})
		})
	}
}

func TestFaultsOfOneHandlerAreNotThoseOfTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &recorder{do: func(_ context.Context, r slog.Record) error {
			if strings.HasPrefix(r.Message, "bad") {
				return testlog.ErrInjected
			}
			return nil
		}}
		h := asyncbuf.NewHandler(inner, &asyncbuf.HandlerOptions{Summary: noRecord})
		var want []string
		for i := range 100 {
			if i%3 == 0 {
				handle(t, h, slog.LevelInfo, fmt.Sprint("bad ", i))
				continue
			}
			want = append(want, fmt.Sprint("good ", i))
			handle(t, h, slog.LevelInfo, want[len(want)-1])
		}
		closeFailing(t, h)
		diff(t, "handled", want, inner.messages())
		s := checkAccounts(t, h)
		diff(t, "failed", uint64(34), s.DroppedFailed)
	})
}

// TestCircleOfHandlersDoesNotDeadlock lets two Handlers, small and blocking, log
// into each other from their handlers, with the context they were given and
// without.
func TestCircleOfHandlersDoesNotDeadlock(t *testing.T) {
	for _, background := range []bool{true, false} {
		for _, level := range []slog.Level{slog.LevelInfo, slog.LevelError} {
			t.Run(fmt.Sprintf("%v/background %v", level, background), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var a, b *asyncbuf.Handler
					opts := &asyncbuf.HandlerOptions{MaxLines: 2, FlushInterval: -1}
					into := func(other **asyncbuf.Handler) slog.Handler {
						var said atomic.Int64
						return &recorder{do: func(ctx context.Context, _ slog.Record) error {
							if background {
								ctx = context.Background()
							}
							time.Sleep(time.Millisecond)
							for range 5 {
								if said.Add(1) > 100 {
									break
								}
								_ = (*other).Handle(ctx, record(level, "refused if there is no room"))
							}
							return nil
						}}
					}
					a, b = asyncbuf.NewHandler(into(&b), opts), asyncbuf.NewHandler(into(&a), opts)
					var callers sync.WaitGroup
					for _, h := range []*asyncbuf.Handler{a, b} {
						callers.Go(func() {
							for range 10 {
								_ = h.Handle(t.Context(), record(slog.LevelInfo, "m"))
							}
						})
					}
					time.Sleep(time.Minute)
					for _, h := range []*asyncbuf.Handler{a, b} {
						diff(t, "queued after a minute", uint64(0), checkAccounts(t, h).Queued)
						if err := h.Close(); errors.Is(err, context.DeadlineExceeded) {
							t.Errorf("Close() = %v", err)
						}
					}
					callers.Wait()
					checkAccounts(t, a)
					checkAccounts(t, b)
				})
			})
		}
	}
}

// TestRecordDroppedByShutdownIsNotHandledToo has a caller that waited for room,
// and whose record is then dropped while it waits for the handler.
func TestRecordDroppedByShutdownIsNotHandledToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step := make(chan struct{})
		inner := &recorder{do: func(context.Context, slog.Record) error {
			<-step
			return nil
		}}
		h := asyncbuf.NewHandler(inner, &asyncbuf.HandlerOptions{MaxLines: 2, FlushInterval: -1})
		handle(t, h, slog.LevelInfo, "a")
		synctest.Wait()
		handle(t, h, slog.LevelInfo, "b")
		var caller sync.WaitGroup
		caller.Go(func() {
			if err := h.Handle(t.Context(), record(slog.LevelError, "e")); !errors.Is(err, os.ErrClosed) {
				t.Errorf("Handle() = %v, want %v", err, os.ErrClosed)
			}
		})
		synctest.Wait()
		diff(t, "taken", uint64(2), checkAccounts(t, h).Accepted)
		step <- struct{}{} // a is handled, and there is room
		synctest.Wait()
		diff(t, "taken", uint64(3), checkAccounts(t, h).Accepted)
		if err := h.Shutdown(inASecond(t)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown() = %v, want %v", err, context.DeadlineExceeded)
		}
		close(step)
		caller.Wait()
		synctest.Wait()
		diff(t, "handled", []string{"a", "b"}, inner.messages())
		s := checkAccounts(t, h)
		diff(t, "accepted", uint64(3), s.Accepted)
		diff(t, "dropped", map[slog.Level]uint64{slog.LevelError: 1}, s.DroppedByLevel)
	})
}

// TestHookThatEndsItsGoroutineIsToldTheRest has failures that wait while a hook is
// busy, which then ends its goroutine.
func TestHookThatEndsItsGoroutineIsToldTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := make(chan struct{})
		told := 0
		inner := &recorder{do: func(context.Context, slog.Record) error { return testlog.ErrInjected }}
		h := asyncbuf.NewHandler(inner, &asyncbuf.HandlerOptions{Summary: noRecord, OnError: func(error) {
			if told++; told == 1 {
				<-busy
				runtime.Goexit()
			}
		}})
		for range 3 {
			if err := h.Handle(t.Context(), record(slog.LevelError, "m")); !errors.Is(err, testlog.ErrInjected) {
				t.Errorf("Handle() = %v, want %v", err, testlog.ErrInjected)
			}
			synctest.Wait()
		}
		diff(t, "told while busy", 1, told)
		close(busy)
		synctest.Wait()
		diff(t, "told", 3, told)
		closeFailing(t, h)
	})
}
