package asyncbuf_test

import (
	"context"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/internal/testlog"
)

// TestSinkThatEndsTheGoroutineOfItsCaller has a line that its caller writes when
// nothing else is queued.
func TestSinkThatEndsTheGoroutineOfItsCaller(t *testing.T) {
	for _, first := range []string{"short", strings.Repeat("long", 100)} {
		synctest.Test(t, func(t *testing.T) {
			var got testlog.Buffer
			ends := false
			w := asyncbuf.NewWriter(writerFunc(func(p []byte) (int, error) {
				if ends {
					ends = false
					runtime.Goexit()
				}
				return got.Write(p)
			}), nil)
			write(t, w, first)
			if err := w.Flush(t.Context()); err != nil {
				t.Error(err)
			}
			ends = true
			var caller sync.WaitGroup
			caller.Go(func() { _, _ = w.WriteLevel(slog.LevelError, []byte("error\n")) })
			caller.Wait()
			closeWriter(t, w)
			diff(t, "sink", first+"\nerror\n", got.String())
			checkAccounts(t, w)
		})
	}
}

// TestWorkerThatLingersTriesAgain has a long FlushInterval and a line below
// SyncLevel, for which the worker waits, when a caller's own try fails.
func TestWorkerThatLingersTriesAgain(t *testing.T) {
	t.Run("Writer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var got testlog.Buffer
			sink := &testlog.FaultWriter{W: &got}
			w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{FlushInterval: time.Hour})
			defer closeWriter(t, w)
			write(t, w, "info")
			synctest.Wait()
			sink.Fail(testlog.ErrInjected)
			if _, err := w.WriteLevel(slog.LevelError, []byte("error\n")); err == nil {
				t.Error("no error")
			}
			sink.Fail(nil)
			time.Sleep(time.Second)
			diff(t, "sink", "info\nerror\n", got.String())
		})
	})
	t.Run("Writer over a full Writer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var got testlog.Buffer
			sink := &testlog.FaultWriter{W: &got}
			release := sink.Block()
			inner := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{MaxLines: 1})
			outer := asyncbuf.NewWriter(inner, &asyncbuf.WriterOptions{FlushInterval: time.Hour})
			write(t, inner, "inner")
			write(t, outer, "info")
			synctest.Wait()
			start := time.Now()
			time.AfterFunc(time.Second, release)
			if _, err := outer.WriteLevel(slog.LevelError, []byte("error\n")); err != nil {
				t.Error(err)
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("waited %v for room that was there after a second", took)
			}
			closeWriter(t, outer)
			closeWriter(t, inner)
			diff(t, "sink", "inner\ninfo\nerror\n", got.String())
		})
	})
}

// TestOnlyAWriterBelowIsAskedAgainEveryMillisecond has a full Writer beside a
// file, which gets each line again with each try.
func TestOnlyAWriterBelowIsAskedAgainEveryMillisecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &testlog.FaultWriter{W: io.Discard}
		release := sink.Block()
		inner := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{MaxLines: 1})
		write(t, inner, "inner")
		var file testlog.Buffer
		told := 0
		outer := asyncbuf.NewWriter(io.MultiWriter(&file, inner), &asyncbuf.WriterOptions{
			RetryFor: 100 * time.Millisecond, Summary: quiet, OnError: func(error) { told++ },
		})
		write(t, outer, "a")
		time.Sleep(10 * time.Second)
		if n := len(file.Writes()); n < 2 || n > 6 {
			t.Errorf("the file got the line %d times", n)
		}
		diff(t, "given up", uint64(1), checkAccounts(t, outer).DroppedFailed)
		diff(t, "told of all", len(file.Writes()), told)
		release()
		closeWriter(t, outer)
		closeWriter(t, inner)
	})
}

func TestRecordsAfterCloseComeAfterThoseBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &recorder{do: func(context.Context, slog.Record) error {
			time.Sleep(50 * time.Millisecond)
			return nil
		}}
		h := asyncbuf.NewHandler(slow, nil)
		want := names(10)
		for _, name := range want[:7] {
			handle(t, h, slog.LevelInfo, name)
		}
		var closer sync.WaitGroup
		closer.Go(func() {
			if err := h.Close(); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		for _, name := range want[7:] {
			handle(t, h, slog.LevelInfo, name)
		}
		closer.Wait()
		diff(t, "handled", want, slow.messages())
		checkAccounts(t, h)
	})
}

// TestHookMayLogIntoItsClosedHandler has a hook that is called while Close waits
// for the hooks.
func TestHookMayLogIntoItsClosedHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &recorder{}
		inner.do = func(_ context.Context, r slog.Record) error {
			if r.Message == "bad" {
				time.Sleep(time.Second)
				return testlog.ErrInjected
			}
			return nil
		}
		var h *asyncbuf.Handler
		h = asyncbuf.NewHandler(inner, &asyncbuf.HandlerOptions{
			Summary: noRecord,
			OnError: func(err error) { _ = h.Handle(context.Background(), record(slog.LevelInfo, "told")) },
		})
		handle(t, h, slog.LevelInfo, "bad")
		start := time.Now()
		if err := h.Close(); err == nil {
			t.Error("Close knows nothing of the record that failed")
		}
		diff(t, "waited", time.Second, time.Since(start))
		diff(t, "handled", []string{"told"}, inner.messages())
		checkAccounts(t, h)
	})
}

// TestTheFirstEncoderCounts has two encoders over one Writer.
func TestTheFirstEncoderCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		sink := &testlog.FaultWriter{W: &got}
		release := sink.Block()
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{MaxLines: 1, Policy: asyncbuf.DropNewest})
		for _, name := range []string{"first", "second"} {
			w.UseEncoder(func(w io.Writer) slog.Handler {
				return slog.NewTextHandler(w, nil).WithAttrs([]slog.Attr{slog.String("encoder", name)})
			})
		}
		write(t, w, "a", "x")
		release()
		closeWriter(t, w)
		if s := got.String(); !strings.Contains(s, `msg="log lines dropped" encoder=first dropped=1`) {
			t.Errorf("sink: %s", s)
		}
	})
}

// TestReserveIsNoReasonToExceedSize has a line below WARN that is larger than
// what Reserve leaves to it.
func TestReserveIsNoReasonToExceedSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &testlog.FaultWriter{W: io.Discard}
		release := sink.Block()
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{
			Size: 100, Policy: asyncbuf.DropNewest, FlushInterval: time.Hour, Summary: quiet,
		})
		large := strings.Repeat("x", 89)
		write(t, w, large, "dropped") // and nobody waits for the sink, which hangs
		diff(t, "alone", int64(90), checkAccounts(t, w).QueuedBytes)
		release()
		if err := w.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		write(t, w, "small", large)
		s := checkAccounts(t, w)
		diff(t, "beside another one", int64(6), s.QueuedBytes)
		diff(t, "dropped", uint64(2), s.DroppedFull)
		closeWriter(t, w)
	})
}
