package bench

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/testlog"
)

func TestBalance(t *testing.T) {
	testlog.CheckGoroutines(t)
	for _, f := range Fleets() {
		for _, how := range []Spread{{4, 0}, {8, 10_000}} {
			cost, err := f.Balance(Load{Balanced: 90 * time.Millisecond}, how)
			if err != nil || cost.Wall <= 0 {
				t.Errorf("%s, %s: %v, %v", f.Name, how, cost.Wall, err)
			}
		}
	}
}

// TestPacer has windows come over several connections.
func TestPacer(t *testing.T) {
	for _, conns := range []int{1, 2, 8} {
		synctest.Test(t, func(t *testing.T) {
			p := &pacer{each: time.Millisecond}
			acked, over := make(chan int), make(chan struct{})
			var wg sync.WaitGroup
			for range conns {
				wg.Go(func() {
					for {
						a := p.answer(100)
						<-time.After(a.Delay)
						select {
						case acked <- int(a.Acks[0]):
						case <-over:
							return
						}
					}
				})
			}
			begun, n := time.Now(), 0
			for n < 100_000 {
				n += <-acked
			}
			took := time.Since(begun)
			close(over)
			wg.Wait()
			// The first two windows are for free.
			if want := (100_000 - 200) * time.Millisecond; took != want {
				t.Errorf("%d connections: %v, want %v", conns, took, want)
			}
		})
	}
}

func TestArrivals(t *testing.T) {
	tests := []struct {
		name    string
		keys    int
		numbers []int
		want    string
	}{
		{"all", 1000, []int{0, 1, 2, 1000}, ""},
		{"those of several keys in any order", 1000, []int{2, 1, 0, 1000}, ""},
		{"those of one key in any order", 0, []int{1000, 0, 1, 2}, ""},
		{"those of one key in another order", 1000, []int{1000, 0, 1, 2}, "event 0 came behind 1000, which has the same key"},
		{"one is lost", 1000, []int{0, 1, 1000}, "lost 25 %"},
		{"one came twice", 0, []int{0, 1, 2, 1}, "event 1 came twice"},
		{"one more", 0, []int{0, 1, 2, 3, 4}, "5 lines for 4 records"},
		{"no number", 0, []int{0, 1, -1, 2}, "an event without a number: {}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := &arrivals{last: make([]int, tt.keys)}
			for _, n := range tt.numbers {
				event := fmt.Appendf(nil, `{"number":%d}`, n)
				if n < 0 {
					event = []byte("{}")
				}
				a.add(1, event)
			}
			if err := a.check(4); (err == nil) != (tt.want == "") || err != nil && !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
