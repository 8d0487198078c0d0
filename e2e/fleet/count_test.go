package main

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/e2e/fleet/result"
)

// after returns a time so many milliseconds after the beginning of a test.
func after(ms int) time.Time { return time.Unix(1000, 0).Add(time.Duration(ms) * time.Millisecond) }

// What was away took nothing, but for what it had taken already.
func TestMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{book: newBook(options{senders: 1, receivers: 3, bytes: 100}), failed: make(chan struct{})}
		enter := func(receiver int, after time.Duration, n int) {
			time.AfterFunc(after, func() { w.book.clerk(receiver)(1, make([][]byte, n)) })
		}
		nothing := func() error { return nil }
		enter(0, killing/2, 1)
		enter(0, killing+time.Second, 20)
		enter(1, killing+time.Second, 300)
		enter(2, killing+time.Second, 4000)
		enter(0, killing+time.Minute, 50000)
		if err := w.suffer(t.Context(), outage{lasts: 10 * time.Second, begin: nothing, end: nothing, away: []int{0, 2}}); err != nil {
			t.Fatal(err)
		}
		if got := w.episodes[0].meanwhile; got != 4020 {
			t.Errorf("%d events, want 4020", got)
		}
	})
}

// A sender that was connected to what was slow, at any time while it was, is not spared.
func TestSpared(t *testing.T) {
	held := &receiver{calls: []*call{
		{sender: 0, came: after(0)},
		{sender: 1, came: after(0), ended: after(1500)},
		{sender: 2, came: after(2500), ended: after(2700)},
		{sender: 3, came: after(0), ended: after(900)},
		{sender: 4, came: after(3100)},
		{sender: -1, came: after(0)},
	}}
	w := &world{
		o: options{senders: 6, rate: 50}, held: held, even: [2]time.Time{after(1000), after(3000)},
		samples: []sample{
			{at: after(1000), senders: []int{0, 0, 0, 0, 0, 0}},
			{at: after(3000), senders: []int{9, 9, 9, 100, 50, 0}},
		},
	}
	var got result.Fairness
	w.countSpared(&got)
	if diff := cmp.Diff(result.Fairness{Spared: 3, SparedShare: 0.5}, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	w.held, got = nil, result.Fairness{}
	if w.countSpared(&got); got != (result.Fairness{}) {
		t.Errorf("%+v where nothing is slow", got)
	}
}
