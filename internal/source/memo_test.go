package source_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sluicelog/sluice/internal/source"
	"github.com/sluicelog/sluice/internal/testlog"
)

func TestMemoAsksOnce(t *testing.T) {
	t.Parallel()
	calls := 0
	m := source.NewMemo(func(s source.Source) string {
		calls++
		return s.Function
	})
	for range 3 {
		if got := m.Get(entry((*testing.T).Parallel)); got != "(*T).Parallel" {
			t.Errorf("got %q", got)
		}
		if got := m.Get(0); got != "" {
			t.Errorf("got %q of no PC", got)
		}
	}
	if calls != 2 {
		t.Errorf("asked %d times, want once for each", calls)
	}
}

// TestMemoOfManyPlaces asks for more places than are remembered, and such that a
// table of a power of two is prone to mix up.
func TestMemoOfManyPlaces(t *testing.T) {
	t.Parallel()
	for _, step := range []uintptr{1, 64} {
		var n atomic.Int64
		m := source.NewMemo(func(source.Source) int64 { return n.Add(1) })
		const places = 70_000
		values := make([]int64, places)
		for i := range uintptr(places) {
			values[i] = m.Get(i * step)
		}
		forgotten := 0
		for i := range uintptr(places) {
			if got := m.Get(i * step); got != values[i] {
				if got <= places {
					t.Fatalf("the place %d is taken for another one", i)
				}
				forgotten++
			}
		}
		if forgotten != places-1<<16 {
			t.Errorf("step %d: forgotten %d, want %d", step, forgotten, places-1<<16)
		}
	}
}

func TestMemoConcurrentSafe(t *testing.T) {
	t.Parallel()
	m := source.NewMemo(func(s source.Source) *source.Source { return &s })
	var wg sync.WaitGroup
	var first [500]atomic.Pointer[source.Source]
	for range 4 {
		wg.Go(func() {
			for range 20 {
				for i := range first {
					got := m.Get(uintptr(i))
					if !first[i].CompareAndSwap(nil, got) && *first[i].Load() != *got {
						t.Errorf("the place %d is taken for another one", i)
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestMemoThatPanics(t *testing.T) {
	t.Parallel()
	bad := true
	m := source.NewMemo(func(source.Source) int {
		if bad {
			panic("not yet")
		}
		return 7
	})
	func() {
		defer func() { _ = recover() }()
		m.Get(1)
	}()
	bad = false
	if got := m.Get(1); got != 7 {
		t.Errorf("got %d", got)
	}
}

func TestMemoAllocations(t *testing.T) {
	if testlog.Race {
		t.Skip("the race detector allocates")
	}
	m := source.NewMemo(func(s source.Source) string { return s.Package })
	here := pc()
	if got := testing.AllocsPerRun(100, func() { m.Get(here) }); got > 0 {
		t.Errorf("%v allocations, want none", got)
	}
}

// BenchmarkMemo sets a Memo beside the sync.Map that would do.
func BenchmarkMemo(b *testing.B) {
	m := source.NewMemo(func(s source.Source) string { return s.Package })
	var std sync.Map
	for i := range uintptr(500) {
		m.Get(i * 64)
		std.Store(i*64, m.Get(i*64))
	}
	here := pc()
	std.Store(here, m.Get(here))
	b.Run("Memo", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = m.Get(here)
		}
	})
	b.Run("sync.Map", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			v, _ := std.Load(here)
			_, _ = v.(string)
		}
	})
	b.Run("Of", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = source.Of(here)
		}
	})
}
