package spool_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/spool"
	"github.com/sluicelog/sluice/internal/testlog"
)

func TestMaxBytes(t *testing.T) {
	dir := t.TempDir()
	o := &spool.Options{MaxBytes: 4000}
	q := mustOpen(t, dir, o)
	var want []string
	for {
		e := fmt.Sprintf("%d %s", len(want), strings.Repeat("x", 90))
		if _, err := q.Append([][]byte{[]byte(e)}); err != nil {
			if err != spool.ErrFull { //nolint:errorlint // it is promised as such
				t.Fatal(err)
			}
			break
		}
		want = append(want, e)
	}
	if s := q.Stats(); s.Bytes > 4000 || s.Bytes < 3700 || s.Segments < 4 {
		t.Errorf("%+v", s)
	}
	l := mustRead(t, q, 2, 0, 0)
	n, err := q.DropOldest() // not the first segment, which is in use
	if err != nil || n == 0 || n > 10 {
		t.Fatalf("%d events dropped, %v", n, err)
	}
	mustAppend(t, q, "new")
	got := stringsOf(l)
	q.Ack(l, 2)
	if head := q.Head(); head != l.First+2 {
		t.Errorf("Head %d, want %d", head, l.First+2)
	}
	// A restart knows what is missing, and why.
	mustClose(t, q)
	q = mustOpen(t, dir, o)
	if s := q.Stats(); s.Events != uint64(len(want)-2+1)-n {
		t.Errorf("%d events, want %d", s.Events, uint64(len(want)-2+1)-n)
	}
	got = append(got, drain(t, q)...)
	all := append(slices.Clone(want), "new")
	from := slices.IndexFunc(all, func(e string) bool { return !slices.Contains(got, e) })
	if diff := cmp.Diff(slices.Delete(all, from, from+int(n)), got); diff != "" {
		t.Errorf("events mismatch (-want +got):\n%s", diff)
	}
	if s := q.Stats(); s.Damaged > 0 || s.Events > 0 {
		t.Errorf("%+v", s)
	}
	if _, err := q.Append([][]byte{make([]byte, 4000)}); err != spool.ErrFull { //nolint:errorlint // it is promised as such
		t.Errorf("more than fits: %v", err)
	}
}

func TestDropOldestDownToTheTail(t *testing.T) {
	q := mustOpen(t, t.TempDir(), nil)
	mustAppend(t, q, "a", "b", "c")
	l := mustRead(t, q, 1, 0, 0)
	if n, err := q.DropOldest(); n != 0 || err != nil {
		t.Errorf("dropped %d in a lease, %v", n, err)
	}
	q.Ack(l, 1)
	if n, err := q.DropOldest(); n != 2 || err != nil {
		t.Errorf("dropped %d, %v; want 2", n, err)
	}
	if q.Head() != q.End() || q.Stats().Segments != 0 || q.Stats().Evicted != 2 {
		t.Errorf("Head %d, End %d, %+v", q.Head(), q.End(), q.Stats())
	}
	mustAppend(t, q, "d")
	if diff := cmp.Diff([]string{"d"}, drain(t, q)); diff != "" {
		t.Errorf("events mismatch (-want +got):\n%s", diff)
	}
}

func TestNothingStaysOnDiskOfWhatIsDone(t *testing.T) {
	q := mustOpen(t, t.TempDir(), &spool.Options{MaxBytes: 16 << 10})
	event := strings.Repeat("x", 1000)
	for range 100 { // never full
		mustAppend(t, q, event)
		drain(t, q)
		if s := q.Stats(); s.Bytes > 2<<10 {
			t.Fatalf("%+v", s)
		}
	}
}

func TestALeaseThatStaysKeepsOnlyItsSegment(t *testing.T) {
	dir := t.TempDir()
	o := &spool.Options{MaxBytes: 16 << 10}
	q := mustOpen(t, dir, o)
	event := strings.Repeat("x", 1000)
	mustAppend(t, q, "first")
	stays := mustRead(t, q, 1, 0, 0)
	for range 200 { // never full
		mustAppend(t, q, event)
		l := mustRead(t, q, 0, 0, 0)
		q.Ack(l, len(l.Events))
	}
	if s := q.Stats(); s.Bytes > 10<<10 || s.Events != 1 || q.Head() != stays.First {
		t.Errorf("%+v", s)
	}
	mustClose(t, q)
	q = mustOpen(t, dir, o)
	got := drain(t, q)
	if len(got) > 10 || got[0] != "first" || q.Stats().Damaged > 0 {
		t.Errorf("%d events after a restart, %+v", len(got), q.Stats())
	}
}

// What is done behind a lease that stays is looked at with each Read and Ack, so that
// there must not be ever more of it.
func TestALeaseThatStaysDoesNotSlowTheOthers(t *testing.T) {
	dir := t.TempDir()
	o := &spool.Options{SegmentBytes: 4 << 10}
	q := mustOpen(t, dir, o)
	rnd := rand.New(rand.NewPCG(1, 2))
	var open []*spool.Lease
	left := make(map[uint64]string) // what is to be read at the end
	for i := range 3000 {
		e := strconv.Itoa(i)
		mustAppend(t, q, e+"a", e+"b", e+"c")
		for _, x := range "abc" {
			left[q.End()-3+uint64(x-'a')] = e + string(x)
		}
		for len(open) < 4 {
			l := mustRead(t, q, 1+rnd.IntN(4), 0, 0)
			if l == nil {
				break
			}
			for j, e := range stringsOf(l) {
				if n := l.First + uint64(j); left[n] != e {
					t.Fatalf("event %d is %q, want %q: it comes again, or is another one", n, e, left[n])
				}
			}
			open = append(open, l)
		}
		at := 1 + rnd.IntN(len(open))
		if at == len(open) { // the first one stays
			continue
		}
		l := open[at]
		n := 1 + rnd.IntN(len(l.Events))
		q.Ack(l, n)
		q.Release(l) // what is left of it
		for j := range n {
			delete(left, l.First+uint64(j))
		}
		open = slices.Delete(open, at, at+1)
		if got := q.Leases(); got > 10 {
			t.Fatalf("%d leases are kept after %d rounds", got, i)
		}
	}
	if got := q.Stats(); got.Events != uint64(len(left)) || q.Head() != open[0].First {
		t.Errorf("%d events from %d on, want %d from %d on", got.Events, q.Head(), len(left), open[0].First)
	}
	for _, l := range open {
		q.Release(l)
	}
	got := make(map[uint64]string)
	for l := mustRead(t, q, 100, 0, 0); l != nil; l = mustRead(t, q, 100, 0, 0) {
		for j, e := range stringsOf(l) {
			got[l.First+uint64(j)] = e
		}
		q.Ack(l, len(l.Events))
	}
	if diff := cmp.Diff(left, got); diff != "" {
		t.Errorf("events mismatch (-want +got):\n%s", diff)
	}
	if s := q.Stats(); s.Events != 0 || s.Damaged > 0 || q.Leases() > 0 || q.Head() != q.End() {
		t.Errorf("in the end: %+v, %d leases, Head %d, End %d", s, q.Leases(), q.Head(), q.End())
	}
}

func TestMaxAge(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		o := &spool.Options{MaxAge: time.Minute, SegmentBytes: 100}
		q := mustOpen(t, dir, o)
		mustAppend(t, q, "a", "b")
		mustAppend(t, q, "c") // in the same segment
		time.Sleep(40 * time.Second)
		mustAppend(t, q, "d", strings.Repeat("x", 100))
		if got := q.Stats().OldestTime; time.Since(got) != 40*time.Second {
			t.Errorf("the oldest event is %s old", time.Since(got))
		}
		l := mustRead(t, q, 1, 0, 0)
		time.Sleep(21 * time.Second)
		if got := stringsOf(mustRead(t, q, 0, 0, 0)); got[0] != "d" {
			t.Errorf("read %q", got)
		}
		if s := q.Stats(); s.Expired != 2 || s.Events != 3 {
			t.Errorf("%+v", s)
		}
		q.Ack(l, 1)
		mustClose(t, q)

		o.SegmentBytes = 1
		q = mustOpen(t, dir, o)
		mustAppend(t, q, "e")
		time.Sleep(61 * time.Second)
		if s := q.Stats(); s.Events != 3 {
			t.Errorf("%+v", s)
		}
		mustAppend(t, q, "f") // notices whole segments
		if s := q.Stats(); s.Expired != 3 || s.Events != 1 || s.Segments != 1 {
			t.Errorf("%+v", s)
		}
		mustAppend(t, q, "g")
		time.Sleep(30 * time.Second)
		mustAppend(t, q, strings.Repeat("h", 100))
		mustClose(t, q)
		time.Sleep(31 * time.Second)

		q = mustOpen(t, dir, o) // notices them too, where it can know
		if s := q.Stats(); s.Expired != 1 || s.Events != 2 || s.Segments != 2 {
			t.Errorf("%+v", s)
		}
		if got := drain(t, q); len(got) != 1 || got[0][0] != 'h' {
			t.Errorf("read %q", got)
		}
		if s := q.Stats(); s.Expired != 2 || s.Events != 0 || s.Segments > 1 {
			t.Errorf("%+v", s)
		}
		mustClose(t, q)
	})
}

func TestASpoolFullOfOldEvents(t *testing.T) {
	for name, put := range map[string]func(q *spool.Queue, events [][]byte) error{
		"append":  func(q *spool.Queue, events [][]byte) error { _, err := q.Append(events); return err },
		"prepend": (*spool.Queue).Prepend,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				q := mustOpen(t, dir, &spool.Options{MaxBytes: 4000, MaxAge: time.Minute})
				event := bytesOf([]string{strings.Repeat("x", 100)})
				full := uint64(0)
				for put(q, event) == nil {
					full++
				}
				if err := put(q, event); err != spool.ErrFull { //nolint:errorlint // it is promised as such
					t.Error(err)
				}
				time.Sleep(61 * time.Second)
				if err := put(q, event); err != nil {
					t.Errorf("when all are too old: %v", err)
				}
				if s := q.Stats(); s.Events != 1 || s.Expired != full || q.Gone() != full {
					t.Errorf("%+v, want %d expired", s, full)
				}
				if got := len(drain(t, q)); got != 1 {
					t.Errorf("read %d events", got)
				}
				mustClose(t, q)
			})
		})
	}
}

func TestGone(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		q := mustOpen(t, dir, &spool.Options{MaxAge: time.Minute, SegmentBytes: 1, OnError: func(error) {}})
		check := func(what string, want uint64) {
			t.Helper()
			if got := q.Gone(); got != want {
				t.Errorf("%s: %d events gone, want %d", what, got, want)
			}
		}
		mustAppend(t, q, "a", "b")
		mustAppend(t, q, "c", "d", "e")
		l := mustRead(t, q, 1, 0, 0)
		time.Sleep(61 * time.Second)
		mustAppend(t, q, "f", "g") // which gives up the second segment, not one in a lease
		check("too old, while others are appended", 3)
		mustAppend(t, q, "h")
		if _, err := q.DropOldest(); err != nil {
			t.Fatal(err)
		}
		check("dropped", 5)
		q.Ack(l, 1)
		check("acknowledged", 5)
		if l := mustRead(t, q, 1, 0, 0); stringsOf(l)[0] != "h" {
			t.Errorf("read %q", stringsOf(l))
		} else {
			q.Ack(l, 1)
		}
		check("too old, when they are come to", 6)
		mustAppend(t, q, "i")
		paths := files(t, dir, ".seg")
		if err := os.Truncate(paths[len(paths)-1], spool.HeaderSize); err != nil {
			t.Fatal(err)
		}
		if l := mustRead(t, q, 1, 0, 0); l != nil {
			t.Errorf("read %q", stringsOf(l))
		}
		check("damaged", 7)
		if s := q.Stats(); s.Events != 0 || s.Expired+s.Evicted+s.Damaged != 7 {
			t.Errorf("%+v", s)
		}
	})
}

func TestTheIntervalSyncs(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		q := mustOpen(t, dir, &spool.Options{SyncEvery: time.Minute})
		time.Sleep(10 * time.Minute)
		before := q.Stats().Syncs
		mustAppend(t, q, "a")
		if got := q.Stats().Syncs; got != before {
			t.Errorf("%d syncs at once", got-before)
		}
		time.Sleep(time.Minute + 1)
		synctest.Wait()
		if got := q.Stats().Syncs; got != before+1 {
			t.Errorf("%d syncs in a minute", got-before)
		}
		time.Sleep(time.Hour) // with nothing new
		if got := q.Stats().Syncs; got != before+1 {
			t.Errorf("%d syncs in an hour", got-before)
		}
		q.Ack(mustRead(t, q, 0, 0, 0), 1)
		mustClose(t, q) // which ends the timer, or synctest complains
	})
}

func TestSync(t *testing.T) {
	for sync, want := range map[spool.Sync]uint64{spool.SyncEveryBatch: 3, spool.SyncNever: 0} {
		q := mustOpen(t, t.TempDir(), &spool.Options{Sync: sync, SyncEvery: time.Hour})
		before := q.Stats().Syncs
		for range 3 {
			mustAppend(t, q, "a", "b")
		}
		if got := q.Stats().Syncs; got-before != want {
			t.Errorf("Sync %d: %d syncs, want %d", sync, got, want)
		}
		if err := q.Sync(); err != nil {
			t.Error(err)
		}
		if got := q.Stats().Syncs; got <= want {
			t.Errorf("Sync %d: %d syncs after Sync", sync, got)
		}
	}
}

func TestASyncFails(t *testing.T) {
	var log reports
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var faults spool.Faults
		o := &spool.Options{OnError: log.add}
		faults.Use(o)
		q := mustOpen(t, dir, o)
		faults.Sync = func() error { return errFault }
		mustAppend(t, q, "a")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := log.take(); len(got) != 1 || !errors.Is(got[0], errFault) || !errors.Is(q.Stats().LastError, errFault) {
			t.Errorf("reported: %v", got)
		}
		faults.Sync = nil
		mustClose(t, q)
	})
}

func TestPrepend(t *testing.T) {
	for _, acked := range []int{0, 1, 4, 5, 6} {
		t.Run(strconv.Itoa(acked), func(t *testing.T) {
			dir := t.TempDir()
			o := &spool.Options{SegmentBytes: 120}
			q := mustOpen(t, dir, o)
			all := []string{"a", "b", "c", "d", "e", "f"}
			mustAppend(t, q, all[:2]...)
			mustAppend(t, q, all[2:4]...)
			mustAppend(t, q, all[4:]...)
			l := mustRead(t, q, 6, 0, 0)
			if err := q.Prepend(bytesOf(all)); err == nil || !strings.Contains(err.Error(), "a lease is out") {
				t.Errorf("while a lease is out: %v", err)
			}
			q.Ack(l, acked)
			q.Release(l)
			if err := q.Prepend(bytesOf([]string{"1", "2", "3"})); err != nil {
				t.Fatal(err)
			}
			want := append([]string{"1", "2", "3"}, all[acked:]...)
			if got := q.Stats(); got.Events != uint64(len(want)) {
				t.Errorf("%+v", got)
			}
			mustClose(t, q)
			q = mustOpen(t, dir, o)
			mustAppend(t, q, "g")
			if diff := cmp.Diff(append(want, "g"), drain(t, q)); diff != "" {
				t.Errorf("events mismatch (-want +got):\n%s", diff)
			}
			if s := q.Stats(); s.Damaged > 0 || s.Events > 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestConcurrentSafe lets several goroutines append, and others read and
// acknowledge, while segments are dropped and statistics taken.
func TestConcurrentSafe(t *testing.T) {
	testlog.CheckGoroutines(t)
	for sync, each := range map[spool.Sync]int{spool.SyncInterval: 300, spool.SyncEveryBatch: 60, spool.SyncNever: 300} {
		testConcurrent(t, sync, each)
	}
}

func testConcurrent(t *testing.T, mode spool.Sync, each int) {
	t.Helper()
	const writers, readers = 4, 3
	q := mustOpen(t, t.TempDir(), &spool.Options{SegmentBytes: 8 << 10, Sync: mode, SyncEvery: time.Millisecond})
	start := q.End()
	var mu sync.Mutex
	got := map[uint64]string{}
	want := map[uint64]string{}
	var wg, reading sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			var last uint64
			for i := range each {
				events := bytesOf([]string{fmt.Sprintf("%d %d", w, i), strings.Repeat("y", i%50)})
				end, err := q.Append(events)
				if err != nil {
					t.Error(err)
					return
				}
				if end <= last {
					t.Errorf("end %d after %d", end, last)
				}
				last = end
				mu.Lock()
				want[end-2], want[end-1] = string(events[0]), string(events[1])
				mu.Unlock()
			}
		})
	}
	done := make(chan struct{})
	for range readers {
		reading.Go(func() {
			for {
				l, err := q.Read(7, 1000, 0)
				if err != nil {
					t.Error(err)
					return
				}
				if l == nil {
					select {
					case <-done:
						if q.Head() == q.End() {
							return
						}
					default:
					}
					_ = q.Stats()
					continue
				}
				if rand.IntN(11) == 0 {
					q.Release(l)
					continue
				}
				mu.Lock()
				for i, e := range stringsOf(l) {
					if n := l.First + uint64(i); got[n] != "" {
						t.Errorf("event %d twice", n)
					} else {
						got[n] = e
					}
				}
				mu.Unlock()
				n := len(l.Events)
				q.Ack(l, n/2)
				q.Ack(l, n-n/2)
			}
		})
	}
	wg.Wait()
	close(done)
	reading.Wait()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events mismatch (-want +got):\n%s", diff)
	}
	if n := uint64(writers * each * 2); q.End()-start != n || q.Stats().Events != 0 {
		t.Errorf("End %d, want %d; %+v", q.End(), start+n, q.Stats())
	}
	mustClose(t, q)
}

// TestMemory lets many goroutines append while a write takes its time.
func TestMemory(t *testing.T) {
	const writers, size = 50, 700 << 10 // two do not fit into a frame
	var faults spool.Faults
	o := &spool.Options{Sync: spool.SyncNever, MaxBytes: 50 << 20}
	faults.Use(o)
	q := mustOpen(t, t.TempDir(), o)
	event := make([]byte, size)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	faults.Write = func([]byte) (int, error) {
		for q.Reserved() < writers*size {
			runtime.Gosched()
		}
		faults.Write = nil
		return 0, nil
	}
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			if _, err := q.Append([][]byte{event}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var leases []*spool.Lease
	for l := mustRead(t, q, 1, 0, 0); l != nil; l = mustRead(t, q, 1, 0, 0) {
		leases = append(leases, l)
	}
	for _, l := range leases {
		q.Ack(l, 1)
	}
	if got := heap(); got > before+10<<20 {
		t.Errorf("%d bytes are kept", got-before)
	}
}

// TestCallsAreWrittenTogether lets calls come while a write takes its time.
func TestCallsAreWrittenTogether(t *testing.T) {
	const writers = 20
	var faults spool.Faults
	o := &spool.Options{Sync: spool.SyncEveryBatch, SyncEvery: time.Hour}
	faults.Use(o)
	q := mustOpen(t, t.TempDir(), o)
	event := [][]byte{make([]byte, 1000)} // so much that headers hardly count
	writes := 0
	faults.Write = func([]byte) (int, error) {
		for writes++; writes == 1 && q.Reserved() < writers*1004; {
			runtime.Gosched()
		}
		return 0, nil
	}
	syncs := q.Stats().Syncs
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			if _, err := q.Append(event); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := q.Stats().Syncs - syncs; writes > 2 || got > 2 {
		t.Errorf("%d writes and %d syncs for %d calls", writes, got, writers)
	}
	if got := len(drain(t, q)); got != writers {
		t.Errorf("%d events, want %d", got, writers)
	}
}

func TestAllocations(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	var events [][]byte
	for range 100 {
		events = append(events, []byte(strings.Repeat("x", 300)))
	}
	q := mustOpen(t, t.TempDir(), &spool.Options{Sync: spool.SyncNever})
	appended := testing.AllocsPerRun(100, func() {
		if _, err := q.Append(events); err != nil {
			t.Fatal(err)
		}
	})
	if appended > 0 {
		t.Errorf("Append: %v allocations, want none", appended)
	}
	read := testing.AllocsPerRun(50, func() {
		l, err := q.Read(150, 0, 0)
		if err != nil || l == nil {
			t.Fatal(l, err)
		}
		q.Ack(l, len(l.Events))
	})
	if read > 2 {
		t.Errorf("Read and Ack: %v allocations, want at most 2", read)
	}
}
