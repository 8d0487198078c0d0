package input

import (
	"bytes"
	"context"
	"io"
)

// pieceSize is what is read of a stream at once: as much as a pipe holds.
const pieceSize = 64 << 10

// piece is what one Read of a stream returned.
type piece struct {
	data []byte
	err  error
}

// stream reads what may keep a reader waiting for ever, as a pipe or a terminal does, in a goroutine of its own.
// Should its owner not wait, that goroutine ends with the Read that it is in.
type stream struct {
	ctx  context.Context
	full chan piece
	back chan []byte
	cur  piece
	left []byte // of cur
}

func newStream(ctx context.Context, open func() (io.Reader, error)) *stream {
	s := &stream{ctx: ctx, full: make(chan piece, 1), back: make(chan []byte, 2)}
	for range cap(s.back) {
		s.back <- nil
	}
	go s.pump(open)
	return s
}

func (s *stream) pump(open func() (io.Reader, error)) {
	from, err := open()
	if c, ok := from.(io.Closer); ok {
		defer c.Close() //nolint:errcheck // only read from
	}
	for empty := 0; ; {
		var p piece
		select {
		case p.data = <-s.back:
		case <-s.ctx.Done():
			return
		}
		if p.data == nil {
			p.data = make([]byte, pieceSize)
		}
		n := 0
		if err == nil {
			n, err = from.Read(p.data[:pieceSize])
		}
		if n == 0 && err == nil {
			if empty++; empty == 100 {
				err = io.ErrNoProgress
			}
		} else {
			empty = 0
		}
		p.data, p.err = p.data[:n], err
		select {
		case s.full <- p:
		case <-s.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// idle reports whether Read would wait.
func (s *stream) idle() bool { return len(s.left) == 0 && s.cur.err == nil && len(s.full) == 0 }

// wait returns when Read would no longer wait, or with the error of the context.
func (s *stream) wait(ctx context.Context) error {
	for len(s.left) == 0 && s.cur.err == nil {
		select {
		case p := <-s.full:
			s.take(p)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (s *stream) take(p piece) {
	if s.cur.data != nil {
		s.back <- s.cur.data
	}
	s.cur, s.left = p, p.data
}

// peek returns what comes next, without taking it: more than nothing, and all that undecided asks for.
func (s *stream) peek(undecided func([]byte) bool) ([]byte, error) {
	if err := s.wait(s.ctx); err != nil {
		return nil, err
	}
	for s.cur.err == nil && undecided(s.left) {
		head := bytes.Clone(s.left)
		s.left = nil
		if err := s.wait(s.ctx); err != nil {
			return nil, err
		}
		s.left = append(head, s.left...)
	}
	return s.left, nil
}

// Read reads what there is, and waits for something.
func (s *stream) Read(p []byte) (int, error) {
	if err := s.wait(s.ctx); err != nil {
		return 0, err
	}
	n := copy(p, s.left)
	s.left = s.left[n:]
	if len(s.left) == 0 {
		return n, s.cur.err
	}
	return n, nil
}
