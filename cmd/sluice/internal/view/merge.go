package view

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"

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
		of := &stream{blocks: make(chan *block)}
		streams[i] = of
		group.Go(func() error { return of.read(ctx, r, newWorker(s, o.blocks)) })
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
		b.release = r.Release
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

// mergeStreams prints the entries of the streams. One without a time is earlier than all others, so that it follows
// the one before it.
func mergeStreams(streams []*stream, o *output) error {
	open := slices.DeleteFunc(streams, func(s *stream) bool { return !s.advance(o) })
	for len(open) > 0 {
		first := 0
		for i, s := range open {
			if s.time() < open[first].time() {
				first = i
			}
		}
		if err := open[first].print(o); err != nil {
			return cmp.Or(o.write(), err)
		}
		if !open[first].advance(o) {
			open = slices.Delete(open, first, first+1)
		}
		if len(o.buf) >= writeAhead {
			if err := o.write(); err != nil {
				return err
			}
		}
	}
	return o.write()
}
