package kafka_test

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// wire is what a client has written to brokers. From it follows what one that knows idempotent producers
// keeps, whatever brokers there are.
type wire struct {
	mu      sync.Mutex
	client  string // its id
	strange []string
	batches map[sequence]batch
	again   int // events that were written more than once
}

// sequence is what a broker knows a batch by.
type sequence struct {
	topic     string
	partition int32
	producer  int64
	epoch     int16
	first     int32
}

type batch struct {
	events int32
	bytes  []byte
}

// wrote is told of a request.
func (w *wire) wrote(p []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(p) < 14 || int16(binary.BigEndian.Uint16(p[4:])) != int16(kmsg.Produce) {
		return
	}
	req := kmsg.NewPtrProduceRequest()
	req.SetVersion(int16(binary.BigEndian.Uint16(p[6:])))
	n := 14 + int(binary.BigEndian.Uint16(p[12:]))
	w.client = string(p[14:n])
	if req.IsFlexible() {
		n++ // there are no tags
	}
	if err := req.ReadFrom(p[n:]); err != nil {
		w.strange = append(w.strange, err.Error())
		return
	}
	if req.Acks != -1 || req.TransactionID != nil {
		w.strange = append(w.strange, "a request that does not want the acks of all, or has a transaction")
	}
	for _, topic := range req.Topics {
		for _, partition := range topic.Partitions {
			w.add(topic.Topic, partition.Partition, partition.Records)
		}
	}
}

func (w *wire) add(topic string, partition int32, records []byte) {
	var b kmsg.RecordBatch
	if err := b.ReadFrom(records); err != nil {
		w.strange = append(w.strange, err.Error())
		return
	}
	if b.ProducerID < 0 {
		w.strange = append(w.strange, "a batch of no producer")
	}
	if w.batches == nil {
		w.batches = make(map[sequence]batch)
	}
	s := sequence{topic, partition, b.ProducerID, b.ProducerEpoch, b.FirstSequence}
	before, ok := w.batches[s]
	switch {
	case !ok:
		w.batches[s] = batch{b.NumRecords, slices.Clone(records)}
	case !bytes.Equal(before.bytes, records):
		w.strange = append(w.strange, "another batch with the same sequence")
	default:
		w.again += int(b.NumRecords)
	}
}

// events returns how many different events were written.
func (w *wire) events() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.batches {
		n += int(b.events)
	}
	return n
}

// check checks that n events were written such that a broker keeps each once, and returns how many were
// written more than once.
func (w *wire) check(tb testing.TB, n int) (again int) {
	tb.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.strange {
		tb.Error("written:", s)
	}
	all := make([]sequence, 0, len(w.batches))
	for s := range w.batches {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b sequence) int {
		return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition),
			cmp.Compare(a.producer, b.producer), cmp.Compare(a.epoch, b.epoch), cmp.Compare(a.first, b.first))
	})
	sum := 0
	var want sequence
	for _, s := range all {
		start, last := s, want
		start.first, last.first = 0, 0
		if start != last { // of another partition, or another producer
			want = start
		}
		if s != want {
			tb.Errorf("a batch with %+v, want %+v", s, want)
		}
		events := w.batches[s].events
		want = s
		want.first += events
		sum += int(events)
	}
	if sum != n {
		tb.Errorf("%d events written, want %d", sum, n)
	}
	return w.again
}
