//go:build linux

package defects_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/rotate"
)

// replacesBackup rotates as fast as it can.
func replacesBackup(s *scene) verdict {
	f, refused := s.open(settings{})
	if refused != nil {
		return *refused
	}
	const n = 200
	for i := range n {
		s.write(f, fmt.Sprint("line ", i))
		s.must(f.Rotate())
	}
	s.must(f.Close())
	return unless(len(s.lines()) == n, "%d lines, each rotated: %d are left, in %d backups", n, len(s.lines()), len(s.backups()))
}

// refusesLarge writes a line that no file has room for.
func refusesLarge(s *scene) verdict {
	f, refused := s.open(settings{megabytes: 1})
	if refused != nil {
		return *refused
	}
	s.write(f, "before")
	if _, err := f.Write(append(bytes.Repeat([]byte("x"), 1<<20), '\n')); err != nil {
		return shown("Write: %v", err)
	}
	s.write(f, "after")
	s.must(f.Close())
	return unless(len(s.lines()) == 3 && len(s.backups()) == 2, "%d of 3 lines in %d files", len(s.lines()), len(s.files()))
}

// refusesAll asks for a size that is never reached.
func refusesAll(s *scene) verdict {
	f, err := s.product.open(settings{path: s.path, megabytes: -1})
	if err != nil {
		return sound("refused at once: %v", err)
	}
	defer f.Close()
	if _, err := f.Write([]byte("line\n")); err != nil {
		return shown("Write: %v", err)
	}
	return sound("written")
}

// ignoresTime asks for a rotation each minute.
func ignoresTime(s *scene) (v verdict) {
	s.inFakeTime(func(s *scene) {
		f, refused := s.open(settings{minutes: true})
		if refused != nil {
			v = *refused
			return
		}
		s.write(f, "first")
		time.Sleep(2 * time.Minute)
		s.write(f, "second")
		s.must(f.Close())
		v = unless(len(s.backups()) > 0 && len(s.lines()) == 2, "two minutes: %d backups", len(s.backups()))
	})
	return v
}

// inFakeTime calls f in a bubble, where time stands still until all sleep.
func (s *scene) inFakeTime(f func(*scene)) {
	s.Helper()
	// What lumberjack leaves running must not begin in the bubble.
	var warm [2]*rotate.File
	for i := range warm {
		f, err := rotate.Open(filepath.Join(s.TempDir(), "warm.log"), nil)
		s.must(err)
		warm[i] = f
	}
	for _, f := range warm { // not before both are open
		s.must(f.Close())
	}
	now := time.Now().Round(0)
	synctest.Test(s.T, func(t *testing.T) {
		time.Sleep(time.Until(now)) // the clock of the bubble begins in another year
		inside := *s
		inside.T = t
		f(&inside)
	})
}

// forgetsPeriod opens a file that was last written two days ago.
func forgetsPeriod(s *scene) verdict {
	s.plant("app.log", []byte("old\n"))
	old := time.Now().Add(-49 * time.Hour)
	s.must(os.Chtimes(s.path, old, old))
	f, refused := s.open(settings{daily: true})
	if refused != nil {
		return *refused
	}
	s.write(f, "new")
	s.must(f.Close())
	return unless(len(s.backups()) == 1, "rotated daily, last written 49 h ago: %d backups", len(s.backups()))
}

// rotatesAfterClose closes a file just when it is to be rotated.
func rotatesAfterClose(s *scene) (v verdict) {
	s.inFakeTime(func(s *scene) {
		for i := range 50 {
			f, refused := s.open(settings{minutes: true})
			if refused != nil {
				v = *refused
				return
			}
			s.write(f, "line")
			now := time.Now()
			time.Sleep(now.Truncate(time.Minute).Add(time.Minute).Sub(now))
			s.must(f.Close())
			synctest.Wait()
			if s.isOpen(s.path) {
				v = shown("open after Close, the %d. time that it came when a rotation was due", i+1)
				return
			}
		}
		v = sound("closed after Close, 50 times when a rotation was due")
	})
	return v
}

// limitsTwice writes the last bytes that there is room for, with and without
// opening the file just then.
func limitsTwice(s *scene) verdict {
	const last = 100
	line := strings.Repeat("x", last-1)
	fill := append(bytes.Repeat([]byte("y"), 1<<20-last-1), '\n')

	f, refused := s.open(settings{megabytes: 1})
	if refused != nil {
		return *refused
	}
	_, err := f.Write(fill)
	s.must(err)
	s.write(f, line)
	open := len(s.backups())
	s.must(f.Close(), os.Remove(s.path))

	s.plant("app.log", fill)
	f, _ = s.open(settings{megabytes: 1})
	s.write(f, line)
	opened := len(s.backups()) - open
	s.must(f.Close())
	return unless(open == opened, "a line that just fits rotates %d times, and %d when it is the first one", open, opened)
}

// writesAfterClose uses a file that was closed.
func writesAfterClose(s *scene) verdict {
	f, refused := s.open(settings{})
	if refused != nil {
		return *refused
	}
	s.write(f, "line")
	s.must(f.Close())
	_, written := f.Write([]byte("late\n"))
	rotated := f.Rotate()
	left := len(s.lines())
	return unless(written != nil && rotated != nil && left == 1,
		"after Close: Write: %v, Rotate: %v, %d lines of 1", written, rotated, left)
}

// lacksHooks uses what only rotate has, on top of what the Logger says.
func lacksHooks(s *scene) verdict {
	var told []string
	o := &rotate.Options{
		MaxTotalSize: 6 * rotate.KiB, Compress: rotate.Zstd,
		OnRotate:  func(rotate.Event) { told = append(told, "rotated") },
		OnArchive: func(rotate.Backup) { told = append(told, "archived") },
		OnRemove:  func(rotate.Backup) { told = append(told, "removed") },
	}
	var (
		f   *rotate.File
		err error
	)
	switch s.name {
	case "rotate":
		f, err = rotate.Open(s.path, o)
	case "Wrap":
		f, err = rotate.Wrap(jack(settings{path: s.path}), o)
	default:
		return verdict{absent, errNoOption.Error()}
	}
	s.must(err)
	big := time.Now().UTC().Add(-time.Hour)
	s.plant(s.backup(big), bytes.Repeat([]byte("line\n"), 1<<20)) // exceeds the limit
	for i := range 3 {
		s.write(f, fmt.Sprint("line ", i))
		s.must(f.Rotate())
		// Each of the three has its time: what is to be removed need not be compressed first.
		until(time.Second, func() bool { return f.Stats().Backups <= i+1 && f.Stats().Compressed >= uint64(max(i-1, 0)) })
	}
	s.must(f.Close()) // after which the hooks are not called
	slices.Sort(told)
	told = slices.Compact(told)
	zipped, err := filepath.Glob(filepath.Join(s.dir, "*.zst"))
	s.must(err)
	ok := len(told) == 3 && len(zipped) > 0 && len(s.lines()) == 3 && f.Stats().BackupBytes <= o.MaxTotalSize
	return unless(ok, "told: %v, %d of them zstd, %d lines of 3", told, len(zipped), len(s.lines()))
}

// movesTag is about a repository, and no test can say of one that it will not
// happen again: go.sum would notice.
func movesTag(*scene) verdict { return verdict{absent, "of the repository, not of the program"} }
