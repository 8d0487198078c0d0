package input

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/sluicelog/sluice/internal/logname"
)

const (
	// pollInterval is how often a file that is followed is looked at.
	pollInterval = 250 * time.Millisecond
	// afterlife is how long a file that was rotated away is still read from: who had it open may
	// have something to write.
	afterlife = time.Second
	// maxOld is how many such files a log file has at most.
	maxOld = 16
	// sampleSize is how much of what was read last must still be there, or the file was truncated and has grown since.
	sampleSize = 64
)

// follower follows a log file.
type follower struct {
	folder *folder
	name   string
	cur    *reading
	old    []*reading
	known  map[any]bool // backups whose lines are none of those to come
	said   string       // what could not be read last, so that it is said once
	ended  bool         // it has turned out to be one that is not written to
}

// reading is a plain file that is being read.
type reading struct {
	held   *held
	tape   *tape
	sample []byte // what is in front of where it is read
	until  time.Time
}

func newFollower(d *folder, name string, there []*member) *follower {
	f := &follower{folder: d, name: name}
	f.learn(there)
	return f
}

// knownAs is what a backup can be recognised by.
func (m *member) knownAs() any {
	if m.named() {
		return m.Plain
	}
	// A number changes in each rotation, and an inode may have been another file's.
	return [4]any{identityOf(m.info), m.info.Size(), m.info.ModTime().UnixNano(), m.Live}
}

func (f *follower) learn(there []*member) {
	f.known = make(map[any]bool)
	for _, m := range there {
		if m.Live == filepath.Base(f.name) && m.backup() {
			f.known[m.knownAs()] = true
		}
	}
}

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
		files = slices.DeleteFunc(files, func(f *follower) bool { return f.ended })
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
	tape   *tape
	ended  bool
}

// pollStream passes on what a stream has.
func (r *Reader) pollStream(s *streaming) (err error) {
	if s.pipe.idle() {
		return nil
	}
	if s.tape == nil {
		r.count(func(s *Stats) { s.Files++ })
		if s.tape, _, err = r.openStream(s.source, s.pipe); err != nil {
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
	return r.failed(s.source.name, err)
}

// begin starts with the file that there is; if there is none, poll will find it.
func (r *Reader) begin(s *source) error {
	f := s.follow
	err := s.open()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.err = nil
		return nil
	case err != nil:
		return r.cannot(f, err)
	}
	f.ended = true // unless it is a plain file
	info, err := s.file.Stat()
	switch {
	case err != nil:
		return r.failed(s.name, err)
	case formatOf(s.file).followed():
		f.ended = false
	default:
		return r.readSource(s)
	}
	if s.held == nil {
		s.held = f.live(info)
	}
	r.count(func(s *Stats) { s.Files++ })
	t, _, err := r.open(s)
	if err != nil {
		s.close()
		return r.cannot(f, err)
	}
	f.cur = &reading{held: s.held, tape: t}
	s.held.file, s.file = s.file, nil // the follower's from now on
	return nil
}

// live is the log file, which is in the folder as info says.
func (f *follower) live(info fs.FileInfo) *held {
	name := filepath.Base(f.name)
	return &held{member: member{Rotated: logname.Rotated{Live: name, Plain: name}, path: f.name, info: info}}
}

// cannot says that a log file cannot be followed for now, once.
func (r *Reader) cannot(f *follower, err error) error {
	if err.Error() == f.said {
		return nil
	}
	f.said = err.Error()
	return r.failed(f.name, err)
}

// poll passes on what has come since the last time.
func (r *Reader) poll(f *follower) error {
	if f.ended {
		return nil
	}
	if err := r.pollOld(f); err != nil {
		return err
	}
	if f.cur != nil {
		if err := r.advance(f, f.cur); err != nil {
			return err
		}
	}
	info, err := os.Stat(f.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.said = ""
		return nil // it was moved away, and who writes it will make another, or has not made it yet
	case err != nil:
		return r.cannot(f, err)
	case info.IsDir():
		return r.cannot(f, errors.New("it is a directory"))
	case f.cur != nil && os.SameFile(info, f.cur.held.info):
		f.said = ""
		return nil
	}
	return r.turn(f)
}

// pollOld passes on what was added to files after they were rotated away, for a while.
func (r *Reader) pollOld(f *follower) error {
	for _, o := range f.old {
		if err := r.advance(f, o); err != nil {
			return err
		}
	}
	for len(f.old) > 0 && (len(f.old) > maxOld || time.Now().After(f.old[0].until)) {
		if err := r.finish(f.old[0].tape); err != nil {
			return err
		}
		f.old[0].close()
		f.old = f.old[1:]
	}
	return nil
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
	if info.Size() < at || info.Size() > at && !c.sampled(at) {
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

// turn goes on to the file that is the log file now, and reads what was rotated away in between.
func (r *Reader) turn(f *follower) error {
	var have []*held
	var first *held
	if f.cur != nil {
		first = f.cur.held
		have = []*held{first}
	}
	budget := maxOpen
	all, there, err := f.folder.hold(have, func(m *member) bool {
		switch {
		case !m.backup():
			return false
		case first != nil && first.backup() && (first.seen || first.named()) && m.Compare(first.Rotated) < 0:
			return true
		}
		return f.known[m.knownAs()]
	}, &budget)
	if err != nil { // the directory cannot be listed, or not for now
		return r.reopen(f)
	}
	f.learn(there)
	all = slices.DeleteFunc(all, func(h *held) bool { return h == first })
	if first != nil {
		if err := r.advance(f, f.cur); err != nil {
			return err
		}
	}
	for i, h := range all {
		if err := r.next(f, h); err != nil {
			for _, h := range all[i+1:] {
				h.close()
			}
			return err
		}
	}
	return nil
}

// reopen goes on to what the name stands for now.
func (r *Reader) reopen(f *follower) error {
	file, err := os.Open(f.name)
	if err != nil {
		return r.cannot(f, err)
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(r.cannot(f, err), file.Close())
	}
	h := f.live(info)
	h.file = file
	return r.next(f, h)
}

// next goes on with h.
func (r *Reader) next(f *follower, h *held) error {
	s := &source{name: h.path, regular: true, size: h.info.Size(), file: h.file, held: h, folder: f.folder, err: h.err}
	if !h.backup() {
		s.name = f.name
	}
	if err := s.open(); err != nil {
		if h.backup() {
			return r.failed(s.name, err)
		}
		return r.cannot(f, err)
	}
	r.count(func(st *Stats) { st.Total += s.size })
	if !formatOf(s.file).followed() {
		f.ended = !h.backup()
		return r.readSource(s)
	}
	r.count(func(s *Stats) { s.Files++ })
	f.retire()
	h.file = s.file
	f.cur = &reading{held: h, tape: &tape{name: s.name, from: &meter{h.file, r}, number: 1}}
	f.said = ""
	return r.advance(f, f.cur)
}

// retire puts the file that is read among the old ones.
func (f *follower) retire() {
	if f.cur != nil {
		f.cur.until = time.Now().Add(afterlife)
		f.old = append(f.old, f.cur)
		f.cur = nil
	}
}

func (f *follower) close() {
	f.retire()
	for _, o := range f.old {
		o.close()
	}
	f.old = nil
}

func (c *reading) close() { c.held.close() }
