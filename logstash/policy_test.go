package logstash_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// The oldest go first, those that are protected last, and what is under way never.
func TestDropOldest(t *testing.T) {
	tests := []struct {
		name    string
		opts    logstash.DialOptions
		levels  string // of the events, after one that is under way
		dropped []int  // in this order
		refused []int
	}{
		{"the oldest", logstash.DialOptions{MaxEvents: 4, Reserve: -1}, "IIIIII", []int{1, 2, 3}, nil},
		{"those that are not protected", logstash.DialOptions{MaxEvents: 4, Reserve: -1}, "WIEII", []int{2, 4}, nil},
		{"protected ones for nothing less", logstash.DialOptions{MaxEvents: 4, Reserve: -1}, "WWWI", nil, []int{4}},
		{"protected ones for others of their kind", logstash.DialOptions{MaxEvents: 4, Reserve: -1}, "WEWE", []int{1}, nil},
		{"others before protected ones", logstash.DialOptions{MaxEvents: 4, Reserve: -1}, "WWIW", []int{3}, nil},
		{
			"none in vain",
			logstash.DialOptions{MaxEvents: 10, Reserve: 0.5},
			"IIIIIIWWWWWWI",
			[]int{1, 2, 3},
			[]int{13},
		},
		{
			"Protect",
			logstash.DialOptions{MaxEvents: 3, Reserve: -1, Protect: slog.LevelError},
			"WEWE",
			[]int{1, 3},
			nil,
		},
		{"nothing but the newest", logstash.DialOptions{MaxEvents: 2, Reserve: -1}, "IIII", []int{1, 2, 3}, nil},
		{"never what is under way", logstash.DialOptions{MaxEvents: 1}, "IE", nil, []int{1, 2}},
	}
	for _, tt := range tests {
		for _, size := range []int{1, 2, 0} {
			t.Run(fmt.Sprintf("%s, batches of %d", tt.name, size), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					tt.opts.BatchSize = size
					checkDropOldest(t, tt.opts, tt.levels, tt.dropped, tt.refused)
				})
			})
		}
	}
}

// checkDropOldest writes events behind one that is under way and compares what is
// dropped, what is refused and what arrives.
func checkDropOldest(t *testing.T, opts logstash.DialOptions, levels string, dropped, refused []int) {
	t.Helper()
	var log dropLog
	g := newGated()
	opts.Policy, opts.FlushInterval, opts.OnDrop = logstash.DropOldest, -1, log.add
	s := newShipper(t, g, &opts)
	defer abandon(s)
	writeEvents(t, s, 0, 1)
	synctest.Wait() // it is under way
	gone := make(map[int]bool)
	for i, l := range levels {
		level := map[rune]slog.Level{'D': slog.LevelDebug, 'I': slog.LevelInfo, 'W': slog.LevelWarn, 'E': slog.LevelError}[l]
		_, err := s.WriteLevel(level, []byte(event(i+1)))
		if err != nil && !errors.Is(err, logstash.ErrFull) {
			t.Errorf("event %d: %v, want none or ErrFull", i+1, err)
		}
		if err != nil {
			gone[i+1] = true
		}
	}
	checkAccounts(t, s)
	for _, id := range refused {
		if !gone[id] {
			t.Errorf("event %d was taken", id)
		}
	}
	if len(gone) != len(refused) {
		t.Errorf("refused %v, want %v", gone, refused)
	}
	g.open()
	if err := s.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	var ousted []int
	told, reasons := log.all()
	for i, id := range idsOf(told) {
		if !errors.Is(reasons[i], logstash.ErrFull) {
			t.Errorf("event %d was dropped because of %v, want ErrFull", id, reasons[i])
		}
		if !gone[id] {
			ousted = append(ousted, id)
			gone[id] = true
		}
	}
	if diff := cmp.Diff(dropped, ousted); diff != "" {
		t.Errorf("dropped mismatch (-want +got):\n%s", diff)
	}
	if len(told) != len(dropped)+len(refused) {
		t.Errorf("OnDrop was told of %d events, want %d", len(told), len(dropped)+len(refused))
	}
	var want []int
	for id := range len(levels) + 1 {
		if !gone[id] {
			want = append(want, id)
		}
	}
	if diff := cmp.Diff(want, idsOf(g.arrived())); diff != "" {
		t.Errorf("arrived mismatch (-want +got):\n%s", diff)
	}
	if st := checkAccounts(t, s); st.DroppedFull != uint64(len(told)) || st.Queued != 0 {
		t.Errorf("dropped %d, queued %d; want %d, 0", st.DroppedFull, st.Queued, len(told))
	}
}

// A model of the queue tells what is dropped of random events, for every small
// MaxEvents.
func TestDropOldestLikeItsModel(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 0))
		opts := logstash.DialOptions{
			MaxEvents: 1 + r.IntN(10),
			Reserve:   []float64{-1, 0, 0.5, 0.9}[r.IntN(4)],
			BatchSize: []int{1, 2, 3, 0}[r.IntN(4)],
		}
		levels := make([]byte, r.IntN(60))
		for i := range levels {
			levels[i] = "IIIW"[r.IntN(4)]
		}
		dropped, refused := oldestModel(opts, string(levels))
		if !t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				checkDropOldest(t, opts, string(levels), dropped, refused)
			})
		}) {
			t.Fatalf("MaxEvents %d, Reserve %v, BatchSize %d, levels %s", opts.MaxEvents, opts.Reserve, opts.BatchSize, levels)
		}
	}
}

// oldestModel says which events DropOldest drops, and which it refuses, behind one
// that is under way.
func oldestModel(o logstash.DialOptions, levels string) (dropped, refused []int) {
	reserve := map[float64]float64{-1: 0, 0: 0.2}[o.Reserve]
	if o.Reserve > 0 {
		reserve = o.Reserve
	}
	room := map[bool]int{false: o.MaxEvents - int(reserve*float64(o.MaxEvents)), true: o.MaxEvents}
	type waits struct {
		id        int
		important bool
	}
	var queue []waits
	oust := func(important bool) {
		for _, others := range []bool{false, true} {
			for i, w := range queue {
				if (important || !others) && w.important == others {
					dropped = append(dropped, w.id)
					queue = append(queue[:i], queue[i+1:]...)
					return
				}
			}
		}
	}
	for i, l := range levels {
		important, firm := l != 'I', 1
		for _, w := range queue {
			if w.important && !important {
				firm++
			}
		}
		if firm >= room[important] {
			refused = append(refused, i+1)
			continue
		}
		for len(queue)+1 >= room[important] {
			oust(important)
		}
		queue = append(queue, waits{i + 1, important})
	}
	return dropped, refused
}

// The memory of what is dropped is freed, whatever stays in between.
func TestDropOldestBoundsMemory(t *testing.T) {
	tests := []struct {
		name          string
		opts          logstash.DialOptions
		events        int
		length, every int // one in so many is protected
	}{
		{"one in 2,000 is protected", logstash.DialOptions{Size: 4 << 20}, 300_000, 60, 2000},
		{"one in 2,000 is protected, in a large reserve", logstash.DialOptions{Size: 4 << 20, Reserve: 0.9}, 300_000, 60, 2000},
		{"one in 20 is protected", logstash.DialOptions{Size: 4 << 20, Reserve: -1}, 200_000, 60, 20},
		{"few long ones", logstash.DialOptions{Size: 4 << 20}, 100, 1 << 20, 2000},
		{"few long ones, protected now and then", logstash.DialOptions{Size: 4 << 20}, 100, 700 << 10, 3},
		{"as long as Size", logstash.DialOptions{Size: 2 << 20, MaxEventBytes: 2<<20 - 8}, 50, 2<<20 - 8, 2000},
		{"a tail only", logstash.DialOptions{Size: 4 << 20, MaxEvents: 20}, 50_000, 1000, 2000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if testlog.Race {
				tt.events /= 3
			}
			tt.opts.Policy, tt.opts.FlushInterval = logstash.DropOldest, -1
			s := newShipper(t, &fakeTransport{send: sendNever}, &tt.opts)
			defer abandon(s)
			writeEvents(t, s, 0, 1)
			line := []byte(padded(1, tt.length))
			before := heap()
			for i := range tt.events {
				level := slog.LevelInfo
				if (i+1)%tt.every == 0 {
					level = slog.LevelError
				}
				_, _ = s.WriteLevel(level, line) // some are refused
			}
			st := checkAccounts(t, s)
			if used, most := heap()-before, 2*tt.opts.Size+4<<20; used > most {
				t.Errorf("%d bytes of memory for a Size of %d; queued %d, %d bytes",
					used, tt.opts.Size, st.Queued, st.QueuedBytes)
			}
			if st.DroppedFull == 0 {
				t.Error("nothing was dropped")
			}
		})
	}
}

// A queue of small batches is bounded too, and a full one not slow.
func TestSmallBatchesAreBounded(t *testing.T) {
	const size, events = 4 << 20, 400_000
	for _, policy := range []logstash.Policy{logstash.DropNewest, logstash.DropOldest} {
		t.Run(policy.String(), func(t *testing.T) {
			s := newShipper(t, &fakeTransport{send: sendNever}, &logstash.DialOptions{
				Size: size, BatchSize: 1, Policy: policy, FlushInterval: -1,
			})
			defer abandon(s)
			before, watch := heap(), testlog.StartStopwatch(t)
			for range events {
				_, _ = s.Write([]byte(`{"id":1}`)) // most make room, or are refused
			}
			if used := heap() - before; used > 3*size {
				t.Errorf("%d bytes of memory for a Size of %d", used, size)
			}
			if took := watch.Elapsed(); took > 10*time.Second {
				t.Errorf("%d events took %v", events, took)
			}
			checkAccounts(t, s)
		})
	}
}

// OnError is told once that events are dropped, and in the end how many were,
// with OnDrop and without.
func TestDropsAreReportedInSum(t *testing.T) {
	for _, policy := range []logstash.Policy{logstash.DropNewest, logstash.DropOldest} {
		for _, onDrop := range []func([]byte, error){nil, func([]byte, error) {}} {
			t.Run(fmt.Sprintf("%v, OnDrop %t", policy, onDrop != nil), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var log errorLog
					g := newGated()
					s := newShipper(t, g, &logstash.DialOptions{
						Policy: policy, MaxEvents: 5, Reserve: -1, FlushInterval: -1, OnError: log.add, OnDrop: onDrop,
					})
					writeEvents(t, s, 0, 1)
					synctest.Wait()
					for i := range 104 {
						_, _ = s.Write([]byte(event(i + 1))) // 100 of these find no room
					}
					g.open()
					if err := s.Close(); err != nil {
						t.Error(err)
					}
					errs := log.all()
					if len(errs) != 2 || !errors.Is(errs[0], logstash.ErrFull) || !strings.Contains(errs[1].Error(), " 100 events dropped") {
						t.Errorf("OnError was told %q, want ErrFull and 100 events dropped", errs)
					}
					if st := checkAccounts(t, s); st.DroppedFull != 100 {
						t.Errorf("dropped %d, want 100", st.DroppedFull)
					}
				})
			})
		}
	}
}

// Events as long as Size go through one by one, whatever the policy.
func TestEventsAsLongAsSize(t *testing.T) {
	const size = 10_000
	for _, policy := range []logstash.Policy{logstash.DropNewest, logstash.Block, logstash.DropOldest} {
		t.Run(policy.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var f fakeTransport
				s := newShipper(t, &f, &logstash.DialOptions{Size: size, Policy: policy, Reserve: 0.5})
				for i := range 5 {
					writeLevel(t, s, slog.LevelDebug, padded(i, size-8))
					if policy != logstash.Block {
						if err := s.Flush(t.Context()); err != nil {
							t.Error(err)
						}
					}
				}
				if _, err := s.Write([]byte(padded(9, size-7))); !errors.Is(err, logstash.ErrTooLarge) {
					t.Errorf("Write of one byte more: %v, want ErrTooLarge", err)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				if diff := cmp.Diff([]int{0, 1, 2, 3, 4}, idsOf(f.arrived())); diff != "" {
					t.Errorf("arrived mismatch (-want +got):\n%s", diff)
				}
				checkAccounts(t, s)
			})
		})
	}
}

// Writers that block keep their order, and none waits for ever.
func TestBlockKeepsTheOrderOfEachWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		f := &fakeTransport{}
		f.send = func(_ context.Context, events [][]byte) (int, error) {
			time.Sleep(time.Duration(r.IntN(10)) * time.Millisecond)
			if r.IntN(4) == 0 {
				f.mu.Lock()
				defer f.mu.Unlock()
				n := r.IntN(len(events))
				last := len(f.batches) - 1
				f.batches[last] = f.batches[last][:n] // only these have arrived
				return n, testlog.ErrInjected
			}
			return len(events), nil
		}
		s := newShipper(t, f, &logstash.DialOptions{
			Policy: logstash.Block, BlockTimeout: -1, Size: 2000, MaxEvents: 7, FlushInterval: -1,
			MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond,
		})
		const writers, each = 8, 50
		var all sync.WaitGroup
		for w := range writers {
			lengths := rand.New(rand.NewPCG(3, uint64(w)))
			all.Go(func() {
				for i := range each {
					level := slog.Level(4 * lengths.IntN(3))
					if _, err := s.WriteLevel(level, []byte(padded(w*each+i, 50+lengths.IntN(1900)))); err != nil {
						t.Errorf("writer %d: %v", w, err)
					}
				}
			})
		}
		all.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		var next [writers]int
		for _, id := range idsOf(f.arrived()) {
			if w := id / each; id != w*each+next[w] {
				t.Fatalf("writer %d: event %d, want %d", w, id, w*each+next[w])
			}
			next[id/each]++
		}
		if st := checkAccounts(t, s); st.Written != writers*each || st.Dropped != 0 {
			t.Errorf("written %d, dropped %d; want %d, 0", st.Written, st.Dropped, writers*each)
		}
	})
}
