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
	frame := g.buf[headerSize:]
	sealFrame(frame, g.first, now, g.count)
	if q.tail.seg != nil && q.tail.seg.size+int64(len(frame)) <= q.opts.SegmentBytes {
		trouble, err = q.extend(frame)
	} else {
		trouble, err = q.begin(g.buf, g.first, now)
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
	seg.size += int64(len(frame))
	q.size += int64(len(frame))
	seg.last = now
	if q.opts.Sync == SyncEveryBatch {
		q.stats.Syncs++
	} else {
		seg.dirty = true
		q.arm()
	}
	n := uint64(g.count) //nolint:gosec // not negative
	q.end += n
	q.stats.Events += n
	seg.end = q.end
	return trouble, nil
}

// extend writes a frame to the segment, or leaves it as it was.
func (q *Queue) extend(frame []byte) (trouble, err error) {
	t := &q.tail
	err = q.put(t.file, frame, t.seg.size)
	if err == nil {
		return nil, nil
	}
	if cut := t.file.Truncate(t.seg.size); cut != nil {
		// Half a frame at the end of a segment disturbs nobody.
		return errors.Join(fmt.Errorf("spool: cut back: %w", cut), q.endTail()), err
	}
	return nil, err
}

// begin makes a segment of buf, which is a frame and room for the header, and
// writes to that from now on. If it cannot, the one before is gone on with.
func (q *Queue) begin(buf []byte, first uint64, now int64) (trouble, err error) {
	seg := &segment{first: first, end: first, size: headerSize, created: now}
	header{version: version, first: first, created: now}.put(buf)
	path := q.path(seg)
	f, err := q.opts.disk.create(path)
	if errors.Is(err, fs.ErrExist) { // an attempt that failed and could not be undone
		if err := q.opts.disk.remove(path); err != nil {
			return nil, err
		}
		f, err = q.opts.disk.create(path)
	}
	if err != nil {
		return nil, err
	}
	err = q.put(f, buf, 0)
	if err == nil && q.opts.Sync == SyncEveryBatch {
		err = q.opts.disk.names(q.dir)
	}
	if err != nil {
		return errors.Join(f.Close(), q.opts.disk.remove(path)), err
	}
	trouble = q.endTail()
	q.mu.Lock()
	q.segments = append(q.segments, seg)
	q.size += headerSize
	q.current = seg
	q.newNames = q.opts.Sync != SyncEveryBatch
	q.mu.Unlock()
	q.tail.seg, q.tail.file = seg, f
	return trouble, nil
}

// put writes b to f at an offset, and syncs if every batch is to be.
func (q *Queue) put(f file, b []byte, at int64) error {
	if _, err := f.WriteAt(b, at); err != nil {
		return err
	}
	if q.opts.Sync != SyncEveryBatch {
		return nil
	}
	return q.opts.disk.sync(f)
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
