package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// tail is the segment that is written to. The lock for writing guards it.
type tail struct {
	seg    *segment // nil: the next write begins one
	file   file
	closed bool // for good
}

// endTail ends the segment: nothing is written to it any more. The lock for
// writing must be held, and that of the Queue must not.
func (q *Queue) endTail() error {
	t := &q.tail
	if t.seg == nil {
		return nil
	}
	q.mu.Lock()
	q.current = nil
	q.mu.Unlock()
	t.seg = nil
	return t.file.Close()
}

// write puts a group behind the last event. Whether it failed is part of the
// group's outcome; side effects that cost no event come back as trouble.
func (q *Queue) write(g *group) (trouble, err error) {
	now := time.Now().UnixNano()
	var size int64 // that the segment has then
	if q.tailFits(g.reserved - headerSize) {
		size, trouble, err = q.extend(g, now)
	} else {
		size, trouble, err = q.begin(g, now)
	}
	if err != nil {
		err = fmt.Errorf("spool: append: %w", err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.trouble.note(err)
	if err != nil {
		q.stats.LastError = err
		return trouble, err
	}
	seg := q.tail.seg
	q.size += size - seg.size
	seg.size = size
	seg.last = now
	if q.opts.Sync == SyncEveryBatch {
		q.stats.Syncs++
	} else {
		seg.dirty = true
	}
	q.arm()
	n := uint64(g.total) //nolint:gosec // not negative
	q.end += n
	q.stats.Events += n
	seg.end = q.end
	return trouble, nil
}

// tailFits reports whether frames of a size are to be written to the segment
// there is.
func (q *Queue) tailFits(size int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	seg := q.tail.seg
	return seg != nil && !seg.lost && seg.size+size <= q.opts.SegmentBytes
}

// extend writes a group to the segment, or leaves that as it was.
func (q *Queue) extend(g *group, now int64) (size int64, trouble, err error) {
	t := &q.tail
	size, err = q.put(t.file, g, t.seg.size, now)
	if err == nil {
		return size, nil, nil
	}
	if cut := t.file.Truncate(t.seg.size); cut != nil {
		// What is behind the end of a segment disturbs nobody.
		return 0, errors.Join(fmt.Errorf("spool: cut back: %w", cut), q.endTail()), err
	}
	return 0, nil, err
}

// begin makes a segment of a group, and writes to that from now on. If it
// cannot, the one before is gone on with.
func (q *Queue) begin(g *group, now int64) (size int64, trouble, err error) {
	seg := &segment{first: g.first, end: g.first, size: headerSize, created: now}
	header{version: version, first: g.first, created: now}.put(g.buf)
	path := q.path(seg)
	f, err := q.create(path)
	if err != nil {
		return 0, nil, err
	}
	size, err = q.put(f, g, 0, now)
	if err == nil && q.opts.Sync == SyncEveryBatch {
		err = q.opts.disk.names(q.dir)
	}
	if err != nil {
		return 0, errors.Join(f.Close(), q.opts.disk.remove(path)), err
	}
	trouble = q.endTail()
	q.mu.Lock()
	q.segments = append(q.segments, seg)
	q.size += headerSize
	q.current = seg
	q.newNames = q.opts.Sync != SyncEveryBatch
	q.mu.Unlock()
	q.tail.seg, q.tail.file = seg, f
	return size, trouble, nil
}

// create makes a file, in place of one that an attempt has left behind which
// failed and could not be undone.
func (q *Queue) create(path string) (file, error) {
	f, err := q.opts.disk.create(path)
	switch {
	case errors.Is(err, fs.ErrExist):
		err = q.opts.disk.remove(path)
	case errors.Is(err, fs.ErrNotExist):
		err = q.remake()
	default:
		return f, err
	}
	if err != nil {
		return nil, err
	}
	return q.opts.disk.create(path)
}

// put writes a group to f at an offset, and syncs if every batch is to be.
func (q *Queue) put(f file, g *group, at, now int64) (end int64, err error) {
	end, err = g.writeTo(f, at, g.first, now)
	if err == nil && q.opts.Sync == SyncEveryBatch {
		err = q.opts.disk.sync(f)
	}
	return end, err
}

// retire begins a new segment with the next write if nobody needs the events of
// the present one, which takes up a good part of the room.
func (q *Queue) retire() error {
	q.mu.Lock()
	idle := q.current != nil && q.current.size >= q.opts.SegmentBytes/4 && q.head() >= q.current.end
	q.mu.Unlock()
	if !idle || !q.writing.TryLock() { // a write would need it again
		return nil
	}
	defer q.writing.Unlock()
	q.mu.Lock()
	idle = q.current != nil && q.head() >= q.current.end
	q.mu.Unlock()
	if !idle {
		return nil
	}
	return q.endTail()
}
