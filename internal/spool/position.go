package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// position is the file that says how far the events are done. It has two slots,
// of which the older one is written, so that there is always one that is whole:
//
//	magic [6]byte | version u16 | turn u64 | head u64 | crc u32
//
// A write of 28 bytes survives the end of the process as a renamed file would,
// and costs a hundredth: so each Ack can afford one.
type position struct {
	disk    *disk
	path    string
	file    file // nil: not there yet
	turn    uint64
	head    uint64
	written bool // head is what the file says
	dirty   bool // since the last sync
	closed  bool
	buf     [slotSize]byte
}

const (
	positionName  = "position"
	positionMagic = "\x89spos\n"
	slotSize      = 28
	slotStep      = 4096 // no sector of a disk holds both
)

// load reads the file, and reports whether it tells the head. What is damaged
// or missing does not: the oldest segment is the beginning then.
func (p *position) load() (known bool, damage, err error) {
	f, err := p.disk.open(p.path, os.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil, nil
	}
	if err != nil {
		return false, nil, err
	}
	p.file = f
	for i := range int64(2) {
		b := make([]byte, slotSize)
		if n, err := f.ReadAt(b, i*slotStep); err != nil && !errors.Is(err, io.EOF) {
			return false, nil, err
		} else if n < slotSize || string(b[:6]) != positionMagic || binary.LittleEndian.Uint32(b[24:]) != checksum(b[:24]) {
			damage = fmt.Errorf("spool: %s is damaged: events may come again", p.path)
			continue
		}
		if v := binary.LittleEndian.Uint16(b[6:]); v != version {
			return false, nil, fmt.Errorf("%s is of version %d, and this program knows version %d only", p.path, v, version)
		}
		turn, head := binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[16:])
		if head <= maxNumber && (!known || turn > p.turn) {
			p.turn, p.head, known = turn, head, true
		}
	}
	p.written = known
	return known, damage, nil
}

// write notes the head if it is news.
func (p *position) write(head uint64) error {
	if p.closed || p.written && p.head == head {
		return nil
	}
	slots := 1
	if p.file == nil {
		f, err := p.disk.open(p.path, os.O_RDWR|os.O_CREATE)
		if err != nil {
			return err
		}
		p.file = f
	}
	if p.turn == 0 {
		slots = 2 // so that there is room for the other one when the disk is full
	}
	p.written = false
	for range slots {
		turn := p.turn + 1
		b := p.buf[:]
		copy(b, positionMagic)
		binary.LittleEndian.PutUint16(b[6:], version)
		binary.LittleEndian.PutUint64(b[8:], turn)
		binary.LittleEndian.PutUint64(b[16:], head)
		binary.LittleEndian.PutUint32(b[24:], checksum(b[:24]))
		if _, err := p.file.WriteAt(b, int64(turn%2)*slotStep); err != nil {
			return err
		}
		p.turn = turn
	}
	p.head, p.written, p.dirty = head, true, true
	return nil
}

// sync reports whether there was something to be synced.
func (p *position) sync() (bool, error) {
	if !p.dirty || p.file == nil {
		return false, nil
	}
	p.dirty = false
	if err := p.disk.sync(p.file); err != nil {
		p.dirty = true
		return true, err
	}
	return true, nil
}

// reset closes the file, and lets the next write make it again.
func (p *position) reset() error {
	err := p.close()
	*p = position{disk: p.disk, path: p.path}
	return err
}

func (p *position) close() error {
	p.closed = true
	if p.file == nil {
		return nil
	}
	return p.file.Close()
}

// note writes down how far the events are done, if that has changed. The lock
// for noting must be held.
func (q *Queue) note() error {
	q.mu.Lock()
	head := q.head()
	q.mu.Unlock()
	if err := q.pos.write(head); err != nil {
		return q.failed(fmt.Errorf("spool: position: %w", err))
	}
	if q.pos.dirty {
		q.mu.Lock()
		q.arm()
		q.mu.Unlock()
	}
	return nil
}
