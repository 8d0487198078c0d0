package replay

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"github.com/sluicelog/sluice/cmd/sluice/internal/cli"
	"github.com/sluicelog/sluice/cmd/sluice/internal/input"
	"github.com/sluicelog/sluice/internal/logname"
)

// A source is where events come from.
type source interface {
	// read puts tasks that make the units, in order, until there are no more.
	read(ctx context.Context, places *state, put func(task) error) error
	// settle notes that the first n lines of a unit are done.
	settle(u *unit, n int) error
	// progress returns how many bytes were read, of how many.
	progress() (read, total int64)
	// fail tells and counts what could not be read.
	fail(err error)
	// failures returns how many files could not be read, or not to the end, and how many events are lost for good.
	failures() (files int, lost uint64)
	close() error
}

// maxShown is how many of the files that are gone on with are shown.
const maxShown = 3

// A task makes a unit.
type task func(m *maker) *unit

// logFiles are log files, or standard input.
type logFiles struct {
	names    []string
	o        *options
	stdin    io.Reader
	warnings *warnings

	mu      sync.Mutex
	readers []*input.Reader
	before  int      // files of which all was sent before
	partly  []string // files that are gone on with, and from where
	failed  atomic.Int64
	places  *state
}

// A logFile is a file while it is read.
type logFile struct {
	set   *logFiles
	name  string
	place *place // nil if it is not kept
	head  []byte // the first bytes
	skip  int64  // what was sent before
	check uint32 // the sum of the last line of that
	found bool   // that line
	grows bool   // a program may be writing to it
	torn  bool   // the last line is not written to its end
}

// salt returns what tells a line from others with the same text: where it stands in a file that begins with a
// certain line.
func (f *logFile) salt(offset, number int64) []byte {
	if offset < 0 {
		offset = -number
	}
	first, _, _ := bytes.Cut(f.head, []byte{'\n'})
	return binary.BigEndian.AppendUint64(slices.Clip(first), uint64(offset)) //nolint:gosec // the same bits
}

// isStream reports whether it is standard input, which cannot be read again.
func (s *logFiles) isStream() bool { return s.names[0] == "-" }

// check finds the files once, so that a name that stands for nothing is an error before anything is sent.
func (s *logFiles) check() error {
	_, err := s.find()
	return err
}

// find returns the names of the files. What cannot be read is told by whoever reads it.
func (s *logFiles) find() (names []string, err error) {
	r, err := s.open(s.names, s.o.rotated, nil)
	if err != nil {
		return nil, err
	}
	return r.Files(), r.Close()
}

func (s *logFiles) fail(err error) {
	s.failed.Add(1)
	s.warnings.warn(err)
}

func (s *logFiles) open(names []string, rotated bool, onError func(error)) (*input.Reader, error) {
	r, err := input.Open(names, &input.Options{Rotated: rotated, Since: s.o.wanted.Since(), Stdin: s.stdin, OnError: onError})
	if err != nil {
		return nil, &cli.ExitError{Code: cli.Usage, Err: err}
	}
	return r, nil
}

func (s *logFiles) read(ctx context.Context, places *state, put func(task) error) error {
	if s.isStream() {
		r, err := s.open(s.names, s.o.rotated, s.fail)
		if err != nil {
			return err
		}
		_, err = s.readAll(ctx, r, nil, nil, put)
		return err
	}
	s.places = places
	// A file that is rotated while others are read has another name then, and a new one its old name. So the
	// files are looked for again, until there is none that has not been read.
	var known []os.FileInfo
	for {
		names, infos, err := s.list(known)
		if err != nil || len(names) == 0 {
			return err
		}
		known = append(known, infos...)
		if places != nil {
			names, infos = s.unsent(names, infos)
		}
		for len(names) > 0 {
			r, err := s.open(names, false, s.fail)
			if err != nil {
				return err
			}
			again, err := s.readAll(ctx, r, places, infos, put)
			if err != nil {
				return err
			}
			names, infos = again, nil
		}
	}
}

// sentBefore says what of the files was sent by another run.
func (s *logFiles) sentBefore() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.before > 0 {
		all = append(all, english.Plural(s.before, "whole file", ""))
	}
	if n := len(s.partly) - maxShown; n > 0 {
		return append(append(all, s.partly[:maxShown]...), fmt.Sprintf("parts of %d more", n))
	}
	return append(all, s.partly...)
}

// list returns the files but for those that are known.
func (s *logFiles) list(known []os.FileInfo) (names []string, infos []os.FileInfo, err error) {
	all, err := s.find()
	if err != nil {
		return nil, nil, err
	}
	for _, name := range all {
		info, err := os.Stat(name)
		if s.isOurs(info) {
			continue
		}
		if err != nil {
			if len(known) == 0 { // reading it says what is wrong
				names, infos = append(names, name), append(infos, nil)
			}
			continue
		}
		if !slices.ContainsFunc(known, func(k os.FileInfo) bool { return k != nil && os.SameFile(k, info) }) {
			names, infos = append(names, name), append(infos, info)
		}
	}
	return names, infos, nil
}

// isOurs reports whether a file is one that this run writes, which is no source.
func (s *logFiles) isOurs(info os.FileInfo) bool {
	return info != nil && slices.ContainsFunc([]string{s.o.rejects, s.o.state, s.o.state + ".lock"}, func(name string) bool {
		ours, err := os.Stat(name)
		return err == nil && os.SameFile(ours, info)
	})
}

// unsent returns the files but for those of which it is known that all was sent and that they have not changed.
func (s *logFiles) unsent(names []string, infos []os.FileInfo) (left []string, rest []os.FileInfo) {
	for i, name := range names {
		if infos[i] != nil && s.places.sent(infos[i]) {
			s.mu.Lock()
			s.before++
			s.mu.Unlock()
			continue
		}
		left, rest = append(left, name), append(rest, infos[i])
	}
	return left, rest
}

// readAll reads the files of a reader. It returns those that have to be read again, as they are not what was taken to
// be sent before.
func (s *logFiles) readAll(ctx context.Context, r *input.Reader, places *state, infos []os.FileInfo, put func(task) error) (again []string, err error) {
	s.mu.Lock()
	s.readers = append(s.readers, r)
	s.mu.Unlock()
	defer func() { err = errors.Join(err, r.Close()) }()
	var f *logFile
	failed := s.failed.Load()
	end := func() error {
		was := failed
		failed = s.failed.Load()
		switch {
		case f == nil:
			return nil
		case failed > was:
			return nil // not read to its end
		case f.skip > 0 && !f.found:
			again = append(again, s.strange(f, places))
			return nil
		}
		end := &unit{from: s, file: f, last: true}
		return put(func(*maker) *unit { return end })
	}
	for {
		c, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return again, end()
		}
		if err != nil {
			return again, err
		}
		if f == nil || f.name != c.File {
			if err := end(); err != nil {
				return again, err
			}
			f = s.begin(c, places, infos)
		}
		if f.skip > 0 && !f.found && f.behind(c) {
			r.Release(c)
			continue
		}
		from := f.skip
		file := f
		if err := put(func(m *maker) *unit {
			defer r.Release(c)
			return m.chunk(c, file, from)
		}); err != nil {
			return again, err
		}
	}
}

// begin finds out how much of a file was sent before.
func (s *logFiles) begin(c *input.Chunk, places *state, infos []os.FileInfo) *logFile {
	f := &logFile{set: s, name: c.File, head: bytes.Clone(c.Data[:min(len(c.Data), headBytes)])}
	if places == nil || c.Offset != 0 {
		return f
	}
	// That the name stands for the same file before and after it was opened says which file was opened.
	info, err := os.Stat(c.File)
	if err != nil || !slices.ContainsFunc(infos, func(i os.FileInfo) bool { return i != nil && os.SameFile(i, info) }) {
		info = nil
	}
	_, rotated := logname.Parse(filepath.Base(c.File))
	f.grows = !rotated && !strings.HasSuffix(c.File, ".gz") && !strings.HasSuffix(c.File, ".zst")
	f.place = places.find(c.File, f.head, info)
	if f.skip, f.check = f.place.Offset, f.place.Tail; f.skip > 0 {
		s.mu.Lock()
		s.partly = append(s.partly, fmt.Sprintf("%s up to byte %s", cli.Printable(f.name), humanize.Comma(f.skip)))
		s.mu.Unlock()
	}
	return f
}

// behind reports whether a chunk has to be passed over: it was sent before, or the file is not the one that was.
func (f *logFile) behind(c *input.Chunk) bool {
	if end := c.Offset + int64(len(c.Data)); c.Cut > 0 && end < f.skip {
		f.found = end+c.Cut+1 >= f.skip && sumOf(c.Data) == f.check
		return true
	} else if end < f.skip {
		return true
	}
	at := c.Offset
	for _, text := range c.Lines() {
		if at >= f.skip {
			break
		}
		start := at
		if at += int64(len(text)) + 1; at <= f.skip {
			f.found = sumOf(text) == f.check
			continue
		}
		sent := text[:f.skip-start]
		f.found = sumOf(sent) == f.check
		if len(bytes.TrimSpace(text[len(sent):])) > 0 { // it has grown since: it is another line now
			f.skip = start
		}
	}
	return !f.found
}

// strange forgets what was taken to be sent of a file that begins as another one did.
func (s *logFiles) strange(f *logFile, places *state) string {
	places.forget(f.place)
	s.warnings.warn(fmt.Errorf("%s: is not what was sent up to byte %d before: begins again", cli.Printable(f.name), f.skip))
	return f.name
}

func (s *logFiles) settle(u *unit, n int) error {
	if u.file.place == nil {
		return nil
	}
	switch {
	case u.last && !u.file.torn:
		s.places.finish(u.file.place)
	case n == 0:
	case u.lines[n-1].fate == open:
		u.file.torn = true
		if n > 1 {
			s.places.advance(u.file.place, u.lines[n-2])
		}
	case u.lines[n-1].next >= 0:
		s.places.advance(u.file.place, u.lines[n-1])
	}
	return nil
}

func (s *logFiles) progress() (read, total int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.readers {
		st := r.Stats()
		read += st.Read
		total += st.Total
	}
	return read, total
}

func (s *logFiles) failures() (files int, lost uint64) { return int(s.failed.Load()), 0 }

func (s *logFiles) close() error { return nil }
