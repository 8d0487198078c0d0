package scan

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/sluicelog/sluice/redact"
)

// text is what a source holds, up to what it had when it was opened: a log that grows as fast as it is read would have no end.
type text struct {
	ctx  context.Context
	r    io.Reader
	read func(n int)
}

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
	t = &text{ctx: ctx, r: in, read: read}
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

// log is the text of a source, as it is scanned.
type log struct {
	name string // to be shown
	r    io.Reader
	tape *tape // nil if nobody asks for times
}

// Name returns what findings are to have as their file.
func (l *log) Name() string { return l.name }

func (l *log) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.tape != nil {
		l.tape.add(p[:n])
		l.tape.end = err != nil
	}
	return n, err
}

// shown returns the name of a file without the secrets in it: those in the name of one directory first, or all below it would
// belong to them.
func shown(r *redact.Redactor, name string) string {
	parts := strings.Split(name, string(filepath.Separator))
	for i, part := range parts {
		parts[i] = r.String(part)
	}
	return r.String(strings.Join(parts, string(filepath.Separator)))
}
