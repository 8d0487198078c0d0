package view

import "os"

// A screen is the memory that a console prints to as if it were the terminal.
type screen struct {
	buf []byte
	fd  uintptr
}

// newScreen returns a screen for a terminal, or for none if that is nil.
func newScreen(terminal *os.File) *screen {
	s := &screen{fd: ^uintptr(0)}
	if terminal != nil {
		s.fd = terminal.Fd()
	}
	return s
}

// Write appends p.
func (s *screen) Write(p []byte) (int, error) {
	s.buf = append(s.buf, p...)
	return len(p), nil
}

// Fd is asked by the console for what it has to know of the terminal.
func (s *screen) Fd() uintptr { return s.fd }
