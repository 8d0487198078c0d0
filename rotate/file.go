package rotate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

const (
	checkInterval = time.Second       // between looks at whether the path still names the file
	roomWait      = 2 * checkInterval // for other processes to let go of what was removed
	closeTimeout  = 5 * time.Second   // for Close
	maxPlain      = 64 << 10          // size of a Write that is not much work
	maxFormer     = 4                 // files moved away that are still open
)

// File is a log file that rotates itself. All methods are safe for concurrent
// use.
//
// A File has one goroutine, the worker, from Open to Close: it removes and
// compresses backups, prepares the next file and has the hooks called. A call of a
// hook has a goroutine for as long as it takes, and so has OnError while there are
// errors to tell. Timers run a function for a moment: once a second while there
// are Writes, or all the time with MultiProcess; when Schedule says so, and at
// least once a minute; and after SyncInterval. The engine, lumberjack, adds
// goroutines that outlive the File and serve the next one.
type File struct {
	path     string // absolute, links resolved
	dir      string
	names    naming
	opts     Options
	uid, gid int
	plan     schedule
	link     func(oldname, newname string) error // os.Link but in tests
	roomWait time.Duration                       // roomWait but in tests
	tally    tally
	reporter reporter

	syncing sync.Mutex // held throughout a Sync
	freeing sync.Mutex // held while room is made on a full disk
	closing sync.Mutex // held while the worker closes what was rotated

	mu        sync.Mutex
	room      int64    // bytes that can be written with nothing else to do; see unlock
	live      *segment // nil only on Windows, after a failure to open it again
	size      int64    // of the live file
	torn      bool     // the live file ends in mid-line
	dirty     bool     // something was written since the last sync
	renamed   bool     // the directory was not synced since the live file got its name
	outage    outage   // of writing
	rotating  backoff
	reopening backoff
	halfway   bool       // a rotation has failed, and could not be undone
	last      time.Time  // in the name of the newest backup
	standby   *standby   // nil if there is none
	retired   *segment   // what was rotated last, for the worker to close
	former    []*os.File // moved away by somebody, to be synced and closed
	turns     *turns     // nil unless several processes write
	claimed   *os.File   // what says that this process lives, nil unless each has its file
	unsynced  []string   // backups since the last Sync
	notices   []notice   // for the worker to pass on
	closed    bool
	closeErr  error

	// Asking for the time would cost every Write a tenth of what it costs the
	// file system, so a timer says when to look at the path again.
	look    *time.Timer
	lookDue atomic.Bool

	due     deadline    // of the live file, by Schedule
	alarm   *time.Timer // for due, nil without a Schedule
	syncDue *time.Timer // nil without a SyncInterval

	upkeep backoff // the worker's

	wake chan struct{} // tells the worker that there is work
	stop context.CancelFunc
	done chan struct{} // closed when the worker has ended
}

var _ io.WriteCloser = (*File)(nil)

// Open opens the log file at path, creating it and its directories as needed.
// Symbolic links are resolved now, once: the file they lead to is the one that
// is rotated. A file whose last line has no end, as after a crash, gets that
// end before the next line. Temporary files that a killed process left are
// removed.
//
// Open fails if an option is out of range, if path is empty, ends in a
// separator or in .gz or .zst, which are for backups, if it names something
// other than a regular file, if the file can not be opened for reading and
// writing, if this process has a File there already, or, with PerProcess, if
// another process has it, as two containers can that share a directory.
func Open(path string, opts *Options) (*File, error) {
	f, err := open(path, opts)
	if err != nil {
		return nil, fmt.Errorf("rotate: open %s: %w", path, err)
	}
	return f, nil
}

func open(path string, opts *Options) (*File, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	switch {
	case path == "":
		return nil, errors.New("the path is empty")
	case os.IsPathSeparator(path[len(path)-1]):
		return nil, errors.New("the path names a directory")
	}
	f := &File{
		opts:     o,
		link:     os.Link,
		roomWait: roomWait,
		reporter: reporter{hook: o.OnError},
		wake:     make(chan struct{}, 1),
		done:     make(chan struct{}),
	}
	if o.Schedule != "" {
		if f.plan, err = parseSchedule(o.Schedule, o.Location); err != nil {
			return nil, err
		}
	}
	if f.uid, f.gid, err = owner(o.Owner); err != nil {
		return nil, err
	}
	if err := newNaming(filepath.Base(path), &o).check(); err != nil {
		return nil, err
	}
	if f.path, err = resolve(path, &o); err != nil {
		return nil, err
	}
	f.dir = filepath.Dir(f.path)
	f.names = newNaming(filepath.Base(f.path), &o)
	f.path = filepath.Join(f.dir, f.names.live)
	if err := f.names.check(); err != nil { // it may have been a link
		return nil, err
	}
	if err := opened.add(f); err != nil {
		return nil, err
	}
	if err := f.start(); err != nil {
		opened.remove(f)
		return nil, err
	}
	return f, nil
}

// start opens the file and sets everything going.
func (f *File) start() (err error) {
	f.mu.Lock()
	defer f.unlock()
	f.look = time.AfterFunc(checkInterval, f.lookSoon)
	f.look.Stop() // until the file is open
	defer func() {
		if err == nil {
			return
		}
		f.closed = true // the timer may be waiting for the lock
		err = errors.Join(err, f.release(), f.releaseWork())
	}()
	if f.opts.MultiProcess {
		if f.turns, err = newTurns(f.dir, f.names, f.perm()); err != nil {
			return err
		}
		defer f.turns.done()
	}
	if f.opts.PerProcess {
		if f.claimed, err = claim(f.dir, f.names, f.perm()); err != nil {
			return err
		}
	}
	if err := f.openLive(); err != nil {
		return err
	}
	if err := f.tryOwner(); err != nil {
		return err
	}
	if f.opts.SyncEveryWrite { // better now than with the first line
		if err := f.syncName(); err != nil {
			return err
		}
	}
	if err := f.resume(); err != nil {
		f.problem(fmt.Errorf("rotate: put right what was left in %s: %w", f.dir, err))
	}
	f.measure()
	f.startClock()
	ctx, stop := context.WithCancel(context.Background())
	f.stop = stop
	f.kick()
	go f.work(ctx)
	return nil
}

// openLive makes the file at the path the live one. The one before it, if any,
// is synced and closed by the worker or the next Sync.
func (f *File) openLive() error {
	seg, err := openSegment(f.path, f.perm())
	if err != nil {
		return err
	}
	size, torn, err := seg.tail()
	if err != nil {
		return errors.Join(err, seg.close())
	}
	old := f.live
	f.live, f.size, f.torn, f.renamed = seg, size, torn, true
	f.looked()
	f.tally.add(func(s *Stats) { s.Size = size })
	if old != nil {
		if !os.SameFile(old.info, seg.info) {
			f.setDeadline(time.Now())
		}
		f.leave(old)
	}
	return nil
}

// leave gives up a file that somebody has moved away. Nobody knows its name, so it
// is kept open until the worker or a Sync has synced it, but not for long.
func (f *File) leave(old *segment) {
	err := errors.Join(engines.put(old.engine), unlock(old.probe))
	f.former = append(f.former, old.probe)
	if len(f.former) > maxFormer {
		err = errors.Join(err, syncAndClose(f.former[0]))
		f.former = f.former[1:]
	}
	if err != nil {
		f.problem(fmt.Errorf("rotate: close the former %s: %w", f.path, err))
	}
	f.kick()
}

// perm is what a file that is created now gets.
func (f *File) perm() permissions {
	p := permissions{mode: defaultFileMode, uid: f.uid, gid: f.gid, owner: f.opts.Owner}
	if f.live != nil {
		p.mode, p.copied = f.live.info.Mode().Perm()|defaultFileMode, true
		if p.owner == "" {
			p.uid, p.gid = ownerOf(f.live.info)
		}
	}
	if f.opts.FileMode != 0 {
		p.mode, p.copied = f.opts.FileMode, false
	}
	return p
}

// tryOwner fails if files cannot be given to Options.Owner.
func (f *File) tryOwner() error {
	if f.opts.Owner == "" {
		return nil
	}
	trial, err := newStandby(f.dir, f.names, f.perm())
	if err != nil {
		return err
	}
	return trial.discard()
}

// Write appends p, which should be one or more whole lines: they stay in one
// file, and no line of another Write gets between them. If p does not fit in
// the live file any more, the file is rotated first; if that fails, p is
// written all the same.
//
// When Write returns an error, n is at the end of a line of p: those before it
// are in the file, and nothing of what follows is. Where that could not be
// achieved, because the partial line could not be taken back, it is closed
// with a newline before the next line. No error is for ever: the next Write
// tries again. After Close, Write fails with [os.ErrClosed].
func (f *File) Write(p []byte) (n int, err error) {
	f.mu.Lock()
	if int64(len(p)) > f.room || f.lookDue.Load() || len(p) > maxPlain {
		return f.write(p, f.opts.SyncEveryWrite)
	}
	if n, err = f.live.engine.Write(p); err != nil || n < len(p) {
		defer f.unlock()
		n, err = f.settle(p, 0, n, err, false)
		return f.conclude(p, n, false, err)
	}
	f.size += int64(n)
	f.room -= int64(n)
	f.dirty = true
	f.tally.count(countLines(p), n)
	f.mu.Unlock()
	return n, nil
}

// WriteLevel is Write for lines of a level, which SyncLevel looks at. The
// encoders of this module call it.
func (f *File) WriteLevel(level slog.Level, p []byte) (n int, err error) {
	if !f.syncs(level) {
		return f.Write(p)
	}
	f.mu.Lock()
	return f.write(p, true)
}

// syncs reports whether lines of level are synced at once.
func (f *File) syncs(level slog.Level) bool {
	return f.opts.SyncLevel != nil && level >= f.opts.SyncLevel.Level()
}

// write is Write with all there may be to do. It is called with the lock, and
// releases it.
func (f *File) write(p []byte, sync bool) (n int, err error) {
	defer f.unlock()
	if f.closed {
		return 0, f.errClosed("write")
	}
	if len(p) == 0 {
		return 0, nil
	}
	if f.turns != nil {
		defer f.turn()()
	}
	f.maintain(int64(len(p)))
	n, err = f.put(p, sync)
	return f.conclude(p, n, sync, err)
}

// Rotate makes the content of the live file a backup, unless it is empty. When it
// returns, the backup is closed, and [Archive] takes it. If it fails, the live file
// goes on as it was. After Close, it fails with [os.ErrClosed].
func (f *File) Rotate() error {
	f.mu.Lock()
	defer f.unlock()
	if f.closed {
		return f.errClosed("rotate")
	}
	if f.turns != nil {
		defer f.turn()()
	}
	if err := f.check(); err != nil {
		return err
	}
	err := f.rotate(Requested)
	f.closeRetired()
	return err
}

// Reopen opens the file at the path again, for when another program has moved
// the live file: call it on SIGHUP if that is logrotate's way. It makes no
// backup. If it fails, the file open before stays in use. After Close, it fails
// with [os.ErrClosed].
//
// Without it, a file that was moved or removed is noticed within a second.
func (f *File) Reopen() error {
	f.mu.Lock()
	defer f.unlock()
	if f.closed {
		return f.errClosed("reopen")
	}
	if f.turns != nil {
		defer f.turn()()
	}
	return f.reopen()
}

// Stats returns the counts so far. It does not wait for a Write under way.
func (f *File) Stats() Stats { return f.tally.get() }

// Shutdown closes the file. It waits until the worker has removed what exceeds
// the limits, and until the hooks have been told everything; a compression
// under way is given up, to be done by a later Open. If ctx ends before that,
// Shutdown returns an error that says so, and the worker ends as soon as it can.
// Shutdown can be called any number of times, and beside all other methods.
func (f *File) Shutdown(ctx context.Context) error {
	var synced error
	if f.opts.SyncInterval > 0 {
		synced = f.syncIfDirty(ctx)
	}
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		f.closeErr = errors.Join(synced, f.release())
		f.stop()
	}
	err := f.closeErr
	f.unlock()
	for _, wait := range []func() <-chan struct{}{
		func() <-chan struct{} { return f.done },
		f.reporter.idle,
	} {
		ended := wait()
		if ended == nil {
			continue
		}
		select {
		case <-ended:
			continue
		default:
		}
		select {
		case <-ended:
		case <-ctx.Done():
			return errors.Join(err, fmt.Errorf("rotate: close %s: the worker or a hook is still busy: %w", f.path, context.Cause(ctx)))
		}
	}
	return err
}

// Close is [File.Shutdown] with a limit of five seconds.
func (f *File) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return f.Shutdown(ctx)
}

// release gives back all descriptors and timers but those of the worker.
func (f *File) release() error {
	for _, timer := range []*time.Timer{f.look, f.alarm, f.syncDue} {
		if timer != nil {
			timer.Stop()
		}
	}
	var errs []error
	if f.live != nil {
		errs = append(errs, f.live.close())
		f.live = nil
	}
	f.closeRetired()
	if f.standby != nil {
		errs = append(errs, f.standby.discard())
		f.standby = nil
	}
	if f.turns != nil {
		errs = append(errs, f.turns.write.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("rotate: close %s: %w", f.path, err)
	}
	return nil
}

// releaseWork gives up the locks by which other processes see that the worker may
// be at work. It is called when there is none, or none any more.
func (f *File) releaseWork() error {
	var errs []error
	if f.turns != nil {
		errs = append(errs, f.turns.work.Close())
	}
	if f.claimed != nil {
		errs = append(errs, f.claimed.Close())
	}
	return errors.Join(errs...)
}

func (f *File) errClosed(op string) error {
	return fmt.Errorf("rotate: %s %s: %w", op, f.path, os.ErrClosed)
}

// unlock releases the lock after something has changed. What nearly every Write
// would find out, that there is nothing to do but to write, is found out here.
func (f *File) unlock() {
	switch {
	case f.closed, f.live == nil, f.live.w != nil, f.turns != nil,
		f.torn, !f.outage.since.IsZero(), f.size == 0,
		f.opts.SyncEveryWrite, f.syncDue != nil && !f.dirty:
		f.room = -1
	case f.opts.MaxSize < 0:
		f.room = math.MaxInt64
	default:
		f.room = f.opts.MaxSize - f.size
	}
	f.mu.Unlock()
}

// problem counts err, and has OnError told.
func (f *File) problem(err error) {
	f.tally.failed(err)
	f.reporter.report(err)
}

// liveInfo returns the identity of the live file, nil if there is none.
func (f *File) liveInfo() fs.FileInfo {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.live == nil {
		return nil
	}
	return f.live.info
}
