package handler_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/internal/testlog"
)

// volumeCount returns how many records r stands for.
func volumeCount(r slog.Record) uint64 {
	n := uint64(1)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "repeated" {
			n = a.Value.Group()[0].Value.Uint64()
		}
		return true
	})
	return n
}

func TestDedupAccountsForAllConcurrentSafe(t *testing.T) {
	testlog.CheckGoroutines(t)
	var handled, failed, hooked atomic.Uint64
	sink := newVolumeSink()
	var calls atomic.Uint64
	sink.fault = func(r slog.Record) error {
		n, stands := calls.Add(1), volumeCount(r)
		if n%5 == 0 {
			failed.Add(stands)
		}
		switch n % 15 {
		case 0:
			return testlog.ErrInjected
		case 5:
			panic("in the sink")
		case 10:
			runtime.Goexit()
		}
		handled.Add(stands)
		return nil
	}
	var h *handler.Dedup
	h = handler.NewDedup(sink, &handler.DedupOptions{
		Window: 5 * time.Millisecond, MaxKeys: 16,
		OnError: func(error) {
			// A hook may flush what it hears from.
			if hooked.Add(1)%10 == 0 {
				_ = h.Flush(context.Background())
			}
		},
	})
	n := 50_000
	if testlog.Race {
		n = 10_000
	}
	derived := []slog.Handler{h, h.WithGroup("g"), h.WithAttrs([]slog.Attr{slog.Int("a", 1)})}
	volumeLoggers(n, func(i int) {
		key := rand.IntN(40) // more than there is room for
		r := volumeRecord(slog.Level(key%4), fmt.Sprint("m", key))
		if key%4 > 0 {
			r.Time = time.Now()
		}
		_ = derived[key%len(derived)].Handle(t.Context(), r)
		if i%20_000 == 0 {
			_ = h.Flush(t.Context())
		}
		if s := h.Stats(); i%1000 == 0 && s.Accepted != s.Written+s.Collapsed+s.Dropped+s.Queued {
			t.Errorf("%+v", s)
		}
	})
	done := make(chan struct{})
	go func() { // which a sink may end
		defer close(done)
		_ = h.Close()
	}()
	<-done
	for h.Stats().Queued > 0 {
		again := make(chan struct{})
		go func() {
			defer close(again)
			_ = h.Flush(context.Background())
		}()
		<-again
	}
	s := h.Stats()
	var byLevel uint64
	for _, m := range s.DroppedByLevel {
		byLevel += m
	}
	got := []uint64{s.Accepted, s.Written + s.Collapsed, s.Dropped, byLevel}
	want := []uint64{uint64(n), handled.Load(), failed.Load(), s.Dropped}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if s.Collapsed == 0 || s.Dropped == 0 || s.Evicted == 0 || hooked.Load() == 0 {
		t.Errorf("nothing happened: %+v", s)
	}
}

func TestDedupReportsWhatItCouldNotTell(t *testing.T) {
	t.Parallel()
	sink := newVolumeSink()
	var errs volumeErrors
	h := handler.NewDedup(sink, &handler.DedupOptions{OnError: errs.add})
	for range 3 {
		_ = h.Handle(t.Context(), volumeRecord(slog.LevelInfo, "m"))
	}
	sink.fault = func(slog.Record) error { return testlog.ErrInjected }
	if err := h.Handle(t.Context(), volumeRecord(slog.LevelWarn, "other")); !errors.Is(err, testlog.ErrInjected) {
		t.Errorf("Handle() = %v", err)
	}
	err := h.Flush(t.Context())
	if !errors.Is(err, testlog.ErrInjected) || !strings.Contains(err.Error(), "2 repeats") {
		t.Errorf("Flush() = %v", err)
	}
	if want := "[injected failure handler: Dedup: 2 repeats: injected failure]"; errs.text() != want {
		t.Errorf("OnError was told %s, want %s", errs.text(), want)
	}
	want := map[slog.Level]uint64{slog.LevelInfo: 2, slog.LevelWarn: 1}
	s := h.Stats()
	if diff := cmp.Diff(want, s.DroppedByLevel); diff != "" || s.Dropped != 3 || s.Accepted != 4 {
		t.Errorf("%+v: mismatch (-want +got):\n%s", s, diff)
	}
}

func TestDedupFlushWaitsForWhatIsBeingTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newVolumeSink()
		gate := make(chan struct{})
		h := handler.NewDedup(sink, nil)
		log := func() { _ = h.Handle(t.Context(), volumeRecord(slog.LevelInfo, "m")) }
		sink.fault = func(r slog.Record) error {
			if r.NumAttrs() > 0 {
				<-gate
			}
			return nil
		}
		log()
		log()
		time.Sleep(10 * time.Second)
		synctest.Wait() // the timer's goroutine waits for the sink
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := h.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Flush() = %v", err)
		}
		if s := h.Stats(); s.Queued != 1 || s.Accepted != 2 {
			t.Errorf("%+v", s)
		}
		go close(gate)
		if err := h.Shutdown(t.Context()); err != nil || h.Stats().Collapsed != 1 {
			t.Errorf("Shutdown() = %v, %+v", err, h.Stats())
		}
		cancel()
		log()
		if err := h.Flush(ctx); err == nil {
			t.Error("Flush has not heard that its context is done")
		}
	})
}

func TestDedupFlushDoesNotWaitForWhatIsToldLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newVolumeSink()
		gates := map[string]chan struct{}{"early": make(chan struct{}), "late": make(chan struct{})}
		sink.fault = func(r slog.Record) error {
			if r.NumAttrs() > 0 {
				<-gates[r.Message]
			}
			return nil
		}
		h := handler.NewDedup(sink, nil)
		repeat := func(msg string) {
			for range 2 {
				_ = h.Handle(t.Context(), volumeRecord(slog.LevelInfo, msg))
			}
		}
		flush := func() <-chan error {
			done := make(chan error, 1)
			go func() { done <- h.Flush(t.Context()) }()
			synctest.Wait()
			return done
		}
		repeat("early")
		telling := flush() // tells of the early repeat
		waiting := flush() // and this one waits for that
		repeat("late")
		later := flush()
		select {
		case err := <-waiting:
			t.Errorf("a Flush has not waited for what was being told: %v", err)
		default:
		}
		close(gates["early"])
		synctest.Wait()
		select {
		case err := <-waiting:
			if err != nil {
				t.Error(err)
			}
		default:
			t.Error("a Flush waits for what is told after it was called")
		}
		select {
		case err := <-later:
			t.Errorf("a Flush has not waited for what it tells: %v", err)
		default:
		}
		close(gates["late"])
		for _, done := range []<-chan error{telling, later} {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if s := h.Stats(); s.Collapsed != 2 {
			t.Errorf("%+v", s)
		}
	})
}

func TestDedupHasOneGoroutineForASinkThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newVolumeSink()
		gate := make(chan struct{})
		sink.fault = func(r slog.Record) error {
			if volumeCount(r) > 1 && r.Message == "0" {
				<-gate
			}
			return nil
		}
		h := handler.NewDedup(sink, &handler.DedupOptions{Window: time.Second})
		before := testlog.Goroutines()
		for i := range 5 {
			for range 3 {
				_ = h.Handle(t.Context(), volumeRecord(slog.LevelInfo, strconv.Itoa(i)))
			}
			time.Sleep(900 * time.Millisecond)
			synctest.Wait()
		}
		// The timer's goroutine waits, and no other one is started meanwhile: who
		// logs tells of what else is over.
		if n := testlog.Goroutines() - before; n > 1 {
			t.Errorf("%d goroutines, want 1", n)
		}
		close(gate)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if s := h.Stats(); s.Collapsed != 10 || s.Queued != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestDedupTimerComesToAllWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newVolumeSink()
		h := handler.NewDedup(sink, &handler.DedupOptions{Window: time.Second, MaxKeys: 1 << 12})
		const n = 500
		for i := range n {
			for range 2 {
				_ = h.Handle(t.Context(), volumeRecord(slog.LevelInfo, strconv.Itoa(i)))
			}
			time.Sleep(time.Millisecond)
		}
		// Nothing is logged any more: the last Window is over in a second.
		time.Sleep(time.Second + 10*time.Millisecond)
		synctest.Wait()
		if s := h.Stats(); s.Collapsed != n || s.Queued != 0 || s.Written != n {
			t.Errorf("%+v", s)
		}
	})
}

func TestDedupMemoryIsBounded(t *testing.T) {
	if testlog.Race {
		t.Skip("too slow under the race detector")
	}
	var passed volumeCounter
	before := volumeHeap()
	h := handler.NewDedup(&passed, nil)
	for i := range 1_000_000 {
		msg := fmt.Sprint("message ", i)
		for range 1 + i%8/7 { // some have a repeat
			_ = h.Handle(context.Background(), volumeRecord(slog.LevelInfo, msg))
		}
	}
	grown := volumeHeap() - before
	s := h.Stats()
	runtime.KeepAlive(h)
	if grown > 4<<20 {
		t.Errorf("%d bytes for a million keys, want at most 4 MiB", grown)
	}
	if s.Written != 1_000_000 || s.Collapsed+s.Queued != 125_000 || s.Evicted < 1_000_000-4096 {
		t.Errorf("%+v", s)
	}
}

func TestDedupAllocations(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	ctx := context.Background()
	attrs := append(five(), slog.Any("err", errors.New("refused")), slog.Group("g", "a", 1))
	msgs := make([]string, 3000)
	for i := range msgs {
		msgs[i] = fmt.Sprint("message ", i)
	}
	for name, opts := range map[string]*handler.DedupOptions{
		"default": nil,
		"ignore":  {Ignore: []string{"request_id", "g.a"}},
		"key":     {Key: func(_ context.Context, r slog.Record) string { return r.Message }},
	} {
		h := handler.NewDedup(slog.DiscardHandler, opts)
		logger := slog.New(volumeEnabled{h.WithGroup("http")})
		if opts != nil && opts.Key != nil {
			logger = slog.New(volumeEnabled{h}) // the copy of what is bound is documented
		}
		repeat := func() { logger.LogAttrs(ctx, slog.LevelInfo, "m", attrs...) }
		repeat()
		repeat() // a copy is made
		i := 0
		pass := func() {
			logger.LogAttrs(ctx, slog.LevelInfo, msgs[i], attrs...)
			i++
		}
		// slog itself makes room for attrs beyond the fifth.
		if got := testing.AllocsPerRun(500, repeat); got > 1 {
			t.Errorf("%s: repeat: %v allocations", name, got)
		}
		if got := testing.AllocsPerRun(500, pass); got > 1 {
			t.Errorf("%s: pass: %v allocations", name, got)
		}
		if s := h.Stats(); s.Written != 502 || s.Queued != 502 {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// FuzzDedupAgainstAnOracle logs what data says, and looks after each byte at what
// came of it.
func FuzzDedupAgainstAnOracle(f *testing.F) {
	f.Add(uint8(3), []byte("aabbaabb\xf9\xfaaabbccddeeaa\xff\xffabab"))
	f.Add(uint8(1), []byte("abababaab\xe0aab\xe0"))
	f.Add(uint8(9), []byte("the quick brown fox\xf3jumps over the lazy dog\xf8again and again\xff\xffa"))
	f.Fuzz(func(t *testing.T, room uint8, data []byte) {
		if room == 0 || room > 100 || len(data) > 1000 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			type window struct {
				name    byte
				end     time.Time
				repeats int
			}
			const length = time.Second
			sink := newVolumeSink()
			h := handler.NewDedup(sink, &handler.DedupOptions{Window: length, MaxKeys: int(room)})
			var open []*window // the oldest first
			told := make(map[byte]int)
			tell := func(w *window) {
				told[w.name] += w.repeats
				w.repeats = 0
			}
			expire := func() {
				for len(open) > 0 && !open[0].end.After(time.Now()) {
					tell(open[0])
					open = open[1:]
				}
			}
			for i, b := range data {
				passes := false
				switch {
				case b == 0xe0:
					if err := h.Flush(t.Context()); err != nil {
						t.Fatal(err)
					}
					for _, w := range open {
						tell(w)
					}
				case b >= 0xf0:
					// The timer may be a hundredth of a Window late.
					time.Sleep(time.Duration(b&15)*100*time.Millisecond + length/50)
				default:
					b %= 26
					expire()
					var found *window
					for _, w := range open {
						if w.name == b {
							found = w
						}
					}
					if found != nil {
						found.repeats++
					} else {
						if len(open) == int(room) {
							tell(open[0])
							open = open[1:]
						}
						open = append(open, &window{name: b, end: time.Now().Add(length)})
						passes = true
					}
					_ = h.Handle(t.Context(), volumeRecord(slog.LevelInfo, string(rune('a'+b))))
				}
				synctest.Wait()
				expire()
				got := make(map[byte]int)
				passed := false
				for i := range sink.records {
					r := &sink.records[i]
					if r.NumAttrs() == 0 {
						passed = true
					} else {
						got[r.Message[0]-'a'] += int(volumeCount(*r))
					}
				}
				sink.take()
				for name, n := range told {
					if n == 0 {
						delete(told, name)
					}
				}
				if diff := cmp.Diff(told, got); diff != "" || passed != passes {
					t.Fatalf("byte %d, %#x: passed %v, want %v; mismatch (-want +got):\n%s", i, b, passed, passes, diff)
				}
				clear(told)
			}
			if err := h.Close(); err != nil {
				t.Fatal(err)
			}
		})
	})
}

// FuzzDedupIdentity looks for two records that collapse although JSON tells them
// apart, and for equal ones that do not.
func FuzzDedupIdentity(f *testing.F) {
	f.Add(uint64(1), uint64(2), false)
	f.Add(uint64(7), uint64(7), false)
	f.Fuzz(func(t *testing.T, a, b uint64, far bool) {
		same := a == b
		sink := newVolumeSink()
		h := handler.NewDedup(sink, nil)
		var lines [2]string
		for i, seed := range []uint64{a, b} {
			if !far {
				seed %= 64 // so that some are equal
			}
			same = a%64 == b%64 && !far || a == b
			random := testlog.NewRandom(seed)
			var buf testlog.Buffer
			handlers := random.Derive(h, handler.NewJSONHandler(&buf, nil))
			r := random.Record()
			r.Time, r.PC = time.Time{}, 0
			if err := testlog.Log(r, handlers...); err != nil {
				t.Fatal(err)
			}
			lines[i] = buf.String()
		}
		collapsed := h.Stats().Queued == 1
		if collapsed && lines[0] != lines[1] {
			t.Errorf("collapsed:\n%s%s", lines[0], lines[1])
		}
		if same && !collapsed && h.Stats().Incomparable == 0 {
			t.Errorf("not collapsed:\n%s%s", lines[0], lines[1])
		}
	})
}
