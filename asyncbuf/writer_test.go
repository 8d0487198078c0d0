package asyncbuf_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/internal/testlog"
)

// An account is what a Writer and a Handler have in common for a test.
type account interface {
	Stats() asyncbuf.Stats
	Close() error
}

// checkAccounts fails t unless every line of a buffer is accounted for.
func checkAccounts(t *testing.T, buf account) asyncbuf.Stats {
	t.Helper()
	s := buf.Stats()
	if s.Accepted != s.Written+s.Dropped+s.Queued {
		t.Errorf("accepted %d != written %d + dropped %d + queued %d", s.Accepted, s.Written, s.Dropped, s.Queued)
	}
	if by := s.DroppedFull + s.DroppedFailed + s.DroppedShutdown; s.Dropped != by {
		t.Errorf("dropped %d, but %d by reason", s.Dropped, by)
	}
	var levels uint64
	for _, n := range s.DroppedByLevel {
		levels += n
	}
	if s.Dropped != levels {
		t.Errorf("dropped %d, but %d by level", s.Dropped, levels)
	}
	if (s.Queued == 0) != (s.QueuedBytes == 0) || s.QueuedBytes < 0 {
		t.Errorf("%d lines queued, but %d bytes", s.Queued, s.QueuedBytes)
	}
	return s
}

// write writes each line, with a newline, and fails t on an error.
func write(t *testing.T, w io.Writer, lines ...string) {
	t.Helper()
	for _, line := range lines {
		line += "\n"
		if n, err := io.WriteString(w, line); n != len(line) || err != nil {
			t.Fatalf("Write(%q) = %d, %v", line, n, err)
		}
	}
}

// closeWriter closes a Writer or a Handler.
func closeWriter(t *testing.T, buf account) {
	t.Helper()
	if err := buf.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
}

func diff(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s mismatch (-want +got):\n%s", what, d)
	}
}

// names returns n lines, without newlines.
func names(n int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf("line %03d", i)
	}
	return lines
}

func quiet(asyncbuf.Drop) []byte { return nil }

func TestWriterHandsOverInOneBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sink testlog.Buffer
		w := asyncbuf.NewWriter(&sink, &asyncbuf.WriterOptions{FlushInterval: time.Second})
		defer closeWriter(t, w)
		write(t, w, "a", "b", "c")
		time.Sleep(time.Second - 1)
		synctest.Wait()
		diff(t, "before the interval", 0, len(sink.Writes()))
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		diff(t, "after the interval", [][]byte{[]byte("a\nb\nc\n")}, sink.Writes())
		diff(t, "stats", asyncbuf.Stats{Accepted: 3, Written: 3, HighWater: 6, Flushes: 1}, checkAccounts(t, w))
	})
}

func TestWriterCopiesWhatItIsGiven(t *testing.T) {
	var sink testlog.Buffer
	w := asyncbuf.NewWriter(&sink, nil)
	line := []byte("before\n")
	if _, err := w.Write(line); err != nil {
		t.Fatal(err)
	}
	copy(line, "AFTER!\n")
	closeWriter(t, w)
	diff(t, "sink", "before\n", sink.String())
}

func TestWriterIgnoresEmptyLines(t *testing.T) {
	var sink testlog.Buffer
	w := asyncbuf.NewWriter(&sink, nil)
	if n, err := w.Write(nil); n != 0 || err != nil {
		t.Errorf("Write(nil) = %d, %v", n, err)
	}
	closeWriter(t, w)
	diff(t, "stats", asyncbuf.Stats{}, checkAccounts(t, w))
}

func TestAgeBoundHoldsUnderContinuousLoad(t *testing.T) {
	for name, syncEvery := range map[string]int{"buffered": 1 << 30, "with synchronous lines": 37} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const interval, writeTime = 20 * time.Millisecond, 7 * time.Millisecond
				start := time.Now()
				var oldest time.Duration
				sink := writerFunc(func(p []byte) (int, error) {
					lines, _ := testlog.Lines(p)
					stamp, err := time.ParseDuration(lines[0])
					if err != nil {
						t.Error(err)
					}
					oldest = max(oldest, time.Since(start)-stamp)
					time.Sleep(writeTime)
					return len(p), nil
				})
				w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{FlushInterval: interval})
				var all sync.WaitGroup
				for i := range 3000 {
					level := slog.LevelInfo
					if i%syncEvery == syncEvery-1 {
						level = slog.LevelError
					}
					all.Go(func() {
						if _, err := w.WriteLevel(level, fmt.Appendln(nil, time.Since(start))); err != nil {
							t.Error(err)
						}
					})
					time.Sleep(time.Millisecond)
				}
				all.Wait()
				closeWriter(t, w)
				if oldest > interval {
					t.Errorf("a line was %v old when it was handed over, want at most %v", oldest, interval)
				}
				s := checkAccounts(t, w)
				if want := uint64(3000/20 + 2 + 2*3000/syncEvery); s.Flushes > want {
					t.Errorf("%d batches, want at most %d: the writer does not linger", s.Flushes, want)
				}
				if syncEvery > 3000 {
					diff(t, "longest flush", writeTime, s.LongestFlush)
				}
			})
		})
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestHalfFullBufferIsHandedOverEarly(t *testing.T) {
	for name, opts := range map[string]asyncbuf.WriterOptions{
		"bytes": {Size: 20, FlushInterval: time.Hour},
		"lines": {MaxLines: 4, FlushInterval: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sink testlog.Buffer
				w := asyncbuf.NewWriter(&sink, &opts)
				defer closeWriter(t, w)
				write(t, w, "1234")
				synctest.Wait()
				diff(t, "below half", "", sink.String())
				write(t, w, "5678")
				synctest.Wait()
				diff(t, "at half", "1234\n5678\n", sink.String())
			})
		})
	}
}

func TestIdleWriterDoesNotTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := asyncbuf.NewWriter(new(testlog.Buffer), &asyncbuf.WriterOptions{FlushInterval: 1})
		defer closeWriter(t, w)
		write(t, w, "a")
		// The clock of the bubble goes from timer to timer. A timer that ran at
		// the interval would make this sleep take 10^14 steps: for ever.
		time.Sleep(24 * time.Hour)
		diff(t, "written", uint64(1), checkAccounts(t, w).Written)
	})
}

func TestBlockedSinkBoundsTheQueue(t *testing.T) {
	for name, test := range map[string]struct {
		opts      asyncbuf.WriterOptions
		lines     int
		bytes     int64
		highWater int64
	}{
		"bytes": {asyncbuf.WriterOptions{Size: 100, Policy: asyncbuf.DropNewest, Reserve: -1, Summary: quiet}, 11, 99, 99},
		"lines": {asyncbuf.WriterOptions{MaxLines: 7, Policy: asyncbuf.DropNewest, Reserve: -1, Summary: quiet}, 7, 63, 63},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got testlog.Buffer
				sink := &testlog.FaultWriter{W: &got}
				release := sink.Block()
				w := asyncbuf.NewWriter(sink, &test.opts)
				lines := names(30)
				for _, line := range lines {
					write(t, w, line)
					synctest.Wait() // the first ones are being written, and count
				}
				s := checkAccounts(t, w)
				diff(t, "queued", uint64(test.lines), s.Queued)
				diff(t, "queued bytes", test.bytes, s.QueuedBytes)
				diff(t, "high water", test.highWater, s.HighWater)
				diff(t, "dropped", uint64(30-test.lines), s.DroppedFull)
				release()
				closeWriter(t, w)
				reached, rest := got.Lines()
				diff(t, "sink", lines[:test.lines], reached)
				diff(t, "torn", "", rest)
				diff(t, "written", uint64(test.lines), checkAccounts(t, w).Written)
			})
		})
	}
}

func TestBlockWaitsInTheOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		sink := &testlog.FaultWriter{W: &got}
		release := sink.Block()
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{Size: 30})
		var callers sync.WaitGroup
		want := make([]string, 0, 20)
		for i := range cap(want) {
			// A large line must not be passed by small ones for ever.
			line := strings.Repeat(string(rune('a'+i)), 1+i%3*12)
			want = append(want, line)
			callers.Go(func() { write(t, w, line) })
			synctest.Wait()
		}
		if s := checkAccounts(t, w); s.Accepted == 20 || s.QueuedBytes > 30 {
			t.Errorf("nobody waits: %+v", s)
		}
		release()
		callers.Wait()
		closeWriter(t, w)
		reached, _ := got.Lines()
		diff(t, "sink", want, reached)
		diff(t, "dropped", uint64(0), checkAccounts(t, w).Dropped)
	})
}

func TestBlockTimeoutDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		sink := &testlog.FaultWriter{W: &got}
		release := sink.Block()
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{
			MaxLines: 2, BlockTimeout: 50 * time.Millisecond, Summary: quiet,
		})
		write(t, w, "a", "b")
		for range 3 {
			start := time.Now()
			write(t, w, "too late")
			diff(t, "waited", 50*time.Millisecond, time.Since(start))
		}
		s := checkAccounts(t, w)
		diff(t, "by level", map[slog.Level]uint64{slog.LevelInfo: 3}, s.DroppedByLevel)
		diff(t, "full", uint64(3), s.DroppedFull)
		time.AfterFunc(20*time.Millisecond, release)
		write(t, w, "in time")
		closeWriter(t, w)
		diff(t, "sink", "a\nb\nin time\n", got.String())
		checkAccounts(t, w)
	})
}

func TestCallerThatGivesUpMakesWayForTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		sink := &testlog.FaultWriter{W: &got}
		release := sink.Block()
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{Size: 20, BlockTimeout: time.Second, Summary: quiet})
		write(t, w, "123456789")
		var callers sync.WaitGroup
		callers.Go(func() { write(t, w, "too large for now") })
		time.Sleep(time.Second / 2)
		start := time.Now()
		write(t, w, "small")
		diff(t, "waited", time.Second/2, time.Since(start))
		callers.Wait()
		release()
		closeWriter(t, w)
		diff(t, "sink", "123456789\nsmall\n", got.String())
		diff(t, "dropped", uint64(1), checkAccounts(t, w).Dropped)
	})
}

func TestProtectedLinesAreNotDroppedForWantOfRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		sink := &testlog.FaultWriter{W: &got}
		release := sink.Block()
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{
			MaxLines: 2, Policy: asyncbuf.DropNewest, Protect: slog.LevelWarn, Summary: quiet,
		})
		write(t, w, "a", "b", "dropped")
		start := time.Now()
		time.AfterFunc(time.Hour, release)
		if n, err := w.WriteLevel(slog.LevelWarn, []byte("kept\n")); n != 5 || err != nil {
			t.Errorf("WriteLevel() = %d, %v", n, err)
		}
		diff(t, "waited", time.Hour, time.Since(start))
		closeWriter(t, w)
		diff(t, "sink", "a\nb\nkept\n", got.String())
		diff(t, "by level", map[slog.Level]uint64{slog.LevelInfo: 1}, checkAccounts(t, w).DroppedByLevel)
	})
}

func TestSyncLevelIsWrittenOnReturnAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sink testlog.Buffer
		w := asyncbuf.NewWriter(&sink, &asyncbuf.WriterOptions{FlushInterval: time.Hour})
		defer closeWriter(t, w)
		write(t, w, "a", "b")
		if n, err := w.WriteLevel(slog.LevelError, []byte("c\n")); n != 2 || err != nil {
			t.Errorf("WriteLevel() = %d, %v", n, err)
		}
		diff(t, "sink", [][]byte{[]byte("a\nb\nc\n")}, sink.Writes())
		if _, err := w.WriteLevel(slog.LevelError-1, []byte("d\n")); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		diff(t, "below the level", "a\nb\nc\n", sink.String())
	})
}

func TestSyncLevelWaitsForAWriteInProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		sink := &testlog.FaultWriter{W: &got}
		release := sink.Block()
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{FlushInterval: -1})
		write(t, w, "a")
		synctest.Wait()
		var callers sync.WaitGroup
		for range 10 {
			callers.Go(func() {
				if _, err := w.WriteLevel(slog.LevelError, []byte("e\n")); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		diff(t, "while blocked", "", got.String())
		release()
		callers.Wait()
		want := [][]byte{[]byte("a\n"), bytes.Repeat([]byte("e\n"), 10)}
		diff(t, "callers share a write", want, got.Writes())
		closeWriter(t, w)
	})
}

func TestSyncLevelGivesUpWaitingAfterBlockTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		sink := &testlog.FaultWriter{W: &got}
		release := sink.Block()
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{FlushInterval: -1, BlockTimeout: time.Second})
		write(t, w, "a")
		synctest.Wait()
		n, err := w.WriteLevel(slog.LevelError, []byte("e\n"))
		if n != 2 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("WriteLevel() = %d, %v; want 2, %v", n, err, os.ErrDeadlineExceeded)
		}
		diff(t, "queued", uint64(2), checkAccounts(t, w).Queued)
		release()
		closeWriter(t, w)
		diff(t, "sink", "a\ne\n", got.String())
	})
}

func TestLineLargerThanTheBufferIsWrittenInOrder(t *testing.T) {
	for _, policy := range []asyncbuf.Policy{asyncbuf.Block, asyncbuf.DropNewest} {
		t.Run(policy.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sink testlog.Buffer
				w := asyncbuf.NewWriter(&sink, &asyncbuf.WriterOptions{
					Size: 16, FlushInterval: time.Hour, Policy: policy,
				})
				large := strings.Repeat("x", 100)
				write(t, w, "a", large)
				diff(t, "sink", "a\n"+large+"\n", sink.String())
				write(t, w, "b", "c")
				closeWriter(t, w)
				diff(t, "sink", "a\n"+large+"\nb\nc\n", sink.String())
				checkAccounts(t, w)
			})
		})
	}
}

func TestMemoryOfALargeLineIsGivenBack(t *testing.T) {
	w := asyncbuf.NewWriter(io.Discard, nil)
	defer closeWriter(t, w)
	const large = 64 << 20
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for _, line := range [][]byte{make([]byte, large), []byte("a\n"), []byte("b\n")} {
		if _, err := w.WriteLevel(slog.LevelError, line); err != nil {
			t.Error(err)
		}
	}
	if after := heap(); after > before+large/2 {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
}

func TestProducersKeepTheirOrder(t *testing.T) {
	testlog.CheckGoroutines(t)
	var sink testlog.Buffer
	w := asyncbuf.NewWriter(&sink, &asyncbuf.WriterOptions{Size: 512, FlushInterval: -1})
	const producers, lines = 8, 500
	var all sync.WaitGroup
	for p := range producers {
		all.Go(func() {
			for i := range lines {
				level := slog.LevelInfo
				if i%50 == 0 {
					level = slog.LevelError
				}
				if _, err := w.WriteLevel(level, fmt.Appendf(nil, "%d %d\n", p, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	closeWriter(t, w)
	reached, _ := sink.Lines()
	next := make([]int, producers)
	for _, line := range reached {
		var p, i int
		if _, err := fmt.Sscan(line, &p, &i); err != nil || i != next[p] {
			t.Fatalf("line %q, want number %d: %v", line, next[p], err)
		}
		next[p]++
	}
	diff(t, "lines", producers*lines, len(reached))
	checkAccounts(t, w)
}

func TestNewWriterPanics(t *testing.T) {
	for name, test := range map[string]struct {
		call func()
		want string
	}{
		"nil writer":     {func() { asyncbuf.NewWriter(nil, nil) }, "asyncbuf: NewWriter: nil writer"},
		"unknown policy": {func() { asyncbuf.NewWriter(io.Discard, &asyncbuf.WriterOptions{Policy: 7}) }, "asyncbuf: NewWriter: unknown Policy(7)"},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() { diff(t, "panic", any(test.want), recover()) }()
			test.call()
		})
	}
}
