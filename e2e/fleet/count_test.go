package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/e2e/fleet/result"
)

// after returns a time so many milliseconds after the beginning of a test.
func after(ms int) time.Time { return time.Unix(1000, 0).Add(time.Duration(ms) * time.Millisecond) }

// What was away took nothing, but for what it had taken already.
func TestMeanwhile(t *testing.T) {
	w := &world{begin: after(0)}
	for ms := 0; ms <= 3000; ms += 50 {
		w.samples = append(w.samples, sample{at: after(ms), receivers: []int{min(ms, 1100), ms, min(ms, 2000)}})
	}
	for _, tt := range []struct {
		name string
		e    episode
		want int
	}{
		{"dead", episode{begin: after(1000), end: after(2000), away: []int{0}}, 0},
		{"not dead", episode{begin: after(1000), end: after(2000), away: []int{1}}, 550},
		{"one of two", episode{begin: after(1000), end: after(2000), away: []int{0, 1}}, 550},
		{"too early", episode{begin: after(1000), end: after(3000), away: []int{2}}, 800},
		{"nothing is away", episode{begin: after(1000), end: after(2000)}, 0},
		{"over when the last is back", episode{begin: after(1000), end: after(2000), away: []int{1}, returns: []time.Time{after(1500), after(1600)}}, 150},
	} {
		if got := w.meanwhile(tt.e); got != tt.want {
			t.Errorf("%s: %d events, want %d", tt.name, got, tt.want)
		}
	}
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
