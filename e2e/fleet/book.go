package main

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/sluicelog/sluice/internal/lstest"
)

// book is what all receivers write down together. It is safe for concurrent use.
type book struct {
	ledger   lstest.Ledger // of what says whose it is
	messages []string      // of the senders

	mu        sync.Mutex
	senders   []int // events that came from each, those that came twice included
	receivers []int // events that came to each
	strange   int   // events that are not as their sender wrote them, or have none
}

func newBook(o options) *book {
	b := &book{messages: make([]string, o.senders), senders: make([]int, o.senders), receivers: make([]int, o.receivers)}
	for i := range b.messages {
		b.messages[i] = message(i, o.bytes)
	}
	return b
}

// clerk returns what the receiver of a number calls with the events of a connection.
func (b *book) clerk(receiver int) func(conn int, events [][]byte) {
	enter := b.ledger.Receiver()
	return func(conn int, events [][]byte) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.receivers[receiver] += len(events)
		var want []byte
		for _, event := range events {
			sender, id := numbersOf(event)
			if sender < 0 || sender >= len(b.senders) {
				b.strange++
				continue
			}
			want = lstest.AppendEvent(want[:0], sender, id, b.messages[sender])
			if !bytes.Equal(event, want) {
				b.strange++
			}
			b.senders[sender]++
			enter(conn, event)
		}
	}
}

// unwritten returns how many events are strange, or have a number that their sender
// has not come to, after so many.
func (b *book) unwritten(written []int) int {
	b.mu.Lock()
	n := b.strange
	b.mu.Unlock()
	for sender, count := range written {
		n += b.ledger.UniqueOf(sender) - count + len(b.ledger.Missing(sender, count))
	}
	return n
}

// message returns what is in the events of a sender that are to have so many bytes, or a few more.
func message(sender, size int) string {
	return strings.Repeat("x", max(size-len(lstest.AppendEvent(nil, sender, 1000, "")), 1))
}

// numbersOf returns the numbers of the sender of an event and of the event, -1 if it has none.
func numbersOf(event []byte) (sender, id int) {
	rest, ok := bytes.CutPrefix(event, []byte(`{"sender":`))
	first, rest, comma := bytes.Cut(rest, []byte(`,"id":`))
	second, _, end := bytes.Cut(rest, []byte(`,`))
	sender, err := strconv.Atoi(string(first))
	id, err2 := strconv.Atoi(string(second))
	if !ok || !comma || !end || err != nil || err2 != nil || id < 0 {
		return -1, -1
	}
	return sender, id
}

// totals returns how many events came from each sender, and to each receiver.
func (b *book) totals() (senders, receivers []int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.senders), slices.Clone(b.receivers)
}
