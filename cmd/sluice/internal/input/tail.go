package input

import (
	"bytes"
	"errors"
	"io"
	"os"
)

const (
	backBlock = 64 << 10
	// ringSize is what is kept of the end of a file that cannot be read backwards.
	ringSize = 8 << 20
)

// rewind makes t begin n lines before the end of s, at the end if n is negative.
func (s *source) rewind(t *tape, n int) error {
	size, err := s.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	at, err := lastLines(s.file, size, n)
	if err != nil {
		return err
	}
	t.offset, t.number = at, 0
	if at == 0 {
		t.number = 1
	}
	_, err = s.file.Seek(at, io.SeekStart)
	return err
}

// lastLines returns where the last n lines of size bytes begin, the last of which may have no newline; if n is
// negative, where a line without newline begins, or the end.
func lastLines(f io.ReaderAt, size int64, n int) (int64, error) {
	block := make([]byte, min(backBlock, size))
	for end := size; end > 0; {
		b := block[:min(int64(len(block)), end)]
		start := end - int64(len(b))
		if m, err := f.ReadAt(b, start); m < len(b) {
			if errors.Is(err, io.EOF) {
				return 0, os.ErrInvalid // it shrank meanwhile
			}
			return 0, err
		}
		for i := len(b); ; {
			i = bytes.LastIndexByte(b[:i], '\n')
			if i < 0 {
				break
			}
			if at := start + int64(i) + 1; at < size || n < 0 {
				if n--; n <= 0 {
					return at, nil
				}
			}
		}
		end = start
	}
	return 0, nil
}
