package rotate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// lookAfterBackups brings the backups to what the options ask for, and returns
// how long that will do. When ctx is done, it compresses no more.
func (f *File) lookAfterBackups(ctx context.Context) (again time.Duration) {
	if f.turns != nil {
		if ok, err := tryLock(f.turns.work, true); err != nil || !ok {
			return time.Second // another process is at it
		}
		defer unlock(f.turns.work) //nolint:errcheck // closing does it as well
	}
	r := round{File: f, living: f.retire(), done: make(map[string]bool), wait: cleanInterval}
	for more := true; more; {
		more = r.step(ctx)
	}
	if r.failed {
		return min(r.wait, f.upkeep.failed())
	}
	f.upkeep.succeeded()
	return r.wait
}

// A round is one time of looking after the backups.
type round struct {
	*File
	living map[string]bool // other processes, which look after theirs
	done   map[string]bool // backups with which nothing more is to be done this time
	wait   time.Duration   // until there is something to do
	failed bool            // something, to be tried again
}

// step removes what exceeds the limits, then compresses one backup, and reports
// whether there was one. The directory is read again for each, so that a busy log
// does not pile up backups meanwhile.
func (r *round) step(ctx context.Context) bool {
	backups, err := r.backups(r.living)
	if err != nil {
		r.fail(fmt.Errorf("rotate: list backups of %s: %w", r.path, err))
		return false
	}
	r.removeExpired(backups)
	next := r.nextToCompress(backups)
	if next == nil || ctx.Err() != nil {
		return false
	}
	switch compressed, err := r.compress(ctx, *next); {
	case err == nil && compressed:
		r.tellArchived(*next)
	case err == nil: // what was wrong has been put right
	case errors.Is(err, errInUse): // by a process that has not noticed the rotation
		r.done[next.name] = true
		r.wait = min(r.wait, time.Minute)
	case ctx.Err() == nil:
		r.done[next.name] = true
		r.fail(err)
	}
	return true
}

func (r *round) fail(err error) {
	r.failed = true
	r.problem(err)
}

// removeExpired removes those of the backups that exceed a limit, the oldest first.
func (r *round) removeExpired(backups []backup) {
	for _, b := range slices.Backward(r.expired(backups)) {
		if r.keeps(b) {
			continue
		}
		r.done[b.name] = true
		switch removed, err := r.remove(b); {
		case err != nil:
			r.fail(err)
		case removed:
			r.tell("OnRemove", r.opts.OnRemove, b.public(r.dir))
		}
	}
}

// nextToCompress returns the newest of the backups that is to be compressed, or
// nil.
func (r *round) nextToCompress(backups []backup) *backup {
	newest := true // of this process
	for i, b := range backups {
		mayBeRead := newest && b.pid == r.names.pid // by whoever follows the log
		newest = newest && !mayBeRead
		switch {
		case r.done[b.name] || !b.has(None):
			continue
		case len(b.forms) > 1: // what was interrupted
		case r.opts.Compress == None:
			continue
		case r.opts.CompressDelay > 0:
			if due := r.opts.CompressDelay - b.age(time.Now()); due > 0 {
				r.wait = min(r.wait, due)
				continue
			}
		case mayBeRead:
			continue
		}
		return &backups[i]
	}
	return nil
}

// compress turns b into its compressed form, or ends what an interrupted
// compression, perhaps by lumberjack, left half done. It reports whether that is
// all, and b is compressed.
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
