//go:build linux

package defects_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sluicelog/sluice/internal/testlog"
)

// leavesGoroutine opens and closes one file after the other.
func leavesGoroutine(s *scene) verdict {
	const n = 20
	before := runtime.NumGoroutine()
	for range n {
		f, refused := s.open(settings{})
		if refused != nil {
			return *refused
		}
		s.write(f, "line")
		s.must(f.Rotate())
		s.write(f, "line")
		s.must(f.Close())
	}
	until(time.Second/2, func() bool { return runtime.NumGoroutine() <= before+2 })
	// Two may stay, as a rotation needs two: rotate hands them on from one file to the next.
	grown := runtime.NumGoroutine() - before
	return unless(grown <= 2, "%d files, one after the other: %d goroutines more", n, grown)
}

// leavesHole empties the file as logrotate does with copytruncate.
func leavesHole(s *scene) verdict {
	f, refused := s.open(settings{})
	if refused != nil {
		return *refused
	}
	for range 1000 {
		s.write(f, strings.Repeat("x", 199))
	}
	s.must(os.Truncate(s.path, 0))
	s.write(f, "after")
	data, err := os.ReadFile(s.path)
	s.must(err)
	n := bytes.Count(data, []byte{0})
	return unless(n == 0 && string(data) == "after\n", "%d bytes after a line of 6, %d of them NUL", len(data), n)
}

// dropsAfterFailure takes the right to create files away.
func dropsAfterFailure(s *scene) verdict {
	const n = 2000
	var written int
	refused, err := s.asNobody(func() error {
		f, err := s.product.open(settings{path: s.path, megabytes: 1})
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := f.Write([]byte("line\n")); err != nil {
			return err
		}
		if err := os.Chmod(s.dir, 0o555); err != nil {
			return err
		}
		line := []byte(strings.Repeat("x", 999) + "\n")
		for range n {
			if _, err := f.Write(line); err == nil {
				written++
			}
		}
		return nil
	})
	s.must(err)
	if refused {
		s.Skip("needs a user other than root")
	}
	s.must(os.Chmod(s.dir, 0o755))
	got := len(s.lines()) - 1
	return unless(got == n, "%d lines, for half of which there is a file: %d were written, %d accepted", n, got, written)
}

// losesToOwner has a file that belongs to root and that all may write to.
func losesToOwner(s *scene) verdict {
	if os.Geteuid() != 0 {
		s.Skip("only root can have a file of another owner")
	}
	s.plant("app.log", append(bytes.Repeat([]byte("x"), 1<<20-50), '\n'))
	s.must(os.Chmod(s.path, 0o666))
	var errs []error
	said := s.stderr(func() {
		_, err := s.asNobody(func() error {
			f, err := s.product.open(settings{path: s.path, megabytes: 1})
			if err != nil {
				return err
			}
			for range 3 {
				if _, err := fmt.Fprintln(f, strings.Repeat("y", 99)); err != nil {
					errs = append(errs, err)
				}
			}
			return f.Close()
		})
		s.must(err)
	})
	got := len(s.lines()) - 1
	return unless(got == 3, "%d of 3 lines, errors: %v, on stderr: %.80q", got, errs, said)
}

// nobody is who has no rights of his own.
const nobody = 65534

// asNobody calls f as somebody who has no rights but in the directory of the
// log. Other goroutines keep theirs. It reports whether that cannot be done.
func (s *scene) asNobody(f func() error) (refused bool, err error) {
	if os.Geteuid() != 0 {
		return false, f()
	}
	s.must(os.Chown(s.dir, nobody, nobody))
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err := syscall.Setfsgid(nobody); err != nil {
			done <- err
			return
		}
		if err := syscall.Setfsuid(nobody); err != nil {
			done <- err
			return
		}
		if probe, err := os.CreateTemp("/", "defects-"); err == nil {
			refused = true
			_ = probe.Close()
			_ = os.Remove(probe.Name())
			done <- nil
			return
		}
		done <- f()
	}()
	err = <-done
	return refused, err
}

// onTinyDisk has the log on a small disk of its own.
func (s *scene) onTinyDisk(options string) {
	s.Helper()
	s.dir = testlog.TinyDisk(s.T, options)
	s.path = filepath.Join(s.dir, "app.log")
	s.Cleanup(func() { // somebody may still be compressing, and then it cannot be taken away
		until(5*time.Second, func() bool { return !s.isOpen(s.dir) })
	})
}

// isOpen reports whether this process has a file open that is, or is in, path.
func (s *scene) isOpen(path string) bool {
	s.Helper()
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	s.must(err)
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		target, err := os.Readlink(filepath.Join(dir, e.Name()))
		return err == nil && (target == path || strings.HasPrefix(target, path+"/"))
	})
}

// tearsLine fills the disk and makes room again.
func tearsLine(s *scene) verdict {
	s.onTinyDisk("size=128k")
	filler := s.plant("filler", noise(64<<10))
	f, refused := s.open(settings{})
	if refused != nil {
		return *refused
	}
	written := 0
	for ; written < 1000; written++ {
		if _, err := fmt.Fprintf(f, "line %s end\n", strings.Repeat("x", 190)); err != nil {
			break
		}
	}
	s.must(os.Remove(filler))
	s.write(f, "line after end")
	s.must(f.Close())
	for _, line := range s.lines() {
		if !strings.HasPrefix(line, "line ") || !strings.HasSuffix(line, " end") || strings.Count(line, "line") != 1 {
			return shown("%d bytes %q ... %q", len(line), line[:10], line[len(line)-20:])
		}
	}
	return unless(len(s.lines()) == written+1, "%d lines of %d, all whole", len(s.lines()), written+1)
}

// rotatesLink has the log be a link to where there is more space.
func rotatesLink(s *scene) verdict {
	data := filepath.Join(s.dir, "data")
	s.must(os.Mkdir(data, 0o755))
	s.must(os.WriteFile(filepath.Join(data, "app.log"), nil, 0o600), os.Symlink(filepath.Join(data, "app.log"), s.path))
	f, refused := s.open(settings{})
	if refused != nil {
		return *refused
	}
	s.write(f, "before")
	s.must(f.Rotate())
	s.write(f, "after")
	s.must(f.Close())
	info, err := os.Lstat(s.path)
	s.must(err)
	backups, err := filepath.Glob(filepath.Join(data, "app-*"))
	s.must(err)
	link := info.Mode()&fs.ModeSymlink != 0
	return unless(link && len(backups) == 1, "after a rotation it is a link: %v, backups beside the file: %d", link, len(backups))
}

// missesMove moves the file away.
func missesMove(s *scene) verdict {
	f, refused := s.open(settings{})
	if refused != nil {
		return *refused
	}
	s.write(f, "before")
	s.must(os.Rename(s.path, filepath.Join(s.dir, "moved")))
	begun := time.Now()
	ok := until(1500*time.Millisecond, func() bool {
		s.write(f, "after")
		return exists(s.path)
	})
	return unless(ok, "there is a file at the path again: %v, %.1f s later", ok, time.Since(begun).Seconds())
}

// losesMode rotates a file that all may write to, in a process that masks that.
func losesMode(s *scene) verdict {
	defer syscall.Umask(syscall.Umask(0o027))
	const want = 0o666
	s.plant("app.log", []byte("line\n"))
	s.must(os.Chmod(s.path, want))
	f, refused := s.open(settings{})
	if refused != nil {
		return *refused
	}
	s.write(f, "line")
	s.must(f.Rotate())
	s.write(f, "line")
	info, err := os.Stat(s.path)
	s.must(err, f.Close())
	return unless(info.Mode().Perm() == want, "%#o after a rotation of %#o", info.Mode().Perm(), want)
}
