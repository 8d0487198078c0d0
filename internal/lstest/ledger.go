package lstest

import (
	"bytes"
	"fmt"
	"strconv"
	"sync"
)

// AppendEvent appends an event that a [Ledger] can account for: the id-th of a
// sender. Both are numbers from 0 on. The message makes it longer; it is
// appended as it is, so nothing in it may need an escape.
func AppendEvent(b []byte, sender, id int, message string) []byte {
	b = strconv.AppendInt(append(b, `{"sender":`...), int64(sender), 10)
	b = strconv.AppendInt(append(b, `,"id":`...), int64(id), 10)
	b = append(append(b, `,"message":"`...), message...)
	return append(b, `"}`...)
}

// Ledger keeps account of what receivers were sent: which events arrived,
// which of them more than once, and in which order. An event is known by its
// "sender", 0 where there is none, and its "id", which counts from 0 for each
// sender; they must be its first members of these names. A Ledger costs one
// bit per event. Its zero value is empty and ready for use.
type Ledger struct {
	mu        sync.Mutex
	receivers int
	senders   map[int]*arrivals
	last      map[route]int // the last id that came this way
	strange   int
	breaks    int
	firstOdd  string
}

// route is the way of a sender's events over one connection.
type route struct{ receiver, conn, sender int }

// arrivals is what has arrived of one sender.
type arrivals struct {
	seen          []uint64 // a bit for each id
	total, unique int
}

// Receiver returns what a receiver is to call with the number of the
// connection and each event. Receivers that share a Ledger have one each.
func (l *Ledger) Receiver() func(conn int, event []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.receivers++
	receiver := l.receivers
	return func(conn int, event []byte) { l.add(receiver, conn, event) }
}

func (l *Ledger) add(receiver, conn int, event []byte) {
	sender, hasSender := number(event, `"sender":`)
	id, ok := number(event, `"id":`)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !ok || id < 0 || (!hasSender && bytes.Contains(event, []byte(`"sender":`))) {
		l.strange++
		l.odd("strange event %.200q", event)
		return
	}
	if l.senders == nil {
		l.senders, l.last = make(map[int]*arrivals), make(map[route]int)
	}
	if l.senders[sender] == nil {
		l.senders[sender] = new(arrivals)
	}
	l.senders[sender].add(id)
	way := route{receiver, conn, sender}
	if before, ok := l.last[way]; ok && id <= before {
		l.breaks++
		l.odd("event %d of sender %d after %d on connection %d", id, sender, before, conn)
	}
	l.last[way] = id
}

// odd keeps the first of what there should be none of. The lock is held.
func (l *Ledger) odd(format string, args ...any) {
	if l.firstOdd == "" {
		l.firstOdd = fmt.Sprintf(format, args...)
	}
}

func (a *arrivals) add(id int) {
	for id/64 >= len(a.seen) {
		a.seen = append(a.seen, 0)
	}
	a.total++
	if !a.has(id) {
		a.unique++
	}
	a.seen[id/64] |= 1 << (id % 64)
}

func (a *arrivals) has(id int) bool { return id/64 < len(a.seen) && a.seen[id/64]>>(id%64)&1 == 1 }

// number returns the integer that follows name in event.
func number(event []byte, name string) (int, bool) {
	_, rest, ok := bytes.Cut(event, []byte(name))
	if !ok {
		return 0, false
	}
	end := bytes.IndexAny(rest, ",}")
	n, err := strconv.Atoi(string(rest[:max(end, 0)]))
	return n, err == nil
}

// Total returns how many events arrived, strange ones aside.
func (l *Ledger) Total() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.senders {
		n += a.total
	}
	return n
}

// Unique returns how many different events arrived.
func (l *Ledger) Unique() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.senders {
		n += a.unique
	}
	return n
}

// UniqueOf returns how many different events arrived from a sender.
func (l *Ledger) UniqueOf(sender int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.senders[sender]; a != nil {
		return a.unique
	}
	return 0
}

// Duplicates returns how many events arrived that had arrived before.
func (l *Ledger) Duplicates() int { return l.Total() - l.Unique() }

// Missing returns the ids below n that did not arrive from sender.
func (l *Ledger) Missing(sender, n int) (ids []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.senders[sender]
	for id := range n {
		if a == nil || !a.has(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// OrderBreaks returns how many events arrived on a connection on which the
// same event or a later one of their sender had arrived before.
func (l *Ledger) OrderBreaks() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.breaks
}

// Strange returns how many events arrived that have no id.
func (l *Ledger) Strange() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.strange
}

// FirstOdd describes the first event that was strange or out of order; it is
// empty when there was none.
func (l *Ledger) FirstOdd() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.firstOdd
}
