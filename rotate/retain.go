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

// A backup is what one rotation left: a plain file, its compressed form, or
// both if turning one into the other was interrupted.
type backup struct {
	name           string // the plain form's
	stamp          stamp
	plain, gzipped bool
}

// files returns the names of what there is of b.
func (b backup) files() []string {
	var names []string
	if b.plain {
		names = append(names, b.name)
	}
	if b.gzipped {
		names = append(names, b.name+gzipExt)
	}
	return names
}

// list returns the backups in dir, newest first. A file is one only if its
// whole name says so, if it is a regular file, and if it is not the live one.
func list(dir string, names naming, live fs.FileInfo) ([]backup, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	byName := make(map[string]*backup)
	for _, entry := range entries {
		plain, s, ok := names.parse(entry.Name())
		if !ok || !entry.Type().IsRegular() {
			continue
		}
		if info, err := entry.Info(); err != nil || live != nil && os.SameFile(info, live) {
			continue // an error means that it is gone by now
		}
		b := byName[plain]
		if b == nil {
			b = &backup{name: plain, stamp: s}
			byName[plain] = b
		}
		if entry.Name() == plain {
			b.plain = true
		} else {
			b.gzipped = true
		}
	}
	backups := make([]backup, 0, len(byName))
	for _, b := range byName {
		backups = append(backups, *b)
	}
	slices.SortFunc(backups, func(a, b backup) int { return b.stamp.compare(a.stamp) })
	return backups, nil
}

// split divides backups, newest first, into those to keep and those that
// exceed maxBackups in number or were made before oldest. Zero values set no
// limit.
func split(backups []backup, maxBackups int, oldest time.Time) (keep, expired []backup) {
	for i, b := range backups {
		if maxBackups > 0 && i >= maxBackups || !oldest.IsZero() && b.stamp.time.Before(oldest) {
			expired = append(expired, b)
		} else {
			keep = append(keep, b)
		}
	}
	return keep, expired
}

// retain brings the backups to what the options ask for. It removes before it
// compresses, and looks at the directory again after each file compressed, so
// that a busy log does not pile up backups meanwhile. When ctx is done, it
// compresses no more.
func (f *File) retain(ctx context.Context) {
	failed := make(map[string]bool)
	for {
		backups, err := list(f.dir, f.names, f.liveInfo())
		if err != nil {
			f.fail(fmt.Errorf("rotate: list backups of %s: %w", f.path, err))
			return
		}
		var oldest time.Time
		if f.opts.MaxAge > 0 {
			oldest = time.Now().Add(-f.opts.MaxAge)
		}
		keep, expired := split(backups, f.opts.MaxBackups, oldest)
		f.remove(expired)

		// The newest backup may still be being read by whoever follows the log.
		next := slices.IndexFunc(keep, func(b backup) bool {
			newest := b.name == keep[0].name
			return !failed[b.name] && b.plain && (b.gzipped || f.opts.Compress && !newest)
		})
		if next < 0 || ctx.Err() != nil {
			return
		}
		b := keep[next]
		if err := f.compress(ctx, b); err != nil && ctx.Err() == nil {
			failed[b.name] = true
			f.fail(err)
		}
	}
}

func (f *File) remove(expired []backup) {
	for _, b := range expired {
		for _, name := range b.files() {
			if err := os.Remove(filepath.Join(f.dir, name)); err == nil {
				f.tally.add(func(s *Stats) { s.Removed++ })
			} else if !errors.Is(err, fs.ErrNotExist) {
				f.fail(fmt.Errorf("rotate: %w", err))
			}
		}
	}
}

// compress turns b into its gzipped form, or ends what an interrupted
// compression, perhaps by lumberjack, left half done.
func (f *File) compress(ctx context.Context, b backup) error {
	plain := filepath.Join(f.dir, b.name)
	gzipped := plain + gzipExt
	if b.gzipped {
		switch result, err := compareGzip(ctx, plain, gzipped); {
		case err != nil:
			return fmt.Errorf("rotate: compare %s with %s: %w", gzipped, plain, err)
		case result == different:
			return fmt.Errorf("rotate: %s holds something else than %s: both are kept", gzipped, plain)
		case result == unfinished:
			if err := os.Remove(gzipped); err != nil {
				return fmt.Errorf("rotate: %w", err)
			}
			return nil // the next look at the directory goes on from here
		case result == equal:
			// Only the last step is missing. The compressed form may be newer
			// than the last sync of anything.
			if err := errors.Join(syncFile(gzipped), syncDir(f.dir)); err != nil {
				return fmt.Errorf("rotate: sync %s: %w", gzipped, err)
			}
		}
	} else if err := gzipFile(ctx, plain, gzipped); err != nil {
		return fmt.Errorf("rotate: compress %s: %w", plain, err)
	}
	if err := os.Remove(plain); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("rotate: %w", err)
	}
	f.tally.add(func(s *Stats) { s.Compressed++ })
	return nil
}

// sweep removes temporary files that a process that is no more has left.
func sweep(dir string, names naming) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		if !entry.Type().IsRegular() || !names.isTemp(entry.Name()) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, entry.Name())); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
