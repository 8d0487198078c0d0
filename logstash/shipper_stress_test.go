package logstash_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// TestShipperStress runs random writers, flushes, faults and restarts, and compares
// what the receiver has with what the Shippers say.
func TestShipperStress(t *testing.T) {
	seeds := 80
	if os.Getenv("SLUICE_TORTURE") != "" {
		seeds = 3000
	}
	var total logstash.Stats
	for seed := range seeds {
		if testlog.Race && seed%4 > 0 {
			continue
		}
		if !t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				x := newStress(rand.New(rand.NewPCG(uint64(seed), 0)), dir)
				x.run(t, &total)
			})
		}) {
			return
		}
	}
	for what, n := range map[string]uint64{
		"written": total.Written, "full": total.DroppedFull, "shutdown": total.DroppedShutdown,
		"rejected": total.DroppedRejected, "spool": total.DroppedSpool, "restored": total.Restored, "resent": total.Resent,
	} {
		if n == 0 {
			t.Errorf("the stress did not reach %s", what)
		}
	}
	t.Logf("%+v", total)
}

// stress is one run: Shippers, one after the other, over the same spool.
type stress struct {
	r    *rand.Rand
	opts logstash.DialOptions
	wild *wild
	next [stressWriters]int // events of each writer so far

	mu    sync.Mutex
	taken map[int]bool // events for which Write had no error
	drops map[int]int  // how often OnDrop was told of an event
}

const (
	stressWriters = 3
	stressEach    = 10_000 // events of one writer at most; what is left of 7 is poison, in some runs
)

func newStress(r *rand.Rand, dir string) *stress {
	x := &stress{r: r, taken: make(map[int]bool), drops: make(map[int]int)}
	x.wild = &wild{r: rand.New(rand.NewPCG(r.Uint64(), 1)), acked: make(map[int]int), seen: make(map[int]bool)}
	x.wild.poison = r.IntN(3) == 0
	least := 0
	if x.wild.poison {
		least = 20 // in a queue of nothing but poison nothing shows that the receiver works
	}
	x.opts = logstash.DialOptions{
		Size:          int64(500 + 200*least + r.IntN(5000)),
		MaxEvents:     r.IntN(2) * (least + r.IntN(30)),
		MaxEventBytes: 200,
		Policy:        logstash.Policy(r.IntN(3)),
		Reserve:       []float64{0, -1, 0.5, 0.9}[r.IntN(4)],
		BlockTimeout:  time.Duration(1+r.IntN(100)) * time.Millisecond,
		BatchSize:     []int{0, 1, 2, 3, 7}[r.IntN(5)],
		FlushInterval: time.Duration(r.IntN(30)-1) * time.Millisecond,
		MinBackoff:    time.Duration(1+r.IntN(10)) * time.Millisecond,
		MaxBackoff:    time.Duration(10+r.IntN(100)) * time.Millisecond,
		OnError:       func(error) { panic("OnError") },
		OnDrop:        x.dropped,
	}
	if x.opts.SpoolMode = logstash.SpoolMode(r.IntN(3)); x.opts.SpoolMode != logstash.SpoolOff {
		x.opts.SpoolDir = dir
		x.opts.SpoolMaxBytes = int64(800 + r.IntN(20_000))
		x.opts.SpoolSync = logstash.SyncNever // for speed
		x.opts.SpoolMaxAge = time.Duration(r.IntN(2)*r.IntN(4)) * time.Second
	}
	return x
}

func (x *stress) dropped(event []byte, _ error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.drops[eventID(event)]++
}

func (x *stress) run(t *testing.T, total *logstash.Stats) {
	t.Helper()
	var spooled, evicted uint64
	for life := range 3 {
		x.wild.tame = life == 2
		s := newShipper(t, x.wild, &x.opts)
		if st := s.Stats(); st.Restored != spooled && !x.mayExceed(st.Restored, spooled) {
			t.Errorf("life %d: restored %d, want %d", life, st.Restored, spooled)
		}
		x.live(t, s, life == 2)
		st := checkAccounts(t, s)
		if st.Queued != 0 {
			t.Errorf("queued %d after the end", st.Queued)
		}
		spooled = st.Spooled
		evicted += st.DroppedSpool
		add(total, st)
	}
	if spooled != 0 {
		t.Errorf("spooled %d, with a receiver that works", spooled)
	}
	x.compare(t, evicted)
	if t.Failed() {
		t.Logf("options: %+v", x.opts)
	}
}

// live is the life of one Shipper. The last one has time.
func (x *stress) live(t *testing.T, s *logstash.Shipper, last bool) {
	t.Helper()
	over := make(chan struct{})
	var all, watch sync.WaitGroup
	watch.Go(func() { x.watch(t, s, over) })
	for w := range stressWriters {
		r := rand.New(rand.NewPCG(x.r.Uint64(), 2))
		all.Go(func() { x.write(t, s, w, r) })
	}
	all.Go(func() {
		for range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			_ = s.Flush(ctx) // the receiver may well be down
			cancel()
		}
	})
	patience := time.Duration(x.r.IntN(300)) * time.Millisecond
	if early := x.r.IntN(2) == 0; early && !last {
		time.Sleep(time.Duration(x.r.IntN(200)) * time.Millisecond)
	} else {
		all.Wait()
	}
	if last {
		x.finish(t, s)
		patience = time.Hour
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err == nil && s.Stats().DroppedShutdown > s.Stats().Accepted-x.before(s) {
		t.Errorf("Shutdown: no error, but %+v", s.Stats())
	}
	all.Wait()
	close(over)
	watch.Wait()
	time.Sleep(time.Minute) // the transport returns even when Shutdown did not wait for it
}

// before returns how many events cannot have come after the end.
func (*stress) before(s *logstash.Shipper) uint64 {
	st := s.Stats()
	return st.Accepted - st.DroppedShutdown
}

// finish writes good events until poison is gone, and flushes.
func (x *stress) finish(t *testing.T, s *logstash.Shipper) {
	t.Helper()
	for range 100 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		err := s.Flush(ctx)
		cancel()
		if err == nil {
			return
		}
		x.one(t, s, 0, slog.LevelInfo, 0)
	}
	t.Errorf("not flushed in the end: %+v", s.Stats())
}

// watch checks the accounts all the time.
func (x *stress) watch(t *testing.T, s *logstash.Shipper, over <-chan struct{}) {
	for {
		checkAccounts(t, s)
		h := s.Health()
		if h.Fill < 0 || h.Fill > 1 || h.OldestAge < 0 {
			t.Errorf("health %+v", h)
		}
		select {
		case <-over:
			return
		case <-time.After(time.Millisecond):
		}
	}
}

func (x *stress) write(t *testing.T, s *logstash.Shipper, w int, r *rand.Rand) {
	for range 60 {
		x.one(t, s, w, slog.Level(4*(r.IntN(4)-1)), r.IntN(100)*r.IntN(2))
		time.Sleep(time.Duration(r.IntN(3)*r.IntN(4)) * time.Millisecond)
	}
}

// one writes the next event of a writer.
func (x *stress) one(t *testing.T, s *logstash.Shipper, w int, level slog.Level, pad int) {
	id := w*stressEach + x.next[w]
	x.next[w]++
	_, err := s.WriteLevel(level, []byte(padded(id, 50+pad)))
	x.mu.Lock()
	defer x.mu.Unlock()
	if err == nil {
		x.taken[id] = true
		return
	}
	if !errors.Is(err, logstash.ErrFull) && !errors.Is(err, os.ErrClosed) {
		t.Errorf("event %d: %v", id, err)
	}
	if x.drops[id] != 1 {
		t.Errorf("event %d: %v, and OnDrop was told of it %d times", id, err, x.drops[id])
	}
	delete(x.drops, id)
}

// compare compares what was taken with what was acked and dropped.
func (x *stress) compare(t *testing.T, evicted uint64) {
	t.Helper()
	var lost uint64
	for id := range x.taken {
		switch n := x.wild.acked[id] + x.drops[id]; {
		case n == 0:
			lost++
		case n > 1 && (!x.wild.poison || x.opts.SpoolMode == logstash.SpoolOff):
			t.Errorf("event %d was acked %d times and dropped %d times", id, x.wild.acked[id], x.drops[id])
		}
	}
	if lost != evicted && !x.mayExceed(evicted, lost) {
		t.Errorf("%d events were neither acked nor dropped, but the spool has given up %d", lost, evicted)
	}
	for id := range x.wild.acked {
		if !x.taken[id] {
			t.Errorf("event %d was acked, but Write had refused it", id)
		}
	}
	if diff := cmp.Diff([]string(nil), x.wild.breaks); diff != "" && !x.wild.poison {
		t.Errorf("order mismatch (-want +got):\n%s", diff)
	}
}

// mayExceed reports whether n may be more than want. The spool remembers one place:
// what is done behind an event that is not, as others around poison and what has been
// given up for its age, is found once more by the next Shipper.
func (x *stress) mayExceed(n, want uint64) bool {
	return (x.opts.SpoolMaxAge > 0 || x.wild.poison) && n > want
}

// add adds up what tells whether the stress reaches everything.
func add(total *logstash.Stats, st logstash.Stats) {
	total.Written += st.Written
	total.DroppedFull += st.DroppedFull
	total.DroppedShutdown += st.DroppedShutdown
	total.DroppedRejected += st.DroppedRejected
	total.DroppedSpool += st.DroppedSpool
	total.Restored += st.Restored
	total.Resent += st.Resent
}

// wild is a Transport that is slow, fails, does half of its work, panics and
// miscounts, in phases.
type wild struct {
	poison bool // it rejects some events
	tame   bool // that is all it does

	mu     sync.Mutex
	r      *rand.Rand
	phase  int
	left   int
	busy   bool
	acked  map[int]int
	seen   map[int]bool
	last   [stressWriters]int // the last event that came for the first time, and one
	breaks []string
}

// Phases of a wild Transport.
const (
	wildFails = iota
	wildHalf
	wildMute // it takes all, and says that it has taken nothing
	wildPanics
	wildMiscounts
	wildSlow
	wildAsksForTime
	wildPhases = 12 // in the others it works
)

func (w *wild) Send(ctx context.Context, events [][]byte) (acked int, err error) {
	w.mu.Lock()
	if w.busy {
		panic("two calls of Send at once")
	}
	w.busy = true
	if w.left == 0 {
		w.phase, w.left = w.r.IntN(wildPhases), 1+w.r.IntN(4)
	}
	w.left--
	phase, cut := w.phase, w.r.IntN(len(events)+1)
	delay := time.Duration(w.r.IntN(30)) * time.Millisecond
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.busy = false
		for _, e := range events[:max(acked, 0)%(len(events)+1)] {
			w.acked[eventID(e)]++
		}
		w.mu.Unlock()
	}()
	if w.tame {
		phase = wildPhases
	}
	switch phase {
	case wildFails:
		return 0, testlog.ErrInjected
	case wildHalf:
		return w.take(events[:cut], testlog.ErrInjected)
	case wildMute:
		_, _ = w.take(events, nil)
		return 0, testlog.ErrInjected
	case wildPanics:
		_, _ = w.take(events[:cut], nil)
		panic("wild")
	case wildMiscounts:
		_, _ = w.take(events, nil)
		return len(events) + 1, nil // as if it had acked none
	case wildSlow:
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	case wildAsksForTime:
		return 0, fmt.Errorf("busy: %w", retryInError{testlog.ErrInjected, delay})
	}
	return w.take(events, nil)
}

// take takes events up to the first that is poison.
func (w *wild) take(events [][]byte, err error) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, e := range events {
		id := eventID(e)
		if w.poison && id%stressEach%7 == 3 {
			return i, logstash.ErrRejected
		}
		if writer := id / stressEach; !w.seen[id] {
			w.seen[id] = true
			if id < w.last[writer] {
				w.breaks = append(w.breaks, fmt.Sprintf("%d after %d", id, w.last[writer]-1))
			}
			w.last[writer] = id + 1
		}
	}
	return len(events), err
}

func (*wild) Close() error { return nil }
