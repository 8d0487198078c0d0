package scan

import (
	"context"
	"io"
	"os"
)

// text is what a source holds, up to what it had when it was opened: a log that grows as fast as it is read would have no end.
type text struct {
	ctx  context.Context
	name string
	r    io.Reader
	read func(n int)
}

// Name returns what findings are to have as their file.
func (t *text) Name() string { return t.name }

func (t *text) Read(p []byte) (int, error) {
	if err := t.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := t.r.Read(p)
	t.read(n)
	return n, err
}

// open opens the source. The text is valid until close.
func (s source) open(ctx context.Context, in io.Reader, read func(n int)) (t *text, closeFile func(), err error) {
	t = &text{ctx: ctx, name: s.name, r: in, read: read}
	if s.name == stdin {
		return t, func() {}, nil
	}
	file, err := os.Open(s.name)
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = file.Close() }) // or the read of a pipe would wait on
	t.r = file
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() && info.Size() > 0 { // those of /proc have none
		t.r = io.LimitReader(file, info.Size())
	}
	return t, func() {
		if stop() {
			_ = file.Close() // only read from
		}
	}, nil
}
