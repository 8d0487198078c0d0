package clean

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/sluicelog/sluice/pipeline"
	"github.com/sluicelog/sluice/rotate"
)

// target is a directory and what may stay in it.
type target struct {
	dir, pattern string
	backupsOf    string                 // the log file, if nothing but its backups counts
	match        func(name string) bool // what counts then
	maxAge       time.Duration
	maxFiles     int
	maxTotalSize int64
}

func (t *target) options() *rotate.CleanOptions {
	return &rotate.CleanOptions{Pattern: t.pattern, Match: t.match, MaxAge: t.maxAge, MaxFiles: t.maxFiles, MaxTotalSize: t.maxTotalSize}
}

// plan finds out what would be removed.
func (t *target) plan(ctx context.Context) *directory {
	d := &directory{Directory: t.dir, BackupsOf: t.backupsOf, Pattern: t.pattern, Exceeding: []*file{}}
	all, err := t.inventory(ctx)
	if err != nil {
		d.fail(ctx, err)
		return d
	}
	o := t.options()
	o.DryRun = true
	dry, err := rotate.Clean(ctx, t.dir, o)
	d.fail(ctx, err)
	d.freed = dry.Freed
	states := make(map[string]state, len(dry.Removed)+len(dry.InUse))
	for _, b := range dry.Removed {
		states[b.Path] = planned
	}
	for _, b := range dry.InUse {
		states[b.Path] = inUse
	}
	now, count := time.Now(), len(all)
	for _, b := range all {
		d.Files++
		d.Size += b.Size
	}
	size := d.Size
	for _, b := range all {
		s, ok := states[b.Path]
		if !ok { // it stays, or it could not be looked at and its error is there
			continue
		}
		info, _ := os.Lstat(b.Path) // what is gone by now stays unknown, and is not removed
		d.Exceeding = append(d.Exceeding, &file{
			Path: b.Path, Size: b.Size, Time: b.Time, Age: now.Sub(b.Time), Why: t.exceeded(b, now, count, size), State: s, info: info,
		})
		if s == planned {
			count--
			size -= b.Size
		}
	}
	return d
}

// inventory returns all files that count, oldest first. Clean asks about each of them when nothing is little enough, and
// removes none, as all are kept.
func (t *target) inventory(ctx context.Context) (all []rotate.Backup, err error) {
	_, err = rotate.Clean(ctx, t.dir, &rotate.CleanOptions{
		Pattern: t.pattern, Match: t.match, MaxAge: 1, MaxFiles: 1, MaxTotalSize: 1, DryRun: true,
		Keep: func(b rotate.Backup) bool {
			all = append(all, b)
			return true
		},
	})
	return all, err
}

// exceeded returns in words the limits that a file exceeds when so much is left.
func (t *target) exceeded(b rotate.Backup, now time.Time, count int, size int64) (why []string) {
	if t.maxAge > 0 && now.Sub(b.Time) > t.maxAge {
		why = append(why, "older than "+pipeline.Duration(t.maxAge).String())
	}
	if t.maxFiles > 0 && count > t.maxFiles {
		why = append(why, "more than "+files(t.maxFiles))
	}
	if t.maxTotalSize > 0 && size > t.maxTotalSize {
		why = append(why, "more than "+pipeline.Size(t.maxTotalSize).String())
	}
	return why
}

// remove removes what is planned for the directory and still so: whatever has changed since stays, and so does what has come
// since. It calls progress with the size of each file that is dealt with.
func (t *target) remove(ctx context.Context, d *directory, progress func(size int64)) {
	plan := make(map[string]*file, len(d.Exceeding))
	for _, f := range d.Exceeding {
		if f.State == planned {
			plan[f.Path] = f
			f.State = kept
		}
	}
	d.freed = 0
	if len(plan) == 0 {
		return
	}
	o := t.options()
	o.Keep = func(b rotate.Backup) bool {
		f := plan[b.Path]
		if f == nil {
			return true
		}
		info, err := os.Lstat(b.Path)
		if err != nil || !os.SameFile(info, f.info) || info.Size() != f.info.Size() || !info.ModTime().Equal(f.info.ModTime()) {
			return true
		}
		progress(f.Size)
		return false
	}
	done, err := rotate.Clean(ctx, t.dir, o)
	d.freed = done.Freed
	d.Errors = nil // Clean repeats those of the dry run that are still true
	d.fail(ctx, err)
	for _, b := range done.Removed {
		plan[b.Path].State = removed
	}
}

// fail notes what has gone wrong, other than the end of the context.
func (d *directory) fail(ctx context.Context, err error) {
	if err == nil {
		return
	}
	all := []error{errors.Unwrap(err)} // which is behind the name of the directory
	if joined, ok := all[0].(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	}
	for _, one := range all {
		if !errors.Is(one, context.Cause(ctx)) {
			d.Errors = append(d.Errors, fmt.Sprintf("%s: %v", d.Directory, one))
		}
	}
}

// files returns a number of files in words.
func files(n int) string { return humanize.Comma(int64(n)) + " file" + plural(int64(n)) }

func plural(n int64) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// bytes returns a number of bytes as package humanize wants it.
func bytes(n int64) uint64 { return uint64(max(n, 0)) }
