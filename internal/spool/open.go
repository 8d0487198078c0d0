package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/sluicelog/sluice/internal/flock"
)

const (
	dirMode  = 0o700
	lockName = "lock"

	probeName = "probe" // and tempSuffix

	// startNumber is that of the first event ever. There is room before it for
	// what Prepend puts there.
	startNumber = 1_000_000_000_000
)

// Open opens the queue in a directory, which it creates if need be. It repairs
// what a crash has left behind: the rest of an incomplete write is cut off, and
// a position that is damaged or missing is taken to be the oldest event, so that
// events come again rather than not at all. Damage is told to OnError.
//
// It fails if the directory is none, cannot be written to, is open elsewhere, or
// has files of a newer version.
func Open(dir string, o *Options) (*Queue, error) {
	opts, err := o.checked()
	if err != nil {
		return nil, fmt.Errorf("spool: open %s: %w", dir, err)
	}
	q := &Queue{dir: dir, opts: opts}
	if q.lock, err = lockDir(dir); err != nil {
		return nil, fmt.Errorf("spool: open %s: %w", dir, err)
	}
	damage, err := q.recover()
	if err != nil {
		q.cursor.close()
		return nil, errors.Join(fmt.Errorf("spool: open %s: %w", dir, err), q.endTail(), q.pos.close(), unlock(q.lock))
	}
	for _, d := range damage {
		_ = q.failed(d)
	}
	opts.report(errors.Join(append(damage, q.expire(), q.settle())...))
	return q, nil
}

// lockDir makes sure that there is a directory, and that nobody else uses it.
func lockDir(dir string) (lock *os.File, err error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, errors.New("not a directory")
	}
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, err
	}
	lock, err = openRegular(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	ok, err := flock.TryLock(lock, true)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", lock.Name(), err), lock.Close())
	}
	if !ok {
		text, _ := io.ReadAll(io.LimitReader(lock, 20))
		_ = lock.Close()
		return nil, fmt.Errorf("in use by process %s: each needs a directory of its own", pidIn(text))
	}
	// The number is for the message above only: on a full disk it is missing.
	if lock.Truncate(0) == nil {
		_, _ = lock.WriteAt(strconv.AppendInt(nil, int64(os.Getpid()), 10), 0)
	}
	return lock, nil
}

// unlock gives up the lock on a directory. To close the file alone would not do: a process that is
// just being started may have it open as well.
func unlock(lock *os.File) error { return errors.Join(flock.Unlock(lock), lock.Close()) }

// pidIn returns the number of a process that is the text of a lock file.
func pidIn(text []byte) string {
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 0 {
		return "(unknown)"
	}
	return strconv.Itoa(pid)
}

// recover reads what there is.
func (q *Queue) recover() (damage []error, err error) {
	q.pos = position{disk: q.opts.disk, path: filepath.Join(q.dir, positionName)}
	known, harm, err := q.pos.load()
	if err != nil {
		return nil, err
	}
	if harm != nil {
		damage = append(damage, harm)
	}
	if err := q.list(); err != nil {
		return nil, err
	}
	for _, s := range q.segments {
		harm, err := q.readHeader(s)
		if err != nil {
			return nil, err
		}
		if harm != nil {
			damage = append(damage, harm)
		}
	}
	q.next, q.end = startNumber, startNumber
	if n := len(q.segments); n > 0 {
		harm, err := q.recoverLast(q.segments[n-1])
		if err != nil {
			return nil, err
		}
		if harm != nil {
			damage = append(damage, harm)
		}
	}
	if missing := q.place(known, harm == nil); missing != nil {
		damage = append(damage, missing)
	}
	q.next = q.remaining(q.next)
	if q.next > q.end { // what was acknowledged was not on the disk yet when the system crashed
		q.end = q.next
		if err := q.endTail(); err != nil {
			return nil, err
		}
	}
	for _, s := range q.segments {
		if !s.gone {
			q.stats.Events += q.unread(s)
		}
	}
	return damage, q.probe()
}

// place goes to the first event that is not done. That there are none before the
// oldest segment can only be told if the position is in order.
func (q *Queue) place(known, intact bool) (damage error) {
	switch {
	case !known && len(q.segments) > 0:
		q.next = q.segments[0].first
	case known && len(q.segments) == 0:
		q.next, q.end = q.pos.head, q.pos.head
	case known:
		oldest := q.segments[0]
		q.next = max(oldest.first, q.pos.head)
		if n := q.next - q.pos.head; n > 0 && intact {
			q.stats.Damaged += n
			damage = fmt.Errorf("spool: %d events are missing before %s: removed, or done before a crash of the system", n, q.path(oldest))
		}
	}
	return damage
}

// probe finds out whether files can be made and removed. That there is no room
// for one may change.
func (q *Queue) probe() error {
	path := filepath.Join(q.dir, probeName+tempSuffix)
	f, err := q.opts.disk.create(path)
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return nil
	case err != nil:
		return err
	}
	return errors.Join(f.Close(), q.opts.disk.remove(path))
}

// list finds the segments, and removes what was not finished.
func (q *Queue) list() error {
	entries, err := os.ReadDir(q.dir)
	if err != nil {
		return err
	}
	for _, e := range entries { // sorted by name
		path := filepath.Join(q.dir, e.Name())
		if strings.HasSuffix(e.Name(), segmentSuffix+badSuffix) {
			q.kept = append(q.kept, path)
		}
		if temporary(e.Name()) && e.Type().IsRegular() {
			if err := q.opts.disk.remove(path); err != nil {
				return err
			}
		}
		first, ok := parseSegmentName(e.Name())
		if !ok {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return &fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
		}
		if n := len(q.segments); n > 0 {
			q.segments[n-1].end = first
		}
		q.segments = append(q.segments, &segment{first: first, end: first, size: info.Size(), dirty: true})
		q.size += info.Size()
	}
	return nil
}

// temporary reports whether a file of this name was to be removed, or renamed.
func temporary(name string) bool {
	name, ok := strings.CutSuffix(name, tempSuffix)
	_, segment := parseSegmentName(name)
	return ok && (segment || name == probeName)
}

// readHeader reads what the header of a segment says. One that is damaged may
// well be followed by frames that are not.
func (q *Queue) readHeader(s *segment) (damage, err error) {
	f, err := q.opts.disk.open(q.path(s), os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	b := make([]byte, headerSize)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	h, ok := parseHeader(b[:n])
	switch {
	case !ok && n < headerSize:
		return nil, nil // recoverLast sees to that, and Read
	case !ok:
		s.damaged = true
		return fmt.Errorf("spool: the header of %s is damaged", q.path(s)), nil
	case h.version != version:
		return nil, fmt.Errorf("%s is of version %d, and this program knows version %d only", q.path(s), h.version, version)
	}
	s.created, s.gone = h.created, h.flags&flagGone != 0
	if i := slices.Index(q.segments, s); i > 0 {
		q.segments[i-1].last = h.created
	}
	return nil, nil
}

// recoverLast finds the end of the last segment, and goes on writing to it if
// it is in order.
func (q *Queue) recoverLast(s *segment) (damage, err error) {
	f, err := q.opts.disk.open(q.path(s), os.O_RDWR)
	if err != nil {
		return nil, err
	}
	rest, err := q.scanLast(s, f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	good := s.size - int64(len(rest))
	lost := wholeEvents(rest)
	s.end += lost
	q.end = s.end
	switch {
	case s.gone: // nobody has to know that any more
		return nil, errors.Join(f.Close(), q.dropLast())
	case lost > 0: // as it is, until Read comes to it; what is new goes to another one
		return nil, f.Close()
	case len(rest) > 0 && !torn(rest, s.end):
		s.damaged = true
		damage = fmt.Errorf("spool: %s is damaged: %d bytes at its end are unreadable", q.path(s), len(rest))
		err = f.Close()
		if good <= headerSize {
			err = errors.Join(err, q.dropLast())
		}
		return damage, err
	case good <= headerSize: // nothing was ever in it
		q.stats.Torn += s.size
		return nil, errors.Join(f.Close(), q.dropLast())
	case len(rest) > 0:
		q.stats.Torn += int64(len(rest))
		if err := f.Truncate(good); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		q.size -= int64(len(rest))
		s.size = good
	}
	q.tail.seg, q.tail.file, q.current = s, f, s
	return nil, nil
}

// scanLast finds the end of the events of the last segment, and returns what
// follows its last good frame.
func (q *Queue) scanLast(s *segment, f file) (rest []byte, err error) {
	c := scanner{file: f, off: headerSize}
	good := min(headerSize, s.size)
	for {
		fr, _, err := c.next(s.end, s.end+uint64(s.size), s.size) //nolint:gosec // not negative
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		s.end, s.last, good = fr.end(), fr.time, c.off
	}
	rest = make([]byte, s.size-good)
	if len(rest) == 0 {
		return nil, nil
	}
	_, err = f.ReadAt(rest, good)
	return rest, err
}

// torn reports whether b, what follows the last good frame of a segment, looks
// like the next frame, not written to its end.
func torn(b []byte, next uint64) bool {
	if len(b) < frameSize {
		return true
	}
	f := parseFrame(b)
	return f.size > int64(len(b)) && f.first == next
}

// dropLast removes the last segment, or keeps it aside if it is damaged.
func (q *Queue) dropLast() error {
	last := len(q.segments) - 1
	s := q.segments[last]
	q.segments = q.segments[:last]
	q.size -= s.size
	return q.discardOne(s)
}
