package asyncbuf_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/asyncbuf"
	"github.com/sluicelog/sluice/internal/testlog"
)

// TestStressConcurrentSafe runs random writers, flushes, faults and closes, and
// compares what reached the sink, line by line, with what the buffer says.
func TestStressConcurrentSafe(t *testing.T) {
	seeds := 1000
	switch {
	case testing.Short():
		seeds = 100
	case testlog.Race:
		seeds = 400
	}
	totals := make(map[string]*stressTotal)
	for seed := range seeds {
		if !t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStress(rand.New(rand.NewPCG(uint64(seed), 0)), seed%2 == 0)
				name := fmt.Sprintf("%T %v", s.buf, s.opts.Policy)
				if totals[name] == nil {
					totals[name] = new(stressTotal)
				}
				s.run(t, totals[name])
			})
		}) {
			return
		}
	}
	if testing.Short() {
		return // so few do not reach everything
	}
	for name, total := range totals {
		t.Logf("%s: %+v", name, *total)
		if strings.HasPrefix(name, "*asyncbuf.Writer") {
			total.late++ // it takes nothing after Close
		}
		for what, n := range map[string]uint64{
			"written": total.stats.Written, "full": total.stats.DroppedFull, "failed": total.stats.DroppedFailed,
			"shutdown": total.stats.DroppedShutdown, "refused": total.stats.Refused, "failures": total.stats.Failures,
			"goexits": total.goexits, "chat": total.chat, "summaries": total.summaries, "late": total.late,
		} {
			if n == 0 {
				t.Errorf("%s: the stress did not reach %s", name, what)
			}
		}
	}
	diff(t, "kinds and policies", 6, len(totals))
}

// A stressTotal says what the seeds of one kind have reached.
type stressTotal struct {
	stats     asyncbuf.Stats
	goexits   uint64
	chat      uint64 // lines of the sink itself
	summaries uint64
	late      uint64 // records handled without the buffer
}

// A stress is one run of the model.
type stress struct {
	r    *rand.Rand
	buf  stressed
	sink *wild
	opts asyncbuf.WriterOptions // those of a Handler, too

	mu    sync.Mutex
	taken map[slog.Level]int
	told  uint64 // lines, by OnDrop
}

// stressed is a Writer or a Handler.
type stressed interface {
	account
	Flush(context.Context) error
	Shutdown(context.Context) error
}

const (
	producers = 4
	chatter   = producers // the number of the sink when it logs
)

func newStress(r *rand.Rand, writer bool) *stress {
	s := &stress{r: r, taken: make(map[slog.Level]int)}
	s.sink = &wild{r: rand.New(rand.NewPCG(r.Uint64(), 1)), s: s, tries: make(map[string]int)}
	levels := []slog.Leveler{nil, slog.LevelWarn, slog.LevelError, slog.LevelError + 1, new(slog.LevelVar)}
	s.opts = asyncbuf.WriterOptions{
		Size:          int64(20 + r.IntN(2000)),
		MaxLines:      r.IntN(40),
		FlushInterval: time.Duration(r.IntN(20)-1) * time.Millisecond,
		Policy:        asyncbuf.Policy(r.IntN(3)),
		Reserve:       []float64{0, -1, 0.5, 0.9}[r.IntN(4)],
		BlockTimeout:  time.Duration(r.IntN(2)*r.IntN(50)) * time.Millisecond,
		RetryFor:      time.Duration(r.IntN(2)*r.IntN(500)-r.IntN(2)) * time.Millisecond,
		SyncLevel:     levels[r.IntN(len(levels))],
		Protect:       levels[r.IntN(len(levels))],
		Summary:       func(d asyncbuf.Drop) []byte { return fmt.Appendf(nil, "summary %d", d.Lines) },
		OnDrop:        func(d asyncbuf.Drop) { s.mu.Lock(); s.told += d.Lines; s.mu.Unlock() },
		OnError:       s.sink.hook,
	}
	if writer {
		s.buf = asyncbuf.NewWriter(s.sink, &s.opts)
		return s
	}
	s.opts.Size *= 4 // a record is larger than its message
	s.buf = asyncbuf.NewHandler(s.sink, &asyncbuf.HandlerOptions{
		Size:          s.opts.Size,
		MaxLines:      s.opts.MaxLines,
		FlushInterval: s.opts.FlushInterval,
		Policy:        s.opts.Policy,
		Reserve:       s.opts.Reserve,
		BlockTimeout:  s.opts.BlockTimeout,
		RetryFor:      s.opts.RetryFor,
		SyncLevel:     s.opts.SyncLevel,
		Protect:       s.opts.Protect,
		OnDrop:        s.opts.OnDrop,
		OnError:       s.opts.OnError,
		Summary:       func(d asyncbuf.Drop) slog.Record { return record(slog.LevelWarn, fmt.Sprint("summary ", d.Lines)) },
	})
	return s
}

func (s *stress) run(t *testing.T, total *stressTotal) {
	t.Helper()
	var all sync.WaitGroup
	for p := range producers {
		r := rand.New(rand.NewPCG(s.r.Uint64(), 2))
		all.Go(func() { s.produce(t, p, r) })
	}
	all.Go(func() {
		for range 20 {
			s.checkBounds(t)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			_ = s.buf.Flush(ctx) // the sink may well be down
			cancel()
		}
	})
	if early := s.r.IntN(2) == 0; early {
		time.Sleep(time.Duration(s.r.IntN(100)) * time.Millisecond)
	} else {
		all.Wait()
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(s.r.IntN(1000))*time.Millisecond)
	defer cancel()
	err := s.buf.Shutdown(ctx)
	all.Wait()
	time.Sleep(time.Minute) // the sink returns even when Shutdown did not wait for it

	stats := checkAccounts(t, s.buf)
	torn := s.sink.torn()
	if stats.Queued != 0 || err == nil && stats.DroppedShutdown > 0 || err == nil && torn != "" {
		t.Errorf("after Shutdown() = %v: %+v, torn %q", err, stats, torn)
	}
	s.compare(t, stats, total)
}

func (s *stress) produce(t *testing.T, p int, r *rand.Rand) {
	levels := []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelInfo, slog.LevelWarn, slog.LevelError}
	for i := range 40 {
		level := levels[r.IntN(len(levels))]
		line := fmt.Sprintf("%d %d %d %s\n", p, i, level, strings.Repeat("x", r.IntN(50)*r.IntN(3)))
		if err, returned := s.log(t, level, line); err == nil && returned && s.mustBeThere(level) && !s.sink.has(line) {
			t.Errorf("%q is not in the sink when the call returns", line)
		}
		time.Sleep(time.Duration(r.IntN(3)*r.IntN(3)) * time.Millisecond)
	}
}

// mustBeThere reports whether a line for which there was no error is in the sink.
func (s *stress) mustBeThere(level slog.Level) bool {
	atLeast := func(l slog.Leveler) bool {
		return l == nil && level >= slog.LevelError || l != nil && level >= l.Level()
	}
	kept := atLeast(s.opts.Protect) || s.opts.Policy == asyncbuf.Block && s.opts.BlockTimeout == 0
	return kept && atLeast(s.opts.SyncLevel)
}

// log logs a line, in a goroutine that the sink may end, and counts it if it was
// taken.
func (s *stress) log(t *testing.T, level slog.Level, line string) (err error, returned bool) {
	done := make(chan struct{})
	taken := true // unless the call says otherwise
	go func() {
		defer close(done)
		switch buf := s.buf.(type) {
		case *asyncbuf.Writer:
			var n int
			n, err = buf.WriteLevel(level, []byte(line))
			if taken = n == len(line); !taken && (n != 0 || !errors.Is(err, os.ErrClosed)) {
				t.Errorf("WriteLevel() = %d, %v", n, err)
			}
		case *asyncbuf.Handler:
			err = buf.Handle(t.Context(), record(level, line))
		}
		returned = true
	}()
	<-done
	s.count(level, taken)
	return err, returned
}

func (s *stress) count(level slog.Level, taken bool) {
	if !taken {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken[level]++
}

// chat logs from inside the sink, and counts the line if it was taken.
func (s *stress) chat(level slog.Level, line string) {
	taken := false
	switch buf := s.buf.(type) {
	case *asyncbuf.Writer:
		n, _ := buf.WriteLevel(level, []byte(line))
		taken = n == len(line)
	case *asyncbuf.Handler:
		err := buf.Handle(context.Background(), record(level, line))
		taken = err == nil || strings.Contains(err.Error(), "line given up")
	}
	s.count(level, taken)
}

// checkBounds checks the accounts and what may be queued.
func (s *stress) checkBounds(t *testing.T) {
	t.Helper()
	const line, summary = 800, 800 // bytes at most, as the buffer counts them
	stats := checkAccounts(t, s.buf)
	if most := s.opts.Size + line + summary; stats.HighWater > most {
		t.Errorf("%d bytes queued, want at most %d", stats.HighWater, most)
	}
	if most := uint64(s.opts.MaxLines) + 2; s.opts.MaxLines > 0 && stats.Queued > most {
		t.Errorf("%d lines queued, want at most %d", stats.Queued, most)
	}
}

// compare compares what reached the sink with what the buffer says of it.
func (s *stress) compare(t *testing.T, stats asyncbuf.Stats, total *stressTotal) {
	t.Helper()
	reached, late := s.sink.lines()
	diff(t, "lines in the sink", stats.Written, uint64(len(reached)+len(late)))
	next := make([]int, producers+1)
	arrived := make(map[slog.Level]int)
	var summaries uint64
	for i, line := range append(reached, late...) {
		if strings.HasPrefix(line, "summary ") {
			summaries++
			continue
		}
		var p, n, level int
		if _, err := fmt.Sscan(line, &p, &n, &level); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		arrived[slog.Level(level)]++
		if i >= len(reached) {
			continue // these have passed what was still queued
		}
		if n < next[p] {
			t.Fatalf("line %q, want number %d or more", line, next[p])
		}
		next[p] = n + 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := 0
	for _, n := range s.taken {
		taken += n
	}
	ownDropped := stats.Accepted - uint64(taken) - summaries // summaries are WARN, too
	if ownDropped > stats.DroppedByLevel[slog.LevelWarn] {
		t.Errorf("%d lines taken, %d summaries arrived, but %+v", taken, summaries, stats)
	}
	for level, n := range s.taken {
		dropped := stats.DroppedByLevel[level]
		if level == slog.LevelWarn {
			dropped -= ownDropped
		}
		diff(t, level.String()+" arrived", n-int(dropped), arrived[level])
		protect := s.opts.Protect
		if protect == nil {
			protect = slog.LevelError
		}
		if level >= protect.Level() && stats.DroppedFailed+stats.DroppedShutdown == 0 {
			diff(t, level.String()+" dropped, which is protected", uint64(0), dropped)
		}
	}
	// Nobody needs to be told of summaries, nor of what is in Handle's error.
	if s.told > stats.Dropped || s.told < stats.Dropped-ownDropped-s.sink.lateFailed {
		t.Errorf("OnDrop was told of %d lines; dropped: %d lines, %d of them summaries, and %d after Close",
			s.told, stats.Dropped, ownDropped, s.sink.lateFailed)
	}

	total.stats.Written += stats.Written
	total.stats.DroppedFull += stats.DroppedFull
	total.stats.DroppedFailed += stats.DroppedFailed
	total.stats.DroppedShutdown += stats.DroppedShutdown
	total.stats.Refused += stats.Refused
	total.stats.Failures += stats.Failures
	total.goexits += uint64(s.sink.goexits)
	total.chat += uint64(next[chatter])
	total.summaries += summaries
	total.late += uint64(len(late))
	s.sink.checkTries(t, s.opts.RetryFor)
}

// wild is a sink and a handler that is slow, fails, does half of its work, panics,
// ends its goroutine and logs into its buffer, in phases.
type wild struct {
	s *stress

	mu      sync.Mutex
	r       *rand.Rand
	phase   int
	left    int
	chats   int
	goexits int
	got     testlog.Buffer // of a Writer
	handled []string       // by a Handler
	late    []string       // handled without the buffer

	lateFailed uint64         // records that failed without the buffer
	tries      map[string]int // by message
	again      []string       // tried after they were handled
}

// Phases of a wild sink.
const (
	wildFails = iota
	wildHalf
	wildShort
	wildPanics
	wildGoexit
	wildSlow
	wildTalks
	wildPhases = 10 // in the others it works
)

func (w *wild) next() (phase, cut int, delay time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.left == 0 {
		w.phase, w.left = w.r.IntN(wildPhases), 1+w.r.IntN(6)
	}
	w.left--
	if w.phase == wildGoexit {
		w.goexits++
	}
	return w.phase, w.r.IntN(1000), time.Duration(w.r.IntN(20)) * time.Millisecond
}

// misbehave does what sinks and handlers have in common.
func (w *wild) misbehave(phase int, delay time.Duration) error {
	switch phase {
	case wildFails:
		return testlog.ErrInjected
	case wildPanics:
		panic("wild")
	case wildGoexit:
		runtime.Goexit()
	case wildSlow:
		time.Sleep(delay)
	case wildTalks:
		w.mu.Lock()
		w.chats++
		n := w.chats
		w.mu.Unlock()
		level := slog.Level(n % 4 * 4)
		w.s.chat(level, fmt.Sprintf("%d %d %d\n", chatter, n, level))
	}
	return nil
}

// Write is that of a sink.
func (w *wild) Write(p []byte) (int, error) {
	phase, cut, delay := w.next()
	if err := w.misbehave(phase, delay); err != nil {
		return 0, err
	}
	switch phase {
	case wildHalf:
		n, _ := w.got.Write(p[:cut%(len(p)+1)])
		return n, testlog.ErrInjected
	case wildShort:
		return w.got.Write(p[:cut%(len(p)+1)])
	}
	return w.got.Write(p)
}

// EndBatch is called at the end of the batches of a Handler.
func (w *wild) EndBatch() error { return w.end() }

// Flush is called at the end of the batches of a Writer, and by the Flush of a
// Handler.
func (w *wild) Flush() error { return w.end() }

func (w *wild) end() error {
	w.mu.Lock()
	phase := w.r.IntN(20 * wildPhases)
	if _, ok := w.s.buf.(*asyncbuf.Handler); ok && phase == wildTalks {
		phase = wildPhases // in Flush, which is no part of a batch, it may wait
	}
	if phase == wildGoexit {
		w.goexits++
	}
	w.mu.Unlock()
	return w.misbehave(phase, time.Millisecond)
}

// hook is told of failures, and does not take it well.
func (w *wild) hook(error) {
	w.mu.Lock()
	phase := w.r.IntN(5 * wildPhases)
	w.mu.Unlock()
	if phase == wildPanics || phase == wildGoexit {
		_ = w.misbehave(phase, 0)
	}
}

func (*wild) Enabled(context.Context, slog.Level) bool { return true }

// Handle is that of a handler.
func (w *wild) Handle(_ context.Context, r slog.Record) error {
	phase, _, delay := w.next()
	late := bytes.Contains(stack(), []byte("handleNow"))
	w.mu.Lock()
	w.tries[r.Message]++
	if contains(w.handled, r.Message) {
		w.again = append(w.again, r.Message)
	}
	if late && (phase == wildFails || phase == wildHalf || phase == wildPanics || phase == wildGoexit) {
		w.lateFailed++
	}
	w.mu.Unlock()
	if err := w.misbehave(phase, delay); err != nil {
		return err
	}
	if phase == wildHalf {
		return testlog.ErrInjected
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if late {
		w.late = append(w.late, r.Message)
	} else {
		w.handled = append(w.handled, r.Message)
	}
	return nil
}

func (w *wild) WithAttrs([]slog.Attr) slog.Handler { return w }
func (w *wild) WithGroup(string) slog.Handler      { return w }

func stack() []byte {
	buf := make([]byte, 4<<10)
	return buf[:runtime.Stack(buf, false)]
}

// contains reports whether one of the messages is msg, and no summary, which may
// well come again.
func contains(messages []string, msg string) bool {
	for _, m := range messages {
		if m == msg && !strings.HasPrefix(m, "summary") {
			return true
		}
	}
	return false
}

func (w *wild) has(line string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Contains(w.got.Bytes(), []byte(line)) || contains(w.handled, line) || contains(w.late, line)
}

// lines returns what the buffer has handed over, and what a Handler has handed
// over without the buffer.
func (w *wild) lines() (reached, late []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	reached, _ = w.got.Lines()
	return append(reached, w.handled...), w.late
}

func (w *wild) torn() string {
	_, torn := w.got.Lines()
	return torn
}

// checkTries wants records to be tried again only after a failure, and only if
// that is asked for.
func (w *wild) checkTries(t *testing.T, retryFor time.Duration) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	diff(t, "tried again after they were handled", []string(nil), w.again)
	for msg, n := range w.tries {
		if n > 1 && retryFor == 0 && !strings.HasPrefix(msg, "summary") {
			t.Errorf("%q was tried %d times", msg, n)
		}
	}
}
