package logstash

import (
	"bytes"
	"fmt"
	"testing"
)

// Batches that have a buffer in common keep it while one of them does. One of which half of the
// events still wait must not keep what the others have no use for.
func TestSharedMemoryIsGivenUp(t *testing.T) {
	const batches, length, size = 8, 256, 300
	event := bytes.Repeat([]byte("x"), size)
	for _, open := range []int{0, 1, length / 2, length/2 + 1, length - 1} { // events of one batch that wait
		t.Run(fmt.Sprintf("%d of %d wait", open, length), func(t *testing.T) {
			opts := DialOptions{Key: Field("sender"), Strategy: LoadBalance, Pipeline: 1, BatchSize: length, Size: 1 << 30}
			q := newQueue(&opts, nil)
			q.tail.ticket = 1
			for range batches * length {
				q.tail.add(event, 0)
			}
			b := q.tail
			for !q.begin(b) {
			}
			if len(q.out) != batches {
				t.Fatalf("%d batches, want %d", len(q.out), batches)
			}
			for n, b := range q.out {
				left := 8 // in each of the others
				if n == 2 {
					left = open
				}
				for i := range length - left {
					b.settle(i)
				}
			}
			q.shrink()
			waiting := (batches-1)*8 + open
			most := waiting*(size+keyOverhead) + batches*length*itemOverhead
			if open == 0 { // which the queue would let go of
				most += batches * length * size
			}
			if got := q.ahead(); got > most {
				t.Errorf("%d bytes are kept for %d events, want %d at most", got, waiting, most)
			}
			for _, b := range q.out {
				for i, it := range b.items {
					if it.marks&settled == 0 && !bytes.Equal(b.event(i), event) {
						t.Fatalf("event %d is %q", i, b.event(i))
					}
				}
			}
		})
	}
}
