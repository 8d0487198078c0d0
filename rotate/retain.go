package rotate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A backup is what one rotation left: a plain file, a compressed one, or both
// if turning one into the other was interrupted.
type backup struct {
	name  string // the plain form's
	stamp stamp
	pid   string
	forms []form
}

type form struct {
	compression Compression
	size        int64
	written     time.Time
}

// has reports whether there is a form of b.
func (b backup) has(c Compression) bool {
	return slices.ContainsFunc(b.forms, func(f form) bool { return f.compression == c })
}

// bytes returns what b takes on disk.
func (b backup) bytes() (sum int64) {
	for _, f := range b.forms {
		sum += f.size
	}
	return sum
}

// age returns how old b is, by its last line if its name is of no use.
func (b backup) age(now time.Time) time.Duration {
	if b.stamp.absurd(now) {
		return now.Sub(b.forms[0].written)
	}
	return now.Sub(b.stamp.time)
}

// public returns what hooks are told of b. Of two forms that is the plain one.
func (b backup) public(dir string) Backup {
	c := slices.MinFunc(b.forms, func(x, y form) int { return int(x.compression - y.compression) }).compression
	return Backup{Path: filepath.Join(dir, b.name+c.ext()), Time: b.stamp.time, Size: b.bytes(), Compression: c}
}

// list returns the backups in dir, newest first, of all processes but those
// that live. A file is one only if its whole name says so, if it is a regular
// file, and if it is not the live one.
func list(dir string, names naming, live fs.FileInfo, living map[string]bool) ([]backup, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	byName := make(map[string]*backup)
	for _, entry := range entries {
		p, ok := names.parse(entry.Name())
		if !ok || !entry.Type().IsRegular() || living[p.pid] {
			continue
		}
		info, err := entry.Info()
		if err != nil || live != nil && os.SameFile(info, live) {
			continue // an error means that it is gone by now
		}
		b := byName[p.plain]
		if b == nil {
			b = &backup{name: p.plain, stamp: p.stamp, pid: p.pid}
			byName[p.plain] = b
		}
		b.forms = append(b.forms, form{p.form, info.Size(), info.ModTime()})
	}
	backups := make([]backup, 0, len(byName))
	for _, b := range byName {
		backups = append(backups, *b)
	}
	now := time.Now()
	slices.SortFunc(backups, func(a, b backup) int {
		// What a wrong clock has dated far ahead was made before it was put right.
		if a, b := a.stamp.absurd(now), b.stamp.absurd(now); a != b {
			if a {
				return +1
			}
			return -1
		}
		if c := b.stamp.compare(a.stamp); c != 0 {
			return c
		}
		return strings.Compare(b.name, a.name)
	})
	return backups, nil
}

// backups is list for f, and has the Stats know.
func (f *File) backups(living map[string]bool) ([]backup, error) {
	backups, err := list(f.dir, f.names, f.liveInfo(), living)
	if err != nil {
		return nil, err
	}
	var bytes int64
	for _, b := range backups {
		bytes += b.bytes()
	}
	f.tally.add(func(s *Stats) { s.Backups, s.BackupBytes = len(backups), bytes })
	return backups, nil
}

// expired returns those of the backups, newest first, that exceed a limit.
func (f *File) expired(backups []backup) (expired []backup) {
	now, total := time.Now(), f.tally.get().Size
	for i, b := range backups {
		total += b.bytes()
		if f.opts.MaxBackups > 0 && i >= f.opts.MaxBackups ||
			f.opts.MaxAge > 0 && b.age(now) > f.opts.MaxAge ||
			f.opts.MaxTotalSize > 0 && total > f.opts.MaxTotalSize {
			expired = append(expired, b)
		}
	}
	return expired
}

// keeps asks Keep about b.
func (f *File) keeps(b backup) (keep bool) {
	if f.opts.Keep == nil {
		return false
	}
	if err := guard("Keep", func() { keep = f.opts.Keep(b.public(f.dir)) }); err != nil {
		f.problem(err)
		return true
	}
	return keep
}

// lookAfterBackups brings the backups to what the options ask for, and returns
// how long that will do. It removes before it compresses, and looks at the
// directory again after each file compressed, so that a busy log does not pile
// up backups meanwhile. When ctx is done, it compresses no more.
func (f *File) lookAfterBackups(ctx context.Context) (again time.Duration) {
	if f.turns != nil {
		if ok, err := tryLock(f.turns.work, true); err != nil || !ok {
			return time.Second // another process is at it
		}
		defer unlock(f.turns.work) //nolint:errcheck // closing does it as well
	}
	living := f.retire()
	left := make(map[string]bool) // those that could not be compressed now
	busy := false                 // one of them because another process has it open
	failed := false
	for {
		backups, err := f.backups(living)
		if err != nil {
			f.problem(fmt.Errorf("rotate: list backups of %s: %w", f.path, err))
			return f.upkeep.failed()
		}
		for _, b := range slices.Backward(f.expired(backups)) { // the oldest first
			if f.keeps(b) {
				continue
			}
			switch removed, err := f.remove(b); {
			case err != nil:
				failed = true
				f.problem(err)
			case removed:
				f.tell("OnRemove", f.opts.OnRemove, b.public(f.dir))
			}
			left[b.name] = true
		}

		next, wait := f.nextToCompress(backups, left)
		if next == nil || ctx.Err() != nil {
			switch {
			case failed:
				return min(wait, f.upkeep.failed())
			case busy:
				wait = min(wait, time.Minute)
			}
			f.upkeep.succeeded()
			return wait
		}
		switch done, err := f.compress(ctx, *next); {
		case err == nil && !done: // what was wrong was put right
		case err == nil:
			f.tellArchived(*next)
		case errors.Is(err, errInUse): // as its live file, not having noticed the rotation
			left[next.name], busy = true, true
		case ctx.Err() == nil:
			left[next.name], failed = true, true
			f.problem(err)
		}
	}
}

// nextToCompress returns the newest of the backups that is to be compressed,
// or nil, and how long to wait for the one after that.
func (f *File) nextToCompress(backups []backup, left map[string]bool) (next *backup, wait time.Duration) {
	wait = cleanInterval
	newest := true // of this process
	for i, b := range backups {
		mayBeRead := newest && b.pid == f.names.pid // by whoever follows the log
		newest = newest && !mayBeRead
		switch {
		case left[b.name] || !b.has(None):
			continue
		case len(b.forms) > 1: // what was interrupted
		case f.opts.Compress == None:
			continue
		case f.opts.CompressDelay > 0:
			if due := f.opts.CompressDelay - b.age(time.Now()); due > 0 {
				wait = min(wait, due)
				continue
			}
		case mayBeRead:
			continue
		}
		return &backups[i], wait
	}
	return nil, wait
}

// remove removes all forms of b, and reports whether there were any.
func (f *File) remove(b backup) (removed bool, err error) {
	for _, form := range b.forms {
		gone := os.Remove(filepath.Join(f.dir, b.name+form.compression.ext()))
		switch {
		case gone == nil:
			removed = true
			f.tally.add(func(s *Stats) { s.Removed, s.BackupBytes = s.Removed+1, s.BackupBytes-form.size })
		case !errors.Is(gone, fs.ErrNotExist):
			err = errors.Join(err, fmt.Errorf("rotate: %w", gone))
		}
	}
	if removed {
		f.tally.add(func(s *Stats) { s.Backups-- })
	}
	return removed, err
}

// makeRoom removes the oldest backup, and reports whether there was one. It is
// called with the lock, and gives it up meanwhile.
func (f *File) makeRoom() bool {
	if f.turns != nil {
		f.turns.done()
		defer func() {
			if !f.closed {
				f.turn()
				_ = f.check() // reported there
			}
		}()
	}
	f.unlock()
	defer f.mu.Lock()
	f.freeing.Lock()
	defer f.freeing.Unlock()
	backups, err := list(f.dir, f.names, f.liveInfo(), f.livingProcesses())
	if err != nil {
		return false
	}
	for _, b := range slices.Backward(backups) {
		if f.keeps(b) {
			continue
		}
		removed, err := f.remove(b)
		if err != nil {
			f.problem(err)
			continue
		}
		if !removed { // somebody else has made room
			return true
		}
		if f.opts.OnRemove != nil {
			f.mu.Lock()
			f.announce("OnRemove", b.name, func() { f.opts.OnRemove(b.public(f.dir)) })
			f.mu.Unlock()
			f.kick()
		}
		return true
	}
	return false
}

// tell tells a hook of the worker's about a backup.
func (f *File) tell(name string, hook func(Backup), b Backup) {
	if hook != nil {
		f.notify(name, func() { hook(b) })
	}
}

func (f *File) tellArchived(b backup) {
	f.tally.add(func(s *Stats) { s.Compressed++ })
	for _, c := range codecs {
		path := filepath.Join(f.dir, b.name+c.ext())
		if info, err := os.Lstat(path); err == nil {
			f.tell("OnArchive", f.opts.OnArchive, Backup{Path: path, Time: b.stamp.time, Size: info.Size(), Compression: c})
			return
		}
	}
}

// compress turns b into its compressed form, or ends what an interrupted
// compression, perhaps by lumberjack, left half done. It reports whether the
// plain form is gone.
func (f *File) compress(ctx context.Context, b backup) (done bool, err error) {
	plain := filepath.Join(f.dir, b.name)
	release, err := hold(plain)
	if errors.Is(err, fs.ErrNotExist) { // removed to make room
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("rotate: compress %s: %w", plain, err)
	}
	defer release()
	for _, c := range codecs {
		if !b.has(c) {
			continue
		}
		good, err := f.finish(ctx, plain, c)
		if err != nil && !exists(plain) { // somebody else was faster
			return false, nil
		}
		if err != nil || !good {
			return false, err
		}
		if done { // one is enough
			if err := os.Remove(plain + c.ext()); err != nil {
				return false, fmt.Errorf("rotate: %w", err)
			}
		}
		done = true
	}
	if !done {
		if err := compressFile(ctx, plain, plain+f.opts.Compress.ext(), f.opts.Compress, f.opts.CompressLevel); err != nil {
			if !exists(plain) { // somebody has removed it meanwhile
				return false, nil
			}
			return false, fmt.Errorf("rotate: compress %s: %w", plain, err)
		}
	}
	if err := os.Remove(plain); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("rotate: %w", err)
	}
	return true, nil
}

// finish looks at a compressed form that is beside the plain one, and reports
// whether it is good. If it is not, it is removed.
func (f *File) finish(ctx context.Context, plain string, c Compression) (good bool, err error) {
	compressed := plain + c.ext()
	switch result, err := compareCompressed(ctx, plain, compressed); {
	case err != nil:
		return false, fmt.Errorf("rotate: compare %s with %s: %w", compressed, plain, err)
	case result == different:
		return false, fmt.Errorf("rotate: %s holds something else than %s: both are kept", compressed, plain)
	case result == unfinished:
		if err := os.Remove(compressed); err != nil {
			return false, fmt.Errorf("rotate: %w", err)
		}
		return false, nil // the next look at the directory goes on from here
	}
	// Only the last step is missing. The compressed form may be newer than the
	// last sync of anything.
	if err := errors.Join(syncFile(compressed), syncDir(f.dir)); err != nil {
		return false, fmt.Errorf("rotate: sync %s: %w", compressed, err)
	}
	return true, nil
}

var errInUse = errors.New("another process has it open")

// forkTime is how long a program that is being started can have a lock which its
// parent has given up.
const forkTime = 50 * time.Millisecond

// hold makes sure that no process has the file at path as its live one, as can
// happen when two of them use it without MultiProcess.
func hold(path string) (release func(), err error) {
	file, err := os.OpenFile(path, os.O_RDWR|noFollow, 0) // as locks on NFS need it
	if errors.Is(err, fs.ErrPermission) {
		file, err = os.OpenFile(path, os.O_RDONLY|noFollow, 0)
	}
	if err != nil {
		return nil, err
	}
	release = func() { _ = file.Close() } // nothing was written to it
	busy := errors.Is(await(file, true, forkTime), errTurn)
	if busy || !locking { // where there are no locks, an open file cannot be removed
		release()
	}
	if busy {
		return nil, errInUse
	}
	return release, nil
}

// sweep removes temporary files, each of a process and written to at a time, that
// are left over.
func sweep(dir string, names naming, left func(pid string, written time.Time) bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		pid, ok := names.temp(entry.Name())
		if !ok || !entry.Type().IsRegular() {
			continue
		}
		if info, err := entry.Info(); err == nil && left(pid, info.ModTime()) {
			errs = append(errs, ignore(os.Remove(filepath.Join(dir, entry.Name())), fs.ErrNotExist))
		}
	}
	return errors.Join(errs...)
}

// resume puts right what an earlier process could not finish, and learns the
// time of its newest backup: names go on from there, so that their order is that
// of the lines even if the clock was set back a little.
func (f *File) resume() error {
	backups, listErr := list(f.dir, f.names, f.live.info, nil)
	for _, b := range backups {
		if b.pid == f.names.pid && !b.stamp.absurd(time.Now()) {
			f.last = b.stamp.time
			break
		}
	}
	return errors.Join(listErr, f.undoInterrupted(), f.sweepOwn())
}

// undoInterrupted makes the live file no backup of itself, unless it is because
// another process is about to rotate it.
func (f *File) undoInterrupted() error {
	if !f.alone() {
		return nil
	}
	info, err := f.live.probe.Stat()
	if err != nil {
		return err
	}
	twins, err := f.twins(info)
	if len(twins) > 0 && f.turns == nil {
		defer await(f.live.probe, false, time.Second) //nolint:errcheck // only a mark for others
		if ok, err := tryLock(f.live.probe, true); err == nil && !ok {
			return nil
		}
	}
	for _, twin := range twins {
		err = errors.Join(err, ignore(os.Remove(twin), fs.ErrNotExist))
	}
	return err
}

// sweepOwn removes what an earlier process with this one's place has left.
func (f *File) sweepOwn() error {
	if f.turns != nil {
		// What others compress has such names as well.
		if ok, err := tryLock(f.turns.work, true); err != nil || !ok || !f.turns.mine {
			return err
		}
		defer unlock(f.turns.work) //nolint:errcheck // closing does it as well
	}
	return sweep(f.dir, f.names, func(pid string, _ time.Time) bool { return pid == f.names.pid })
}
