package logstash_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// spoolOptions are options of a spool that is not synced, for speed.
func spoolOptions(dir string, mode logstash.SpoolMode) logstash.DialOptions {
	return logstash.DialOptions{
		SpoolDir: dir, SpoolMode: mode, SpoolSync: logstash.SyncNever, FlushInterval: -1,
		MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond,
	}
}

// wantIDs compares what has arrived with events by number.
func wantIDs(t testing.TB, want []int, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, idsOf(got)); diff != "" {
		t.Errorf("arrived mismatch (-want +got):\n%s", diff)
	}
}

// count returns the numbers from one up to another.
func count(from, to int) (ids []int) {
	for i := from; i < to; i++ {
		ids = append(ids, i)
	}
	return ids
}

// Events keep their order into the spool and out of it, over and over.
func TestSpoolKeepsTheOrder(t *testing.T) {
	for _, mode := range []logstash.SpoolMode{logstash.SpoolOverflow, logstash.SpoolAlways} {
		for _, size := range []int{1, 3, 0} {
			t.Run(fmt.Sprintf("%v, batches of %d", mode, size), func(t *testing.T) {
				dir := t.TempDir()
				synctest.Test(t, func(t *testing.T) {
					f := new(fakeTransport)
					var hold chan struct{}
					f.send = func(_ context.Context, events [][]byte) (int, error) {
						if hold != nil {
							<-hold
						}
						return len(events), nil
					}
					opts := spoolOptions(dir, mode)
					opts.MaxEvents, opts.BatchSize = 5, size
					s := newShipper(t, f, &opts)
					next := 0
					for round := range 20 {
						hold = make(chan struct{})
						for range round * 2 {
							writeEvents(t, s, next, next+1)
							next++
							synctest.Wait()
							checkAccounts(t, s)
						}
						if st := s.Stats(); mode == logstash.SpoolAlways && st.Queued > 0 || st.Queued > 5 {
							t.Errorf("round %d: queued %d in memory", round, st.Queued)
						}
						close(hold)
						writeEvents(t, s, next, next+2) // while it drains
						next += 2
						if err := s.Flush(t.Context()); err != nil {
							t.Fatal(err)
						}
						if st := checkAccounts(t, s); st.Spooled+st.Queued > 0 {
							t.Errorf("round %d: spooled %d, queued %d after Flush", round, st.Spooled, st.Queued)
						}
						hold = nil
					}
					if mode == logstash.SpoolOverflow { // memory alone is used again, once a lane has seen that
						synctest.Wait()
						writeEvents(t, s, next, next+1)
						next++
						if st := s.Stats(); st.Spooled > 0 {
							t.Errorf("spooled %d with nothing to wait for", st.Spooled)
						}
					}
					if err := s.Close(); err != nil {
						t.Error(err)
					}
					wantIDs(t, count(0, next), f.arrived())
					checkAccounts(t, s)
				})
			})
		}
	}
}

// What is left at the end comes first the next time, in order, wherever it was:
// under way, in memory or in the spool.
func TestSpoolSurvivesShutdown(t *testing.T) {
	for _, mode := range []logstash.SpoolMode{logstash.SpoolOverflow, logstash.SpoolAlways} {
		for n := range 12 {
			t.Run(fmt.Sprintf("%v %d", mode, n), func(t *testing.T) {
				dir := t.TempDir()
				synctest.Test(t, func(t *testing.T) {
					opts := spoolOptions(dir, mode)
					opts.MaxEvents, opts.BatchSize, opts.Reserve = 5, 2, -1
					next := 0
					for range 3 { // twice in vain
						s := newShipper(t, &fakeTransport{send: sendNever}, &opts)
						if st := checkAccounts(t, s); st.Restored != uint64(next) || st.Spooled != uint64(next) || st.Accepted != uint64(next) {
							t.Errorf("restored %d, spooled %d, accepted %d; want %d", st.Restored, st.Spooled, st.Accepted, next)
						}
						for range n {
							writeEvents(t, s, next, next+1)
							next++
							synctest.Wait()
						}
						ctx, cancel := context.WithTimeout(t.Context(), time.Second)
						err := s.Shutdown(ctx)
						cancel()
						want := fmt.Sprintf(": %d events not delivered (%d of them in %s)", next, next, dir)
						if next > 0 && (!errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), want)) ||
							next == 0 && err != nil {
							t.Errorf("Shutdown: %v; want context.DeadlineExceeded and %q", err, want)
						}
						if st := checkAccounts(t, s); st.Spooled != uint64(next) || st.Queued != 0 || st.Dropped != 0 {
							t.Errorf("spooled %d, queued %d, dropped %d; want %d, 0, 0", st.Spooled, st.Queued, st.Dropped, next)
						}
						if h := s.Health(); h.OldestAge != 0 || h.Fill != 0 {
							t.Errorf("after the end: oldest %v, fill %v; want 0, 0", h.OldestAge, h.Fill)
						}
					}
					var f fakeTransport
					s := newShipper(t, &f, &opts)
					writeEvents(t, s, next, next+1)
					if err := s.Close(); err != nil {
						t.Error(err)
					}
					wantIDs(t, count(0, next+1), f.arrived())
					if st := checkAccounts(t, s); st.Restored != uint64(next) || st.Written != uint64(next+1) {
						t.Errorf("restored %d, written %d; want %d, %d", st.Restored, st.Written, next, next+1)
					}
					s = newShipper(t, &f, &opts)
					if st := checkAccounts(t, s); st.Accepted != 0 {
						t.Errorf("accepted %d of an empty spool", st.Accepted)
					}
					writeEvents(t, s, 0, 1) // whose number is not 0 any more
					if err := s.Close(); err != nil {
						t.Error(err)
					}
					if st := checkAccounts(t, s); st.Written != 1 || st.Dropped != 0 {
						t.Errorf("written %d, dropped %d; want 1, 0", st.Written, st.Dropped)
					}
				})
			})
		}
	}
}

// A program that is killed has lost nothing of what is in the spool: what was not
// acked comes again. The copy of the directory stands for the kill.
func TestSpoolAlwaysSurvivesAKill(t *testing.T) {
	dir := t.TempDir()
	opts := spoolOptions(filepath.Join(dir, "0"), logstash.SpoolAlways)
	opts.BatchSize = 10
	var acked sync.Map
	s := newShipper(t, &fakeTransport{send: func(_ context.Context, events [][]byte) (int, error) {
		n := (len(events) + 1) / 2
		for _, e := range events[:n] {
			acked.Store(eventID(e), true)
		}
		return n, testlog.ErrInjected
	}}, &opts)
	defer abandon(s)
	for i := range 200 {
		writeEvents(t, s, i, i+1)
		if i%20 != 19 {
			continue
		}
		done := make(map[int]bool) // which cannot come again but for those of a batch
		acked.Range(func(id, _ any) bool { done[id.(int)] = true; return true })
		copied := opts
		copied.SpoolDir = filepath.Join(dir, strconv.Itoa(i))
		if err := os.CopyFS(copied.SpoolDir, os.DirFS(opts.SpoolDir)); err != nil {
			t.Fatal(err)
		}
		var f fakeTransport
		after := newShipper(t, &f, &copied)
		if err := after.Close(); err != nil {
			t.Error(err)
		}
		got := idsOf(f.arrived())
		if !slices.IsSorted(got) {
			t.Errorf("after %d events: %v is not in order", i+1, got)
		}
		again := 0
		for id := range i + 1 {
			there := slices.Contains(got, id)
			if _, ok := acked.Load(id); !there && !ok {
				t.Errorf("after %d events: event %d is lost", i+1, id)
			}
			if there && done[id] {
				again++
			}
		}
		if again > opts.BatchSize {
			t.Errorf("after %d events: %d that were acked came again", i+1, again)
		}
		checkAccounts(t, after)
	}
}

func TestSpoolIsForOneShipper(t *testing.T) {
	testlog.CheckGoroutines(t)
	dir := t.TempDir()
	opts := spoolOptions(dir, logstash.SpoolAlways)
	s := newShipper(t, new(fakeTransport), &opts)
	var f fakeTransport
	_, err := logstash.NewShipper(&f, &opts)
	if err == nil || !strings.Contains(err.Error(), "DialOptions.SpoolDir") || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second Shipper: %v, want an error with SpoolDir and %s", err, dir)
	}
	if f.closed != 0 {
		t.Error("its transport was closed, though it is still the caller's")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	s = newShipper(t, new(fakeTransport), &opts) // there is room for another one now
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestSpoolDirRefused(t *testing.T) {
	testlog.CheckGoroutines(t)
	file := makeFile(t, filepath.Join(t.TempDir(), "file"), 1)
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		opts := spoolOptions(dir, logstash.SpoolAlways)
		if _, err := logstash.NewShipper(new(fakeTransport), &opts); err == nil || !strings.Contains(err.Error(), "not a directory") {
			t.Errorf("%s: %v, want that it is not a directory", dir, err)
		}
	}
}

// What each policy makes of a full spool.
func TestSpoolFull(t *testing.T) {
	const n = 300
	for _, mode := range []logstash.SpoolMode{logstash.SpoolOverflow, logstash.SpoolAlways} {
		for _, policy := range []logstash.Policy{logstash.DropNewest, logstash.Block, logstash.DropOldest} {
			t.Run(fmt.Sprintf("%v %v", mode, policy), func(t *testing.T) {
				dir := t.TempDir()
				synctest.Test(t, func(t *testing.T) {
					var drops dropLog
					opts := spoolOptions(dir, mode)
					opts.MaxEventBytes, opts.SpoolMaxBytes = 1000, 8000
					opts.MaxEvents, opts.BatchSize = 10, 4
					opts.Policy, opts.BlockTimeout, opts.OnDrop = policy, time.Second, drops.add
					g := newGated()
					s := newShipper(t, g, &opts)
					var taken []int
					for i := range n {
						start := time.Now()
						_, err := s.Write([]byte(padded(i, 200)))
						switch {
						case err == nil:
							taken = append(taken, i)
						case !errors.Is(err, logstash.ErrFull):
							t.Errorf("event %d: %v, want ErrFull", i, err)
						case policy == logstash.Block && time.Since(start) != time.Second:
							t.Errorf("event %d was refused after %v, want 1s", i, time.Since(start))
						}
						synctest.Wait()
						checkAccounts(t, s)
					}
					st := s.Stats()
					if st.SpoolBytes > 8000 || st.SpoolBytes < 4000 {
						t.Errorf("%d bytes in the spool, want 4000 to 8000", st.SpoolBytes)
					}
					g.open()
					if err := s.Flush(t.Context()); err != nil {
						t.Error(err)
					}
					writeEvents(t, s, n, n+1)
					if err := s.Close(); err != nil {
						t.Error(err)
					}
					st = checkAccounts(t, s)
					got := idsOf(g.arrived())
					if !slices.IsSorted(got) || len(slices.Compact(got)) != int(st.Written) {
						t.Errorf("arrived %v, want in order and each once", got)
					}
					if policy == logstash.DropOldest {
						if len(taken) != n || st.DroppedSpool == 0 || st.Written+st.DroppedSpool+st.DroppedFull != n+1 {
							t.Errorf("taken %d, written %d, given up by the spool %d, dropped %d; want %d in all",
								len(taken), st.Written, st.DroppedSpool, st.DroppedFull, n+1)
						}
						if last := got[len(got)-2]; last != n-1 {
							t.Errorf("the last event before is %d, want %d", last, n-1)
						}
						return
					}
					if diff := cmp.Diff(append(taken, n), got); diff != "" {
						t.Errorf("arrived mismatch (-want +got):\n%s", diff)
					}
					if told, _ := drops.all(); len(told) != int(st.DroppedFull) || st.DroppedFull != uint64(n-len(taken)) {
						t.Errorf("OnDrop %d, dropped %d, want %d", len(told), st.DroppedFull, n-len(taken))
					}
				})
			})
		}
	}
}

// Events that are too old are given up, counted, and hold up nothing.
func TestSpoolMaxAge(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		opts := spoolOptions(dir, logstash.SpoolAlways)
		opts.SpoolMaxAge, opts.BatchSize = time.Hour, 4
		g := newGated()
		s := newShipper(t, g, &opts)
		writeEvents(t, s, 0, 10)
		time.Sleep(59 * time.Minute)
		writeEvents(t, s, 10, 20)
		time.Sleep(2 * time.Minute)
		flushed := make(chan error)
		go func() { flushed <- s.Flush(t.Context()) }()
		synctest.Wait()
		checkAccounts(t, s)
		g.open()
		if err := <-flushed; err != nil {
			t.Error(err)
		}
		st := checkAccounts(t, s)
		got := idsOf(g.arrived())
		// Those under way were read in time.
		if len(got) < 10 || len(got) > 14 || !slices.Equal(got[len(got)-10:], count(10, 20)) {
			t.Errorf("arrived %v, want those from 10 on and the first batch", got)
		}
		if st.Written != uint64(len(got)) || st.DroppedSpool != 20-st.Written || st.Spooled != 0 {
			t.Errorf("written %d, given up %d, spooled %d; want %d, %d, 0", st.Written, st.DroppedSpool, st.Spooled, len(got), 20-len(got))
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}

		// What has become too old between two Shippers.
		s = newShipper(t, &fakeTransport{send: sendNothing}, &opts)
		writeEvents(t, s, 20, 25)
		abandon(s)
		time.Sleep(2 * time.Hour)
		var f fakeTransport
		s = newShipper(t, &f, &opts)
		writeEvents(t, s, 25, 26)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		wantIDs(t, []int{25}, f.arrived())
		if st := checkAccounts(t, s); st.Restored != 5 || st.DroppedSpool != 5 || st.Written != 1 {
			t.Errorf("restored %d, given up %d, written %d; want 5, 5, 1", st.Restored, st.DroppedSpool, st.Written)
		}
	})
}

// Flush and Shutdown are exact while the lanes read, other writers write and the
// spool is empty now and then: nobody waits for what is there already.
func TestSpoolConcurrentSafe(t *testing.T) {
	testlog.CheckGoroutines(t)
	for _, mode := range []logstash.SpoolMode{logstash.SpoolOverflow, logstash.SpoolAlways} {
		opts := spoolOptions(t.TempDir(), mode)
		opts.MaxEvents, opts.BatchSize = 20, 5
		f := new(fakeTransport)
		s := newShipper(t, f, &opts)
		const writers, each = 4, 500
		over := make(chan struct{})
		var all, watch sync.WaitGroup
		watch.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
					checkAccounts(t, s)
				}
			}
		})
		for w := range writers {
			all.Go(func() {
				for i := range each {
					writeEvents(t, s, w*each+i, w*each+i+1)
					if i%5 == w {
						if err := s.Flush(within(t)); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		all.Wait()
		close(over)
		watch.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		st := checkAccounts(t, s)
		if st.Written != writers*each || st.Spooled != 0 || len(f.arrived()) != writers*each {
			t.Errorf("%v: written %d, spooled %d, arrived %d; want %d, 0", mode, st.Written, st.Spooled, len(f.arrived()), writers*each)
		}
		var next [writers]int
		for _, id := range idsOf(f.arrived()) {
			if w := id / each; id%each != next[w] {
				t.Fatalf("%v: event %d of writer %d, want %d", mode, id%each, w, next[w])
			}
			next[id/each]++
		}
	}
}

// Poison goes through the spool and to the quarantine in its directory.
func TestPoisonInTheSpool(t *testing.T) {
	for _, mode := range []logstash.SpoolMode{logstash.SpoolOverflow, logstash.SpoolAlways} {
		t.Run(mode.String(), func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				p := &picky{poison: func(e []byte) bool { return eventID(e)%10 == 5 }}
				opts := spoolOptions(dir, mode)
				opts.BatchSize, opts.MaxEvents = 8, 20
				s := p.start(t, opts)
				for i := range 100 {
					writeEvents(t, s, i, i+1)
				}
				for i := 100; s.Stats().Dropped < 10 && i < 1000; i++ {
					if i%10 != 5 {
						writeEvents(t, s, i, i+1)
					}
					time.Sleep(time.Second)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				st := checkAccounts(t, s)
				if st.DroppedRejected != 10 || st.Spooled != 0 || st.Written != uint64(len(p.arrivedIDs())) {
					t.Errorf("rejected %d, spooled %d, written %d, arrived %d", st.DroppedRejected, st.Spooled, st.Written, len(p.arrivedIDs()))
				}
				text, err := os.ReadFile(filepath.Join(dir, "quarantine.json"))
				got := strings.Split(strings.TrimSpace(string(text)), "\n")
				ids := idsOf(got)
				slices.Sort(ids)
				if diff := cmp.Diff([]int{5, 15, 25, 35, 45, 55, 65, 75, 85, 95}, ids); diff != "" || err != nil {
					t.Errorf("quarantine: %v, mismatch (-want +got):\n%s", err, diff)
				}
			})
		})
	}
}

// What was acked behind an event that was not is not left, though it comes again.
func TestSpoolErrorCountsWhatIsLeft(t *testing.T) {
	testlog.CheckGoroutines(t)
	const events = 1000
	var ledger lstest.Ledger
	var addrs []string
	var servers []*lstest.Beats
	for range 2 {
		srv := listenBeats(t, &lstest.BeatsOptions{OnEvent: ledger.Receiver(), Forget: true})
		servers = append(servers, srv)
		addrs = append(addrs, srv.Addr())
	}
	holds := make(chan int, 1)
	servers[0].SetAnswer(func(n int) lstest.Answer {
		holds <- n
		return lstest.Answer{Refuse: true, Delay: time.Hour}
	})
	resume := servers[1].Stall(0)
	o := chaosOptions()
	o.Strategy, o.SpoolMode, o.SpoolDir, o.BatchSize, o.Pipeline = logstash.LoadBalance, logstash.SpoolAlways, t.TempDir(), 10, 1
	s := dialShipper(t, "beats://"+strings.Join(addrs, ","), o)
	for id := range events {
		if _, err := s.Write(lstest.AppendEvent(nil, 0, id, "")); err != nil {
			t.Fatal(err)
		}
	}
	held := <-holds
	resume()
	waitFor(t, "the other one's acks", func() bool { return s.Stats().Written == uint64(events-held) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	left := s.Stats().Spooled
	for what, err := range map[string]error{"flush": s.Flush(ctx), "shutdown": s.Shutdown(ctx)} {
		if want := fmt.Sprintf(": %d events not delivered (%d of them in", left, left); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", what, err, want)
		}
	}
	servers[0].SetAnswer(nil)
	s = dialShipper(t, "beats://"+strings.Join(addrs, ","), o)
	flush(t, s)
	if missing, dup := events-ledger.Unique(), ledger.Duplicates(); missing > 0 || uint64(dup) > s.Stats().Restored {
		t.Errorf("%d are missing, and %d came again of %d in the spool", missing, dup, s.Stats().Restored)
	}
}
