package input

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

// sampleSize is how much of what was read last must still be there, or the file was truncated and has grown since.
const sampleSize = 64

// reading is a plain file that is being read.
type reading struct {
	held   *held
	tape   *tape
	sample []byte // what is in front of where it is read
	until  time.Time
}

// advance passes on what was added to a file.
func (r *Reader) advance(f *follower, c *reading) error {
	file := c.held.file
	at, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return r.cannot(f, err)
	}
	info, err := file.Stat()
	if err != nil {
		return r.cannot(f, err)
	}
	if info.Size() != at {
		c.until = time.Now().Add(afterlife)
	}
	if info.Size() < at || !c.sampled(at) {
		if err := r.restart(c, at, info.Size()); err != nil {
			return err
		}
	}
	if err := r.read(c.tape, true); !errors.Is(err, io.EOF) {
		if r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		return r.cannot(f, err)
	}
	if info.Size() != at {
		f.said = ""
	}
	return c.remember()
}

// restart begins again with a file that was truncated.
func (r *Reader) restart(c *reading, at, size int64) error {
	if err := r.finish(c.tape); err != nil {
		return err
	}
	if _, err := c.held.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	c.tape.number, c.tape.offset, c.sample = 1, 0, nil
	return r.put(item{err: fmt.Errorf("%s: truncated after %d bytes were read, and has %d now: reading from its beginning",
		visible(c.tape.name), at, size)})
}

// sampled reports whether what was read last is still there.
func (c *reading) sampled(at int64) bool {
	b := make([]byte, len(c.sample))
	n, err := c.held.file.ReadAt(b, at-int64(len(b)))
	return n == len(b) && (err == nil || errors.Is(err, io.EOF)) && bytes.Equal(b, c.sample)
}

// remember keeps what was read last.
func (c *reading) remember() error {
	at, err := c.held.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	n := min(at, sampleSize)
	b := make([]byte, n)
	m, _ := c.held.file.ReadAt(b, at-n)
	c.sample = b
	if int64(m) < n { // it shrinks just now
		c.sample = nil
	}
	return nil
}

func (c *reading) close() { c.held.close() }
