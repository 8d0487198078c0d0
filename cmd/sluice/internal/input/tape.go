package input

import (
	"bytes"
	"errors"
	"io"
)

// tape is a file that is being read, and where.
type tape struct {
	name   string
	from   io.Reader
	pipe   *stream // what it comes from, if that can be waited for
	number int64   // of the next line, 0 if that is not known
	offset int64   // of the next line, -1 if that is not known
	rest   []byte  // the beginning of a line whose end has not come yet
	cut    int64   // how much of that line was skipped
}

// skipMark skips the byte order mark that t begins with.
func (t *tape) skipMark() error {
	n, err := io.ReadFull(t.from, make([]byte, 3))
	t.offset = int64(n)
	return err
}

var errPause = errors.New("there is nothing more for now")

// read passes on the lines of t until its end, where it returns io.EOF; or, if it should not wait,
// until there is nothing more for now. The beginning of a line stays in t.
func (r *Reader) read(t *tape, wait bool) error {
	for {
		if err := r.ctx.Err(); err != nil { // a line without end is never handed out
			return err
		}
		if t.pipe != nil && t.pipe.idle() {
			if !wait {
				return errPause
			}
			if err := t.pipe.wait(r.ctx); err != nil {
				return err
			}
		}
		b, room, err := r.pool.get(r.ctx, min(2*len(t.rest), r.opts.MaxLine))
		if err != nil {
			return err
		}
		kept := 0
		if t.cut == 0 {
			kept = copy(room, t.rest)
		}
		n, err := r.fill(t, room[kept:])
		if n > 0 {
			if sent := r.pass(t, b, room[:kept+n]); sent != nil {
				err = sent
			}
		}
		r.pool.drop(b)
		if err != nil {
			return err
		}
	}
}

// fill reads into p until it is full, there is an error, or the next Read might wait.
func (r *Reader) fill(t *tape, p []byte) (n int, err error) {
	for empty := 0; n < len(p) && err == nil; {
		var m int
		m, err = t.from.Read(p[n:])
		n += m
		if m == 0 && err == nil {
			if empty++; empty == 100 {
				return n, io.ErrNoProgress
			}
			continue
		}
		empty = 0
		if t.pipe != nil && t.pipe.idle() {
			break
		}
	}
	return n, err
}

// whole returns how much of b is lines of at most longest bytes, and whether the line behind is longer.
func whole(b []byte, longest int) (n int, long bool) {
	for {
		window := b[n:min(n+longest+1, len(b))]
		i := bytes.LastIndexByte(window, '\n')
		if i < 0 {
			return n, len(window) > longest
		}
		n += i + 1
	}
}

// pass passes on the lines in data, which is in b and begins with t.rest unless some of that line has
// been skipped.
func (r *Reader) pass(t *tape, b *buffer, data []byte) error {
	if t.cut > 0 {
		end := bytes.IndexByte(data, '\n')
		if end < 0 {
			t.cut += int64(len(data))
			return nil
		}
		head, cut := t.rest, t.cut+int64(end)
		t.rest, t.cut = nil, 0
		if err := r.send(t, nil, head, cut, true); err != nil {
			return err
		}
		data = data[end+1:]
	}
	for {
		n, long := whole(data, r.opts.MaxLine)
		if n > 0 {
			if err := r.send(t, b, data[:n], 0, false); err != nil {
				return err
			}
		}
		data = data[n:]
		if !long {
			t.rest = append(t.rest[:0], data...)
			return nil
		}
		head, behind := data[:r.opts.MaxLine], data[r.opts.MaxLine:]
		end := bytes.IndexByte(behind, '\n')
		if end < 0 {
			t.rest, t.cut = bytes.Clone(head), int64(len(behind))
			return nil
		}
		if err := r.send(t, b, head, int64(end), true); err != nil {
			return err
		}
		data = behind[end+1:]
	}
}

// finish passes on the last line of t if it has no newline.
func (r *Reader) finish(t *tape) error {
	rest, cut := t.rest, t.cut
	t.rest, t.cut = nil, 0
	if len(rest) == 0 {
		return nil
	}
	return r.send(t, nil, rest, cut, false)
}

// send hands out data, which is in b or has memory of its own.
func (r *Reader) send(t *tape, b *buffer, data []byte, cut int64, ended bool) error {
	c := &Chunk{File: t.name, Number: t.number, Offset: t.offset, Data: data, Cut: cut, from: b}
	c.lines = int64(bytes.Count(data, []byte{'\n'}))
	if data[len(data)-1] != '\n' {
		c.lines++
	}
	if t.number > 0 {
		t.number += c.lines
	}
	if t.offset >= 0 {
		t.offset += int64(len(data)) + cut
		if ended {
			t.offset++
		}
	}
	if b != nil {
		b.refs.Add(1)
	}
	return r.put(item{chunk: c})
}
