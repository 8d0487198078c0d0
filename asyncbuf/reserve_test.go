package asyncbuf_test

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/internal/testlog"
)

// TestReserveIsKeptForWarnings fills buffers for 100 lines under DropNewest, with
// lines below WARN first.
func TestReserveIsKeptForWarnings(t *testing.T) {
	for _, test := range []struct {
		reserve float64
		below   int // lines below WARN for which there is room
	}{
		{0, 80},
		{0.25, 75},
		{0.9, 10},
		{1, 10},
		{7, 10},
		{-1, 100},
		{-0.001, 100},
		{math.NaN(), 80},
		{math.Inf(1), 10},
		{math.Inf(-1), 100},
	} {
		t.Run(fmt.Sprint(test.reserve), func(t *testing.T) {
			opts := asyncbuf.WriterOptions{
				MaxLines: 100, Policy: asyncbuf.DropNewest, Reserve: test.reserve, Protect: slog.LevelError + 1,
			}
			hangs(t, opts, func(t *testing.T, buf hung) {
				lines := names(200)
				buf.log(slog.LevelWarn-1, lines...)
				diff(t, "below WARN", uint64(test.below), checkAccounts(t, buf).Queued)
				buf.log(slog.LevelWarn, lines...)
				diff(t, "in all", uint64(100), checkAccounts(t, buf).Queued)
				want := append([]string{"first"}, lines[:test.below-1]...)
				buf.finish(t, append(want, lines[:100-test.below]...))
			})
		})
	}
}

func TestReserveOfBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &testlog.FaultWriter{W: new(testlog.Buffer)}
		release := sink.Block()
		w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{
			Size: 1000, Policy: asyncbuf.DropNewest, FlushInterval: -1, Summary: quiet,
		})
		write(t, w, names(200)...)
		diff(t, "below WARN", int64(800/9*9), checkAccounts(t, w).QueuedBytes)
		for _, line := range names(200) {
			if _, err := w.WriteLevel(slog.LevelWarn, []byte(line+"\n")); err != nil {
				t.Error(err)
			}
		}
		diff(t, "in all", int64(1000/9*9), checkAccounts(t, w).QueuedBytes)
		release()
		closeWriter(t, w)
	})
}

// TestWarningsPassCallersThatWait has callers below WARN that wait for room,
// and lets WARN by, which finds room in the reserve.
func TestWarningsPassCallersThatWait(t *testing.T) {
	opts := asyncbuf.WriterOptions{MaxLines: 10, Reserve: 0.5}
	hangs(t, opts, func(t *testing.T, buf hung) {
		buf.log(slog.LevelInfo, "1", "2", "3", "4")
		var callers sync.WaitGroup
		for _, line := range []string{"5", "6"} {
			callers.Go(func() { buf.log(slog.LevelInfo, line) })
			synctest.Wait()
		}
		diff(t, "below WARN", uint64(5), checkAccounts(t, buf).Accepted)
		buf.log(slog.LevelWarn, "w1", "w2", "w3", "w4", "w5") // at once
		diff(t, "with WARN", uint64(10), checkAccounts(t, buf).Accepted)
		for _, line := range []string{"w6", "w7"} {
			callers.Go(func() { buf.log(slog.LevelWarn, line) })
			synctest.Wait()
		}
		diff(t, "full", uint64(10), checkAccounts(t, buf).Accepted)
		go func() {
			synctest.Wait()
			buf.release()
		}()
		callers.Wait()
		buf.release = func() {}
		buf.finish(t, []string{"first", "1", "2", "3", "4", "w1", "w2", "w3", "w4", "w5", "w6", "w7", "5", "6"})
	})
}

func TestProtectedLinesWaitLongerThanBlockTimeout(t *testing.T) {
	opts := asyncbuf.WriterOptions{
		MaxLines: 2, BlockTimeout: time.Second, Protect: slog.LevelWarn, SyncLevel: slog.LevelError + 1,
	}
	hangs(t, opts, func(t *testing.T, buf hung) {
		buf.log(slog.LevelInfo, "1")
		start := time.Now()
		buf.log(slog.LevelInfo, "too late")
		diff(t, "waited", time.Second, time.Since(start))
		time.AfterFunc(time.Hour, buf.release)
		start = time.Now()
		// It waits for room without a bound, and then, as at SyncLevel, for its line.
		buf.log(slog.LevelWarn, "kept")
		diff(t, "waited", time.Hour, time.Since(start))
		diff(t, "handled", []string{"first", "1", "kept"}, buf.reached())
		buf.release = func() {}
		buf.finish(t, []string{"first", "1", "kept"})
	})
}

// TestTinyBuffers writes lines around the size of small buffers, to a sink that is
// slow, and one that hangs for a while.
func TestTinyBuffers(t *testing.T) {
	policies := []asyncbuf.Policy{asyncbuf.Block, asyncbuf.DropNewest, asyncbuf.DropOldest}
	for _, policy := range policies {
		for _, opts := range []asyncbuf.WriterOptions{
			{Size: 1},
			{Size: 2},
			{Size: 10},
			{Size: 10, Reserve: -1},
			{Size: 10, Reserve: 0.9},
			{Size: 64},
			{MaxLines: 1},
			{MaxLines: 2},
			{MaxLines: 3},
			{MaxLines: 1, Size: 1},
			{MaxLines: 3, Size: 64, Reserve: 0.9},
		} {
			opts.Policy, opts.Summary = policy, quiet
			name := fmt.Sprintf("%v/%d bytes, %d lines, reserve %v", policy, opts.Size, opts.MaxLines, opts.Reserve)
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { tinyBuffer(t, opts) })
			})
		}
	}
}

func tinyBuffer(t *testing.T, opts asyncbuf.WriterOptions) {
	t.Helper()
	size := max(int(opts.Size), 2)
	var got testlog.Buffer
	w := asyncbuf.NewWriter(writerFunc(func(p []byte) (int, error) {
		time.Sleep(10 * time.Millisecond)
		return got.Write(p)
	}), &opts)
	levels := []slog.Level{slog.LevelInfo, slog.LevelWarn, slog.LevelError}
	sizes := []int{1, 2, size / 2, size - 1, size, size + 1, 2 * size, 10 * size}
	if opts.Size == 0 {
		sizes = []int{1, 2, 100}
	}
	written := make(map[string]bool)
	for _, pause := range []time.Duration{0, time.Millisecond, 100 * time.Millisecond} {
		for i, level := range levels {
			for j, size := range sizes {
				id := fmt.Sprint(pause, i, j)
				line := strings.Repeat("x", max(size-1-len(id), 0)) + id + "\n"
				line = line[max(len(line)-max(size, 1), 0):]
				n, err := w.WriteLevel(level, []byte(line))
				if n != len(line) || err != nil {
					t.Errorf("WriteLevel(%v, %d bytes) = %d, %v", level, len(line), n, err)
				}
				s := checkAccounts(t, w)
				if most := opts.Size + int64(len(line)); opts.Size > 0 && len(line) > int(opts.Size) && s.QueuedBytes > most {
					t.Errorf("%d bytes queued, want at most %d", s.QueuedBytes, most)
				} else if opts.Size > 0 && len(line) <= int(opts.Size) && s.QueuedBytes > opts.Size && s.HighWater <= opts.Size {
					t.Errorf("%d bytes queued", s.QueuedBytes)
				}
				if opts.MaxLines > 0 && s.Queued > uint64(opts.MaxLines) {
					t.Errorf("%d lines queued", s.Queued)
				}
				if level == slog.LevelError && !strings.HasSuffix(got.String(), line) {
					t.Errorf("%q is not in the sink at its end", line)
				}
				written[line] = true
				time.Sleep(pause)
			}
		}
	}
	if err := w.Flush(t.Context()); err != nil {
		t.Errorf("Flush() = %v", err)
	}
	closeWriter(t, w)
	s := checkAccounts(t, w)
	lines, torn := got.Lines()
	diff(t, "torn", "", torn)
	diff(t, "written", s.Written, uint64(len(lines)))
	diff(t, "ERROR dropped", uint64(0), s.DroppedByLevel[slog.LevelError])
	if opts.Policy == asyncbuf.Block {
		diff(t, "dropped", uint64(0), s.Dropped)
	}
	for _, line := range lines {
		if !written[line+"\n"] {
			t.Errorf("%q was not written", line)
		}
	}
}

// TestLinesAroundTheSize fills an empty buffer whose sink hangs with a line of one
// byte, and one around its size.
func TestLinesAroundTheSize(t *testing.T) {
	const size = 100
	for _, policy := range []asyncbuf.Policy{asyncbuf.Block, asyncbuf.DropNewest, asyncbuf.DropOldest} {
		for n, want := range map[int]bool{size - 2: true, size - 1: true, size: false, size + 1: true} {
			// The first line has one byte. One larger than Size is taken beyond it.
			t.Run(fmt.Sprintf("%v/%d", policy, n), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var got testlog.Buffer
					sink := &testlog.FaultWriter{W: &got}
					release := sink.Block()
					w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{
						Size: size, Policy: policy, Reserve: -1, BlockTimeout: time.Second, FlushInterval: -1, Summary: quiet,
					})
					if _, err := w.Write([]byte("\n")); err != nil {
						t.Error(err)
					}
					synctest.Wait()
					line := strings.Repeat("x", n-1) + "\n"
					got1, err := w.Write([]byte(line))
					if got1 != n || (err == nil) != (n <= size) {
						t.Errorf("Write(%d bytes) = %d, %v", n, got1, err)
					}
					diff(t, "taken", want, checkAccounts(t, w).Queued == 2)
					release()
					closeWriter(t, w)
					diff(t, "written", want, strings.HasSuffix(got.String(), line))
					checkAccounts(t, w)
				})
			})
		}
	}
}

// TestDoneRecordsGiveTheirRoomBack has a handler that takes a second for a record:
// what is handled must not be in the way until the whole batch is.
func TestDoneRecordsGiveTheirRoomBack(t *testing.T) {
	for _, policy := range []asyncbuf.Policy{asyncbuf.Block, asyncbuf.DropNewest} {
		t.Run(policy.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner := &recorder{do: slowly(time.Second)}
				h := asyncbuf.NewHandler(inner, &asyncbuf.HandlerOptions{MaxLines: 10, Reserve: -1, Policy: policy})
				ctx := context.Background()
				log := func(n int) {
					for range n {
						if err := h.Handle(ctx, record(slog.LevelInfo, "m")); err != nil {
							t.Error(err)
						}
					}
				}
				log(5)
				time.Sleep(4500 * time.Millisecond) // four are handled
				start := time.Now()
				log(9)
				diff(t, "waited", time.Duration(0), time.Since(start))
				s := checkAccounts(t, h)
				diff(t, "dropped", uint64(0), s.Dropped)
				diff(t, "written", uint64(4), s.Written)
				diff(t, "queued", uint64(10), s.Queued)
				time.Sleep(time.Minute)
				closeWriter(t, h)
				diff(t, "handled", 14, len(inner.messages()))
			})
		})
	}
}

// TestLinesBelowWarnWaitBehindWarnings has room for a short line, but not for the
// WARN that waits in front of it.
func TestLinesBelowWarnWaitBehindWarnings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got testlog.Buffer
		takes := make(chan int)
		w := asyncbuf.NewWriter(writerFunc(func(p []byte) (int, error) {
			n, some := <-takes
			if !some {
				n = len(p)
			}
			_, _ = got.Write(p[:n])
			return n, nil
		}), &asyncbuf.WriterOptions{Size: 100, Reserve: -1, FlushInterval: -1, Summary: quiet})
		long := strings.Repeat("x", 59)
		write(t, w, long)
		synctest.Wait()
		write(t, w, strings.Repeat("y", 29))
		var callers sync.WaitGroup
		callers.Go(func() {
			if _, err := w.WriteLevel(slog.LevelWarn, []byte(strings.Repeat("w", 39)+"\n")); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		callers.Go(func() { write(t, w, "info") })
		synctest.Wait()
		takes <- 10
		synctest.Wait()
		diff(t, "taken", uint64(2), checkAccounts(t, w).Accepted)
		close(takes)
		callers.Wait()
		if err := w.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		lines, _ := got.Lines()
		diff(t, "last lines", []string{strings.Repeat("w", 39), "info"}, lines[2:])
		closeWriter(t, w)
	})
}

// TestLineLargerThanSizeNeedsHalfOfIt bounds what a hung sink costs: only one line
// is taken beyond Size.
func TestLineLargerThanSizeNeedsHalfOfIt(t *testing.T) {
	for queued, want := range map[int]bool{40: true, 49: true, 50: false, 60: false} {
		for _, policy := range []asyncbuf.Policy{asyncbuf.Block, asyncbuf.DropNewest, asyncbuf.DropOldest} {
			t.Run(fmt.Sprintf("%v/%d", policy, queued), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					sink := &testlog.FaultWriter{W: new(testlog.Buffer)}
					release := sink.Block()
					w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{
						Size: 100, Policy: policy, Reserve: -1, BlockTimeout: time.Second, FlushInterval: -1, Summary: quiet,
					})
					write(t, w, strings.Repeat("x", queued-1))
					synctest.Wait()
					for i := range 3 { // the next ones are not taken in any case
						_, _ = w.Write([]byte(strings.Repeat("l", 150)))
						diff(t, fmt.Sprint("large lines queued after ", i+1), want, checkAccounts(t, w).Queued == 2)
					}
					release()
					closeWriter(t, w)
					checkAccounts(t, w)
				})
			})
		}
	}
}
