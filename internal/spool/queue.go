package spool

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

// Queue is a queue of events in a directory, which only one Queue can have open
// at a time, in all processes. Its methods are safe for concurrent use. It has
// no goroutine, but for one that runs while it syncs on its own.
type Queue struct {
	dir  string
	opts Options
	lock *os.File

	// The locks are waited for in this order. Only the last one is needed by
	// everybody, and it is never held during a call of the system.
	reading sync.Mutex // for the cursor, and for giving up what it may be in
	writing sync.Mutex // for the tail
	syncing sync.Mutex // for one sync at a time
	noting  sync.Mutex // for the position, and for removing segments
	mu      sync.Mutex // for all that follows, and the segments

	cursor cursor   // not guarded by mu
	tail   tail     // nor this
	pos    position // nor this

	segments []*segment // the oldest first
	current  *segment   // that of the tail
	next     uint64     // the next event to read
	end      uint64     // behind the last event
	leases   []*Lease   // in the order of their events, those that are done too while an older one is not
	spare    []*memory  // of leases
	gather   *group     // takes events until its leader comes to write
	groups   []*group   // to be used again
	size     int64      // of all segments
	reserved int64      // bytes for events that are not written yet
	trouble  backoff    // of writing
	timer    *time.Timer
	timed    bool           // the timer is running
	ticks    sync.WaitGroup // what the timer has begun, or will
	newNames bool           // since the directory was synced
	leftover []*segment     // could not be removed
	kept     []string       // damaged files kept aside, the oldest first
	closed   bool
	stats    Stats
}

// Stats is what a [Queue] says of itself. The counters are of this Queue, and
// begin with 0 at Open.
type Stats struct {
	Events     uint64    // neither acknowledged nor given up
	Bytes      int64     // of the segments
	Segments   int       // on disk
	Expired    uint64    // events given up because of MaxAge
	Evicted    uint64    // events given up by DropOldest
	Damaged    uint64    // events that were unreadable or missing, as far as that can be known
	Torn       int64     // bytes of an incomplete write, cut off by Open
	Syncs      uint64    // how often something was forced to the disk
	OldestTime time.Time // when the oldest event was appended, or somewhat before; zero if there is none
	LastError  error     // the last trouble with the disk, or the last damage
}

// Stats returns the present state.
func (q *Queue) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.stats
	s.Bytes, s.Segments = q.size, len(q.segments)
	if s.Events > 0 {
		s.OldestTime = q.oldest()
	}
	return s
}

// Gone returns how many events were given up, for whatever reason: it is
// Expired, Evicted and Damaged of Stats together.
func (q *Queue) Gone() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.stats.Expired + q.stats.Evicted + q.stats.Damaged
}

// oldest returns the time of the oldest event, or one before it.
func (q *Queue) oldest() time.Time {
	if len(q.leases) > 0 {
		return time.Unix(0, q.leases[0].time)
	}
	for _, s := range q.segments {
		if s.end > q.next && !s.gone {
			return time.Unix(0, s.created)
		}
	}
	return time.Time{}
}

// Head returns the number of the first event that is neither acknowledged nor
// given up, or that of the next event to come.
func (q *Queue) Head() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.head()
}

func (q *Queue) head() uint64 {
	if len(q.leases) > 0 {
		return min(q.leases[0].next(), q.next)
	}
	return q.next
}

// End returns the number behind the last event.
func (q *Queue) End() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.end
}

// settle notes how far the queue is done, and removes what is behind that. It
// must be called without the lock.
func (q *Queue) settle() error {
	q.noting.Lock()
	defer q.noting.Unlock()
	if q.pos.closed {
		return nil // another Queue may have the directory by now
	}
	err := q.note()
	retired := q.retire()
	q.mu.Lock()
	head := q.head()
	n := 0
	for n < len(q.segments) && q.segments[n].end <= head && q.segments[n] != q.current {
		n++
	}
	done := slices.Clone(q.segments[:n])
	for _, s := range done {
		q.size -= s.size
	}
	q.segments = slices.Delete(q.segments, 0, n)
	inner := q.doneWithin()
	q.mu.Unlock()
	marked := q.putMarks(inner)
	q.mu.Lock()
	done = append(done, q.leftover...)
	q.leftover = nil
	q.mu.Unlock()
	return errors.Join(err, retired, marked, q.discard(done))
}

// discard removes the files of segments, or keeps them aside.
func (q *Queue) discard(done []*segment) error {
	if len(done) == 0 {
		return nil
	}
	var errs []error
	for _, s := range done {
		err := q.discardOne(s)
		if errors.Is(err, os.ErrNotExist) {
			err = nil
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("spool: remove %s: %w", q.path(s), err))
			q.mu.Lock()
			q.leftover = append(q.leftover, s)
			q.mu.Unlock()
		}
	}
	errs = append(errs, q.named())
	q.mu.Lock()
	q.trouble.until = time.Time{} // there may be room now
	q.mu.Unlock()
	return q.failed(errors.Join(errs...))
}

// maxKept is how many damaged files are kept aside.
const maxKept = 3

func (q *Queue) discardOne(s *segment) error {
	path := q.path(s)
	if !s.damaged || s.gone {
		return q.opts.disk.remove(path)
	}
	aside := path + badSuffix
	if err := q.opts.disk.rename(path, aside); err != nil {
		return err
	}
	var old string
	q.mu.Lock()
	if q.kept = append(q.kept, aside); len(q.kept) > maxKept {
		old, q.kept = q.kept[0], q.kept[1:]
	}
	q.mu.Unlock()
	if old != "" {
		return q.opts.disk.remove(old)
	}
	return nil
}

// failed keeps err for Stats, and returns it.
func (q *Queue) failed(err error) error {
	if err != nil {
		q.mu.Lock()
		q.stats.LastError = err
		q.mu.Unlock()
	}
	return err
}

// Close syncs, notes the position and lets another Queue have the directory.
// Events of leases that are not acknowledged will be read again.
func (q *Queue) Close() error {
	q.mu.Lock()
	closed := q.closed
	q.closed = true
	q.mu.Unlock()
	if closed {
		return nil
	}
	q.disarm()
	q.reading.Lock()
	defer q.reading.Unlock()
	q.writing.Lock()
	defer q.writing.Unlock()
	q.cursor.close()
	q.tail.closed = true
	err := q.endTail()
	err = errors.Join(err, q.settle(), q.flush())
	q.noting.Lock()
	defer q.noting.Unlock()
	return errors.Join(err, q.pos.close(), unlock(q.lock))
}
