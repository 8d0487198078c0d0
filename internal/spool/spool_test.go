package spool_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/spool"
)

// mustOpen opens a queue that is closed at the end of the test. Errors that it
// reports fail the test, unless o has an OnError.
func mustOpen(t testing.TB, dir string, o *spool.Options) *spool.Queue {
	t.Helper()
	var c spool.Options
	if o != nil {
		c = *o
	}
	if c.OnError == nil {
		c.OnError = func(err error) { t.Errorf("OnError: %v", err) }
	}
	q, err := spool.Open(dir, &c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return q
}

func mustAppend(t testing.TB, q *spool.Queue, events ...string) uint64 {
	t.Helper()
	end, err := q.Append(bytesOf(events))
	if err != nil {
		t.Fatal(err)
	}
	return end
}

func mustRead(t testing.TB, q *spool.Queue, events, size int, before uint64) *spool.Lease {
	t.Helper()
	l, err := q.Read(events, size, before)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func mustClose(t testing.TB, q *spool.Queue) {
	t.Helper()
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
}

func bytesOf(events []string) [][]byte {
	var b [][]byte
	for _, e := range events {
		b = append(b, []byte(e))
	}
	return b
}

func stringsOf(l *spool.Lease) []string {
	if l == nil {
		return nil
	}
	var s []string
	for _, e := range l.Events {
		s = append(s, string(e))
	}
	return s
}

// drain reads all that is left, acknowledges it and returns it.
func drain(t testing.TB, q *spool.Queue) []string {
	t.Helper()
	var all []string
	for {
		l := mustRead(t, q, 100, 0, 0)
		if l == nil {
			return all
		}
		all = append(all, stringsOf(l)...)
		q.Ack(l, len(l.Events))
	}
}

// files returns the names in a directory that have a suffix.
func files(t testing.TB, dir, suffix string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), suffix) {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	return names
}

func TestEventsComeInOrder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "spool")
	q := mustOpen(t, dir, nil)
	first := q.End()
	end := mustAppend(t, q, "a", "", "bb")
	if end != first+3 || q.End() != end || q.Head() != first {
		t.Errorf("end %d, End %d, Head %d; want %d, %d, %d", end, q.End(), q.Head(), first+3, first+3, first)
	}
	mustAppend(t, q, "ccc", "d")
	l := mustRead(t, q, 2, 0, 0)
	m := mustRead(t, q, 0, 4, 0) // over two batches
	n := mustRead(t, q, 0, 0, end)
	if n != nil {
		t.Errorf("%d events before %d", len(n.Events), end)
	}
	if diff := cmp.Diff([]string{"a", ""}, stringsOf(l)); diff != "" {
		t.Errorf("first lease mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"bb"}, stringsOf(m)); diff != "" {
		t.Errorf("second lease mismatch (-want +got):\n%s", diff)
	}
	if m.First != first+2 {
		t.Errorf("the second lease begins with %d, want %d", m.First, first+2)
	}
	q.Ack(m, 1) // out of order
	if q.Head() != first {
		t.Errorf("Head %d, want %d", q.Head(), first)
	}
	q.Ack(l, 1)
	if q.Head() != first+1 {
		t.Errorf("Head %d, want %d", q.Head(), first+1)
	}
	mustClose(t, q)

	q = mustOpen(t, dir, nil)
	if q.Head() != first+1 || q.End() != end+2 {
		t.Errorf("after a restart Head is %d and End %d, want %d and %d", q.Head(), q.End(), first+1, end+2)
	}
	if diff := cmp.Diff([]string{"", "bb", "ccc", "d"}, drain(t, q)); diff != "" {
		t.Errorf("after a restart mismatch (-want +got):\n%s", diff)
	}
	if s := q.Stats(); s.Events != 0 || s.Damaged != 0 {
		t.Errorf("in the end: %+v", s)
	}
	mustClose(t, q)
	if got := files(t, dir, ".seg"); len(got) > 0 {
		t.Errorf("segments of no event: %q", got)
	}
}

// lent is a lease in the model, and what it should still have.
type lent struct {
	lease  *spool.Lease
	events []string
}

func (l lent) first() uint64 { return l.lease.First + uint64(len(l.lease.Events)-len(l.events)) }

// model is what the queue should be.
type model struct {
	events map[uint64]string // by number, all that are not acknowledged
	out    []lent
	acked  map[uint64]string // that may come back after a restart
	gone   uint64            // given up since Open
}

func TestModel(t *testing.T) {
	seeds := uint64(4)
	if os.Getenv("SLUICE_TORTURE") != "" {
		seeds = 100
	}
	for seed := range seeds {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			testModel(t, seed, 1500)
		})
	}
}

// testModel does random things with a queue, and with a simple model of it.
func testModel(t *testing.T, seed uint64, steps int) {
	r := rand.New(rand.NewPCG(seed, 1))
	o := &spool.Options{SegmentBytes: 300 + r.Int64N(2000), MaxBytes: 20_000, Sync: spool.Sync(r.IntN(3))}
	(&spool.Faults{Fast: true}).Use(o)
	dir := t.TempDir()
	q := mustOpen(t, dir, o)
	m := model{events: map[uint64]string{}, acked: map[uint64]string{}}
	var serial int
	fresh := func(n int) []string {
		var events []string
		for range n {
			serial++
			events = append(events, fmt.Sprintf("%d %s", serial, strings.Repeat("x", r.IntN(100))))
		}
		return events
	}
	leased := func(n uint64) bool {
		return slices.ContainsFunc(m.out, func(l lent) bool {
			return l.first() <= n && n < l.first()+uint64(len(l.events))
		})
	}
	for step := range steps {
		switch r.IntN(14) {
		case 0, 1, 2, 3:
			events := fresh(1 + r.IntN(10))
			end, err := q.Append(bytesOf(events))
			if err == spool.ErrFull { //nolint:errorlint // it is promised as such
				m.dropOldest(t, q, dir, leased)
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			for i, e := range events {
				m.events[end-uint64(len(events)-i)] = e
			}
		case 4, 5, 6, 7:
			before := uint64(0)
			if r.IntN(3) == 0 {
				before = q.End() - uint64(r.IntN(20))
			}
			l := mustRead(t, q, r.IntN(20), r.IntN(1000), before)
			if l == nil {
				for n := range m.events {
					if !leased(n) && (before == 0 || n < before) {
						t.Fatalf("step %d: nothing to read, but there is event %d", step, n)
					}
				}
				continue
			}
			for n := range m.events {
				if n < l.First && !leased(n) {
					t.Fatalf("step %d: a lease begins with %d, but there is event %d", step, l.First, n)
				}
			}
			var want []string
			for i := range l.Events {
				if leased(l.First + uint64(i)) {
					t.Fatalf("step %d: event %d is leased twice", step, l.First+uint64(i))
				}
				want = append(want, m.events[l.First+uint64(i)])
			}
			if diff := cmp.Diff(want, stringsOf(l)); diff != "" {
				t.Fatalf("step %d: lease mismatch (-want +got):\n%s", step, diff)
			}
			m.out = append(m.out, lent{l, want})
		case 8, 9, 10, 11:
			if len(m.out) == 0 {
				continue
			}
			i := r.IntN(len(m.out))
			l := &m.out[i]
			n := 1 + r.IntN(len(l.events))
			if diff := cmp.Diff(l.events, stringsOf(l.lease)[len(l.lease.Events)-len(l.events):]); diff != "" {
				t.Fatalf("step %d: a lease changed (-want +got):\n%s", step, diff)
			}
			m.ack(l, n)
			q.Ack(l.lease, n)
			if len(l.events) == 0 {
				m.out = slices.Delete(m.out, i, i+1)
			}
		case 12:
			if len(m.out) == 0 {
				continue
			}
			i := r.IntN(len(m.out))
			q.Release(m.out[i].lease)
			m.out = slices.Delete(m.out, i, i+1)
		case 13:
			switch r.IntN(4) {
			case 0:
				mustClose(t, q)
				head := q.Head()
				m.out = nil
				q = mustOpen(t, dir, o)
				if q.Head() != head {
					t.Fatalf("step %d: Head %d, after a restart %d", step, head, q.Head())
				}
				m.restarted(t, q, step)
			case 1:
				m.dropOldest(t, q, dir, leased)
			case 2:
				for _, l := range m.out {
					q.Release(l.lease)
				}
				m.out = nil
				events := fresh(1 + r.IntN(10))
				head := q.Head()
				empty := head == q.End()
				err := q.Prepend(bytesOf(events))
				if err == spool.ErrFull { //nolint:errorlint // it is promised as such
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if empty {
					head += uint64(len(events))
				}
				for i, e := range events {
					m.events[head-uint64(len(events)-i)] = e
				}
			}
		}
		if got, want := q.Stats().Events, uint64(len(m.events)); got != want {
			t.Fatalf("step %d: %d events, want %d", step, got, want)
		}
		if got, want := q.Head(), m.head(q.End()); got != want {
			t.Fatalf("step %d: Head %d, want %d", step, got, want)
		}
		s := q.Stats()
		var size int64
		for _, path := range files(t, dir, ".seg") {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			size += info.Size()
		}
		if s.Bytes != size || s.Bytes > o.MaxBytes || s.Damaged > 0 || s.Segments != len(files(t, dir, ".seg")) {
			t.Fatalf("step %d: %+v and %d files", step, s, len(files(t, dir, ".seg")))
		}
	}
}

// ack notes that the next n events of a lease are done.
func (m *model) ack(l *lent, n int) {
	for i := range uint64(n) {
		m.acked[l.first()+i] = m.events[l.first()+i]
		delete(m.events, l.first()+i)
	}
	l.events = l.events[n:]
}

// dropOldest gives up the oldest segment of which there is no event in a lease.
func (m *model) dropOldest(t *testing.T, q *spool.Queue, dir string, leased func(uint64) bool) {
	t.Helper()
	var bounds []uint64
	for _, path := range files(t, dir, ".seg") {
		n, err := strconv.ParseUint(strings.TrimSuffix(filepath.Base(path), ".seg"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		bounds = append(bounds, n)
	}
	bounds = append(bounds, q.End())
	got, err := q.DropOldest()
	if err != nil {
		t.Fatal(err)
	}
	var want uint64
	for i := 0; i+1 < len(bounds) && want == 0; i++ {
		free := true
		for n := bounds[i]; n < bounds[i+1]; n++ {
			free = free && !leased(n)
		}
		for n := bounds[i]; free && n < bounds[i+1]; n++ {
			if _, ok := m.events[n]; ok {
				want++
				delete(m.events, n)
			}
		}
	}
	if m.gone += want; got != want || q.Gone() != m.gone {
		t.Fatalf("%d events dropped, want %d; %d gone, want %d", got, want, q.Gone(), m.gone)
	}
}

// restarted lets the events come back that were acknowledged behind others. It
// reads all there is.
func (m *model) restarted(t *testing.T, q *spool.Queue, step int) {
	t.Helper()
	var leases []*spool.Lease
	all := map[uint64]string{}
	for {
		l := mustRead(t, q, 7, 0, 0)
		if l == nil {
			break
		}
		leases = append(leases, l)
		for i, e := range stringsOf(l) {
			n := l.First + uint64(i)
			if e != m.events[n] && e != m.acked[n] {
				t.Fatalf("step %d: after a restart event %d is %q", step, n, e)
			}
			all[n] = e
		}
	}
	for n := range m.events {
		if _, ok := all[n]; !ok {
			t.Fatalf("step %d: after a restart there is no event %d", step, n)
		}
	}
	for _, l := range leases {
		q.Release(l)
	}
	m.events, m.acked, m.gone = all, map[uint64]string{}, 0
}

func (m *model) head(end uint64) uint64 {
	head := end
	for n := range m.events {
		head = min(head, n)
	}
	return head
}
