package rotate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// maxUnsynced is how many rotated files are remembered for the next Sync. When
// there are more, the worker syncs them.
const maxUnsynced = 64

// Sync returns after every line whose Write has returned is on the storage
// device (fsync), those in files that have been rotated since the last Sync
// included. Writes go on meanwhile. After Close, it fails with [os.ErrClosed].
func (f *File) Sync() error { return f.Flush(context.Background()) }

// Flush is [File.Sync] with a limit: it fails if ctx is done before the last
// file's turn. The sync of one file cannot be interrupted. A File holds nothing
// back from the operating system: Flush is about a crash of the machine, not of
// the program.
func (f *File) Flush(ctx context.Context) error {
	if err := f.flush(ctx); err != nil {
		return fmt.Errorf("rotate: sync %s: %w", f.path, err)
	}
	return nil
}

func (f *File) flush(ctx context.Context) error {
	f.syncing.Lock()
	defer f.syncing.Unlock()
	var errs []error // of files that are gone now
	for {
		f.mu.Lock()
		live, backups, former, renamed := f.live, f.unsynced, f.former, f.renamed
		switch {
		case f.closed:
			errs = append(errs, os.ErrClosed)
		case live == nil:
			errs = append(errs, fmt.Errorf("there is no open file: %w", os.ErrNotExist))
		default:
			f.unsynced, f.former, f.dirty = nil, nil, false
		}
		f.unlock()
		if live == nil {
			return errors.Join(errs...)
		}
		for _, file := range former {
			errs = append(errs, syncAndClose(file))
		}
		err := f.syncBackups(ctx, backups)
		if err == nil {
			err = context.Cause(ctx)
		}
		if err == nil {
			err = bare(live.probe.Sync())
		}
		if err == nil && renamed {
			err = syncDir(f.dir)
		}
		switch {
		case err == nil:
			f.mu.Lock()
			f.renamed = f.renamed && f.live != live
			f.mu.Unlock()
			return errors.Join(errs...)
		case errors.Is(err, os.ErrClosed) && !f.isLive(live):
			continue // rotated this moment: it is among the backups now
		}
		f.mu.Lock()
		f.unsynced = append(backups, f.unsynced...)
		f.soil(false)
		f.unlock()
		return errors.Join(append(errs, err)...)
	}
}

func (f *File) isLive(seg *segment) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.live == seg
}

func syncAndClose(file *os.File) error { return errors.Join(file.Sync(), file.Close()) }

func (f *File) syncBackups(ctx context.Context, paths []string) error {
	for _, path := range paths {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		// A backup that is gone was removed, or compressed and synced then.
		if err := ignore(syncFile(path), fs.ErrNotExist); err != nil {
			return err
		}
	}
	return nil
}

// syncName makes the name of the live file durable, if it may not be.
func (f *File) syncName() error {
	if !f.renamed {
		return nil
	}
	err := syncDir(f.dir)
	f.renamed = err != nil
	return err
}

// letGo syncs and closes the files that somebody has moved away.
func (f *File) letGo() {
	f.syncing.Lock()
	defer f.syncing.Unlock()
	f.mu.Lock()
	former := f.former
	f.former = nil
	f.mu.Unlock()
	for _, file := range former {
		if err := syncAndClose(file); err != nil {
			f.problem(fmt.Errorf("rotate: close the former %s: %w", f.path, err))
		}
	}
}

// catchUp keeps short what a Sync has to do.
func (f *File) catchUp(ctx context.Context) {
	f.letGo()
	f.syncing.Lock()
	defer f.syncing.Unlock()
	f.mu.Lock()
	backups := f.unsynced
	if len(backups) <= maxUnsynced || ctx.Err() != nil {
		f.mu.Unlock()
		return
	}
	f.unsynced = nil
	f.mu.Unlock()
	// Not the live file: those who write to it would wait.
	if err := f.syncBackups(ctx, backups); err != nil {
		f.mu.Lock()
		f.unsynced = append(backups, f.unsynced...)
		f.mu.Unlock()
		if ctx.Err() == nil {
			f.problem(fmt.Errorf("rotate: sync the backups of %s: %w", f.path, err))
		}
	}
}

// soil notes that there is something to sync, or that there is not.
func (f *File) soil(synced bool) {
	switch {
	case synced:
		f.dirty = len(f.unsynced) > 0
	case !f.dirty:
		f.dirty = true
		if f.syncDue != nil {
			f.syncDue.Reset(f.opts.SyncInterval)
		}
	}
}

// syncSoon is what SyncInterval asks for.
func (f *File) syncSoon() {
	if err := f.Sync(); err != nil && f.liveInfo() != nil { // it was not closed
		f.problem(err)
	}
}

// syncIfDirty syncs what nobody has synced yet.
func (f *File) syncIfDirty(ctx context.Context) error {
	f.syncing.Lock() // one under way may fail
	f.mu.Lock()
	dirty := f.dirty
	f.mu.Unlock()
	f.syncing.Unlock()
	if !dirty {
		return nil
	}
	return f.Flush(ctx)
}
