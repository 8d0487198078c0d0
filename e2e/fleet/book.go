package main

import (
	"bytes"
	"slices"
	"strconv"
	"sync"

	"github.com/sluicelog/sluice/internal/lstest"
)

// book is what all receivers write down together. It is safe for concurrent use.
type book struct {
	ledger lstest.Ledger

	mu        sync.Mutex
	senders   []int // events that came from each, those that came twice included
	receivers []int // events that came to each
}

func newBook(senders, receivers int) *book {
	return &book{senders: make([]int, senders), receivers: make([]int, receivers)}
}

// clerk returns what the receiver of a number calls with the events of a connection.
func (b *book) clerk(receiver int) func(conn int, events [][]byte) {
	enter := b.ledger.Receiver()
	return func(conn int, events [][]byte) {
		for _, event := range events {
			enter(conn, event)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.receivers[receiver] += len(events)
		for _, event := range events {
			if s := senderOf(event); s >= 0 && s < len(b.senders) {
				b.senders[s]++
			}
		}
	}
}

// senderOf returns the number of the sender of an event, -1 if it has none.
func senderOf(event []byte) int {
	rest, ok := bytes.CutPrefix(event, []byte(`{"sender":`))
	end := bytes.IndexByte(rest, ',')
	if !ok || end < 0 {
		return -1
	}
	n, err := strconv.Atoi(string(rest[:end]))
	if err != nil {
		return -1
	}
	return n
}

// totals returns how many events came from each sender, and to each receiver.
func (b *book) totals() (senders, receivers []int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.senders), slices.Clone(b.receivers)
}
