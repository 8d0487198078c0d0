package handler_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/slogtest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/handler/handlertest"
	"github.com/sluicelog/sluice/internal/testlog"
)

func TestSamplePanicsForMistakes(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]func(){
		"handler: NewSample: nil next handler": func() { handler.NewSample(nil, nil) },
		"handler: NewSample: unknown By: 9":    func() { handler.NewSample(newVolumeSink(), &handler.SampleOptions{By: 9}) },
		"handler: NewDedup: nil next handler":  func() { handler.NewDedup(nil, nil) },
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("panic %v, want %v", got, want)
				}
			}()
			f()
		}()
	}
}

func TestSampleSummaryThatFailsIsToldAgain(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(slog.Record) error{
		"error": func(slog.Record) error { return testlog.ErrInjected },
		"panic": func(slog.Record) error { panic(testlog.ErrInjected) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				sink := newVolumeSink()
				var errs volumeErrors
				h := handler.NewSample(sink, &handler.SampleOptions{First: 1, OnError: errs.add})
				start := time.Now()
				log := func(n int) {
					for range n {
						_ = h.Handle(t.Context(), volumeRecord(slog.LevelInfo, "m"))
					}
				}
				log(3)
				sink.take()
				sink.fault = fault
				if err := h.Flush(t.Context()); !errors.Is(err, testlog.ErrInjected) || h.Stats().Untold != 2 {
					t.Errorf("Flush() = %v, %+v", err, h.Stats())
				}
				if got := errs.text(); !strings.Contains(got, "summary") {
					t.Errorf("OnError was told %s", got)
				}
				time.Sleep(500 * time.Millisecond)
				log(1)
				sink.fault = nil
				log(1)
				if got := sink.take(); len(got) > 0 {
					t.Errorf("told again at once: %q", got)
				}
				time.Sleep(500 * time.Millisecond)
				log(1)
				got := sink.take()
				want := fmt.Sprintf("INFO log records suppressed suppressed=4 levels=[INFO=4] since=%v until=%v",
					start, start.Add(500*time.Millisecond))
				if diff := cmp.Diff([]string{want, "INFO m"}, volumeNoMonotonic(got)); diff != "" {
					t.Errorf("mismatch (-want +got):\n%s", strings.ReplaceAll(diff, " m=+0", ""))
				}
				if s := h.Stats(); s.Untold != 0 || s.DroppedByKey != 4 || s.Written != 2 || s.Accepted != 6 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func TestSampleSummaryThatNobodyWants(t *testing.T) {
	t.Parallel()
	suppress := func(opts handler.SampleOptions, level slog.Level) (*volumeSink, *handler.Sample) {
		sink := newVolumeSink()
		sink.level = level
		opts.First = -1
		h := handler.NewSample(sink, &opts)
		_ = h.Handle(t.Context(), volumeRecord(slog.LevelInfo, "m"))
		if err := h.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		return sink, h
	}
	for name, opts := range map[string]handler.SampleOptions{"empty": {Summary: noSummary}, "not enabled": {}} {
		sink, h := suppress(opts, slog.LevelWarn)
		if got := sink.take(); len(got) > 0 || h.Stats().Untold != 0 || h.Stats().DroppedByKey != 1 {
			t.Errorf("%s: %q, %+v", name, got, h.Stats())
		}
	}
	own := func(s handler.Suppressed) slog.Record {
		return volumeRecord(slog.LevelWarn, fmt.Sprint(s.Records, s.Levels))
	}
	sink, _ := suppress(handler.SampleOptions{Summary: own}, slog.LevelWarn)
	if diff := cmp.Diff([]string{"WARN 1 map[INFO:1]"}, sink.take()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	var errs volumeErrors
	sink, _ = suppress(handler.SampleOptions{
		Summary: func(handler.Suppressed) slog.Record { panic("no words") },
		OnError: errs.add,
	}, slog.LevelInfo)
	if got := sink.take(); len(got) != 1 || !strings.Contains(got[0], "log records suppressed") ||
		!strings.Contains(errs.text(), "panic in Summary: no words") {
		t.Errorf("%q, %s", got, errs.text())
	}
}

func TestSampleFunctionsThatPanic(t *testing.T) {
	t.Parallel()
	var errs volumeErrors
	sink := newVolumeSink()
	h := handler.NewSample(sink, &handler.SampleOptions{
		Chance: func(_ context.Context, r slog.Record) float64 {
			if r.Message == "panic" {
				panic("no chance")
			}
			return 0
		},
		OnDrop: func(context.Context, slog.Record) { panic("no drop") },
		OnError: func(err error) {
			errs.add(err)
			panic("no error")
		},
		Summary: noSummary,
	})
	for _, msg := range []string{"panic", "m"} {
		if err := h.Handle(t.Context(), volumeRecord(slog.LevelInfo, msg)); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff([]string{"INFO panic"}, sink.take()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	want := "[handler: panic in Chance: no chance handler: panic in OnDrop: no drop]"
	if diff := cmp.Diff(want, errs.text()); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestSampleOnDropSeesWhatIsSuppressed(t *testing.T) {
	t.Parallel()
	var dropped []string
	h := handler.NewSample(newVolumeSink(), &handler.SampleOptions{
		First:    1,
		Interval: -1,
		Summary:  noSummary,
		OnDrop: func(ctx context.Context, r slog.Record) {
			r.AddAttrs(slog.Int("mine", 1)) // does not reach the program's record
			dropped = append(dropped, fmt.Sprint(ctx.Value(volumeNumber{}), " ", r.Message, " ", r.NumAttrs()))
		},
	})
	ctx := context.WithValue(t.Context(), volumeNumber{}, 7)
	for range 3 {
		_ = h.Handle(ctx, volumeRecord(slog.LevelInfo, "m"))
	}
	if diff := cmp.Diff([]string{"7 m 1", "7 m 1"}, dropped); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

// volumeFaulty makes a sink fail in every way there is, now and then.
func volumeFaulty(handled, failed *atomic.Uint64) func(slog.Record) error {
	var calls atomic.Uint64
	return func(r slog.Record) error {
		n := calls.Add(1)
		if n%3 == 0 {
			failed.Add(1)
		}
		switch n % 9 {
		case 0:
			return testlog.ErrInjected
		case 3:
			panic("in the sink")
		case 6:
			runtime.Goexit()
		}
		handled.Add(1)
		return nil
	}
}

// volumeLoggers calls log from several goroutines so many times in all, also if it
// ends its goroutine.
func volumeLoggers(n int, log func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		var work func()
		work = func() {
			finished := false
			defer func() {
				if !finished {
					wg.Go(work)
				}
			}()
			for i := int(next.Add(1)); i <= n; i = int(next.Add(1)) {
				log(i)
			}
			finished = true
		}
		wg.Go(work)
	}
	wg.Wait()
}

func TestSampleCountsExactlyConcurrentSafe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // so that all is within one interval
		sink := newVolumeSink()
		h := handler.NewSample(sink, &handler.SampleOptions{First: 100, Thereafter: 7, Summary: noSummary})
		derived := []slog.Handler{h, h.WithGroup("g"), h.WithAttrs([]slog.Attr{slog.Int("a", 1)})}
		const n, keys = 30_000, 3
		volumeLoggers(n, func(i int) {
			_ = derived[i%2].Handle(t.Context(), volumeRecord(slog.LevelInfo, fmt.Sprint("m", i%keys)))
		})
		const each = 100 + (n/keys-100)/7
		if got := len(sink.take()); got != keys*each {
			t.Errorf("%d passed, want %d", got, keys*each)
		}
		if s := h.Stats(); s.Written != keys*each || s.Accepted != n || s.DroppedByKey != n-keys*each {
			t.Errorf("%+v", s)
		}
	})
}

func TestSampleRateIsExactConcurrentSafe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sink := newVolumeSink()
		h := handler.NewSample(sink, &handler.SampleOptions{Rate: 100, Summary: noSummary})
		for _, want := range []int{100, 50} {
			volumeLoggers(5000, func(int) { _ = h.Handle(t.Context(), volumeRecord(slog.LevelInfo, "m")) })
			if got := len(sink.take()); got != want {
				t.Errorf("%d passed, want %d", got, want)
			}
			time.Sleep(500 * time.Millisecond)
		}
		if s := h.Stats(); s.DroppedByRate != 10_000-150 {
			t.Errorf("%+v", s)
		}
	})
}

func TestSampleCountersNeverGoBackConcurrentSafe(t *testing.T) {
	t.Parallel()
	h := handler.NewSample(newVolumeSink(), &handler.SampleOptions{Rate: 1, Summary: noSummary})
	stop := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		for last := h.Stats(); ; {
			s := h.Stats()
			if s.DroppedByKey != 0 || s.DroppedByRate < last.DroppedByRate || s.Accepted < last.Accepted {
				t.Errorf("%+v after %+v", s, last)
				return
			}
			last = s
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	volumeLoggers(100_000, func(int) { _ = h.Handle(t.Context(), volumeRecord(slog.LevelInfo, "m")) })
	close(stop)
	reader.Wait()
	if s := h.Stats(); s.DroppedByRate == 0 {
		t.Errorf("nothing happened: %+v", s)
	}
}

func TestSampleBoundsTheLevelsItTellsApart(t *testing.T) {
	t.Parallel()
	h := handler.NewSample(newVolumeSink(), &handler.SampleOptions{First: -1, Keep: slog.Level(math.MaxInt), Summary: noSummary})
	const n = 10_000
	for i := range n {
		_ = h.Handle(t.Context(), volumeRecord(slog.Level(100+i), "m"))
		_ = h.Handle(t.Context(), volumeRecord(slog.Level(-100-i), "m"))
	}
	levels := h.Stats().DroppedByLevel
	want := map[slog.Level]uint64{100: 1, -100: 1, 31: n - 32, -32: n - 32} // 64 are told apart
	for level, n := range want {
		if levels[level] != n {
			t.Errorf("%d of level %d, want %d", levels[level], level, n)
		}
	}
	if len(levels) != 66 {
		t.Errorf("%d levels, want 66", len(levels))
	}
}

func TestSampleAndDedupForTheLongestTime(t *testing.T) {
	t.Parallel()
	sink := newVolumeSink()
	for name, h := range map[string]slog.Handler{
		"Interval": handler.NewSample(sink, &handler.SampleOptions{First: 1, Interval: math.MaxInt64}),
		"Window":   handler.NewDedup(sink, &handler.DedupOptions{Window: math.MaxInt64}),
	} {
		for range 10 {
			_ = h.Handle(t.Context(), volumeRecord(slog.LevelInfo, "m"))
		}
		if diff := cmp.Diff([]string{"INFO m"}, sink.take()); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s", name, diff)
		}
	}
}

func TestSampleAccountsForAllConcurrentSafe(t *testing.T) {
	t.Parallel()
	var handled, failed, told, toldOf, dropped, hooked atomic.Uint64
	sink := newVolumeSink()
	faulty := volumeFaulty(&handled, &failed)
	sink.fault = func(r slog.Record) error {
		if r.Message != "summary" {
			return faulty(r)
		}
		switch told.Add(1) % 6 {
		case 2:
			return testlog.ErrInjected
		case 5:
			runtime.Goexit()
		}
		r.Attrs(func(a slog.Attr) bool {
			toldOf.Add(a.Value.Uint64())
			return true
		})
		return nil
	}
	h := handler.NewSample(sink, &handler.SampleOptions{
		First: 2, Thereafter: 10, Interval: 20 * time.Millisecond, MaxKeys: 8,
		OnDrop: func(context.Context, slog.Record) { dropped.Add(1) },
		OnError: func(err error) {
			if !strings.Contains(err.Error(), "summary") {
				hooked.Add(1)
			}
		},
		Summary: func(s handler.Suppressed) slog.Record {
			r := volumeRecord(slog.LevelInfo, "summary")
			r.AddAttrs(slog.Uint64("n", s.Records))
			var levels uint64
			for _, n := range s.Levels {
				levels += n
			}
			if levels != s.Records || s.Since.After(s.Until) {
				t.Errorf("%+v", s)
			}
			return r
		},
	})
	const n = 50_000
	levels := []slog.Level{-100, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, 100}
	volumeLoggers(n, func(i int) {
		msg := "m"
		if i%10 == 0 { // more keys than there is room for
			msg = fmt.Sprint("m", i)
		}
		_ = h.Handle(t.Context(), volumeRecord(levels[i%len(levels)], msg))
		if i%1000 == 0 {
			_ = h.Flush(t.Context())
			if s := h.Stats(); s.Accepted != s.Written+s.Dropped ||
				s.Dropped != s.DroppedByKey+s.DroppedByRate+s.DroppedFailed || s.Untold > s.DroppedByKey {
				t.Errorf("%+v", s)
			}
		}
	})
	for h.Stats().Untold > 0 {
		done := make(chan struct{})
		go func() { // which the sink may end
			defer close(done)
			_ = h.Flush(t.Context())
		}()
		<-done
	}
	s := h.Stats()
	var byLevel uint64
	for _, m := range s.DroppedByLevel {
		byLevel += m
	}
	got := []uint64{
		s.Accepted, s.Written, s.DroppedFailed, s.DroppedByKey, toldOf.Load(), s.Untold, byLevel, hooked.Load(),
	}
	want := []uint64{n, handled.Load(), failed.Load(), dropped.Load(), dropped.Load(), 0, s.Dropped, failed.Load()}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if s.Dropped == 0 || s.DroppedFailed == 0 || told.Load() < 10 {
		t.Errorf("nothing happened: %+v, %d summaries", s, told.Load())
	}
}

func TestSampleMemoryIsBounded(t *testing.T) {
	if testlog.Race {
		t.Skip("too slow under the race detector")
	}
	before := volumeHeap()
	var passed volumeCounter
	h := handler.NewSample(&passed, &handler.SampleOptions{First: 1, Interval: -1, Summary: noSummary})
	hot := 0
	for i := range 1_000_000 {
		_ = h.Handle(context.Background(), volumeRecord(slog.LevelInfo, fmt.Sprint("message ", i)))
		if i%4 == 0 {
			n := passed.n
			_ = h.Handle(context.Background(), volumeRecord(slog.LevelInfo, "hot"))
			hot += passed.n - n
		}
	}
	grown := volumeHeap() - before
	runtime.KeepAlive(h)
	if grown > 200<<10 {
		t.Errorf("%d bytes for a million keys, want at most 200 KiB", grown)
	}
	// None is suppressed that is the first of its key, but that which is logged all
	// the time stays known.
	if passed.n-hot != 1_000_000 || hot > 10 {
		t.Errorf("%d passed, and %d of the hot key", passed.n-hot, hot)
	}
}

func volumeHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// volumeCounter counts records.
type volumeCounter struct{ n int }

func (*volumeCounter) Enabled(context.Context, slog.Level) bool    { return true }
func (c *volumeCounter) Handle(context.Context, slog.Record) error { c.n++; return nil }
func (c *volumeCounter) WithAttrs([]slog.Attr) slog.Handler        { return c }
func (c *volumeCounter) WithGroup(string) slog.Handler             { return c }

func TestSampleAllocations(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	key := func(context.Context, slog.Record) string { return "k" }
	for name, opts := range map[string]handler.SampleOptions{
		"pass":          {First: 1 << 20},
		"suppress":      {First: 1, Interval: -1},
		"probability":   {Probability: 0.5},
		"rate":          {Rate: 100},
		"source":        {First: 1, By: handler.BySource},
		"level":         {First: 1, By: handler.ByLevel},
		"key":           {First: 1, Key: key},
		"a tiny window": {First: 1, Interval: time.Millisecond},
		"chance":        {Chance: func(context.Context, slog.Record) float64 { return 0.5 }},
		"OnDrop":        {First: 1, OnDrop: func(context.Context, slog.Record) {}},
	} {
		opts.Summary = noSummary
		if opts.Interval == 0 {
			opts.Interval = time.Hour // no summary
		}
		logger := slog.New(handler.NewSample(slog.DiscardHandler, &opts)).With("a", 1)
		logger = slog.New(volumeEnabled{logger.Handler()})
		attrs := five()
		ctx := context.Background()
		if got := testing.AllocsPerRun(500, func() { logger.LogAttrs(ctx, slog.LevelInfo, "m", attrs...) }); got > 0 {
			// The one function of options that costs something is documented.
			if opts.Key == nil && opts.Chance == nil {
				t.Errorf("%s: %v allocations", name, got)
			}
		}
	}
}

// volumeEnabled is enabled although what is behind it is not.
type volumeEnabled struct{ slog.Handler }

func (volumeEnabled) Enabled(context.Context, slog.Level) bool { return true }

func TestVolumeConformance(t *testing.T) {
	t.Parallel()
	all := &handler.SampleOptions{Keep: slog.Level(math.MinInt)}
	same := &handler.SampleOptions{First: 1 << 20}
	each := &handler.DedupOptions{Key: func(context.Context, slog.Record) string { return "" }}
	wraps := map[string]func(slog.Handler) slog.Handler{
		"Sample that keeps":  func(h slog.Handler) slog.Handler { return handler.NewSample(h, all) },
		"Sample that counts": func(h slog.Handler) slog.Handler { return handler.NewSample(h, same) },
		"Dedup":              func(h slog.Handler) slog.Handler { return handler.NewDedup(h, each) },
		"Sample of many": func(h slog.Handler) slog.Handler {
			return handler.NewSample(h, &handler.SampleOptions{Thereafter: 1})
		},
		"Dedup closed": func(h slog.Handler) slog.Handler {
			d := handler.NewDedup(h, nil)
			if err := d.Close(); err != nil {
				t.Error(err)
			}
			return d
		},
	}
	for name, wrap := range wraps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handlertest.Run(t, func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
				return wrap(handler.NewJSONHandler(w, opts))
			}, handlertest.ParseJSON)
		})
		t.Run(name+"/wrapper", func(t *testing.T) {
			t.Parallel()
			handlertest.RunWrapper(t, wrap)
		})
		t.Run(name+"/slogtest", func(t *testing.T) {
			t.Parallel()
			var buf testlog.Buffer
			slogtest.Run(t, func(*testing.T) slog.Handler {
				buf.Reset()
				return wrap(handler.NewJSONHandler(&buf, nil))
			}, func(t *testing.T) map[string]any {
				m, err := handlertest.ParseJSON(buf.Bytes())
				if err != nil {
					t.Fatal(err)
				}
				return m
			})
		})
	}
}

// Of the rules for handlers, Dedup breaks those by which what is logged twice is
// printed twice, and no other.
func TestDedupBreaksNoOtherRule(t *testing.T) {
	t.Parallel()
	var got []string
	for _, v := range handlertest.Check(func(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
		return handler.NewDedup(handler.NewJSONHandler(w, opts), nil)
	}, handlertest.ParseJSON) {
		got = append(got, v.Rule)
	}
	want := []string{"one record handled twice gives the same line twice", "goroutines share a record and its groups"}
	if diff := cmp.Diff(want, got, cmpopts.SortSlices(strings.Compare)); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

// FuzzSampleAgainstAnOracle logs what data says. As long as all keys fit, exactly
// those pass that an oracle without bounds lets pass; otherwise, at least these.
func FuzzSampleAgainstAnOracle(f *testing.F) {
	f.Add(uint8(2), uint8(3), uint8(4), []byte("abcabcabcabcabcaaaaaaaaaa\xff\xffaaabbb"))
	f.Add(uint8(1), uint8(0), uint8(40), []byte("the quick brown fox jumps over the lazy dog, again and again"))
	f.Fuzz(func(t *testing.T, first, thereafter, keys uint8, data []byte) {
		if first == 0 && thereafter == 0 || keys == 0 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			sink := newVolumeSink()
			h := handler.NewSample(sink, &handler.SampleOptions{
				First: int(first), Thereafter: int(thereafter), MaxKeys: 8, Summary: noSummary,
			})
			type key struct {
				window int64
				name   byte
			}
			start := time.Now()
			counts, passed := make(map[key]int), make(map[key]int)
			for i, b := range data {
				if b >= 0xf0 {
					time.Sleep(time.Duration(b&15) * 100 * time.Millisecond)
					continue
				}
				k := key{int64(time.Since(start) / time.Second), b % keys}
				counts[k]++
				n := counts[k]
				due := n <= int(first) || thereafter > 0 && (n-int(first))%int(thereafter) == 0
				_ = h.Handle(t.Context(), volumeRecord(slog.LevelInfo, string(rune('a'+k.name))))
				got := len(sink.take()) > 0
				if got {
					passed[k]++
				}
				if due != got && keys <= 8 {
					t.Fatalf("record %d, number %d of its key: passed %v, want %v", i, n, got, due)
				}
				if n <= int(first) && !got {
					t.Fatalf("record %d: number %d of its key did not pass", i, n)
				}
			}
		})
	})
}

func BenchmarkSample(b *testing.B) {
	msgs := make([]string, 4000)
	for i := range msgs {
		msgs[i] = fmt.Sprint("message ", i)
	}
	next := &volumeDiscard{}
	for _, bb := range []struct {
		name string
		h    slog.Handler
		keys int
	}{
		{"nothing", next, 1},
		{"pass", handler.NewSample(next, &handler.SampleOptions{First: 1 << 22, Thereafter: 1}), 1},
		{"pass of many keys", handler.NewSample(next, &handler.SampleOptions{First: 1 << 22, Thereafter: 1}), len(msgs)},
		{"suppress", handler.NewSample(next, &handler.SampleOptions{First: 1}), 1},
		{"suppress every 100th passes", handler.NewSample(next, nil), 1},
		{"source", handler.NewSample(next, &handler.SampleOptions{First: 1, By: handler.BySource}), 1},
		{"probability", handler.NewSample(next, &handler.SampleOptions{Probability: 0.01}), 1},
		{"rate", handler.NewSample(next, &handler.SampleOptions{Rate: 1000}), 1},
		{"kept", handler.NewSample(next, &handler.SampleOptions{Keep: slog.LevelInfo}), 1},
		{"dedup, repeats", handler.NewDedup(next, nil), 1},
		{"dedup, all differ", handler.NewDedup(next, &handler.DedupOptions{MaxKeys: 1024}), len(msgs)},
	} {
		attrs := five()
		r := slog.NewRecord(time.Now(), slog.LevelInfo, "", 1)
		r.AddAttrs(attrs...)
		b.Run(bb.name, func(b *testing.B) {
			ctx := context.Background()
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if i++; i == bb.keys {
					i = 0
				}
				r.Message = msgs[i]
				_ = bb.h.Handle(ctx, r)
			}
		})
		b.Run(bb.name+"/parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				ctx, r := context.Background(), r.Clone()
				i := rand.IntN(bb.keys)
				for pb.Next() {
					if i++; i >= bb.keys {
						i = 0
					}
					r.Message = msgs[i]
					_ = bb.h.Handle(ctx, r)
				}
			})
		})
	}
}

// volumeDiscard takes everything.
type volumeDiscard struct{}

func (*volumeDiscard) Enabled(context.Context, slog.Level) bool  { return true }
func (*volumeDiscard) Handle(context.Context, slog.Record) error { return nil }
func (d *volumeDiscard) WithAttrs([]slog.Attr) slog.Handler      { return d }
func (d *volumeDiscard) WithGroup(string) slog.Handler           { return d }
