package asyncbuf_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/internal/testlog"
)

// A hung is a buffer over something that hangs in its first batch, the line
// "first", until it is released.
type hung struct {
	account
	log     func(level slog.Level, lines ...string)
	release func()
	reached func() []string // what has reached the sink
}

// hangs calls test with a Writer and with a Handler that hang.
func hangs(t *testing.T, opts asyncbuf.WriterOptions, test func(*testing.T, hung)) {
	t.Helper()
	opts.FlushInterval = -1
	opts.Summary = quiet
	t.Run("Writer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var got testlog.Buffer
			sink := &testlog.FaultWriter{W: &got}
			release := sink.Block()
			w := asyncbuf.NewWriter(sink, &opts)
			start(t, test, hung{w, func(level slog.Level, lines ...string) {
				for _, line := range lines {
					if n, err := w.WriteLevel(level, []byte(line+"\n")); n != len(line)+1 || err != nil {
						t.Errorf("WriteLevel(%q) = %d, %v", line, n, err)
					}
				}
			}, release, func() []string {
				lines, torn := got.Lines()
				diff(t, "torn", "", torn)
				return lines
			}})
		})
	})
	t.Run("Handler", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			gate := make(chan struct{})
			inner := &recorder{do: func(context.Context, slog.Record) error {
				<-gate
				return nil
			}}
			h := asyncbuf.NewHandler(inner, &asyncbuf.HandlerOptions{
				MaxLines: opts.MaxLines, FlushInterval: -1, Policy: opts.Policy, Reserve: opts.Reserve,
				BlockTimeout: opts.BlockTimeout, SyncLevel: opts.SyncLevel, Protect: opts.Protect, Summary: noRecord,
			})
			start(t, test, hung{h, func(level slog.Level, lines ...string) {
				for _, line := range lines {
					if err := h.Handle(t.Context(), record(level, line)); err != nil {
						t.Errorf("Handle(%q) = %v", line, err)
					}
				}
			}, func() { close(gate) }, inner.messages})
		})
	})
}

func start(t *testing.T, test func(*testing.T, hung), buf hung) {
	t.Helper()
	buf.log(slog.LevelInfo, "first")
	synctest.Wait()
	test(t, buf)
}

// finish releases the sink and compares what reaches it.
func (b hung) finish(t *testing.T, want []string) {
	t.Helper()
	b.release()
	closeWriter(t, b)
	diff(t, "lines", want, b.reached())
	checkAccounts(t, b)
}

func TestDropOldestKeepsTheNewest(t *testing.T) {
	for _, n := range []int{1, 5, 6, 1000} {
		opts := asyncbuf.WriterOptions{MaxLines: 10, Policy: asyncbuf.DropOldest, Reserve: -1}
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			hangs(t, opts, func(t *testing.T, buf hung) {
				lines := names(n)
				buf.log(slog.LevelInfo, lines...)
				kept := min(n, 5) // the other half is for what is being written
				s := checkAccounts(t, buf)
				diff(t, "dropped", uint64(n-kept), s.DroppedFull)
				diff(t, "queued", uint64(1+kept), s.Queued)
				buf.finish(t, append([]string{"first"}, lines[n-kept:]...))
			})
		})
	}
}

func TestDropOldestKeepsTheBytesOfSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		sink := &testlog.FaultWriter{W: &got}
		release := sink.Block()
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{
			Size: 100, Policy: asyncbuf.DropOldest, Reserve: -1, FlushInterval: -1, Summary: quiet,
		})
		write(t, w, "first")
		synctest.Wait()
		lines := make([]string, 300)
		for i := range lines {
			lines[i] = strings.Repeat(string(rune('a'+i%26)), i%9)
			write(t, w, lines[i])
			if s := checkAccounts(t, w); s.QueuedBytes > 6+50 {
				t.Fatalf("%d bytes queued", s.QueuedBytes)
			}
		}
		release()
		closeWriter(t, w)
		reached, torn := got.Lines()
		diff(t, "torn", "", torn)
		kept := len(reached) - 1
		diff(t, "lines", append([]string{"first"}, lines[len(lines)-kept:]...), reached)
		size := 0
		for _, line := range reached[1:] {
			size += len(line) + 1
		}
		if size <= 50-9 || size > 50 {
			t.Errorf("%d bytes were kept, want about 50", size)
		}
	})
}

// TestDropOldestPassesOverProtectedLines keeps protected lines among those that
// are dropped, in order.
func TestDropOldestPassesOverProtectedLines(t *testing.T) {
	opts := asyncbuf.WriterOptions{
		MaxLines: 12, Policy: asyncbuf.DropOldest, Reserve: -1,
		Protect: slog.LevelWarn, SyncLevel: slog.LevelError + 1,
	}
	hangs(t, opts, func(t *testing.T, buf hung) {
		var want []string
		for i, line := range names(40) {
			level := slog.LevelInfo
			if i == 1 || i == 7 || i == 8 {
				level = slog.LevelWarn
				want = append(want, line)
			}
			buf.log(level, line)
		}
		diff(t, "by level", map[slog.Level]uint64{slog.LevelInfo: 34}, checkAccounts(t, buf).DroppedByLevel)
		want = append([]string{"first"}, want...)
		buf.finish(t, append(want, "line 037", "line 038", "line 039"))
	})
}

// TestDropOldestGivesUpTheNewLineWithoutOlderOnes has only protected lines to
// drop, and expects nothing to be lost for nothing.
func TestDropOldestGivesUpTheNewLineWithoutOlderOnes(t *testing.T) {
	opts := asyncbuf.WriterOptions{
		MaxLines: 8, Policy: asyncbuf.DropOldest, Reserve: -1,
		Protect: slog.LevelWarn, SyncLevel: slog.LevelError + 1,
	}
	hangs(t, opts, func(t *testing.T, buf hung) {
		kept := names(4)
		buf.log(slog.LevelWarn, kept...)
		buf.log(slog.LevelInfo, "x", "y")
		diff(t, "by level", map[slog.Level]uint64{slog.LevelInfo: 2}, checkAccounts(t, buf).DroppedByLevel)
		buf.finish(t, append([]string{"first"}, kept...))
	})
}

func TestDropOldestDropsNothingThatIsOfNoUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		sink := &testlog.FaultWriter{W: &got}
		release := sink.Block()
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{
			Size: 100, Policy: asyncbuf.DropOldest, Reserve: -1, FlushInterval: -1, Summary: quiet,
			Protect: slog.LevelWarn, SyncLevel: slog.LevelError + 1,
		})
		write(t, w, "first")
		synctest.Wait()
		protected := strings.Repeat("p", 39)
		if _, err := w.WriteLevel(slog.LevelWarn, []byte(protected+"\n")); err != nil {
			t.Error(err)
		}
		write(t, w, "1234", strings.Repeat("too large", 3)) // even without 1234
		release()
		closeWriter(t, w)
		reached, _ := got.Lines()
		diff(t, "lines", []string{"first", protected, "1234"}, reached)
		diff(t, "dropped", uint64(1), checkAccounts(t, w).Dropped)
	})
}

// TestDropOldestLeavesWarningsAlone wants lines below WARN to take the place of
// their own kind only, as long as there is a reserve for WARN.
func TestDropOldestLeavesWarningsAlone(t *testing.T) {
	for _, test := range []struct {
		reserve float64
		warns   bool // whether they survive
	}{{0.5, true}, {0, true}, {-1, false}} {
		t.Run(fmt.Sprint(test.reserve), func(t *testing.T) {
			opts := asyncbuf.WriterOptions{MaxLines: 100, Policy: asyncbuf.DropOldest, Reserve: test.reserve}
			hangs(t, opts, func(t *testing.T, buf hung) {
				warns := []string{"w1", "w2", "w3"}
				buf.log(slog.LevelInfo, names(10)...)
				buf.log(slog.LevelWarn, warns...)
				buf.log(slog.LevelInfo, names(1000)...)
				s := checkAccounts(t, buf)
				if dropped := s.DroppedByLevel[slog.LevelWarn] > 0; dropped == test.warns {
					t.Errorf("%v dropped", s.DroppedByLevel)
				}
				buf.log(slog.LevelWarn, names(1000)...) // they displace all others, and their own
				s = checkAccounts(t, buf)
				diff(t, "WARN kept", uint64(50), 1003-s.DroppedByLevel[slog.LevelWarn])
				buf.finish(t, append([]string{"first"}, names(1000)[950:]...))
			})
		})
	}
}

// TestProtectedCallerGetsTheRoomOfABatch has a protected caller that waits under
// DropOldest, and a sink that takes one batch at a time.
func TestProtectedCallerGetsTheRoomOfABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step := make(chan struct{})
		var got testlog.Buffer
		sink := writerFunc(func(p []byte) (int, error) {
			<-step
			return got.Write(p)
		})
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{
			MaxLines: 6, Reserve: -1, Policy: asyncbuf.DropOldest, FlushInterval: -1, Summary: quiet,
			Protect: slog.LevelWarn, SyncLevel: slog.LevelError + 1,
		})
		write(t, w, "first")
		synctest.Wait()
		var caller sync.WaitGroup
		for i := range 4 {
			caller.Go(func() {
				if _, err := w.WriteLevel(slog.LevelWarn, fmt.Appendf(nil, "w%d\n", i)); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		diff(t, "taken", uint64(4), checkAccounts(t, w).Accepted)
		step <- struct{}{} // the first one is written, three more are on their way
		synctest.Wait()
		diff(t, "taken when half of the buffer is free", uint64(5), checkAccounts(t, w).Accepted)
		write(t, w, "info")
		diff(t, "dropped", uint64(0), checkAccounts(t, w).Dropped)
		close(step)
		caller.Wait()
		closeWriter(t, w)
		diff(t, "sink", "first\nw0\nw1\nw2\nw3\ninfo\n", got.String())
	})
}

// TestCallerOfADroppedLineIsToldSo has callers at SyncLevel, which is not
// protected, whose lines are displaced while they wait for the sink.
func TestCallerOfADroppedLineIsToldSo(t *testing.T) {
	for name, level := range map[string]slog.Level{"makes room": slog.LevelInfo, "makes none": slog.LevelWarn} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink := &testlog.FaultWriter{W: io.Discard}
				release := sink.Block()
				w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{
					MaxLines: 4, Reserve: -1, Policy: asyncbuf.DropOldest, FlushInterval: -1, Summary: quiet,
					SyncLevel: slog.LevelInfo,
				})
				var callers sync.WaitGroup
				callers.Go(func() { write(t, w, "first") })
				synctest.Wait()
				told := 0
				for range 5 {
					callers.Go(func() {
						if n, err := w.WriteLevel(level, []byte("x\n")); n != 2 || err != nil {
							told++
							diff(t, "error", "asyncbuf: write: line given up: no room", fmt.Sprint(err))
							diff(t, "n", 2, n)
						}
					})
					synctest.Wait()
				}
				diff(t, "told at once", 3, told)
				release()
				callers.Wait()
				closeWriter(t, w)
				diff(t, "told", uint64(told), checkAccounts(t, w).Dropped)
			})
		})
	}
}

// TestLargeLineLeavesAHealthyBufferAlone has lines larger than half of the buffer
// and a sink that works: what fits beside each other is not dropped.
func TestLargeLineLeavesAHealthyBufferAlone(t *testing.T) {
	for _, size := range []int{30, 50, 60, 74, 101, 500} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got testlog.Buffer
				w := asyncbuf.NewWriter(&got, &asyncbuf.WriterOptions{
					Size: 100, Policy: asyncbuf.DropOldest, FlushInterval: time.Millisecond,
				})
				large := strings.Repeat("x", size-1)
				var want []string
				for range 10 {
					write(t, w, "small", large) // at once: both are young
					time.Sleep(time.Second)
					want = append(want, "small", large)
				}
				closeWriter(t, w)
				reached, _ := got.Lines()
				diff(t, "lines", want, reached)
			})
		})
	}
}

// TestDropOldestKeepsWarningsBeforeAMillionLines fills a buffer whose sink hangs,
// with lines that stay in front of those that are dropped. BenchmarkDropOldest
// shows what these cost.
func TestDropOldestKeepsWarningsBeforeAMillionLines(t *testing.T) {
	if testlog.Race || testing.Short() {
		t.Skip("takes the time of a million lines")
	}
	for name, kept := range map[string]int{"none": 0, "4000": 4000} {
		t.Run(name, func(t *testing.T) {
			release := make(chan struct{})
			w := asyncbuf.NewWriter(writerFunc(func(p []byte) (int, error) {
				<-release
				return len(p), nil
			}), &asyncbuf.WriterOptions{Policy: asyncbuf.DropOldest, Summary: quiet})
			line := []byte(strings.Repeat("x", 24) + "\n")
			for i := range kept + 1_000_000 {
				level := slog.LevelInfo
				if i < kept {
					level = slog.LevelWarn
				}
				if _, err := w.WriteLevel(level, line); err != nil {
					t.Fatal(err)
				}
			}
			diff(t, "WARN dropped", uint64(0), checkAccounts(t, w).DroppedByLevel[slog.LevelWarn])
			close(release)
			closeWriter(t, w)
			checkAccounts(t, w)
		})
	}
}

func TestDropsBeyondTheOldestAreTold(t *testing.T) {
	opts := asyncbuf.WriterOptions{MaxLines: 4, Policy: asyncbuf.DropOldest, Reserve: -1}
	var told []uint64
	opts.OnDrop = func(d asyncbuf.Drop) { told = append(told, d.Lines) }
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		sink := &testlog.FaultWriter{W: &got}
		opts.Summary = func(d asyncbuf.Drop) []byte { return fmt.Appendf(nil, "%d dropped", d.Lines) }
		w := asyncbuf.NewWriter(sink, &opts)
		var want []string
		for range 3 {
			release := sink.Block()
			write(t, w, "first")
			time.Sleep(time.Second)
			write(t, w, names(10)...)
			release()
			time.Sleep(time.Second)
			want = append(want, "first", "line 008", "line 009", "8 dropped")
		}
		closeWriter(t, w)
		lines, _ := got.Lines()
		diff(t, "lines", want, lines)
		diff(t, "told", slices.Repeat([]uint64{8}, 3), told)
		checkAccounts(t, w)
	})
}

// TestDropOldestForgetsTheBatchesBefore has protected and other lines written
// before the sink hangs: they are no reason to keep or to drop anything later.
func TestDropOldestForgetsTheBatchesBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		sink := &testlog.FaultWriter{W: &got}
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{
			MaxLines: 10, Policy: asyncbuf.DropOldest, Reserve: -1, Summary: quiet,
			Protect: slog.LevelWarn, SyncLevel: slog.LevelError + 1,
		})
		lines := names(20)
		for range 6 {
			write(t, w, "info")
			for range 3 {
				if _, err := w.WriteLevel(slog.LevelWarn, []byte("warn\n")); err != nil {
					t.Error(err)
				}
			}
			if err := w.Flush(t.Context()); err != nil {
				t.Error(err)
			}
			got.Reset()
			release := sink.Block()
			write(t, w, "first")
			time.Sleep(time.Second)
			write(t, w, lines...)
			release()
			if err := w.Flush(t.Context()); err != nil {
				t.Error(err)
			}
			reached, _ := got.Lines()
			diff(t, "lines", append([]string{"first"}, lines[15:]...), reached)
		}
		closeWriter(t, w)
		checkAccounts(t, w)
	})
}

// TestDropOldestCountsWhatItHasDropped has a WARN that made way for a protected
// line, and is in nobody's way any more.
func TestDropOldestCountsWhatItHasDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		sink := &testlog.FaultWriter{W: &got}
		release := sink.Block()
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{
			Size: 100, Policy: asyncbuf.DropOldest, FlushInterval: -1, Summary: quiet, SyncLevel: slog.LevelError + 1,
		})
		write(t, w, "first")
		synctest.Wait()
		for _, line := range []struct {
			level slog.Level
			text  string
		}{
			{slog.LevelWarn, strings.Repeat("w", 44)},
			{slog.LevelError, strings.Repeat("e", 19)},
			{slog.LevelInfo, strings.Repeat("old", 4)},
			{slog.LevelInfo, strings.Repeat("new", 4)},
		} {
			if _, err := w.WriteLevel(line.level, []byte(line.text+"\n")); err != nil {
				t.Error(err)
			}
		}
		release()
		closeWriter(t, w)
		lines, _ := got.Lines()
		diff(t, "lines", []string{"first", strings.Repeat("e", 19), strings.Repeat("new", 4)}, lines)
		checkAccounts(t, w)
	})
}
