package spool

import (
	"fmt"
	"sync"
)

const (
	maxFrame = 1 << 20 // bytes of a frame with several events
	maxEvent = 1 << 30 // bytes of an event, which has a frame of its own if need be

	groupRoom = headerSize + frameSize // in front of the events

	maxGroups = 2       // kept: one is written, the other one gathers
	keptSize  = 2 << 20 // a buffer with more is not used again
)

// group is the events of calls that are written together. The first of them
// leads: it writes, as soon as those before have been written.
type group struct {
	buf      []byte // room for the header of a segment, and then a frame
	count    int    // events in that
	later    [][]byte
	total    int   // events in all frames
	reserved int64 // bytes, with those for the header

	wake  sync.Cond
	done  bool
	calls int // that have not seen the outcome yet
	first uint64
	err   error
}

// framedSize returns what events take in frames, except for the beginning of the
// first one.
func framedSize(events [][]byte) (size int64, err error) {
	frame := int64(groupRoom)
	for _, event := range events {
		n := lengthSize + int64(len(event))
		if n > maxEvent {
			return 0, fmt.Errorf("spool: an event of %d bytes: must be at most %d", len(event), maxEvent-lengthSize)
		}
		if frame > groupRoom && frame+n > maxFrame {
			frame = groupRoom
			size += frameSize
		}
		frame += n
		size += n
	}
	return size, nil
}

// add puts events into the frame, as far as it has room for them. The others are
// for later: they are copied when it is written, so that a batch takes no more
// memory than a frame.
func (g *group) add(events [][]byte) {
	for i, event := range events {
		if g.count > 0 && len(g.buf)+lengthSize+len(event) > maxFrame {
			g.later = events[i:]
			return
		}
		g.buf = appendEvent(g.buf, event)
		g.count++
	}
}

// empty takes the events out of the frame.
func (g *group) empty() { g.buf, g.count = g.buf[:groupRoom], 0 }

// writeTo writes the frames to f at an offset, one after the other. If that is
// 0, they follow the header of a segment, which must be in its room. It returns
// where the last one ends.
func (g *group) writeTo(f file, at int64, first uint64, time int64) (end int64, err error) {
	for {
		frame := g.buf[headerSize:]
		sealFrame(frame, first, time, g.count)
		b := frame
		if at == 0 {
			b = g.buf
		}
		if _, err := f.WriteAt(b, at); err != nil {
			return at, err
		}
		at += int64(len(b))
		first += uint64(g.count) //nolint:gosec // not negative
		if len(g.later) == 0 {
			return at, nil
		}
		later := g.later
		g.later = nil
		g.empty()
		g.add(later)
	}
}

func (q *Queue) newGroup() (g *group) {
	if n := len(q.groups); n > 0 {
		g, q.groups = q.groups[n-1], q.groups[:n-1]
	} else {
		g = &group{wake: sync.Cond{L: &q.mu}}
	}
	if g.buf == nil {
		g.buf = make([]byte, groupRoom, 4<<10)
	}
	return g
}

// leave gives up a group, which may be used again when all have.
func (q *Queue) leave(g *group) {
	if g.calls--; g.calls > 0 || len(q.groups) == maxGroups {
		return
	}
	g.empty()
	if cap(g.buf) > keptSize {
		g.buf = nil
	}
	g.later, g.total, g.reserved, g.done, g.err = nil, 0, 0, false, nil
	q.groups = append(q.groups, g)
}
