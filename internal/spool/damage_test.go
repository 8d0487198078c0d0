package spool_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/spool"
)

// fast is options for a queue that syncs nothing: nobody unplugs these tests.
func fast(onError func(error)) *spool.Options {
	o := &spool.Options{OnError: onError, Sync: spool.SyncNever}
	(&spool.Faults{Fast: true}).Use(o)
	return o
}

// sample is a closed queue of two segments, of which the first acked events are
// acknowledged.
type sample struct {
	dir    string
	names  []string
	files  [][]byte
	events []string
	frames [][2]int // of the last segment: where each begins and ends
	count  int      // of events in a frame
}

func newSample(t *testing.T, acked int) *sample {
	t.Helper()
	s := &sample{dir: t.TempDir(), count: 3}
	frame := []string{"", "twelve bytes", "x"}
	size := spool.FrameSize
	for _, e := range frame {
		size += 4 + len(e) + 2
	}
	const frames = 4 // of each segment
	q := mustOpen(t, s.dir, &spool.Options{SegmentBytes: int64(spool.HeaderSize + frames*size), Sync: spool.SyncNever})
	for i := range 2 * frames {
		var events []string
		for _, e := range frame {
			events = append(events, fmt.Sprintf("%02d%s", i, e))
		}
		mustAppend(t, q, events...)
		s.events = append(s.events, events...)
	}
	for i := range frames {
		s.frames = append(s.frames, [2]int{spool.HeaderSize + i*size, spool.HeaderSize + (i+1)*size})
	}
	if acked > 0 {
		q.Ack(mustRead(t, q, acked, 0, 0), acked)
		s.events = s.events[acked:]
	}
	mustClose(t, q)
	for _, path := range append(files(t, s.dir, ".seg"), filepath.Join(s.dir, "position")) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s.names = append(s.names, filepath.Base(path))
		s.files = append(s.files, b)
	}
	if len(s.files) != 3 || len(s.files[1]) != s.frames[frames-1][1] {
		t.Fatalf("a sample of %q", s.names)
	}
	return s
}

// with writes the files to the directory, with one of them changed. nil leaves
// it out.
func (s *sample) with(t *testing.T, changed int, b []byte) string {
	t.Helper()
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.Remove(filepath.Join(s.dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range s.names {
		text := s.files[i]
		if i == changed {
			text = b
		}
		if text == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(s.dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s.dir
}

// checkDrained checks that q has the wanted events and no others, goes on taking
// events, and has counted what is lost.
func checkDrained(t *testing.T, q *spool.Queue, want []string, lost int) {
	t.Helper()
	if got := q.Stats().Events; got != uint64(len(want)+lost) {
		t.Fatalf("%d events, want %d and %d damaged", got, len(want), lost)
	}
	mustAppend(t, q, "new", "newer")
	want = append(slices.Clip(want), "new", "newer")
	if diff := cmp.Diff(want, drain(t, q)); diff != "" {
		t.Fatalf("events mismatch (-want +got):\n%s", diff)
	}
	if s := q.Stats(); s.Damaged != uint64(lost) || s.Events != 0 || s.Expired != 0 || s.Evicted != 0 {
		t.Fatalf("%+v, want %d damaged", s, lost)
	}
	if q.Head() != q.End() {
		t.Fatalf("Head %d, End %d", q.Head(), q.End())
	}
}

func TestTheLastSegmentIsCutAnywhere(t *testing.T) {
	s := newSample(t, 0)
	text := s.files[1]
	for size := range text {
		dir := s.with(t, 1, append([]byte{}, text[:size]...))
		q := mustOpen(t, dir, fast(nil))
		whole, torn := 0, size
		for _, f := range s.frames {
			if f[1] <= size {
				whole++
				torn = size - f[1]
			}
		}
		if got := q.Stats().Torn; got != int64(torn) {
			t.Fatalf("cut to %d: %d bytes torn, want %d", size, got, torn)
		}
		checkDrained(t, q, s.events[:(4+whole)*s.count], 0)
		mustClose(t, q)
		if t.Failed() {
			t.Fatalf("cut to %d", size)
		}
	}
}

func TestTheFirstSegmentIsCutAnywhere(t *testing.T) {
	s := newSample(t, 0)
	text := s.files[0]
	for size := range text {
		q := mustOpen(t, s.with(t, 0, append([]byte{}, text[:size]...)), fast(func(error) {}))
		whole := 0
		for _, f := range s.frames {
			if f[1] <= size {
				whole++
			}
		}
		want := slices.Concat(s.events[:whole*s.count], s.events[4*s.count:])
		checkDrained(t, q, want, (4-whole)*s.count)
		mustClose(t, q)
		if t.Failed() {
			t.Fatalf("cut to %d", size)
		}
	}
}

func TestASegmentIsMissing(t *testing.T) {
	s := newSample(t, 0)
	for _, acked := range []int{0, 4} {
		t.Run(fmt.Sprintf("the first, with %d acknowledged", acked), func(t *testing.T) {
			s := newSample(t, acked)
			var log reports
			q := mustOpen(t, s.with(t, 0, nil), &spool.Options{OnError: log.add})
			lost := uint64(4*s.count - acked)
			if got := q.Stats(); got.Damaged != lost || got.Events != uint64(len(s.events))-lost {
				t.Errorf("%+v, want %d damaged", got, lost)
			}
			if got := fmt.Sprint(log.take()); !strings.Contains(got, fmt.Sprint(lost, " events are missing")) {
				t.Errorf("reported: %s", got)
			}
			if diff := cmp.Diff(s.events[lost:], drain(t, q)); diff != "" {
				t.Errorf("events mismatch (-want +got):\n%s", diff)
			}
			mustClose(t, q)
			if s := mustOpen(t, s.dir, nil).Stats(); s.Damaged > 0 {
				t.Errorf("counted again: %+v", s)
			}
		})
	}
	t.Run("the first, and the position", func(t *testing.T) {
		dir := s.with(t, 0, nil)
		if err := os.Remove(filepath.Join(dir, "position")); err != nil {
			t.Fatal(err)
		}
		q := mustOpen(t, dir, nil)
		checkDrained(t, q, s.events[4*s.count:], 0) // as if they had been acknowledged
	})
	t.Run("the second", func(t *testing.T) {
		dir := s.with(t, 1, nil)
		q := mustOpen(t, dir, nil)
		checkDrained(t, q, s.events[:4*s.count], 0)
	})
	t.Run("one that is open", func(t *testing.T) {
		var reported []error
		q := mustOpen(t, s.with(t, -1, nil), &spool.Options{OnError: func(err error) { reported = append(reported, err) }})
		if err := os.Remove(filepath.Join(s.dir, s.names[0])); err != nil {
			t.Fatal(err)
		}
		checkDrained(t, q, s.events[4*s.count:], 4*s.count)
		if len(reported) != 1 || !strings.Contains(reported[0].Error(), s.names[0]) {
			t.Errorf("reported: %v", reported)
		}
	})
}

func TestAnyByteIsFlipped(t *testing.T) {
	for _, acked := range []int{0, 4} {
		s := newSample(t, acked)
		for i := range 2 {
			for at := range s.files[i] {
				for _, mask := range []byte{0xff, 1}[min(acked, 1):] {
					b := slices.Clone(s.files[i])
					b[at] ^= mask
					s.checkFlipped(t, i, at, b, acked)
					if t.Failed() {
						t.Fatalf("%s: byte %d, flipped by %#x, %d acknowledged", s.names[i], at, mask, acked)
					}
				}
			}
		}
	}
}

func (s *sample) checkFlipped(t *testing.T, file, at int, b []byte, acked int) {
	t.Helper()
	var reported []error
	q := mustOpen(t, s.with(t, file, b), fast(func(err error) { reported = append(reported, err) }))
	want, lost := slices.Clone(s.events), 0
	for i, f := range s.frames {
		if f[0] <= at && at < f[1] {
			from := max((4*file+i)*s.count-acked, 0)
			to := max((4*file+i+1)*s.count-acked, 0)
			lost = to - from
			want = slices.Delete(want, from, to)
		}
	}
	checkDrained(t, q, want, lost)
	if (lost > 0 || at < spool.HeaderSize) != (len(reported) == 1) {
		t.Errorf("%d events lost, reported: %v", lost, reported)
	}
	mustClose(t, q)
	if bad := files(t, s.dir, ".bad"); len(bad) != len(reported) {
		t.Errorf("%d files kept aside, reported: %v", len(bad), reported)
	}
}

func TestThePositionIsDamaged(t *testing.T) {
	s := newSample(t, 4)
	q := mustOpen(t, s.with(t, -1, nil), nil)
	undamaged := drain(t, q)
	mustClose(t, q)
	if diff := cmp.Diff(s.events, undamaged); diff != "" {
		t.Fatalf("undamaged mismatch (-want +got):\n%s", diff)
	}
	all := slices.Concat([]string{"00", "00twelve bytes", "00x", "01"}, s.events)
	check := func(what string, b []byte, reports int) {
		t.Helper()
		var reported []error
		q := mustOpen(t, s.with(t, 2, b), fast(func(err error) { reported = append(reported, err) }))
		got := drain(t, q)
		mustClose(t, q)
		if len(got) < len(s.events) {
			t.Errorf("%s: %d events are lost", what, len(s.events)-len(got))
			return
		}
		if diff := cmp.Diff(all[max(len(all)-len(got), 0):], got); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s", what, diff)
		}
		if len(reported) != reports {
			t.Errorf("%s: reported: %v", what, reported)
		}
	}
	check("missing", nil, 0)
	text := s.files[2]
	for size := range text {
		if size <= spool.SlotSize || size >= spool.SlotStep {
			check(fmt.Sprintf("cut to %d", size), append([]byte{}, text[:size]...), 1)
		}
	}
	for at := range text {
		if at < spool.SlotSize || at >= spool.SlotStep {
			b := slices.Clone(text)
			b[at] ^= 0x55
			check(fmt.Sprintf("byte %d flipped", at), b, 1)
		}
	}
}

func TestANewerVersionIsRefused(t *testing.T) {
	s := newSample(t, 4)
	for i, name := range s.names {
		b := slices.Clone(s.files[i])
		spool.SetVersion(b, 2)
		dir := s.with(t, i, b)
		_, err := spool.Open(dir, nil)
		if err == nil || !strings.Contains(err.Error(), name+" is of version 2, and this program knows version 1 only") {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !slices.Equal(got, b) {
			t.Errorf("%s was changed, %v", name, err)
		}
	}
	// What refuses must not keep the directory locked.
	checkDrained(t, mustOpen(t, s.with(t, -1, nil), nil), s.events, 0)
}

func TestDamagedFilesAreKeptAside(t *testing.T) {
	dir := t.TempDir()
	q := mustOpen(t, dir, &spool.Options{SegmentBytes: 1, OnError: func(error) {}})
	const n = spool.MaxKept + 3
	for i := range n {
		mustAppend(t, q, strconv.Itoa(i))
	}
	segments := files(t, dir, ".seg")
	for _, path := range segments {
		if err := os.WriteFile(path, []byte("what is this?"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := drain(t, q); len(got) > 0 || q.Stats().Damaged != n {
		t.Errorf("events %q, %+v", got, q.Stats())
	}
	mustAppend(t, q, "a")
	mustClose(t, q)
	var want []string
	for _, path := range segments[n-spool.MaxKept:] {
		want = append(want, path+".bad")
	}
	if diff := cmp.Diff(want, files(t, dir, ".bad")); diff != "" {
		t.Errorf("files mismatch (-want +got):\n%s", diff)
	}
	q = mustOpen(t, dir, nil)
	if diff := cmp.Diff([]string{"a"}, drain(t, q)); diff != "" {
		t.Errorf("events mismatch (-want +got):\n%s", diff)
	}
}

func TestJunkAtTheEndIsKept(t *testing.T) {
	s := newSample(t, 0)
	for name, junk := range map[string][]byte{"zeros": make([]byte, 100), "a text": []byte(strings.Repeat("\x00what", 30))} {
		var reported []error
		o := fast(func(err error) { reported = append(reported, err) })
		q := mustOpen(t, s.with(t, 1, append(slices.Clone(s.files[1]), junk...)), o)
		checkDrained(t, q, s.events, 0)
		mustClose(t, q)
		if len(reported) != 1 || !strings.Contains(reported[0].Error(), s.names[1]+" is damaged") {
			t.Errorf("%s: reported: %v", name, reported)
		}
		if bad := files(t, s.dir, ".bad"); len(bad) != 1 {
			t.Errorf("%s: kept aside: %q", name, bad)
		}
		// Where there is nothing else.
		reported = nil
		b := slices.Concat(s.files[1][:spool.HeaderSize], junk)
		q = mustOpen(t, s.with(t, 1, b), o)
		checkDrained(t, q, s.events[:4*s.count], 0)
		mustClose(t, q)
		if bad := files(t, s.dir, ".bad"); len(bad) != 1 || len(reported) != 1 {
			t.Errorf("%s alone: kept aside: %q, reported: %v", name, bad, reported)
		}
	}
}

func TestTwoFramesAtTheEndAreDamaged(t *testing.T) {
	s := newSample(t, 0)
	b := slices.Clone(s.files[1])
	b[s.frames[2][0]+5] ^= 1
	b[s.frames[3][1]-1] ^= 1
	q := mustOpen(t, s.with(t, 1, b), fast(func(error) {}))
	checkDrained(t, q, s.events[:6*s.count], 2*s.count)
}

func TestOnlyOwnFilesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"precious.tmp", "1.seg", "00000000000000000001.seg.tmp", "probe.tmp", "x.bad"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, mustOpen(t, dir, nil))
	var got []string
	for _, path := range files(t, dir, "") {
		got = append(got, filepath.Base(path))
	}
	if diff := cmp.Diff([]string{"1.seg", "lock", "position", "precious.tmp", "x.bad"}, got); diff != "" {
		t.Errorf("files mismatch (-want +got):\n%s", diff)
	}
}

// TestAbsurdNumbers finds files of which nobody can go on counting.
func TestAbsurdNumbers(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"18446744073709551615.seg", "18446744073709551614.seg", "99999999999999999999.seg"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	q := mustOpen(t, dir, nil)
	mustAppend(t, q, "a")
	if diff := cmp.Diff([]string{"a"}, drain(t, q)); diff != "" {
		t.Errorf("events mismatch (-want +got):\n%s", diff)
	}
	if got := files(t, dir, ".seg"); len(got) < 3 {
		t.Errorf("files of others were removed: %q", got)
	}
	mustClose(t, q)
}
