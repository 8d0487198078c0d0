package input

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
)

// A Reader reads chunks. Next is for one goroutine, Stats for any.
type Reader struct {
	opts    Options
	sources []*source
	pool    *pool
	decoder decoder

	ctx    context.Context // of Close
	cancel context.CancelFunc
	once   sync.Once
	out    chan item
	done   chan struct{}

	mu    sync.Mutex
	stats Stats
}

// item is what the goroutine that reads has to say.
type item struct {
	chunk *Chunk
	err   error
}

func newReader(sources []*source, opts Options) *Reader {
	r := &Reader{
		opts:    opts,
		sources: sources,
		pool:    newPool(inFlight() + 2), // those in Map, one that waits, and one that is being filled
		out:     make(chan item, 1),
		done:    make(chan struct{}),
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	for _, s := range sources {
		r.stats.Total += s.size
	}
	return r
}

// Files returns the names of the files, in the order in which they will be read.
func (r *Reader) Files() []string {
	names := make([]string, 0, len(r.sources))
	for _, s := range r.sources {
		names = append(names, s.name)
	}
	return names
}

// Logs returns the names of the files, those of each log together. They are in the order in which they will be read.
func (r *Reader) Logs() [][]string {
	var logs [][]string
	for i, s := range r.sources {
		if i == 0 || s.log != r.sources[i-1].log {
			logs = append(logs, nil)
		}
		logs[len(logs)-1] = append(logs[len(logs)-1], s.name)
	}
	return logs
}

// Next returns the next chunk, which is the caller's until Release. The error is io.EOF at the end of the
// last file, and that of the context when it is done.
func (r *Reader) Next(ctx context.Context) (*Chunk, error) {
	out := r.start()
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		select {
		case it, ok := <-out:
			if !ok {
				return nil, io.EOF
			}
			if c := r.receive(it); c != nil {
				return c, nil
			}
		case <-ctx.Done():
		}
	}
}

// Release gives the memory of a chunk back. Reading waits for it when some chunks are out.
func (r *Reader) Release(c *Chunk) {
	r.pool.drop(c.from)
	c.from, c.Data = nil, nil
}

// Stats returns what the reader has done so far. Lines and their bytes count when Next returns them.
func (r *Reader) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}

// Close ends the reading and closes what is open. A Read of standard input or a pipe that nobody writes to
// may go on in the background.
func (r *Reader) Close() error {
	r.cancel()
	r.once.Do(func() { close(r.done); close(r.out) })
	<-r.done
	for _, s := range r.sources {
		s.close()
	}
	r.decoder.close()
	return nil
}

// start begins to read, and returns where what was read arrives.
func (r *Reader) start() <-chan item {
	r.once.Do(func() {
		go func() {
			defer close(r.done)
			defer close(r.out)
			r.run()
		}()
	})
	return r.out
}

// receive returns the chunk of an item, or nil after it has told OnError.
func (r *Reader) receive(it item) *Chunk {
	if it.err != nil {
		r.opts.OnError(it.err)
		return nil
	}
	r.count(func(s *Stats) {
		s.Lines += it.chunk.lines
		s.Bytes += int64(len(it.chunk.Data))
		if it.chunk.Cut > 0 {
			s.Cut++
			s.Cutoff += it.chunk.Cut
		}
	})
	return it.chunk
}

func (r *Reader) count(f func(*Stats)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.stats)
}

// put hands an item out.
func (r *Reader) put(it item) error {
	select {
	case r.out <- it:
		return nil
	case <-r.ctx.Done():
		if it.chunk != nil {
			r.pool.drop(it.chunk.from)
		}
		return r.ctx.Err()
	}
}

// failed counts a file that cannot be read, and says so.
func (r *Reader) failed(name string, err error) error {
	r.count(func(s *Stats) { s.Failed++ })
	if name == "-" {
		name = "standard input"
	}
	return r.put(item{err: &fs.PathError{Op: "read", Path: visible(name), Err: bare(err)}})
}

// run reads all sources. It ends early when the Reader is closed.
func (r *Reader) run() {
	if r.opts.Follow {
		_ = r.runFollow()
		return
	}
	for _, s := range r.sources {
		if r.readSource(s) != nil {
			return
		}
	}
}

// readSource reads one file to its end. An error means that the Reader was closed.
func (r *Reader) readSource(s *source) error {
	defer s.close()
	r.count(func(s *Stats) { s.Files++ })
	err := r.readTo(s)
	switch {
	case r.ctx.Err() != nil:
		return r.ctx.Err()
	case err == nil:
		return nil
	}
	return r.failed(s.name, err)
}

// readTo reads one file to its end.
func (r *Reader) readTo(s *source) error {
	t, f, err := r.open(s)
	if err != nil {
		return err
	}
	err = r.read(t, true)
	if err := r.finish(t); err != nil {
		return err
	}
	if !errors.Is(err, io.EOF) {
		return t.explain(f, err)
	}
	return r.settle(s)
}

// explain says where t could not be read on, and why.
func (t *tape) explain(f format, err error) error {
	err = explain(f, bare(err))
	switch {
	case t.offset <= 0:
		return err
	case f.compressed():
		return fmt.Errorf("after %d bytes of what is in it: %w", t.offset, err)
	}
	return fmt.Errorf("after %d bytes: %w", t.offset, err)
}

// settle looks at what has become of a file that has been read to its end.
func (r *Reader) settle(s *source) error {
	if !s.regular {
		return nil
	}
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	at, err := s.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	r.count(func(st *Stats) { st.Total += at - s.size })
	if info.Size() < at {
		return fmt.Errorf("it shrank from %d bytes to %d while it was read", at, info.Size())
	}
	return nil
}

// open opens what s is, finds out its format and goes to where the reading begins.
func (r *Reader) open(s *source) (*tape, format, error) {
	if !s.regular {
		if s.err != nil {
			return nil, plain, s.err
		}
		return r.openStream(s, newStream(r.ctx, s.openPipe))
	}
	if err := s.open(); err != nil {
		return nil, plain, err
	}
	t, f := &tape{name: s.name, number: 1, from: &meter{s.file, r}}, formatOf(s.file)
	if !f.followed() || s.tail == 0 {
		return r.decode(t, f, s.tail)
	}
	if err := s.rewind(t); err != nil {
		return nil, f, err
	}
	if t.offset == 0 && f == marked {
		err := t.skipMark()
		return t, f, err
	}
	return t, f, nil
}

// openStream does what open does for what comes from p.
func (r *Reader) openStream(s *source, p *stream) (*tape, format, error) {
	head, err := p.peek(undecided)
	if err != nil {
		return nil, plain, err
	}
	return r.decode(&tape{name: s.name, number: 1, pipe: p, from: &meter{p, r}}, sniff(head), s.tail)
}

// decode puts a decoder in front of t if that is what f takes, and goes to its tail.
func (r *Reader) decode(t *tape, f format, tail int) (*tape, format, error) {
	if err := f.unreadable(); err != nil {
		return nil, f, err
	}
	switch f {
	case gzipped, zstandard:
		from, err := r.decoder.reset(f, t.from)
		if err != nil {
			return nil, f, explain(f, err)
		}
		t.from, t.pipe = from, nil
	case marked:
		if err := t.skipMark(); err != nil {
			return nil, f, err
		}
	case plain, bzipped, xzipped, wide:
	}
	if tail != 0 && (t.pipe == nil || !r.opts.Follow) {
		return t, f, r.keepTail(t, tail)
	}
	return t, f, nil
}

// meter counts what is read from a file.
type meter struct {
	from io.Reader
	r    *Reader
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.from.Read(p)
	m.r.count(func(s *Stats) { s.Read += int64(n) })
	return n, err
}

// bare is an error without the name of the file, which will be put in front of it.
func bare(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) && errors.Unwrap(err) != nil && strings.HasPrefix(err.Error(), path.Op) {
		return path.Err
	}
	return err
}
