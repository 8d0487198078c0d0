package logstash_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/lstest"
	"github.com/sluicelog/sluice/internal/testlog"
	"github.com/sluicelog/sluice/logstash"
)

// picky is a receiver that does not bear some events.
type picky struct {
	poison func(event []byte) bool
	beats  *lstest.Beats // that dies of them; nil for a Transport that rejects them
	named  bool          // the Transport says which one it is

	fakeTransport
	took  [][]byte
	sends int
}

// firstError is an error that says which event it is about.
type firstError struct{ error }

func (e firstError) Unwrap() error { return e.error }
func (firstError) First() bool     { return true }

// start returns a Shipper to a picky receiver.
func (p *picky) start(t testing.TB, opts logstash.DialOptions) *logstash.Shipper {
	t.Helper()
	if p.beats == nil {
		p.send = p.reject
		return newShipper(t, p, &opts)
	}
	opts.DialContext = p.beats.Dial
	s, err := logstash.Dial("beats://logs", &opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// reject takes a batch in which there is no poison. Now and then it takes what is
// in front of it, always if it says which one is poison.
func (p *picky) reject(_ context.Context, events [][]byte) (int, error) {
	p.sends++
	i := slices.IndexFunc(events, p.poison)
	n := i
	switch {
	case i < 0:
		n = len(events)
	case i%2 == 0 && !p.named:
		n = 0
	}
	for _, e := range events[:n] {
		p.took = append(p.took, bytes.Clone(e))
	}
	err := fmt.Errorf("400 Bad Request: %w", logstash.ErrRejected)
	switch {
	case i < 0:
		err = nil
	case p.named:
		err = firstError{err}
	}
	return n, err
}

// arrivedIDs returns what has arrived, each once, in the order of first arrival.
func (p *picky) arrivedIDs() []int {
	all := p.took
	if p.beats != nil {
		all = p.beats.Events()
	}
	var out []int
	for _, id := range idsOf(stringsOf(all)) {
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// Poison at every place of a small batch goes to quarantine, and nothing else does,
// as soon as other events get through.
func TestPoison(t *testing.T) {
	for _, kind := range []string{"rejected", "named", "deadly"} {
		for n := 1; n <= 4; n++ {
			for set := range 1 << n {
				t.Run(fmt.Sprintf("%s %0*b", kind, n, set), func(t *testing.T) {
					path := filepath.Join(t.TempDir(), "q.json")
					synctest.Test(t, func(t *testing.T) { testPoison(t, kind, n, set, path) })
				})
			}
		}
	}
}

// One that a Transport names costs two more batches: the others, and itself once more, as
// something else may have been wrong.
func TestPoisonIsNamed(t *testing.T) {
	const n = 2000
	p := &picky{named: true, poison: func(e []byte) bool { return eventID(e) == 700 || eventID(e) == 1500 }}
	s := p.start(t, logstash.DialOptions{MaxEvents: 2 * n, BatchSize: n, FlushInterval: time.Minute})
	writeEvents(t, s, 0, n)
	flush(t, s)
	if st := checkAccounts(t, s); st.DroppedRejected != 2 || len(p.arrivedIDs()) != n-2 {
		t.Errorf("%d rejected, %d arrived", st.DroppedRejected, len(p.arrivedIDs()))
	}
	if p.sends != 5 {
		t.Errorf("%d batches were sent, want 5", p.sends)
	}
}

// Many in a row that a Transport names hold nothing up.
func TestManyPoisonsInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const bad, n = 60, 1000
		p := &picky{named: true, poison: func(e []byte) bool { return eventID(e) < bad }}
		s := p.start(t, logstash.DialOptions{BatchSize: n})
		writeEvents(t, s, 0, n)
		start := time.Now()
		flush(t, s)
		if d := time.Since(start); d > time.Second {
			t.Errorf("it took %v", d)
		}
		if st := checkAccounts(t, s); st.DroppedRejected != bad || st.Written != n-bad {
			t.Errorf("rejected %d, written %d", st.DroppedRejected, st.Written)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func testPoison(t *testing.T, kind string, n, set int, path string) {
	t.Helper()
	isPoison := func(e []byte) bool { id := eventID(e); return id < n && set>>id&1 == 1 }
	p := &picky{poison: isPoison, named: kind == "named"}
	if kind == "deadly" {
		p.beats = lstest.NewBeats(&lstest.BeatsOptions{Poison: isPoison})
		defer p.beats.Kill()
	}
	var drops dropLog
	s := p.start(t, logstash.DialOptions{QuarantineFile: path, OnDrop: drops.add})
	writeEvents(t, s, 0, n)
	var bad, good []int
	for id := range n {
		if set>>id&1 == 1 {
			bad = append(bad, id)
		} else {
			good = append(good, id)
		}
	}
	if len(good) == 0 {
		// As long as the receiver takes nothing at all, nothing is given up.
		time.Sleep(time.Hour)
		if st := checkAccounts(t, s); st.Dropped != 0 {
			t.Errorf("dropped %d before anything was acked", st.Dropped)
		}
	}
	next := n
	for ; s.Stats().Dropped < uint64(len(bad)) && next < n+500; next++ {
		writeEvents(t, s, next, next+1)
		good = append(good, next)
		time.Sleep(time.Second)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	got := p.arrivedIDs()
	slices.Sort(got)
	if diff := cmp.Diff(good, got); diff != "" {
		t.Errorf("arrived mismatch (-want +got):\n%s", diff)
	}
	st := checkAccounts(t, s)
	if st.DroppedRejected != uint64(len(bad)) || st.Written != uint64(len(good)) || st.Queued != 0 {
		t.Errorf("rejected %d, written %d, queued %d; want %d, %d, 0", st.DroppedRejected, st.Written, st.Queued, len(bad), len(good))
	}
	told, reasons := drops.all()
	for _, reason := range reasons {
		if !errors.Is(reason, logstash.ErrRejected) {
			t.Errorf("dropped because of %v, want ErrRejected", reason)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil && (!errors.Is(err, fs.ErrNotExist) || len(bad) > 0) {
		t.Fatal(err)
	}
	if want := lines(told); string(text) != want {
		t.Errorf("in quarantine %q, want what OnDrop was told, %q", text, want)
	}
	ids := idsOf(told)
	slices.Sort(ids)
	if diff := cmp.Diff(bad, ids); diff != "" {
		t.Errorf("dropped mismatch (-want +got):\n%s", diff)
	}
}

// lines returns events as they are in a file.
func lines(events []string) string {
	if len(events) == 0 {
		return ""
	}
	return strings.Join(events, "\n") + "\n"
}

// Whatever an outage looks like, it puts nothing into quarantine, and afterwards
// all arrives.
func TestOutageIsNoPoison(t *testing.T) {
	beats := func(answer lstest.Answer) func(b *lstest.Beats) (end func()) {
		return func(b *lstest.Beats) func() {
			b.SetAnswer(func(int) lstest.Answer { return answer })
			return func() { b.SetAnswer(nil) }
		}
	}
	turnAway := func(how lstest.End) func(b *lstest.Beats) (end func()) {
		return func(b *lstest.Beats) func() {
			b.TurnAway(1<<30, how)
			return func() { b.TurnAway(0, how) }
		}
	}
	fail := func(err error) func(p *picky) func() {
		return func(p *picky) func() {
			works := p.send
			p.send = func(context.Context, [][]byte) (int, error) { return 0, err }
			return func() { p.send = works }
		}
	}
	tests := []struct {
		name  string
		beats func(b *lstest.Beats) (end func())
		user  func(p *picky) (end func())
	}{
		{"connections are reset", turnAway(lstest.RST), nil},
		{"connections are closed", turnAway(lstest.FIN), nil},
		{"windows are read and the connection reset", beats(lstest.Answer{Refuse: true, Reset: true}), nil},
		{"acks are cut", beats(lstest.Answer{Refuse: true, Acks: []uint32{1}, Cut: 2}), nil},
		{"acks of a stranger", beats(lstest.Answer{Refuse: true, Acks: []uint32{1 << 31}}), nil},
		{"all fails", nil, fail(testlog.ErrInjected)},
		{"all is rejected", nil, fail(logstash.ErrRejected)},
		{"all is rejected, with a time", nil, fail(retryInError{logstash.ErrRejected, time.Minute})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "q.json")
			synctest.Test(t, func(t *testing.T) {
				p := &picky{poison: func([]byte) bool { return false }}
				if tt.beats != nil {
					p.beats = lstest.NewBeats(nil)
					defer p.beats.Kill()
				}
				s := p.start(t, logstash.DialOptions{QuarantineFile: path, BatchSize: 16})
				writeEvents(t, s, 0, 50)
				if err := s.Flush(t.Context()); err != nil {
					t.Error(err)
				}
				for outage := range 3 {
					var end func()
					if tt.beats != nil {
						end = tt.beats(p.beats)
						p.beats.ResetConns()
					} else {
						end = tt.user(p)
					}
					for i := range 100 {
						writeEvents(t, s, 50+100*outage+i, 51+100*outage+i)
						time.Sleep(5 * time.Minute)
					}
					synctest.Wait()
					end()
					if err := s.Flush(t.Context()); err != nil {
						t.Error(err)
					}
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				if st := checkAccounts(t, s); st.Dropped != 0 || st.Written != 350 {
					t.Errorf("dropped %d, written %d; want 0, 350", st.Dropped, st.Written)
				}
				got := p.arrivedIDs()
				if slices.Sort(got); len(got) != 350 {
					t.Errorf("arrived: %d events, want 350", len(got))
				}
				if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("quarantine: %v, want that it does not exist", err)
				}
			})
		})
	}
}

// A receiver that resets a third of all windows at random gets everything, and if it
// is one of ten, in order.
func TestRandomResetsAreNoPoison(t *testing.T) {
	for seed := range uint64(10) {
		one := 20
		if seed%2 == 0 {
			one = 6
		}
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			srv := lstest.NewBeats(nil)
			defer srv.Kill()
			srv.SetAnswer(func(n int) lstest.Answer {
				acks := []uint32{uint32(n)}
				switch r.IntN(one) {
				case 0:
					return lstest.Answer{Refuse: true, Reset: true}
				case 1:
					return lstest.Answer{Acks: acks, Cut: 6} // taken, and never acked
				}
				return lstest.Answer{Acks: acks, Delay: time.Duration(r.IntN(10)) * time.Millisecond}
			})
			p := &picky{beats: srv}
			s := p.start(t, logstash.DialOptions{
				BatchSize: 20, FlushInterval: -1, MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond,
			})
			const n = 3000
			for i := range n {
				writeEvents(t, s, i, i+1)
				if i%10 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
			if err := s.Flush(t.Context()); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if st := checkAccounts(t, s); st.Written != n || st.Resent == 0 {
				t.Errorf("seed %d: written %d, rejected %d, resent %d; want %d, 0 and some",
					seed, st.Written, st.DroppedRejected, st.Resent, n)
			}
			got := p.arrivedIDs()
			if len(got) != n {
				t.Errorf("seed %d: %d events arrived, want %d", seed, len(got), n)
			}
			if one > 6 && !slices.IsSorted(got) {
				t.Errorf("seed %d: events are out of order", seed)
			}
		})
	}
}

// A suspect neither holds up others for long nor is forgotten in a steady stream.
func TestSuspectsAndOthersTakeTurns(t *testing.T) {
	for _, deadly := range []bool{false, true} {
		t.Run(fmt.Sprintf("deadly %t", deadly), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				poison := func(e []byte) bool { return eventID(e) == 100 }
				p := &picky{poison: poison}
				start := time.Now()
				seen := make(map[int]bool)
				var longest time.Duration
				arrive := func(e []byte) { // event i is written i*10 ms after the start
					if id := eventID(e); !seen[id] {
						seen[id] = true
						longest = max(longest, time.Since(start)-time.Duration(id)*10*time.Millisecond)
					}
				}
				if deadly {
					p.beats = lstest.NewBeats(&lstest.BeatsOptions{Poison: poison, OnEvent: func(_ int, e []byte) { arrive(e) }})
					defer p.beats.Kill()
				}
				var done time.Duration
				s := p.start(t, logstash.DialOptions{OnDrop: func([]byte, error) { done = time.Since(start) - time.Second }})
				if !deadly {
					p.send = func(ctx context.Context, events [][]byte) (int, error) {
						n, err := p.reject(ctx, events)
						for _, e := range events[:n] {
							arrive(e)
						}
						return n, err
					}
				}
				const n = 30_000 // five minutes
				for i := range n {
					writeEvents(t, s, i, i+1)
					time.Sleep(10 * time.Millisecond)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				if len(seen) != n-1 {
					t.Errorf("%d events arrived, want %d", len(seen), n-1)
				}
				if st := checkAccounts(t, s); st.DroppedRejected != 1 {
					t.Errorf("rejected %d, want 1", st.DroppedRejected)
				}
				t.Logf("in quarantine after %v, others waited for %v at most", done, longest)
				if done > 2*time.Minute || longest > 30*time.Second {
					t.Errorf("in quarantine after %v, others waited for %v at most; want less", done, longest)
				}
			})
		})
	}
}

// What the quarantine may be in place of a file, and what becomes of the event.
func TestQuarantineFile(t *testing.T) {
	const limit = 64 << 20
	poison := event(1)
	tests := []struct {
		name string
		path func(t *testing.T, dir string) string
		want string // what is in the file behind what was there; "" if the event is not
		told string // part of what OnError is told
	}{
		{"a new one", func(_ *testing.T, dir string) string { return filepath.Join(dir, "q") }, poison + "\n", "it is in"},
		{"one with events", func(t *testing.T, dir string) string {
			return makeFile(t, filepath.Join(dir, "q"), int64(len("{}\n")))
		}, poison + "\n", "it is in"},
		{"a link to a file", func(t *testing.T, dir string) string {
			link := filepath.Join(dir, "link")
			if err := os.Symlink(filepath.Join(dir, "target"), link); err != nil {
				t.Skip(err)
			}
			return link
		}, poison + "\n", "it is in"},
		{"just enough room", func(t *testing.T, dir string) string {
			return makeFile(t, filepath.Join(dir, "q"), limit-int64(len(poison))-1)
		}, poison + "\n", "it is in"},
		{"a byte too little room", func(t *testing.T, dir string) string {
			return makeFile(t, filepath.Join(dir, "q"), limit-int64(len(poison)))
		}, "", "has its 67108864 bytes"},
		{"a directory", func(_ *testing.T, dir string) string { return dir }, "", "is a directory"},
		{"in no directory", func(_ *testing.T, dir string) string { return filepath.Join(dir, "none", "q") }, "", "no such file"},
		{"unwritable", func(t *testing.T, dir string) string {
			if os.Geteuid() == 0 {
				t.Skip("root may write everything")
			}
			q := makeFile(t, filepath.Join(dir, "q"), 0)
			if err := os.Chmod(q, 0o400); err != nil {
				t.Fatal(err)
			}
			return q
		}, "", "permission denied"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testQuarantine(t, tt.path(t, t.TempDir()), tt.want, tt.told)
		})
	}
}

// testQuarantine has one event of 20 rejected, the second, and checks what becomes
// of it.
func testQuarantine(t *testing.T, path, want, told string) {
	t.Helper()
	before, _ := os.Stat(path) // there may be none
	synctest.Test(t, func(t *testing.T) {
		var (
			log   errorLog
			drops dropLog
		)
		p := &picky{poison: func(e []byte) bool { return eventID(e) == 1 }}
		s := p.start(t, logstash.DialOptions{QuarantineFile: path, OnError: log.add, OnDrop: drops.add})
		for i := range 20 {
			writeEvents(t, s, i, i+1)
			time.Sleep(time.Second)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if st := checkAccounts(t, s); st.DroppedRejected != 1 || st.Written != 19 {
			t.Errorf("rejected %d, written %d; want 1, 19", st.DroppedRejected, st.Written)
		}
		if events, _ := drops.all(); !slices.Equal(events, eventRange(1, 2)) {
			t.Errorf("OnDrop was told of %q, want %q", events, event(1))
		}
		if !slices.ContainsFunc(log.all(), func(err error) bool { return strings.Contains(err.Error(), told) }) {
			t.Errorf("OnError was told %q, want %q in one of them", log.all(), told)
		}
	})
	checkQuarantine(t, path, before, want)
}

// checkQuarantine checks what has come to a file.
func checkQuarantine(t *testing.T, path string, before fs.FileInfo, want string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		if want != "" {
			t.Errorf("%s: %v, want a file", path, err)
		}
		return
	}
	var start int64
	if before != nil {
		start = before.Size()
	}
	if got := info.Size() - start; got != int64(len(want)) {
		t.Errorf("%d bytes have come to the file, want %d", got, len(want))
		return
	}
	if want == "" {
		return
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := make([]byte, len(want))
	if _, err := f.ReadAt(got, start); err != nil || string(got) != want {
		t.Errorf("in the file is %q, %v; want %q", got, err, want)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
}

// makeFile makes a file of a certain length.
func makeFile(t *testing.T, path string, size int64) string {
	t.Helper()
	if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, size)); err != nil {
		t.Fatal(err)
	}
	return path
}
