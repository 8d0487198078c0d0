//go:build unix

package pipeline

import (
	"os"
	"syscall"
)

// A standardError writes to a file in a way that does not end the program when
// nobody reads it any more: os.File does so for standard output and error.
type standardError struct{ f *os.File }

func (s standardError) Write(p []byte) (n int, err error) {
	conn, err := s.f.SyscallConn()
	if err != nil {
		return 0, err
	}
	waitErr := conn.Write(func(fd uintptr) bool {
		for n < len(p) {
			var m int
			m, err = syscall.Write(int(fd), p[n:])
			switch {
			case err == syscall.EINTR: //nolint:errorlint // of the system call
			case err != nil:
				return err != syscall.EAGAIN //nolint:errorlint // of the system call
			default:
				n += m
			}
		}
		return true
	})
	if waitErr != nil {
		return n, waitErr
	}
	return n, err
}
