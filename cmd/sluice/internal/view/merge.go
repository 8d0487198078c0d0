package view

import (
	"context"
	"errors"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/sluicelog/sluice/cmd/sluice/internal/input"
)

// merge prints the lines of several logs in the order of their times. Each log stays in its own order, and a line
// without a time comes with the one before.
func merge(ctx context.Context, logs logs, s *settings, o *output) error {
	ctx, cancel := context.WithCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	streams := make([]*stream, len(logs))
	for i, r := range logs {
		streams[i] = &stream{blocks: make(chan *block)}
		w := newWorker(s, o.blocks)
		group.Go(func() error { return streams[i].read(ctx, r, w) })
	}
	err := mergeStreams(streams, o)
	cancel()
	readErr := group.Wait()
	if err == nil {
		err = readErr
	}
	return err
}

// A stream is what comes of one log.
type stream struct {
	blocks chan *block

	block *block // that is being printed, nil at the end
	next  int    // its entry that is next
	start uint32 // of the text of that
}

// read makes the blocks.
func (s *stream) read(ctx context.Context, r *input.Reader, w *worker) error {
	defer close(s.blocks)
	for {
		c, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		b := w.chunk(c)
		r.Release(c)
		select {
		case s.blocks <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// advance goes on to the next entry, and reports whether there is one.
func (s *stream) advance(o *output) bool {
	if s.block != nil {
		s.start = s.block.entries[s.next].end
		s.next++
	}
	for s.block == nil || s.next == len(s.block.entries) {
		if s.block != nil {
			o.leave(s.block)
		}
		s.block, s.next, s.start = <-s.blocks, 0, 0
		if s.block == nil {
			return false
		}
	}
	return true
}

// time returns the time of the next entry.
func (s *stream) time() int64 { return s.block.times[s.next] }

// print prints the next entry.
func (s *stream) print(o *output) error {
	e := s.block.entries[s.next]
	return o.entry(s.block, e, s.block.text[s.start:e.end])
}

// mergeStreams prints the entries of the streams. A stream is left for another when the time of its next entry is
// later than that of the other's, which is the time of the last one there that has one.
func mergeStreams(streams []*stream, o *output) error {
	open := streams[:0:0]
	for _, s := range streams {
		if s.advance(o) {
			open = append(open, s)
		}
	}
	for len(open) > 0 {
		first := 0
		for i, s := range open[1:] {
			if s.time() < open[first].time() {
				first = i + 1
			}
		}
		s := open[first]
		for more := true; more; {
			if err := s.print(o); err != nil {
				return errors.Join(o.write(), err)
			}
			if !s.advance(o) {
				open = append(open[:first], open[first+1:]...)
				break
			}
			more = s.time() == noTime
		}
		if len(o.buf) >= writeAhead {
			if err := o.write(); err != nil {
				return err
			}
		}
	}
	return o.write()
}
