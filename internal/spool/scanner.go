package spool

import (
	"errors"
	"io"
)

const readAhead = 128 << 10

// scanner finds the frames of a segment, one after the other.
type scanner struct {
	file file
	off  int64  // where the next frame is
	buf  []byte // bytes of the file, from start on
	at   int64
}

// bytes returns n bytes from off on, which are valid until the next call. It
// reads no further than limit. The error is io.EOF if the file is shorter.
func (s *scanner) bytes(off, n, limit int64) ([]byte, error) {
	if off < s.at || off+n > s.at+int64(len(s.buf)) {
		if err := s.fill(off, max(n, min(readAhead, limit-off))); err != nil {
			return nil, err
		}
		if n > int64(len(s.buf)) {
			return nil, io.EOF
		}
	}
	return s.buf[off-s.at:][:n], nil
}

func (s *scanner) fill(off, n int64) error {
	if int64(cap(s.buf)) < n || cap(s.buf) > keptSize && n <= keptSize {
		s.buf = make([]byte, max(n+n/4, readAhead))
	}
	got, err := s.file.ReadAt(s.buf[:n], off)
	s.buf, s.at = s.buf[:got], off
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// next returns the next frame, and all its bytes, that is intact and has events from expect on and
// before bound, wherever it begins: what is damaged is passed over. The error
// is io.EOF if there is none before limit.
func (s *scanner) next(expect, bound uint64, limit int64) (frame, []byte, error) {
	for off := s.off; off+frameSize <= limit; off++ {
		b, err := s.bytes(off, frameSize, limit)
		if err != nil {
			return frame{}, nil, err
		}
		f := parseFrame(b)
		if !f.possible(expect, bound, limit-off) {
			continue
		}
		if b, err = s.bytes(off, f.size, limit); err != nil {
			return frame{}, nil, err
		}
		if f.intact(b) {
			s.off = off + f.size
			return f, b, nil
		}
	}
	return frame{}, nil, io.EOF
}
