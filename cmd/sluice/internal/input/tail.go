package input

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
)

const (
	backBlock = 64 << 10
	// ringSize is what is kept of the end of a file that cannot be read backwards.
	ringSize = 8 << 20
)

// rewind makes t begin at the tail of s.
func (s *source) rewind(t *tape) error {
	size, err := s.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	at, err := lastLines(s.file, size, s.tail)
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

// ring has the end of a file.
type ring struct {
	data  []byte
	total int64 // bytes that there were
}

// readFrom keeps the end of what comes from r. The error is that of r, io.EOF too.
func (g *ring) readFrom(ctx context.Context, r io.Reader) error {
	block := make([]byte, backBlock)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := r.Read(block)
		for b := block[:n]; len(b) > 0; {
			var m int
			if len(g.data) < ringSize {
				m = min(len(b), ringSize-len(g.data))
				g.data = append(g.data, b[:m]...)
			} else {
				m = copy(g.data[g.total%ringSize:], b)
			}
			g.total += int64(m)
			b = b[m:]
		}
		if err != nil {
			return err
		}
	}
}

// ReadAt reads what is kept.
func (g *ring) ReadAt(p []byte, off int64) (n int, err error) {
	size := int64(len(g.data))
	for n < len(p) && off+int64(n) < size {
		at := off + int64(n)
		if g.total > size {
			at = (g.total + at) % size
		}
		n += copy(p[n:], g.data[at:])
	}
	if n < len(p) {
		err = io.EOF
	}
	return n, err
}

// keepTail makes t begin at the tail of what can be read only forwards. What keeps it from being read
// to its end comes behind the lines that were read.
func (r *Reader) keepTail(t *tape, n int) error {
	var g ring
	begin := t.offset
	failed := g.readFrom(r.ctx, t.from)
	size := int64(len(g.data))
	at, err := lastLines(&g, size, n)
	if err != nil {
		return err
	}
	if t.number, t.offset = 0, -1; g.total == size && at == 0 {
		t.number, t.offset = 1, begin
	}
	if g.total > size && at == 0 { // the line there has lost its beginning
		at = size
		for i := range size {
			if b := g.data[(g.total+i)%size]; b == '\n' {
				at = i + 1
				break
			}
		}
	}
	t.pipe = nil
	t.from = io.MultiReader(io.NewSectionReader(&g, at, size-at), failing{failed})
	return nil
}

// failing is a reader that has nothing but an error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
