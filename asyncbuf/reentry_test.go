package asyncbuf_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/internal/testlog"
)

// A chatty sink logs into the Writer above it, at two levels, during each Write.
type chatty struct {
	testlog.Buffer
	above *asyncbuf.Writer
	room  int // how many lines it says, at most
	err   error
}

func (c *chatty) Write(p []byte) (int, error) {
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelError} {
		if c.room > 0 {
			c.room--
			_, err := c.above.WriteLevel(level, []byte("chat\n"))
			c.err = errors.Join(c.err, err)
		}
	}
	return c.Buffer.Write(p)
}

func TestSinkMayLogIntoItsOwnWriter(t *testing.T) {
	for name, level := range map[string]slog.Level{"from the worker": slog.LevelInfo, "from a caller": slog.LevelError} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink := &chatty{room: 6}
				sink.above = asyncbuf.NewWriter(sink, nil)
				if _, err := sink.above.WriteLevel(level, []byte("first\n")); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Second)
				closeWriter(t, sink.above)
				diff(t, "sink", "first\n"+strings.Repeat("chat\n", 6), sink.String())
				diff(t, "errors", error(nil), sink.err)
				checkAccounts(t, sink.above)
			})
		})
	}
}

func TestSinkThatLogsWithoutRoomIsRefused(t *testing.T) {
	for _, test := range []struct {
		policy           asyncbuf.Policy
		refused, dropped uint64
	}{
		{asyncbuf.Block, 2, 0},
		{asyncbuf.DropNewest, 1, 1}, // ERROR is protected
	} {
		t.Run(test.policy.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink := &chatty{room: 2}
				sink.above = asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{
					MaxLines: 1, Policy: test.policy, Summary: quiet,
				})
				write(t, sink.above, "first")
				time.Sleep(time.Second)
				closeWriter(t, sink.above)
				diff(t, "sink", "first\n", sink.String())
				s := checkAccounts(t, sink.above)
				diff(t, "refused", test.refused, s.Refused)
				diff(t, "dropped", test.dropped, s.DroppedFull)
				if sink.err == nil {
					t.Error("no error")
				}
			})
		})
	}
}

func TestHookMayLogIntoItsOwnWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		sink := &testlog.FaultWriter{W: &got}
		sink.Fail(testlog.ErrInjected)
		var w *asyncbuf.Writer
		say := func(what any) {
			for _, level := range []slog.Level{slog.LevelInfo, slog.LevelError} {
				_, _ = w.WriteLevel(level, fmt.Appendln(nil, what))
			}
		}
		w = asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{
			MaxLines: 2,
			RetryFor: time.Second,
			OnError:  func(err error) { say(err) },
			OnDrop:   func(d asyncbuf.Drop) { say(d.Lines) },
		})
		write(t, w, "a", "b", "c", "d")
		time.Sleep(time.Minute)
		if calls := sink.Calls(); calls > 200 {
			t.Errorf("%d calls in a minute: the hook feeds itself", calls)
		}
		sink.Fail(nil)
		time.Sleep(time.Minute)
		closeWriter(t, w)
		if s := checkAccounts(t, w); s.Dropped == 0 || s.Written == 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestHookMayLogThroughALock has a hook that logs through a handler of log/slog,
// whose lock a caller holds while it waits for room. It is in real time, since a
// bubble's does not go on while somebody waits for a lock.
func TestHookMayLogThroughALock(t *testing.T) {
	testlog.CheckGoroutines(t)
	var got testlog.Buffer
	sink := &testlog.FaultWriter{W: &got}
	sink.Fail(testlog.ErrInjected)
	var logger *slog.Logger
	told, said := make(chan struct{}, 100), make(chan struct{}, 100)
	w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{
		MaxLines: 2,
		RetryFor: -1,
		OnError: func(err error) {
			told <- struct{}{}
			logger.Error("sink", "err", err)
			said <- struct{}{}
		},
	})
	logger = slog.New(slog.NewJSONHandler(w, nil))
	var caller sync.WaitGroup
	caller.Go(func() {
		for range 5 {
			logger.Info("m")
		}
	})
	<-told
	sink.Fail(nil)
	caller.Wait()
	<-said
	closeWriter(t, w)
	if lines, _ := got.Lines(); len(lines) < 6 {
		t.Errorf("%d lines in the sink, want 5 and one of the hook", len(lines))
	}
	checkAccounts(t, w)
}

func TestFlushAndCloseFromInsideTheSinkDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w *asyncbuf.Writer
		var flushErr, closeErr error
		sink := writerFunc(func(p []byte) (int, error) {
			flushErr = w.Flush(t.Context())
			closeErr = w.Shutdown(t.Context())
			return len(p), nil
		})
		w = asyncbuf.NewWriter(sink, nil)
		write(t, w, "a")
		time.Sleep(time.Second)
		closeWriter(t, w)
		if flushErr == nil || closeErr == nil {
			t.Errorf("Flush() = %v, Shutdown() = %v; want errors", flushErr, closeErr)
		}
		checkAccounts(t, w)
	})
}

// TestCircleOfWritersDoesNotDeadlock lets two Writers, small and blocking, log
// into each other from their sinks.
func TestCircleOfWritersDoesNotDeadlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a, b *asyncbuf.Writer
		opts := &asyncbuf.WriterOptions{MaxLines: 2, FlushInterval: -1}
		into := func(other **asyncbuf.Writer) io.Writer {
			return writerFunc(func(p []byte) (int, error) {
				for range 5 {
					_, _ = io.WriteString(*other, "refused if there is no room\n")
				}
				return len(p), nil
			})
		}
		a, b = asyncbuf.NewWriter(into(&b), opts), asyncbuf.NewWriter(into(&a), opts)
		write(t, a, names(10)...)
		write(t, b, names(10)...)
		closeWriter(t, a)
		closeWriter(t, b)
		checkAccounts(t, a)
		checkAccounts(t, b)
	})
}

func TestWriterOverAWriterLosesNothing(t *testing.T) {
	for name, test := range map[string]struct {
		inner, outer asyncbuf.WriterOptions
	}{
		"outer batches are larger": {asyncbuf.WriterOptions{Size: 40}, asyncbuf.WriterOptions{Size: 200}},
		"inner one is full":        {asyncbuf.WriterOptions{MaxLines: 1}, asyncbuf.WriterOptions{MaxLines: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got testlog.Buffer
				slow := writerFunc(func(p []byte) (int, error) {
					time.Sleep(time.Second)
					return got.Write(p)
				})
				inner := asyncbuf.NewWriter(slow, &test.inner)
				test.outer.RetryFor = time.Millisecond // a full writer is no failing one
				outer := asyncbuf.NewWriter(inner, &test.outer)
				start := time.Now()
				want := names(200)
				for i, line := range want {
					level := slog.LevelInfo
					if i%40 == 39 {
						level = slog.LevelError
					}
					if _, err := outer.WriteLevel(level, []byte(line+"\n")); err != nil {
						t.Error(err)
					}
				}
				if err := outer.Flush(t.Context()); err != nil {
					t.Errorf("Flush() = %v", err)
				}
				reached, rest := got.Lines()
				diff(t, "sink", want, reached)
				diff(t, "torn", "", rest)
				if took, atMost := time.Since(start), 210*time.Second; took > atMost {
					t.Errorf("took %v, want at most %v", took, atMost)
				}
				s := checkAccounts(t, outer)
				diff(t, "dropped", uint64(0), s.Dropped)
				diff(t, "failures", uint64(0), s.Failures)
				closeWriter(t, outer)
				closeWriter(t, inner)
				checkAccounts(t, inner)
			})
		})
	}
}
