package rotate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluicelog/sluice/internal/panics"
)

// CleanOptions say which files [Clean] removes: those that exceed any of its
// limits, at least one of which must be set.
type CleanOptions struct {
	// Pattern is what the name of a file must match, in the syntax of
	// [path.Match], for Clean to count and remove it. Empty means log files and
	// what rotations make of them: app.log, app-20261121T233046.123456Z.log,
	// app.log.1, app.log-20261121, compressed or not.
	Pattern string

	// Match, if not nil, takes the place of Pattern, which must be empty then: it is
	// asked whether a file with this name counts, for what no pattern can say.
	Match func(name string) bool

	// MaxAge is how old a file may be. Zero means no limit; negative values
	// are an error.
	MaxAge time.Duration

	// MaxFiles is how many files may be there. The newest stay. Zero means no
	// limit; negative values are an error.
	MaxFiles int

	// MaxTotalSize is how many bytes the files may have together. The newest
	// stay. Zero means no limit; negative values are an error.
	MaxTotalSize int64

	// Keep, if not nil, is asked before a file is removed, and keeps it by
	// returning true. If it panics, the file is kept and Clean returns an error.
	Keep func(Backup) bool

	// DryRun makes Clean report what it would remove, and remove nothing.
	DryRun bool
}

func (o *CleanOptions) withDefaults() (CleanOptions, error) {
	var opts CleanOptions
	if o != nil {
		opts = *o
	}
	if err := checkPattern(opts.Pattern); err != nil {
		return opts, err
	}
	switch {
	case opts.Match != nil && opts.Pattern != "":
		return opts, fmt.Errorf("the Pattern is %q, must be empty beside Match", opts.Pattern)
	case opts.MaxAge < 0:
		return opts, fmt.Errorf("MaxAge is %v, must be 0 (no limit) or more", opts.MaxAge)
	case opts.MaxFiles < 0:
		return opts, fmt.Errorf("MaxFiles is %d, must be 0 (no limit) or more", opts.MaxFiles)
	case opts.MaxTotalSize < 0:
		return opts, fmt.Errorf("MaxTotalSize is %d, must be 0 (no limit) or more", opts.MaxTotalSize)
	case opts.MaxAge == 0 && opts.MaxFiles == 0 && opts.MaxTotalSize == 0:
		return opts, errors.New("there is no limit: set MaxAge, MaxFiles or MaxTotalSize")
	}
	return opts, nil
}

// CleanReport is what [Clean] has done, or would have done.
type CleanReport struct {
	Removed []Backup // oldest first
	InUse   []Backup // exceeded a limit, but somebody writes to them
	Freed   int64    // bytes in what was removed, but for files that have other names still
}

// Clean removes old log files from the directory dir, in which it does what a
// [File] does for its own backups: it is for a job that runs now and then, and
// for the files of programs that are no more or that never clean up.
//
// The age of a file is counted from the time in its name if that is the name of
// a backup, by this package, lumberjack or timberjack, and from the last write
// to it if not. The oldest files go first. Files that stay because they are in
// use or because of Keep count for the limits, as do those that cannot be
// removed.
//
// Clean removes nothing but regular files directly in dir whose names match
// Pattern, or are for Match, and do not begin with a dot, and no file that somebody has open for
// writing, which it has to be allowed to read. On Linux that is known for sure of
// the files that belong to the user, and to a process with CAP_LEASE, such as
// root's, of all, on the usual local file systems; on Windows it is known of all.
// Elsewhere it is known of the files
// that a File has open, and every file written to within the last minute is taken
// for one in use. Nobody can tell of a program that opens its file only for the
// moment of each line. A symbolic link is neither followed nor removed, but dir
// itself may be one.
//
// Clean fails if an option is out of range or if dir cannot be read. What fails
// later does not keep the other files from being removed: the error is all that
// went wrong, and the report holds what was done nevertheless. Between two files
// Clean ends when ctx does.
func Clean(ctx context.Context, dir string, opts *CleanOptions) (CleanReport, error) {
	report, err := clean(ctx, dir, opts)
	if err != nil {
		err = fmt.Errorf("rotate: clean %s: %w", dir, err)
	}
	return report, err
}

func clean(ctx context.Context, dir string, opts *CleanOptions) (report CleanReport, err error) {
	o, err := opts.withDefaults()
	if err != nil {
		return report, err
	}
	d, err := openFolder(dir)
	if err != nil {
		return report, err
	}
	defer d.close()
	files, err := d.list(o.Pattern, o.Match)
	if err != nil {
		return report, err
	}
	var oldest time.Time
	if o.MaxAge > 0 {
		oldest = time.Now().Add(-o.MaxAge)
	}
	count, size := len(files), int64(0)
	for _, l := range files {
		size += l.info.Size()
	}
	var errs []error
	for _, l := range files {
		expired := l.time.Before(oldest) ||
			o.MaxFiles > 0 && count > o.MaxFiles ||
			o.MaxTotalSize > 0 && size > o.MaxTotalSize
		if !expired { // nor are those that are newer
			break
		}
		if ctx.Err() != nil {
			errs = append(errs, context.Cause(ctx))
			break
		}
		b := d.backup(l)
		if keep, err := veto(o.Keep, b); keep {
			errs = append(errs, err)
			continue
		}
		switch err := d.clean(l, o.DryRun); {
		case err == nil:
			report.Removed = append(report.Removed, b)
			if !linked(l.info) {
				report.Freed += b.Size
			}
		case errors.Is(err, errWritten):
			report.InUse = append(report.InUse, b)
			continue
		case !errors.Is(err, errGone):
			errs = append(errs, err)
			continue
		}
		count--
		size -= b.Size
	}
	return report, errors.Join(errs...)
}

// clean removes l unless it is in use.
func (d folder) clean(l logFile, dryRun bool) error {
	f, err := d.open(l)
	if err != nil {
		return err
	}
	return d.remove(f, l, dryRun)
}

// veto asks keep whether b is to stay.
func veto(keep func(Backup) bool, b Backup) (kept bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			kept, err = true, fmt.Errorf("the hook Keep panicked on %s: %s", b.Path, panics.Text(v))
		}
	}()
	return keep != nil && keep(b), nil
}
