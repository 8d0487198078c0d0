package input

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
)

// source is one file that will be read, or a log file that will be followed.
type source struct {
	name    string
	log     int       // the same for all files of a set
	tail    int       // where to begin, as Options.Tail has it
	stdin   io.Reader // if it is standard input
	pipe    bool      // what can be read only once, and keep the reader waiting
	regular bool
	size    int64
	file    *os.File // if it is open
	err     error    // why it cannot be read
	held    *held    // what was found by its name, nil if that is not known
	folder  *folder
	follow  *follower
}

// openPipe opens what may keep the caller waiting.
func (s *source) openPipe() (io.Reader, error) {
	switch {
	case s.pipe:
		return os.Open(s.name)
	case s.stdin == nil:
		return nil, errors.New("there is no standard input")
	}
	return struct{ io.Reader }{s.stdin}, nil // not to be closed
}

// open opens s if it is not.
func (s *source) open() error {
	if s.file != nil || s.err != nil {
		return s.err
	}
	path := s.name
	if s.held != nil {
		path = s.held.path
	}
	s.file, s.err = os.Open(path)
	if s.held == nil || s.held.is(s.file) {
		return s.err
	}
	// It has been rotated, compressed or removed since it was found.
	s.close()
	there, err := s.folder.list()
	if err != nil {
		return err
	}
	for _, m := range there {
		if s.file, err = os.Open(m.path); err == nil && (s.held.is(s.file) || s.held.named() && m.Plain == s.held.Plain) {
			s.err = nil
			return nil
		}
		s.close()
	}
	return fs.ErrNotExist
}

// is reports whether f is h.
func (h *held) is(f *os.File) bool {
	if f == nil {
		return false
	}
	info, err := f.Stat()
	return err == nil && os.SameFile(info, h.info)
}

func (s *source) close() {
	if s.file != nil {
		_ = s.file.Close() // only read from
		s.file = nil
	}
}

// visible is a name as it can be printed anywhere.
func visible(name string) string {
	if q := strconv.QuoteToGraphic(name); name == "" || q != `"`+name+`"` {
		return q
	}
	return name
}
