package rotate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	checkInterval = time.Second     // between looks at whether the path still names the file
	closeTimeout  = 5 * time.Second // for Close
)

// File is a log file that rotates itself. All methods are safe for concurrent
// use.
//
// A File has one goroutine, the worker, from Open to Close: it removes and
// compresses backups, prepares the next file and calls OnRotate. Once a second
// while there are Writes, a timer's function runs for a moment. The engine,
// lumberjack, adds a goroutine that outlives the File and serves the next one.
type File struct {
	path  string // absolute, links resolved
	dir   string
	names naming
	opts  Options
	link  func(oldname, newname string) error // os.Link but in tests
	tally tally

	syncing sync.Mutex // held throughout a Sync

	mu        sync.Mutex
	live      *segment // nil only on Windows, after a failure to open it again
	size      int64    // of the live file
	torn      bool     // the live file ends in mid-line
	outage    outage   // of writing
	rotating  backoff
	reopening backoff
	last      time.Time // in the name of the newest backup
	standby   *standby  // nil if there is none
	unsynced  []string  // backups since the last Sync
	events    []Event   // for the worker to pass on
	reports   []error   // for OnError when the lock is released
	closed    bool
	closeErr  error

	// Asking for the time would cost every Write a tenth of what it costs the
	// file system, so a timer says when to look at the path again.
	look    *time.Timer
	lookDue atomic.Bool

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
// separator or in .gz, which is for backups, if it names something other than
// a regular file, or if the file can not be opened for reading and writing.
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
	case strings.EqualFold(filepath.Ext(path), gzipExt):
		return nil, errors.New("a log file's name cannot end in " + gzipExt + ", backups do")
	}
	if path, err = resolve(path, o.DirMode); err != nil {
		return nil, err
	}
	f := &File{
		path:  path,
		dir:   filepath.Dir(path),
		names: newNaming(filepath.Base(path)),
		opts:  o,
		link:  os.Link,
		wake:  make(chan struct{}, 1),
		done:  make(chan struct{}),
	}
	f.look = time.AfterFunc(checkInterval, func() { f.lookDue.Store(true) })
	if err := f.openLive(); err != nil {
		f.look.Stop()
		return nil, err
	}
	if o.SyncEveryWrite {
		if err := syncDir(f.dir); err != nil {
			return nil, errors.Join(err, f.release())
		}
	}
	if err := sweep(f.dir, f.names); err != nil {
		f.problem(fmt.Errorf("rotate: remove what was left over: %w", err))
	}
	ctx, stop := context.WithCancel(context.Background())
	f.stop = stop
	f.kick()
	go f.work(ctx)
	f.mu.Lock()
	f.unlock()
	return f, nil
}

// openLive makes the file at the path the live one. The one before it, if any,
// is synced and closed after that.
func (f *File) openLive() error {
	seg, err := openSegment(f.path, f.newMode())
	if err != nil {
		return err
	}
	size, torn, err := seg.tail()
	if err != nil {
		return errors.Join(err, seg.close())
	}
	old := f.live
	f.live, f.size, f.torn = seg, size, torn
	f.looked()
	f.tally.add(func(s *Stats) { s.Size = size })
	if old != nil {
		// Once closed it is out of reach for Sync: nobody knows its name.
		if err := errors.Join(old.probe.Sync(), old.close()); err != nil {
			f.problem(fmt.Errorf("rotate: close the former %s: %w", f.path, err))
		}
	}
	return nil
}

// newMode is the mode for a file that is created now.
func (f *File) newMode() fs.FileMode {
	switch {
	case f.opts.FileMode != 0:
		return f.opts.FileMode
	case f.live != nil:
		if info, err := f.live.probe.Stat(); err == nil {
			return info.Mode().Perm() | defaultFileMode
		}
	}
	return defaultFileMode
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
	defer f.unlock()
	if f.closed {
		return 0, f.errClosed("write")
	}
	if len(p) == 0 {
		return 0, nil
	}
	f.maintain(int64(len(p)))
	n, err = f.put(p)
	f.account(p, n, err)
	return n, err
}

// Rotate makes the content of the live file a backup, unless it is empty. If it
// fails, the live file goes on as it was. After Close, it fails with
// [os.ErrClosed].
func (f *File) Rotate() error {
	f.mu.Lock()
	defer f.unlock()
	if f.closed {
		return f.errClosed("rotate")
	}
	if err := f.check(); err != nil {
		return err
	}
	return f.rotate(Requested)
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
	return f.reopen()
}

// Stats returns the counts so far. It does not wait for a Write under way.
func (f *File) Stats() Stats { return f.tally.get() }

// Shutdown closes the file. It waits until the worker has removed what exceeds
// the limits and has passed on all events; a compression under way is given up,
// to be done by a later Open. If ctx ends before that, Shutdown returns an error
// that says so, and the worker ends as soon as it can. Shutdown can be called
// any number of times, and beside all other methods.
func (f *File) Shutdown(ctx context.Context) error {
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		f.closeErr = f.release()
		f.stop()
	}
	err := f.closeErr
	f.unlock()
	select {
	case <-f.done:
		return err
	default:
	}
	select {
	case <-f.done:
		return err
	case <-ctx.Done():
		return errors.Join(err, fmt.Errorf("rotate: close %s: the worker is still busy: %w", f.path, context.Cause(ctx)))
	}
}

// Close is [File.Shutdown] with a limit of five seconds.
func (f *File) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return f.Shutdown(ctx)
}

// release gives back all descriptors.
func (f *File) release() error {
	f.look.Stop()
	var errs []error
	if f.live != nil {
		errs = append(errs, f.live.close())
		f.live = nil
	}
	if f.standby != nil {
		errs = append(errs, f.standby.discard())
		f.standby = nil
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("rotate: close %s: %w", f.path, err)
	}
	return nil
}

func (f *File) errClosed(op string) error {
	return fmt.Errorf("rotate: %s %s: %w", op, f.path, os.ErrClosed)
}

// unlock releases the lock, and then tells OnError what happened under it.
func (f *File) unlock() {
	reports := f.reports
	f.reports = nil
	f.mu.Unlock()
	for _, err := range reports {
		f.tell(err)
	}
}

// problem counts err, and has it told to OnError when the lock is released.
func (f *File) problem(err error) {
	f.tally.failed(err)
	f.reports = append(f.reports, err)
}

// fail counts err and tells OnError. It must be called without the lock.
func (f *File) fail(err error) {
	f.tally.failed(err)
	f.tell(err)
}

func (f *File) tell(err error) {
	if f.opts.OnError == nil {
		return
	}
	defer func() { _ = recover() }() // there is nobody left to tell
	f.opts.OnError(err)
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
