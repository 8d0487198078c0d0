package input

import (
	"bytes"
	"context"
	"iter"
	"sync/atomic"
)

// A Chunk is some lines of one file.
type Chunk struct {
	File   string // as it was given or found; "-" is standard input
	Number int64  // of the first line, from 1; 0 if that is not known, as behind a Tail
	Offset int64  // of the first byte in the file, decompressed; -1 if that is not known
	Data   []byte // whole lines with their newlines; the last line of a file may have none
	Cut    int64  // if not 0, Data is the beginning of one line, without newline, that is so much longer

	lines int64
	from  *buffer // nil if Data has memory of its own
}

// Lines returns the lines, without newlines, and their indexes from 0.
func (c *Chunk) Lines() iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		rest := c.Data
		for i := 0; len(rest) > 0; i++ {
			line := rest
			if end := bytes.IndexByte(rest, '\n'); end >= 0 {
				line, rest = rest[:end], rest[end+1:]
			} else {
				rest = nil
			}
			if !yield(i, line) {
				return
			}
		}
	}
}

const (
	// chunkSize is what is read at once. More is not faster, and what workers make of it would take more memory.
	chunkSize = 256 << 10
	// slack is what a buffer has more than it must, so that there is something to read.
	slack = 4 << 10
	// keepSize is how large a buffer stays that a long line needed.
	keepSize = 1<<20 + slack
)

// buffer is the memory of one chunk, or of several with a long line in between.
type buffer struct {
	data []byte
	refs atomic.Int32
}

// pool has all the buffers of a Reader.
type pool struct {
	free chan *buffer
	made int // by the goroutine that calls get
}

func newPool(size int) *pool { return &pool{free: make(chan *buffer, size)} }

// get returns a buffer with one reference, and room for size bytes and more. It waits for one.
func (p *pool) get(ctx context.Context, size int) (b *buffer, room []byte, err error) {
	select {
	case b = <-p.free:
	default:
		if p.made < cap(p.free) {
			p.made++
			b = new(buffer)
			break
		}
		select {
		case b = <-p.free:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
	size = max(size, chunkSize) + slack
	if len(b.data) < size || len(b.data) > max(size, keepSize) {
		b.data = make([]byte, size)
	}
	b.refs.Store(1)
	return b, b.data[:size], nil
}

// drop gives up one reference.
func (p *pool) drop(b *buffer) {
	if b != nil && b.refs.Add(-1) == 0 {
		p.free <- b
	}
}
