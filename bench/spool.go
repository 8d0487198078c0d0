package bench

import (
	"errors"
	"fmt"
	"hash/maphash"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tidwall/wal"

	"github.com/sluicelog/sluice/internal/spool"
)

const (
	// SpooledSize is how long each event is that goes to a queue on disk.
	SpooledSize = 300
	// SpooledBatch is how many go there at once.
	SpooledBatch = 100
	// SpooledWindow is how many are deleted at once: as many as a Beats input acks.
	SpooledWindow = 2000
)

// A Spool is a queue of events on disk.
type Spool struct {
	Name, Version string

	open func(dir string, synced bool) (spooler, error)
}

// spooler is an open queue. drain calls each with all events, in order, and
// deletes them window by window, or no sooner than it has read all if that is
// cheaper for it.
type spooler interface {
	append(batch [][]byte) error
	drain(each func(event []byte), whole bool) error
	Close() error
}

// Spools returns all that are compared: ours last.
func Spools() []Spool {
	return []Spool{
		{"tidwall/wal", version("github.com/tidwall/wal"), openWAL},
		{"spool.Queue", "of this tree", openSpool},
	}
}

// Append returns what it costs to append an event in a batch, without a sync to
// the disk or with one for each batch.
func (s Spool) Append(l Load, synced bool) (cost time.Duration, err error) {
	n := l.Spooled
	if synced {
		n = l.SpoolSynced
	}
	cost, _, err = s.run(n, synced, true)
	return cost, err
}

// Drain returns what it costs to read an event and delete it: with others of a
// window, or all in the end.
func (s Spool) Drain(l Load, whole bool) (cost time.Duration, err error) {
	_, cost, err = s.run(l.Spooled, false, whole)
	return cost, err
}

// run appends and drains n events. An error says that others came out.
func (s Spool) run(n int, synced, whole bool) (appended, drained time.Duration, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", s.Name, err)
		}
	}()
	dir, err := os.MkdirTemp("", "spool")
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	q, err := s.open(filepath.Join(dir, "queue"), synced)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	batch := newBatch()
	n -= n % SpooledBatch
	begun := time.Now()
	for range n / SpooledBatch {
		if err := q.append(batch); err != nil {
			return 0, 0, err
		}
	}
	appended = time.Since(begun) / time.Duration(n)

	seed := maphash.MakeSeed()
	var want, got uint64
	for _, event := range batch {
		want += maphash.Bytes(seed, event) * uint64(n/SpooledBatch) //nolint:gosec // not negative
	}
	count := 0
	begun = time.Now()
	err = q.drain(func(event []byte) {
		got += maphash.Bytes(seed, event)
		count++
	}, whole)
	drained = time.Since(begun) / time.Duration(n)
	switch {
	case err != nil:
		return 0, 0, err
	case count != n:
		return 0, 0, counted(count, n)
	case got != want:
		return 0, 0, errors.New("the events that came out are others than those that went in")
	}
	return appended, drained, nil
}

// newBatch returns different events of SpooledSize.
func newBatch() [][]byte {
	batch := make([][]byte, SpooledBatch)
	for i := range batch {
		event := fmt.Sprintf(`{"@timestamp":"2026-11-22T10:00:00Z","n":%d,"message":"`, i)
		batch[i] = []byte(event + strings.Repeat("x", SpooledSize-len(event)-2) + `"}`)
	}
	return batch
}

type spoolQueue struct{ *spool.Queue }

func openSpool(dir string, synced bool) (spooler, error) {
	o := &spool.Options{Sync: spool.SyncNever}
	if synced {
		o.Sync = spool.SyncEveryBatch
	}
	q, err := spool.Open(dir, o)
	if err != nil {
		return nil, err
	}
	return spoolQueue{q}, nil
}

func (q spoolQueue) append(batch [][]byte) error {
	_, err := q.Append(batch)
	return err
}

func (q spoolQueue) drain(each func([]byte), _ bool) error {
	for {
		l, err := q.Read(SpooledWindow, 0, 0)
		if l == nil || err != nil {
			return err
		}
		for _, event := range l.Events {
			each(event)
		}
		q.Ack(l, len(l.Events))
	}
}

// walQueue is a log with a number for each entry, from 1 on.
type walQueue struct {
	*wal.Log

	batch wal.Batch
	last  uint64
}

func openWAL(dir string, synced bool) (spooler, error) {
	l, err := wal.Open(dir, &wal.Options{NoSync: !synced, NoCopy: true, AllowEmpty: true})
	if err != nil {
		return nil, err
	}
	return &walQueue{Log: l}, nil
}

func (q *walQueue) append(batch [][]byte) error {
	for _, event := range batch {
		q.last++
		q.batch.Write(q.last, event)
	}
	return q.WriteBatch(&q.batch)
}

func (q *walQueue) drain(each func([]byte), whole bool) error {
	for i := uint64(1); i <= q.last; i++ {
		event, err := q.Read(i)
		if err != nil {
			return err
		}
		each(event)
		if !whole && i%SpooledWindow == 0 || i == q.last {
			if err := q.TruncateFront(i + 1); err != nil {
				return err
			}
		}
	}
	return nil
}
