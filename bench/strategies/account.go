//go:build linux

package main

import (
	"bytes"
	"slices"
	"strconv"
	"sync"
	"time"
)

// The members by which an account knows an event.
const (
	senderKey = "sender"
	numberKey = "nth"
	timeKey   = "at_us" // of its Handle, in microseconds since the account was opened
)

// account is what has arrived.
type account struct {
	opened time.Time

	mu      sync.Mutex
	senders map[int]*arrivals
	delays  []time.Duration // of each event that was new
	others  int             // events without a number
	last    time.Time       // when the last event came
}

// arrivals is what has arrived of one sender.
type arrivals struct {
	seen  []bool // by number
	total int
}

func newAccount() *account { return &account{opened: time.Now(), senders: make(map[int]*arrivals)} }

// take is called by a receiver with each event.
func (a *account) take(event []byte) {
	now := time.Now()
	sender, ok1 := number(event, senderKey)
	nth, ok2 := number(event, numberKey)
	sent, ok3 := number(event, timeKey)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = now
	if !ok1 || !ok2 || !ok3 {
		a.others++
		return
	}
	s := a.senders[sender]
	if s == nil {
		s = new(arrivals)
		a.senders[sender] = s
	}
	if missing := nth + 1 - len(s.seen); missing > 0 {
		s.seen = append(s.seen, make([]bool, missing)...)
	}
	if !s.seen[nth] {
		s.seen[nth] = true
		a.delays = append(a.delays, now.Sub(a.opened)-time.Duration(sent)*time.Microsecond)
	}
	s.total++
}

// number returns a member of an event that is a number of 0 or more.
func number(event []byte, name string) (int, bool) {
	_, rest, ok := bytes.Cut(event, []byte(`"`+name+`":`))
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(string(rest[:max(bytes.IndexAny(rest, ",}"), 0)]))
	return n, err == nil && n >= 0
}

// missing returns how many of the first n events of a sender have not arrived.
func (a *account) missing(sender, n int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.senders[sender]; s != nil {
		for _, seen := range s.seen[:min(n, len(s.seen))] {
			if seen {
				n--
			}
		}
	}
	return n
}

// doubled returns how many events have arrived that had arrived before.
func (a *account) doubled() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.senders {
		n += s.total
	}
	return n - len(a.delays)
}

// strangers returns how many events have arrived that have no number.
func (a *account) strangers() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.others
}

// quiet returns for how long nothing has arrived.
func (a *account) quiet() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.last.IsZero() {
		return time.Since(a.opened)
	}
	return time.Since(a.last)
}

// delay returns the time within which a share of the events that have arrived did,
// 0 if there are none.
func (a *account) delay(share float64) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.delays) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(a.delays))
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}
