package stat

import (
	"math/rand/v2"
	"testing"
	"time"
)

// Whatever is dropped on the way, a count is never too high, never lower than is said, and what is not there has no more
// lines than is said.
func TestTableSaysHowWrongItIs(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 50 {
		whole := newTable(8)
		truth := map[uint64]int64{}
		for range 20 {
			part := newTable(4)
			for range random.IntN(100) {
				key := uint64(random.ExpFloat64() * 20)
				truth[key]++
				e := part.find(key)
				if e == nil {
					e = part.insert(key, "", info)
				}
				e.tally(info.of(1), noSpan())
			}
			whole.merge(part)
		}
		if len(whole.entries) > 16 || len(whole.index) != len(whole.entries) {
			t.Fatalf("%d entries, %d in the index", len(whole.entries), len(whole.index))
		}
		for key, n := range truth {
			e := whole.find(key)
			switch {
			case e == nil && n > whole.floor:
				t.Errorf("%d has %d lines and is not there, at most %d may be missing", key, n, whole.floor)
			case e != nil && (e.Lines > n || e.Lines+whole.missedOf(e) < n):
				t.Errorf("%d has %d lines, counted are %d and at most %d missed", key, n, e.Lines, whole.missedOf(e))
			}
		}
	}
}

// A name that is there may have come in a part that has dropped it.
func TestTableKnowsWhatAPartHasDropped(t *testing.T) {
	whole := newTable(8)
	whole.insert(0, "", info).tally(info.of(1), noSpan())
	for range 2 {
		part := newTable(1)
		for key, n := range []int64{1, 3, 2} {
			part.insert(uint64(key), "", info).tally(info.of(n), noSpan())
		}
		whole.merge(part)
	}
	if e := whole.find(0); e == nil || e.Lines != 1 || whole.missedOf(e) != 2 {
		t.Errorf("%+v has missed %d lines, want 2", e, whole.missedOf(e))
	}
}

func TestTableDropsTheRarest(t *testing.T) {
	table := newTable(2)
	var dropped []string
	table.onDrop = func(e *entry) { dropped = append(dropped, e.name) }
	for i, n := range []int64{5, 1, 3, 2, 4} {
		table.insert(uint64(i), string(rune('a'+i)), info).tally(info.of(n), noSpan())
	}
	if len(dropped) != 2 || dropped[0] != "b" || dropped[1] != "d" || table.floor != 2 {
		t.Errorf("dropped %v, the floor is %d; want b and d, 2", dropped, table.floor)
	}
	if e := table.find(4); e == nil || table.missedOf(e) != 2 || table.find(1) != nil || table.find(0).Lines != 5 {
		t.Errorf("e is %+v", e)
	}
}

func TestSecondsThatHaveGone(t *testing.T) {
	times := newTimes(time.UTC)
	for i := range int64(maxMinutes + 10) {
		times.add(moment{at: i * 60, lines: 2, cl: info})
	}
	times.add(moment{at: 60 * 5, lines: 3, cl: failure}) // another file, perhaps
	if at, lines, exact := times.seconds.busiest(); at != 300 || lines != 3 || exact {
		t.Errorf("the busiest second is %d with %d lines, exact: %v", at, lines, exact)
	}
	if at, lines, ok := times.busiest(); at != 300 || lines != 5 || !ok {
		t.Errorf("the busiest minute is %d with %d lines, %v", at, lines, ok)
	}
}

func TestACellThatIsFull(t *testing.T) {
	times := newTimes(time.UTC)
	const most = 1<<32 - 1
	for range 5 {
		times.add(moment{at: 7, lines: most, cl: failure})
	}
	if rows := times.rows(minute); len(rows) != 1 || rows[0].Errors != 5*most {
		t.Errorf("the rows are %+v, want %d errors", rows, 5*int64(most))
	}
	times.coarsen()
	if rows := times.rows(hour); len(rows) != 1 || rows[0].Errors != 5*most {
		t.Errorf("by the hour the rows are %+v, want %d errors", rows, 5*int64(most))
	}
}
