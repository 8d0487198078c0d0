package asyncbuf_test

import (
	"errors"
	"io"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/internal/testlog"
)

// TestSinkRecovers lets a sink misbehave while ten lines are written, then
// work again, and wants all ten lines to arrive once, whole and in order.
func TestSinkRecovers(t *testing.T) {
	errBoom := errors.New("boom")
	for name, test := range map[string]struct {
		fault func(*testlog.FaultWriter)
		want  error // is what OnError is told
	}{
		"fails":                  {func(w *testlog.FaultWriter) { w.Fail(errBoom) }, errBoom},
		"writes short":           {func(w *testlog.FaultWriter) { w.Short(5, errBoom) }, errBoom},
		"writes short, no error": {func(w *testlog.FaultWriter) { w.Short(5, nil) }, io.ErrShortWrite},
		"writes nothing":         {func(w *testlog.FaultWriter) { w.Short(0, nil) }, io.ErrShortWrite},
		"panics with an error":   {func(w *testlog.FaultWriter) { w.Panic(errBoom) }, errBoom},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got testlog.Buffer
				sink := &testlog.FaultWriter{W: &got}
				test.fault(sink)
				var told []error
				w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{
					OnError: func(err error) { told = append(told, err) },
				})
				want := names(10)
				for _, line := range want {
					write(t, w, line)
					time.Sleep(100 * time.Millisecond)
					checkAccounts(t, w)
				}
				sink.Fail(nil)
				sink.Short(-1, nil)
				sink.Panic(nil)
				closeWriter(t, w)
				reached, rest := got.Lines()
				diff(t, "sink", want, reached)
				diff(t, "torn", "", rest)
				s := checkAccounts(t, w)
				diff(t, "written", uint64(10), s.Written)
				if len(told) == 0 || !errors.Is(told[0], test.want) {
					t.Errorf("OnError was told %v, want %v", told, test.want)
				}
				if s.Failures == 0 || !errors.Is(s.LastError, test.want) {
					t.Errorf("%d failures, last %v; want %v", s.Failures, s.LastError, test.want)
				}
			})
		})
	}
}

func TestSinkThatMiscountsDoesNotSpoilTheAccounts(t *testing.T) {
	for name, test := range map[string]struct {
		count    func(p []byte) int
		written  uint64
		failures bool
	}{
		"too many": {func(p []byte) int { return len(p) + 1 }, 3, true},
		"negative": {func([]byte) int { return -1 }, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink := writerFunc(func(p []byte) (int, error) { return test.count(p), nil })
				w := asyncbuf.NewWriter(sink, nil)
				write(t, w, "a", "b", "c")
				time.Sleep(time.Second)
				s := checkAccounts(t, w)
				diff(t, "written", test.written, s.Written)
				diff(t, "failures", test.failures, s.Failures > 0)
				if err := w.Close(); (err == nil) != (test.written == 3) {
					t.Errorf("Close() = %v", err)
				}
				checkAccounts(t, w)
			})
		})
	}
}

func TestErrorAfterACompleteWriteIsNoReasonToRepeatIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		sink := writerFunc(func(p []byte) (int, error) {
			n, _ := got.Write(p)
			return n, testlog.ErrInjected
		})
		var told int
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{OnError: func(error) { told++ }})
		write(t, w, "a")
		if n, err := w.WriteLevel(slog.LevelError, []byte("e\n")); n != 2 || err != nil {
			t.Errorf("WriteLevel() = %d, %v", n, err)
		}
		closeWriter(t, w)
		diff(t, "sink", "a\ne\n", got.String())
		diff(t, "told", 1, told)
		checkAccounts(t, w)
	})
}

func TestFullDiskTearsNoLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		disk := &testlog.FullDisk{W: &got}
		disk.SetRoom(25) // two lines and a half
		w := asyncbuf.NewWriter(disk, &asyncbuf.WriterOptions{Size: 100, RetryFor: 2 * time.Second, Summary: quiet})
		lines := names(10)
		write(t, w, lines...)
		time.Sleep(time.Second)
		s := checkAccounts(t, w)
		diff(t, "written", uint64(2), s.Written)
		diff(t, "queued", uint64(8), s.Queued)
		if !errors.Is(s.LastError, syscall.ENOSPC) {
			t.Errorf("last error %v, want %v", s.LastError, syscall.ENOSPC)
		}

		time.Sleep(10 * time.Second) // all is given up but the line that was begun
		s = checkAccounts(t, w)
		diff(t, "queued", uint64(1), s.Queued)
		diff(t, "given up", uint64(7), s.DroppedFailed)

		disk.SetRoom(1 << 20)
		write(t, w, "after")
		closeWriter(t, w)
		reached, rest := got.Lines()
		diff(t, "sink", append(lines[:3:3], "after"), reached)
		diff(t, "torn", "", rest)
		checkAccounts(t, w)
	})
}

func TestDeadSinkBlocksCallersForRetryForOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &testlog.FaultWriter{W: new(testlog.Buffer)}
		sink.Fail(testlog.ErrInjected)
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{MaxLines: 10, RetryFor: time.Minute})
		start := time.Now()
		write(t, w, names(11)...)
		if waited := time.Since(start); waited < time.Minute || waited > time.Minute+2*time.Second {
			t.Errorf("waited %v, want one minute", waited)
		}
		start = time.Now()
		write(t, w, names(30)...)
		if waited := time.Since(start); waited > 4*time.Second {
			t.Errorf("waited %v for three buffers, want a second for each", waited)
		}
		if err := w.Close(); !errors.Is(err, testlog.ErrInjected) {
			t.Errorf("Close() = %v, want %v", err, testlog.ErrInjected)
		}
		s := checkAccounts(t, w)
		diff(t, "given up", uint64(41), s.DroppedFailed)
	})
}

func TestNegativeRetryForKeepsLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		sink := &testlog.FaultWriter{W: &got}
		sink.Fail(testlog.ErrInjected)
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{RetryFor: -1})
		write(t, w, "a")
		time.Sleep(24 * time.Hour)
		if calls := sink.Calls(); calls > 24*3600+10 {
			t.Errorf("%d calls in a day: the pauses do not grow", calls)
		}
		sink.Fail(nil)
		closeWriter(t, w)
		diff(t, "sink", "a\n", got.String())
		checkAccounts(t, w)
	})
}

func TestSyncLevelReportsAFailingSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		sink := &testlog.FaultWriter{W: &got}
		sink.Fail(testlog.ErrInjected)
		w := asyncbuf.NewWriter(sink, nil)
		write(t, w, "a")
		n, err := w.WriteLevel(slog.LevelError, []byte("e\n"))
		if n != 2 || !errors.Is(err, testlog.ErrInjected) {
			t.Errorf("WriteLevel() = %d, %v; want 2, %v", n, err, testlog.ErrInjected)
		}
		diff(t, "queued", uint64(2), checkAccounts(t, w).Queued)
		sink.Fail(nil)
		closeWriter(t, w)
		diff(t, "sink", "a\ne\n", got.String())
		checkAccounts(t, w)
	})
}

func TestFailedLineIsTriedAgainSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		sink := &testlog.FaultWriter{W: &got}
		sink.Fail(testlog.ErrInjected)
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{FlushInterval: time.Hour})
		defer closeWriter(t, w)
		synctest.Wait() // the worker sleeps while the caller fails
		if _, err := w.WriteLevel(slog.LevelError, []byte("e\n")); err == nil {
			t.Error("no error")
		}
		sink.Fail(nil)
		time.Sleep(20 * time.Millisecond)
		synctest.Wait()
		diff(t, "sink", "e\n", got.String())
	})
}

func TestSyncLevelIsNotToldOfLinesGivenUpBeforeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		calls := 0
		sink := writerFunc(func(p []byte) (int, error) {
			switch calls++; calls {
			case 1:
				return 0, testlog.ErrInjected
			case 2:
				time.Sleep(time.Second)
				return 0, testlog.ErrInjected // and the end of line a
			}
			return got.Write(p)
		})
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{RetryFor: time.Millisecond, Summary: quiet})
		write(t, w, "a")
		time.Sleep(500 * time.Millisecond)
		if n, err := w.WriteLevel(slog.LevelError, []byte("e\n")); n != 2 || err != nil {
			t.Errorf("WriteLevel() = %d, %v", n, err)
		}
		diff(t, "sink", "e\n", got.String())
		closeWriter(t, w)
		diff(t, "given up", uint64(1), checkAccounts(t, w).DroppedFailed)
	})
}

func TestLineLargerThanTheBufferSurvivesAFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		disk := &testlog.FullDisk{W: &got}
		disk.SetRoom(50)
		w := asyncbuf.NewWriter(disk, &asyncbuf.WriterOptions{Size: 16})
		large := strings.Repeat("x", 100) + "\n"
		n, err := io.WriteString(w, large)
		if n != len(large) || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("Write() = %d, %v; want %d, %v", n, err, len(large), syscall.ENOSPC)
		}
		s := checkAccounts(t, w)
		diff(t, "queued bytes", int64(51), s.QueuedBytes)
		disk.SetRoom(1000)
		write(t, w, "b")
		closeWriter(t, w)
		diff(t, "sink", large+"b\n", got.String())
		checkAccounts(t, w)
	})
}

func TestPanickingHooksAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &testlog.FaultWriter{W: new(testlog.Buffer)}
		sink.Fail(testlog.ErrInjected)
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{
			MaxLines: 1,
			Policy:   asyncbuf.DropNewest,
			OnError:  func(error) { panic("in OnError") },
			OnDrop:   func(asyncbuf.Drop) { panic("in OnDrop") },
			Summary:  func(asyncbuf.Drop) []byte { panic("in Summary") },
		})
		write(t, w, "a", "dropped")
		time.Sleep(time.Second)
		sink.Fail(nil)
		time.Sleep(time.Minute)
		write(t, w, "b")
		closeWriter(t, w)
		s := checkAccounts(t, w)
		diff(t, "written", uint64(2), s.Written)
		if s.LastError == nil || !strings.Contains(s.LastError.Error(), "OnError panicked: in OnError") {
			t.Errorf("last error %v", s.LastError)
		}
	})
}
