package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Sync forces to the disk what was appended and acknowledged until now.
func (q *Queue) Sync() error {
	q.mu.Lock()
	closed := q.closed
	q.mu.Unlock()
	if closed {
		return fmt.Errorf("spool: sync: %w", os.ErrClosed)
	}
	return q.flush()
}

// arm lets a sync come in time. It must be called with the lock.
func (q *Queue) arm() {
	if q.timed || q.closed || q.opts.Sync == SyncNever {
		return
	}
	q.timed = true
	q.ticks.Add(1)
	q.timer = time.AfterFunc(q.opts.SyncEvery, q.tick)
}

func (q *Queue) tick() {
	defer q.ticks.Done()
	q.mu.Lock()
	q.timed = false
	q.mu.Unlock()
	q.opts.report(q.flush())
}

// disarm waits for a sync that runs. None begins any more once q is closed.
func (q *Queue) disarm() {
	q.mu.Lock()
	if q.timed && q.timer.Stop() {
		q.ticks.Done()
	}
	q.timed = false
	q.mu.Unlock()
	q.ticks.Wait()
}

// flush syncs all that is new. The files are opened for it, so that nobody who
// writes to them or removes them has to wait.
func (q *Queue) flush() error {
	q.syncing.Lock()
	defer q.syncing.Unlock()
	q.mu.Lock()
	var dirty []*segment
	for _, s := range q.segments {
		if s.dirty {
			dirty = append(dirty, s)
			s.dirty = false
		}
	}
	tail := q.current
	names := q.newNames
	q.newNames = false
	q.mu.Unlock()
	if tail != nil {
		q.look(tail)
	}

	var errs []error
	for _, s := range dirty {
		if err := q.syncFile(q.path(s)); err != nil {
			errs = append(errs, err)
			q.mu.Lock()
			s.dirty = true
			q.mu.Unlock()
		}
	}
	if names {
		errs = append(errs, q.opts.disk.names(q.dir))
	}
	q.noting.Lock()
	synced, err := q.pos.sync()
	q.noting.Unlock()
	if synced {
		q.count(&q.stats.Syncs, 1)
	}
	if err = errors.Join(append(errs, err)...); err != nil {
		err = fmt.Errorf("spool: sync: %w", err)
	}
	return q.failed(err)
}

func (q *Queue) syncFile(path string) error {
	f, err := q.opts.disk.open(path, os.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // all of it was acknowledged meanwhile
	}
	if err != nil {
		return err
	}
	err = q.opts.disk.sync(f)
	q.count(&q.stats.Syncs, 1)
	return errors.Join(err, f.Close())
}

// count adds to a counter of the statistics.
func (q *Queue) count(counter *uint64, n uint64) {
	q.mu.Lock()
	*counter += n
	q.mu.Unlock()
}

// named sees to it that a change of names in the directory is synced.
func (q *Queue) named() error {
	if q.opts.Sync == SyncEveryBatch {
		return q.opts.disk.names(q.dir)
	}
	q.mu.Lock()
	q.newNames = true
	q.arm()
	q.mu.Unlock()
	return nil
}
