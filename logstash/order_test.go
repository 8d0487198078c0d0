package logstash_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// keyLog checks that the events of each sender, over all receivers, arrive for the first
// time in their order, without a gap.
type keyLog struct {
	mu    sync.Mutex
	next  map[int]int // of each sender, the event that has not arrived
	gaps  bool        // there may be
	total int
	odd   []string
}

func (l *keyLog) receive(event []byte) {
	sender, id := numberOf(event, "sender"), numberOf(event, "id")
	l.mu.Lock()
	defer l.mu.Unlock()
	switch next := l.next[sender]; {
	case id == next:
		l.next[sender]++
		l.total++
	case id > next && l.gaps:
		l.next[sender] = id + 1
		l.total++
	case id > next:
		l.odd = append(l.odd, fmt.Sprintf("event %d of sender %d arrived before event %d", id, sender, next))
		l.next[sender] = id + 1
	}
}

func (l *keyLog) check(t *testing.T, events int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.odd) > 0 {
		t.Errorf("%d times out of order: %s", len(l.odd), l.odd[0])
	}
	if l.total != events {
		t.Errorf("%d events arrived, want %d", l.total, events)
	}
}

// numberOf returns the number that a member of an event of the ledger is.
func numberOf(event []byte, name string) int {
	n, err := strconv.Atoi(string(logstash.Field(name)(event)))
	if err != nil {
		panic(err)
	}
	return n
}

// farm is receivers that share their logs.
type farm struct {
	log     keyLog
	ledger  lstest.Ledger
	servers []*lstest.Beats
}

func newFarm(t testing.TB, n int) *farm {
	t.Helper()
	f := &farm{log: keyLog{next: make(map[int]int)}}
	for range n {
		receive := f.ledger.Receiver()
		f.servers = append(f.servers, listenBeats(t, &lstest.BeatsOptions{Forget: true, ReadBuffer: 32 << 10, OnEvent: func(conn int, event []byte) {
			receive(conn, event)
			f.log.receive(event)
		}}))
	}
	return f
}

func (f *farm) addr() string {
	var addrs []string
	for _, srv := range f.servers {
		addrs = append(addrs, srv.Addr())
	}
	return "beats://" + strings.Join(addrs, ",")
}

// slow makes a receiver take so long for each window.
func slow(srv *lstest.Beats, delay time.Duration) {
	srv.SetAnswer(func(n int) lstest.Answer { return lstest.Answer{Acks: []uint32{uint32(n)}, Delay: delay} })
}

// orderOptions are for several connections and a queue that is always full.
func orderOptions() logstash.DialOptions {
	o := chaosOptions()
	o.Strategy, o.Key, o.Timeout = logstash.LoadBalance, logstash.Field("sender"), 200*time.Millisecond
	return o
}

// writeKeys writes events of senders that pick chooses, and flushes.
func writeKeys(t *testing.T, s *logstash.Shipper, events int, pick func(i int) int) {
	t.Helper()
	var event []byte
	ids, pad := make(map[int]int), strings.Repeat("x", 60)
	for i := range events {
		sender := pick(i)
		event = lstest.AppendEvent(event[:0], sender, ids[sender], pad)
		ids[sender]++
		if _, err := s.Write(event); err != nil {
			t.Fatalf("event %d: %v; stats %+v, health %+v", i, err, s.Stats(), s.Health())
		}
	}
}

func flush(t *testing.T, s *logstash.Shipper) {
	t.Helper()
	if err := s.Flush(within(t)); err != nil {
		t.Errorf("%v; stats %+v, health %+v", err, s.Stats(), s.Health())
	}
}

// Over several connections the events of a key arrive in their order, whatever the
// receivers are like.
func TestKeyKeepsOrder(t *testing.T) {
	evenly := func(n int) func(int) int { return func(int) int { return rand.IntN(n) } }
	hot := func(int) int { return max(0, rand.IntN(200)-100) }
	for _, tt := range []struct {
		name   string
		pick   func(i int) int
		opts   func(o *logstash.DialOptions)
		ill    func(f *farm) // at the start
		script func(c *chaos, events int)
	}{
		{name: "a hundred keys", pick: evenly(100)},
		{name: "a key for four events", pick: func(i int) int { return i/40*10 + i%10 }},
		{name: "fewer keys than connections", pick: evenly(3)},
		{name: "one key", pick: evenly(1)},
		{name: "half of the events have one key", pick: hot},
		{name: "windows of 16, one at a time", pick: hot, opts: func(o *logstash.DialOptions) { o.BatchSize, o.Pipeline = 16, 1 }},
		{name: "windows of 2048", pick: hot, opts: func(o *logstash.DialOptions) { o.BatchSize, o.MaxEvents = 2048, 40_000 }},
		{name: "eight connections", pick: hot, opts: func(o *logstash.DialOptions) { o.Connections = 8 }},
		{name: "uneven receivers", pick: hot, ill: func(f *farm) {
			for i, srv := range f.servers {
				slow(srv, time.Duration(i)*3*time.Millisecond)
			}
		}},
		{name: "a dead one", pick: hot, ill: func(f *farm) { f.servers[1].Kill() }},
		{name: "a stalled one", pick: hot, ill: func(f *farm) { f.servers[1].Stall(0) }},
		{name: "one that is restarted", pick: hot, script: func(c *chaos, events int) { c.run(20, events) }},
		{
			name: "one that is restarted, a hundred keys, one at a time", pick: evenly(100),
			opts: func(o *logstash.DialOptions) { o.Pipeline = 1 }, script: func(c *chaos, events int) { c.run(20, events) },
		},
		{name: "through a spool", pick: hot, opts: func(o *logstash.DialOptions) { o.SpoolMode = logstash.SpoolAlways }},
		{
			name: "through memory and spool", pick: hot,
			opts: func(o *logstash.DialOptions) { o.SpoolMode, o.MaxEvents = logstash.SpoolOverflow, 500 }, script: func(c *chaos, events int) { c.run(5, events) },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testlog.CheckGoroutines(t)
			f := newFarm(t, 4)
			o := orderOptions()
			if tt.opts != nil {
				tt.opts(&o)
			}
			if o.SpoolMode != logstash.SpoolOff {
				o.SpoolDir = t.TempDir()
			}
			if tt.ill != nil {
				tt.ill(f)
			}
			events := torture(20_000, 500_000)
			s := dialShipper(t, f.addr(), o)
			var wg sync.WaitGroup
			if tt.script != nil {
				c := newChaos(t, f.servers[2], &f.ledger)
				wg.Go(func() { tt.script(c, events) })
			}
			writeKeys(t, s, events, tt.pick)
			flush(t, s)
			wg.Wait()
			f.log.check(t, events)
			if st := checkAccounts(t, s); st.Written != uint64(events) || st.Dropped > 0 {
				t.Errorf("written %d, dropped %d; want %d, 0", st.Written, st.Dropped, events)
			}
		})
	}
}

// What has no key goes wherever there is room, as if there were no Key.
func TestKeyOfNone(t *testing.T) {
	for name, key := range map[string]func(event []byte) []byte{
		"nil":    func([]byte) []byte { return nil },
		"empty":  func([]byte) []byte { return []byte{} },
		"panics": func([]byte) []byte { panic("Key") },
		"some": func(event []byte) []byte {
			if numberOf(event, "sender") > 0 {
				panic("Key")
			}
			return []byte("0")
		},
		"ends its goroutine": func([]byte) []byte { runtime.Goexit(); return nil },
		"some end it": func(event []byte) []byte {
			if numberOf(event, "sender") > 0 {
				runtime.Goexit()
			}
			return []byte("0")
		},
	} {
		t.Run(name, func(t *testing.T) {
			testlog.CheckGoroutines(t)
			const events = 10_000
			f := newFarm(t, 4)
			resume := f.servers[1].Stall(10 * time.Millisecond) // which holds up nothing of the others
			defer resume()
			o := orderOptions()
			o.Key, o.MaxEvents = key, events
			s := dialShipper(t, f.addr(), o)
			writeKeys(t, s, events, func(i int) int { return min(i%50, 1) })
			most := uint64(4 * o.BatchSize)
			waitFor(t, "the others", func() bool { return s.Stats().Queued <= most+events/50 })
			resume()
			flush(t, s)
			if strings.HasPrefix(name, "some") {
				if zero := f.log.next[0]; zero != events/50 {
					t.Errorf("%d events with a key in order, want %d", zero, events/50)
				}
			}
		})
	}
}

// A Key may be slow: Write does not wait for it.
func TestKeyIsAskedWithoutLocks(t *testing.T) {
	testlog.CheckGoroutines(t)
	f := newFarm(t, 2)
	asked, answer := make(chan struct{}), make(chan struct{})
	var once sync.Once
	o := orderOptions()
	o.Key = func([]byte) []byte {
		once.Do(func() { close(asked) })
		<-answer
		return []byte("k")
	}
	s := dialShipper(t, f.addr(), o)
	writeKeys(t, s, 1, func(int) int { return 0 })
	<-asked
	writeKeys(t, s, 1000, func(int) int { return 1 })
	if st := checkAccounts(t, s); st.Queued != 1001 {
		t.Errorf("queued %d, want 1001", st.Queued)
	}
	close(answer)
	flush(t, s)
	f.log.check(t, 1001)
}

// What one Shipper leaves in the spool the next one sends, in the order of its keys.
func TestKeyAcrossRestarts(t *testing.T) {
	for _, mode := range []logstash.SpoolMode{logstash.SpoolOverflow, logstash.SpoolAlways} {
		t.Run(mode.String(), func(t *testing.T) {
			testlog.CheckGoroutines(t)
			const lives, each = 5, 3000
			f := newFarm(t, 4)
			o := orderOptions()
			o.SpoolMode, o.SpoolDir, o.MaxEvents, o.BatchSize = mode, t.TempDir(), 1000, 64
			ids := make(map[int]int)
			for life := range lives {
				resume := f.servers[life%4].Stall(0)
				s := dialShipper(t, f.addr(), o)
				var event []byte
				for i := range each {
					sender := i % 30
					event = lstest.AppendEvent(event[:0], sender, ids[sender], "")
					ids[sender]++
					if _, err := s.Write(event); err != nil {
						t.Fatal(err)
					}
				}
				waitFor(t, "some to arrive", func() bool { return f.ledger.Unique() > life*each })
				if life == lives-1 {
					flush(t, s)
				}
				abandon(s)
				resume()
				if st := checkAccounts(t, s); st.Dropped > 0 || st.Queued > 0 {
					t.Errorf("dropped %d, queued %d, want all written or in the spool: %+v", st.Dropped, st.Queued, st)
				}
			}
			f.log.check(t, lives*each)
		})
	}
}

// Under DropOldest what is dropped makes gaps, and nothing else does.
func TestKeyDropOldest(t *testing.T) {
	testlog.CheckGoroutines(t)
	const events = 20_000
	f := newFarm(t, 4)
	f.log.gaps = true
	for _, srv := range f.servers {
		slow(srv, time.Millisecond)
	}
	resume := f.servers[2].Stall(10 * time.Millisecond)
	defer resume()
	var drops dropLog
	o := orderOptions()
	o.Policy, o.MaxEvents, o.BatchSize, o.OnDrop = logstash.DropOldest, 2000, 64, drops.add
	s := dialShipper(t, f.addr(), o)
	writeKeys(t, s, events, func(i int) int { return i % 30 })
	resume()
	flush(t, s)
	st := checkAccounts(t, s)
	dropped, _ := drops.all()
	if st.DroppedFull == 0 || int(st.DroppedFull) != len(dropped) || f.ledger.Unique()+len(dropped) != events {
		t.Errorf("%d arrived, %d dropped, OnDrop was told of %d; want %d together", f.ledger.Unique(), st.DroppedFull, len(dropped), events)
	}
	f.log.check(t, f.ledger.Unique())
}

// A single event that no receiver bears goes to quarantine, the others arrive, and those
// that are not around it in their order.
func TestKeyPoison(t *testing.T) {
	testlog.CheckGoroutines(t)
	const events, poison = 3000, 1000
	var ledger lstest.Ledger
	var addrs []string
	for range 3 {
		srv := listenBeats(t, &lstest.BeatsOptions{
			OnEvent: ledger.Receiver(), Forget: true,
			Poison: func(event []byte) bool { return bytes.Contains(event, []byte(`"id":1000,`)) },
		})
		addrs = append(addrs, srv.Addr())
	}
	o := orderOptions()
	o.QuarantineFile, o.BatchSize = t.TempDir()+"/quarantine", 64
	o.Key = func(event []byte) []byte { return event[len(event)-4 : len(event)-2] }
	s := dialShipper(t, "beats://"+strings.Join(addrs, ","), o)
	var event []byte
	write := func(id int) {
		event = lstest.AppendEvent(event[:0], 0, id, strconv.Itoa(id%50+10))
		if _, err := s.Write(event); err != nil {
			t.Fatal(err)
		}
	}
	for id := range events {
		write(id)
	}
	more := events
	waitFor(t, "the quarantine", func() bool {
		write(more) // acks of others show that the receiver works
		more++
		return s.Stats().DroppedRejected > 0
	})
	flush(t, s)
	st := checkAccounts(t, s)
	if missing := ledger.Missing(0, more); len(missing) != 1 || missing[0] != poison || st.DroppedRejected != 1 || st.Written != uint64(more-1) {
		t.Errorf("missing %v, %+v; want event %d in quarantine, and no other", missing, st, poison)
	}
}

// That some connections in a row break over the same event does not make it one that is
// put aside: they may break over anything.
func TestKeyKeepsOrderOverBreaks(t *testing.T) {
	testlog.CheckGoroutines(t)
	const events = 3000
	log := keyLog{next: make(map[int]int)}
	var mu sync.Mutex
	breaks := make(map[int]int) // over each event
	var addrs []string
	for range 4 {
		srv := listenBeats(t, &lstest.BeatsOptions{
			OnEvent: func(_ int, event []byte) { log.receive(event) }, Forget: true,
			Poison: func(event []byte) bool {
				mu.Lock()
				defer mu.Unlock()
				id := numberOf(event, "id")
				breaks[id]++
				return id%100 == 50 && breaks[id] <= 7
			},
		})
		addrs = append(addrs, srv.Addr())
	}
	o := orderOptions()
	o.BatchSize, o.Connections = 1, 8
	s := dialShipper(t, "beats://"+strings.Join(addrs, ","), o)
	writeKeys(t, s, events, func(int) int { return 0 })
	flush(t, s)
	log.check(t, events)
	if st := checkAccounts(t, s); st.Dropped > 0 {
		t.Errorf("dropped %d, want 0", st.Dropped)
	}
}

// Whatever becomes of the receivers, the events of a key arrive in their order.
func TestChaosKey(t *testing.T) {
	for i := range torture(4, 100) {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			testlog.CheckGoroutines(t)
			f := newFarm(t, 4)
			var all []*chaos
			for _, srv := range f.servers {
				c := newChaos(t, srv, &f.ledger)
				c.ills = append(c.ills,
					func() { c.hold(srv.Stall(0)) },
					func() { c.hold(srv.Stall(time.Millisecond)) },
					func() { slow(srv, time.Duration(c.rnd.IntN(10))*time.Millisecond) },
					func() { c.answer(srv) },
				)
				all = append(all, c)
			}
			one := func(of ...int) int { return of[all[0].rnd.IntN(len(of))] }
			o := orderOptions()
			o.Connections, o.Pipeline, o.BatchSize = one(0, 3, 8), one(1, 2, 4, 16), one(1, 16, 256, 2048)
			o.FlushInterval = time.Duration(one(-1, int(time.Millisecond)))
			o.ConnectionTTL = time.Duration(one(0, int(3*time.Millisecond)))
			if o.SpoolMode = logstash.SpoolMode(one(0, 1, 2)); o.SpoolMode != logstash.SpoolOff {
				o.SpoolDir, o.SpoolSync = t.TempDir(), logstash.SyncNever
			}
			o.MaxEvents = one(100, 4096)
			keys, events := one(1, 3, 50, 5000), torture(4000, 20_000)
			t.Logf("%d keys, %d connections, pipeline %d, batches of %d, %d in memory, spool %v, for %v",
				keys, o.Connections, o.Pipeline, o.BatchSize, o.MaxEvents, o.SpoolMode, o.ConnectionTTL)
			s := dialShipper(t, f.addr(), o)
			var wg sync.WaitGroup
			for _, c := range all {
				wg.Go(func() { c.run(4, events) })
			}
			writeKeys(t, s, events, func(i int) int { return i * 7919 % keys })
			wg.Wait()
			flush(t, s)
			dup, st := uint64(f.ledger.Duplicates()), checkAccounts(t, s)
			if missing := events - f.ledger.Unique(); missing > 0 {
				t.Errorf("%d are missing: %+v", missing, st)
			}
			if st.Dropped > 0 || st.Written != uint64(events) {
				t.Errorf("dropped %d, written %d; want 0, %d: %+v", st.Dropped, st.Written, events, st)
			}
			if dup > st.Resent {
				t.Errorf("%d duplicates, %d resent: %+v", dup, st.Resent, st)
			}
			f.log.mu.Lock()
			defer f.log.mu.Unlock()
			connections := 0
			for _, c := range all {
				connections += c.suspects()
			}
			if len(f.log.odd) > 0 {
				t.Errorf("%d times out of order (%d suspects may be): %s", len(f.log.odd), connections, f.log.odd[0])
			}
		})
	}
}

// A receiver that stalls holds up the keys of what it was sent, and no others.
func TestKeyStalledReceiver(t *testing.T) {
	for _, batch := range []int{16, 256, 2048} {
		t.Run(fmt.Sprintf("windows of %d", batch), func(t *testing.T) {
			testlog.CheckGoroutines(t)
			const events, pipeline = 20_000, 2
			f := newFarm(t, 4)
			resume := f.servers[1].Stall(10 * time.Millisecond)
			defer resume()
			o := orderOptions()
			o.BatchSize, o.Pipeline, o.MaxEvents, o.Timeout = batch, pipeline, events, time.Hour
			s := dialShipper(t, f.addr(), o)
			of := make(map[int]int) // how many events each sender has
			writeKeys(t, s, events, func(i int) int {
				sender := i/100*25 + i%25
				of[sender]++
				return sender
			})
			left := func() (keys, n int) {
				f.log.mu.Lock()
				defer f.log.mu.Unlock()
				for sender, all := range of {
					if d := all - f.log.next[sender]; d > 0 {
						keys++
						n += d
					}
				}
				return keys, n
			}
			most := pipeline * batch // events under way to it
			waitFor(t, "the others", func() bool { keys, n := left(); return keys <= most && uint64(n) == s.Stats().Queued })
			keys, n := left()
			t.Logf("%d events of %d keys wait", n, keys)
			if n == 0 || n > 4*most {
				t.Errorf("%d events wait, want some, and at most 4 of each of %d keys", n, most)
			}
			resume()
			flush(t, s)
			f.log.check(t, events)
		})
	}
}

// A receiver that stalls holds up its share of the keys, or less if it never acked anything,
// while the others take far more than may wait, however few keys there are.
func TestKeyStalledShare(t *testing.T) {
	for _, tt := range []struct {
		name  string
		keys  int
		first int // how many events are acked before
		most  int // percent of the events that may wait
	}{
		{"from the start", 1000, 0, 5},
		{"later", 1000, 1000, 45},
		{"from the start, a few keys", 40, 0, 60},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testlog.CheckGoroutines(t)
			const events = 30_000
			f := newFarm(t, 4)
			o := orderOptions()
			o.Pipeline, o.MaxEvents, o.Timeout = 1, events, time.Hour
			full := make(chan struct{}) // closed when there is a whole batch for the first connection
			o.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				select {
				case <-full:
				case <-ctx.Done():
					return nil, ctx.Err()
				}
				return dialSmall(ctx, network, addr)
			}
			stall := func() func() { return f.servers[1].Stall(10 * time.Millisecond) }
			var resume func()
			if tt.first == 0 {
				resume = stall()
			}
			s := dialShipper(t, f.addr(), o)
			var event []byte
			ids, pad := make(map[int]int), strings.Repeat("x", 300)
			for i := range tt.first + events {
				if i == o.BatchSize {
					close(full)
				}
				if resume == nil && i == tt.first {
					flush(t, s)
					resume = stall()
				}
				sender := i * 7919 % tt.keys
				event = lstest.AppendEvent(event[:0], sender, ids[sender], pad)
				ids[sender]++
				if _, err := s.Write(event); err != nil {
					t.Fatal(err)
				}
			}
			waitFor(t, "the others", func() bool { return s.Stats().Queued <= uint64(events*tt.most/100) })
			st := s.Stats()
			t.Logf("%d events wait", st.Queued)
			if st.Queued == 0 {
				t.Error("none wait, want those of the keys that are held up")
			}
			resume()
			flush(t, s)
			f.log.check(t, tt.first+events)
		})
	}
}

// A receiver that is slow gets less, and does not set the pace for the others.
func TestKeySlowReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // or a busy machine makes the others slow as well
		const events = 30_000
		f := &farm{log: keyLog{next: make(map[int]int)}}
		c := newCluster(t, 0)
		for i := range 4 {
			srv := lstest.NewBeats(&lstest.BeatsOptions{Forget: true, OnEvent: func(_ int, event []byte) { f.log.receive(event) }})
			t.Cleanup(srv.Kill)
			delay := time.Millisecond
			if i == 0 {
				delay = 50 * time.Millisecond
			}
			slow(srv, delay)
			c.all, c.dialed = append(c.all, srv), append(c.dialed, nil)
		}
		o := orderOptions()
		o.BatchSize, o.Pipeline, o.Timeout, o.DialContext = 128, 8, 10*time.Second, c.dial
		s := dialShipper(t, c.addr(), o)
		writeKeys(t, s, events, func(i int) int { return i * 7919 % 10 })
		if err := s.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		f.log.check(t, events)
		if n := c.all[0].Acked(); n >= events/10 { // which is one of the keys for good
			t.Errorf("the slow receiver got %d events of %d, want less than a tenth", n, events)
		}
		abandon(s)
	})
}

// A receiver that stalls, with keepalives, loses its connection when others are idle and
// its keys are waited for.
func TestKeyLeavesAStalledReceiver(t *testing.T) {
	testlog.CheckGoroutines(t)
	f := newFarm(t, 4)
	resume := f.servers[1].Stall(10 * time.Millisecond)
	defer resume()
	o := orderOptions()
	var errs errorLog
	o.OnError = errs.add
	s := dialShipper(t, f.addr(), o)
	events := 0
	waitFor(t, "the end of its connection", func() bool {
		for key := range 50 {
			if _, err := s.Write(lstest.AppendEvent(nil, key, (events-key)/50, "")); err != nil {
				t.Fatal(err)
			}
			events++
		}
		return strings.Contains(fmt.Sprint(errs.all()), "no ack for 200ms")
	})
	resume()
	flush(t, s)
	f.log.check(t, events)
}

// So does one that stalls in the middle of a window.
func TestKeyLeavesAReceiverThatStallsInAWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const events, timeout = 2000, 30 * time.Second
		c := newCluster(t, 2)
		s := c.shipper(t, logstash.DialOptions{Key: logstash.Field("sender"), BatchSize: 32, Timeout: timeout})
		writeKeys(t, s, events, func(i int) int { return i % 20 })
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.all[1].Stall(5 * time.Second) // what is in memory has no room for another window
		for i := range events {
			if _, err := s.Write(lstest.AppendEvent(nil, i%20, events/20+i/20, "")); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(timeout - time.Second)
		if st := s.Stats(); st.Queued == 0 || st.Resent > 0 {
			t.Errorf("queued %d, resent %d just before the timeout; want some, 0", st.Queued, st.Resent)
		}
		time.Sleep(10 * time.Second) // until a keepalive comes, and the others are acked
		if st := s.Stats(); st.Queued > 0 || st.Resent == 0 {
			t.Errorf("queued %d, resent %d; want none, some", st.Queued, st.Resent)
		}
		abandon(s)
		for key := range 20 {
			if missing := c.Missing(key, events/10); len(missing) > 0 {
				t.Errorf("%d events of sender %d are missing", len(missing), key)
			}
		}
	})
}

// A Key that does not return holds up what it was asked for, and no end.
func TestKeyThatBlocks(t *testing.T) {
	for _, mode := range []logstash.SpoolMode{logstash.SpoolOff, logstash.SpoolOverflow, logstash.SpoolAlways} {
		t.Run(mode.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const events = 100
				c := newCluster(t, 2)
				block := make(chan struct{})
				var drops dropLog
				o := logstash.DialOptions{
					FlushInterval: -1, OnDrop: drops.add, SpoolMode: mode, SpoolDir: t.TempDir(),
					Key: func([]byte) []byte { <-block; return nil },
				}
				if mode == logstash.SpoolOff {
					o.SpoolDir = ""
				}
				s := c.shipper(t, o)
				writeEvents(t, s, 0, events)
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				begun := time.Now()
				if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Shutdown: %v, want that time was up", err)
				}
				if d := time.Since(begun); d > time.Second {
					t.Errorf("Shutdown took %v, want a second", d)
				}
				st := checkAccounts(t, s)
				told, _ := drops.all()
				dropped := events
				if mode != logstash.SpoolOff {
					dropped = 0
				}
				if len(told) != dropped || int(st.DroppedShutdown) != dropped || int(st.Spooled) != events-dropped || st.Queued > 0 {
					t.Errorf("OnDrop was told of %d, want %d: %+v", len(told), dropped, st)
				}
				if mode != logstash.SpoolOff {
					o.Key = nil
					next := c.shipper(t, o)
					if err := next.Flush(t.Context()); err != nil {
						t.Error(err)
					}
					c.checkAll(t, next, events, 0)
				}
				close(block)
			})
		})
	}
}

// BenchmarkKey is what it costs to keep the events of a key in order, over four
// receivers.
func BenchmarkKey(b *testing.B) {
	for _, bb := range []struct {
		name string
		keys int
		key  func(event []byte) []byte
	}{
		{"none", 1 << 20, nil},
		{"10 keys", 10, logstash.Field("sender")},
		{"1000 keys", 1000, logstash.Field("sender")},
		{"a million keys", 1 << 20, logstash.Field("sender")},
	} {
		for _, delay := range []time.Duration{0, 5 * time.Millisecond} {
			b.Run(fmt.Sprintf("%s, acks after %v", bb.name, delay), func(b *testing.B) {
				var addrs []string
				for range 4 {
					srv := listenBeats(b, &lstest.BeatsOptions{Forget: true})
					slow(srv, delay)
					addrs = append(addrs, srv.Addr())
				}
				s := dialShipper(b, "beats://"+strings.Join(addrs, ","), logstash.DialOptions{
					Policy: logstash.Block, BlockTimeout: -1, FlushInterval: 100 * time.Millisecond,
					Strategy: logstash.LoadBalance, Key: bb.key,
				})
				var event []byte
				pad := strings.Repeat("x", 280)
				b.ReportAllocs()
				n := 0
				for b.Loop() {
					event = lstest.AppendEvent(event[:0], n*7919%bb.keys, n, pad)
					n++
					if _, err := s.Write(event); err != nil {
						b.Fatal(err)
					}
				}
				if err := s.Flush(b.Context()); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			})
		}
	}
}
