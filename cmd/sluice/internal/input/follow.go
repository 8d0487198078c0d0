package input

import (
	"errors"
	"io"
	"slices"
	"time"
)

// pollInterval is how often a file that is followed is looked at.
const pollInterval = 250 * time.Millisecond

// runFollow reads all that has an end, and then what is added to the log files, until the Reader is closed.
func (r *Reader) runFollow() error {
	var files []*follower
	var pipes []*source
	for _, s := range r.sources {
		switch {
		case s.follow != nil:
			files = append(files, s.follow)
			if err := r.begin(s); err != nil {
				return err
			}
		case s.regular || s.err != nil:
			if err := r.readSource(s); err != nil {
				return err
			}
		default:
			pipes = append(pipes, s)
		}
	}
	streams := make([]*streaming, 0, len(pipes))
	for _, s := range pipes {
		streams = append(streams, &streaming{source: s, pipe: newStream(r.ctx, s.openPipe)})
	}
	defer func() {
		for _, f := range files {
			f.close()
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		for _, f := range files {
			if err := r.poll(f); err != nil {
				return err
			}
		}
		for _, s := range streams {
			if err := r.pollStream(s); err != nil {
				return err
			}
		}
		files = slices.DeleteFunc(files, func(f *follower) bool {
			if f.ended {
				f.close()
			}
			return f.ended
		})
		streams = slices.DeleteFunc(streams, func(s *streaming) bool { return s.ended })
		if len(files)+len(streams) == 0 {
			return nil
		}
		timer.Reset(pollInterval)
		var full <-chan piece
		if len(streams) > 0 {
			full = streams[0].pipe.full
		}
		select {
		case p := <-full:
			streams[0].pipe.take(p)
		case <-timer.C:
		case <-r.ctx.Done():
			return r.ctx.Err()
		}
	}
}

// streaming is a pipe that is read beside files that are followed.
type streaming struct {
	source *source
	pipe   *stream
	tape   *tape // nil until there is something to read
	format format
	ended  bool
}

// pollStream passes on what a stream has.
func (r *Reader) pollStream(s *streaming) (err error) {
	if s.pipe.idle() {
		return nil
	}
	if s.tape == nil {
		r.count(func(s *Stats) { s.Files++ })
		if s.tape, s.format, err = r.openStream(s.source, s.pipe); err != nil {
			s.ended = true
			return r.failed(s.source.name, err)
		}
	}
	err = r.read(s.tape, false)
	if errors.Is(err, errPause) {
		return nil
	}
	s.ended = true
	if err := r.finish(s.tape); err != nil {
		return err
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return r.failed(s.source.name, s.tape.explain(s.format, err))
}
