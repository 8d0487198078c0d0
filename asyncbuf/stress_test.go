package asyncbuf_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/internal/testlog"
)

// TestStressConcurrentSafe runs random writers, flushes, faults and closes, and
// compares what reached the sink, line by line, with what the Writer says.
func TestStressConcurrentSafe(t *testing.T) {
	seeds := 300
	if testing.Short() {
		seeds = 50
	}
	var total asyncbuf.Stats
	for seed := range seeds {
		if !t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := stress(t, rand.New(rand.NewPCG(uint64(seed), 0)))
				total.Written += s.Written
				total.DroppedFull += s.DroppedFull
				total.DroppedFailed += s.DroppedFailed
				total.DroppedShutdown += s.DroppedShutdown
				total.Refused += s.Refused
				total.Failures += s.Failures
			})
		}) {
			return
		}
	}
	t.Logf("%+v", total)
	if total.Written*total.DroppedFull*total.DroppedFailed*total.DroppedShutdown*total.Refused*total.Failures == 0 {
		t.Errorf("the stress did not reach everything: %+v", total)
	}
}

func stress(t *testing.T, r *rand.Rand) asyncbuf.Stats {
	t.Helper()
	sink := &wildSink{r: rand.New(rand.NewPCG(r.Uint64(), 1))}
	w := asyncbuf.NewWriter(sink, &asyncbuf.WriterOptions{
		Size:          int64(20 + r.IntN(2000)),
		MaxLines:      r.IntN(40),
		FlushInterval: time.Duration(r.IntN(20)-1) * time.Millisecond,
		Policy:        asyncbuf.Policy(r.IntN(2)),
		BlockTimeout:  time.Duration(r.IntN(2)*r.IntN(50)) * time.Millisecond,
		RetryFor:      time.Duration(1+r.IntN(500)) * time.Millisecond,
		Summary:       func(d asyncbuf.Drop) []byte { return fmt.Appendf(nil, "summary %d", d.Lines) },
	})

	const producers, lines = 5, 60
	levels := []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelInfo, slog.LevelError}
	var mu sync.Mutex
	taken := make(map[slog.Level]int)
	var all sync.WaitGroup
	for p := range producers {
		r := rand.New(rand.NewPCG(r.Uint64(), 2))
		all.Go(func() {
			for i := range lines {
				level := levels[r.IntN(len(levels))]
				line := fmt.Sprintf("%d %d %d %s\n", p, i, level, strings.Repeat("x", r.IntN(50)*r.IntN(3)))
				n, err := w.WriteLevel(level, []byte(line))
				switch {
				case n == len(line):
					mu.Lock()
					taken[level]++
					mu.Unlock()
				case n != 0 || !errors.Is(err, os.ErrClosed):
					t.Errorf("WriteLevel() = %d, %v", n, err)
				}
				if level == slog.LevelError && err == nil && !sink.has(line) {
					t.Errorf("%q is not in the sink when WriteLevel returns", line)
				}
				time.Sleep(time.Duration(r.IntN(3)*r.IntN(3)) * time.Millisecond)
			}
		})
	}
	all.Go(func() {
		for range 20 {
			checkAccounts(t, w)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			_ = w.Flush(ctx) // the sink may well be down
			cancel()
		}
	})
	if early := r.IntN(2) == 0; early {
		time.Sleep(time.Duration(r.IntN(100)) * time.Millisecond)
	} else {
		all.Wait()
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(r.IntN(1000))*time.Millisecond)
	defer cancel()
	err := w.Shutdown(ctx)
	all.Wait()
	time.Sleep(time.Minute) // the sink returns even when Shutdown did not wait for it

	s := checkAccounts(t, w)
	reached, torn := sink.got.Lines()
	if s.Queued != 0 || err == nil && s.DroppedShutdown > 0 || err == nil && torn != "" {
		t.Errorf("after Shutdown() = %v: %+v, torn %q", err, s, torn)
	}
	diff(t, "lines in the sink", s.Written, uint64(len(reached)))
	next := make([]int, producers)
	arrived := make(map[slog.Level]int)
	for _, line := range reached {
		if strings.HasPrefix(line, "summary ") {
			continue
		}
		var p, i, level int
		if _, err := fmt.Sscan(line, &p, &i, &level); err != nil || i < next[p] {
			t.Errorf("line %q, want number %d or more: %v", line, next[p], err)
			return s
		}
		next[p] = i + 1
		arrived[slog.Level(level)]++
	}
	for _, level := range levels {
		diff(t, level.String(), taken[level]-int(s.DroppedByLevel[level]), arrived[level])
	}
	return s
}

// A wildSink is slow, fails, writes short and panics, in phases.
type wildSink struct {
	mu    sync.Mutex
	r     *rand.Rand
	phase int
	left  int
	got   testlog.Buffer
}

func (s *wildSink) Write(p []byte) (int, error) {
	s.mu.Lock()
	if s.left == 0 {
		s.phase, s.left = s.r.IntN(8), 1+s.r.IntN(6)
	}
	s.left--
	phase, cut, delay := s.phase, s.r.IntN(len(p)+1), time.Duration(s.r.IntN(20))*time.Millisecond
	s.mu.Unlock()
	switch phase {
	case 0:
		return 0, testlog.ErrInjected
	case 1:
		n, _ := s.got.Write(p[:cut])
		return n, testlog.ErrInjected
	case 2:
		return s.got.Write(p[:cut])
	case 3:
		panic("wild")
	case 4:
		time.Sleep(delay)
	}
	return s.got.Write(p)
}

func (s *wildSink) has(line string) bool { return bytes.Contains(s.got.Bytes(), []byte(line)) }
