package input

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/sluicelog/sluice/internal/logname"
)

const (
	// afterlife is how long a file that was rotated away is still read from: who had it open may
	// have something to write.
	afterlife = time.Second
	// maxOld is how many such files a log file has at most.
	maxOld = 16
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

// begin starts with the file that was there when it was looked for. If there was none, poll will find it, and
// what was rotated away since.
func (r *Reader) begin(s *source) error {
	f := s.follow
	if s.held == nil {
		return r.put(item{err: fmt.Errorf("%s: is not there: waiting for it", visible(f.name))})
	}
	if err := s.open(); err != nil {
		return r.cannot(f, err)
	}
	if !formatOf(s.file).followed() {
		f.ended = true
		return r.readSource(s)
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
	return &held{member: member{
		Rotated: logname.Rotated{Live: name, Plain: name}, path: f.name, names: []string{name}, info: info,
	}}
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
	case errors.Is(err, fs.ErrNotExist): // there may be new backups all the same
	case err != nil:
		return r.cannot(f, err)
	case info.IsDir():
		return r.cannot(f, errors.New("it is a directory"))
	case f.cur != nil && os.SameFile(info, f.cur.held.info):
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
		return !m.live() && f.known[m.knownAs()]
	}, &budget)
	if err != nil { // the directory cannot be listed, or is not there yet
		return r.reopen(f)
	}
	f.learn(there)
	all = slices.DeleteFunc(all, func(h *held) bool {
		if h == first {
			return true
		}
		// What has a new number, and was compressed, is not known any more.
		older := first != nil && first.placed() && h.backup() && h.Compare(first.Rotated) < 0
		if older {
			h.close()
		}
		return older
	})
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
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
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
	if h.live() {
		s.name = f.name
	}
	if err := s.open(); err != nil {
		if h.live() {
			return r.cannot(f, err)
		}
		return r.failed(s.name, err)
	}
	r.count(func(st *Stats) { st.Total += s.size })
	if !formatOf(s.file).followed() {
		f.ended = h.live()
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
