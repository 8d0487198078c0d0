package rotate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// folder is one directory of log files. Nothing outside of it can be reached
// through it, whatever happens to its path or to the links in it meanwhile.
type folder struct {
	root *os.Root
	path string
}

func openFolder(path string) (folder, error) {
	if path == "" {
		return folder{}, errors.New("the path of the directory is empty")
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return folder{path: path}, err
	}
	return folder{root, path}, nil
}

// close gives the descriptor back.
func (d folder) close() {
	if d.root != nil {
		_ = d.root.Close() // nothing was written to it
	}
}

func (d folder) sync() error {
	if runtime.GOOS == "windows" { // cannot sync a directory
		return nil
	}
	self, err := d.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(self.Sync(), self.Close())
}

// syncFile makes the content of the file called name durable.
func (d folder) syncFile(name string) error {
	flag := os.O_RDONLY
	if runtime.GOOS == "windows" { // syncs only what it may write to
		flag = os.O_RDWR
	}
	f, err := d.root.OpenFile(name, flag, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// logFile is a regular file in a folder, as it was when the folder was read.
type logFile struct {
	name    string
	info    fs.FileInfo
	stamped bool      // its name tells the time
	time    time.Time // when it became a backup if its name says so, else of the last write
}

func (d folder) backup(l logFile) Backup {
	return Backup{
		Path:        filepath.Join(d.path, l.name),
		Time:        l.time,
		Size:        l.info.Size(),
		Compression: compressionOf(l.name),
	}
}

// list returns the log files whose names match pattern, or are for match if that is
// not nil, oldest first. Hidden files are not among them: those belong to programs at work. Of a file with two
// names, as a process leaves it that is killed in a rotation, there is one.
func (d folder) list(pattern string, match func(name string) bool) ([]logFile, error) {
	names, err := d.names()
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	if match == nil {
		match = func(name string) bool { return matches(pattern, name) }
	}
	var files []logFile
	alike := make(map[[2]int64][]int) // indexes of those that may be one file
	for _, name := range names {
		if strings.HasPrefix(name, ".") || !match(name) {
			continue
		}
		info, err := d.root.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) { // gone meanwhile
			continue
		}
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			continue
		}
		l := logFile{name: name, info: info, time: info.ModTime()}
		if t, ok := timeInName(name); ok && !(stamp{time: t}).absurd(time.Now()) {
			l.time, l.stamped = t, true
		}
		key := [2]int64{info.Size(), info.ModTime().UnixNano()}
		if at := slices.IndexFunc(alike[key], func(i int) bool { return os.SameFile(files[i].info, info) }); at < 0 {
			alike[key] = append(alike[key], len(files))
			files = append(files, l)
		} else if i := alike[key][at]; l.stamped && !files[i].stamped {
			files[i] = l // of two names that one has which tells the time
		}
	}
	slices.SortFunc(files, func(a, b logFile) int {
		if c := a.time.Compare(b.time); c != 0 {
			return c
		}
		return strings.Compare(a.name, b.name)
	})
	return files, nil
}

// matches reports whether pattern is for the file called name. An empty one is
// for log files and what rotations make of them: app.log, app.log.1,
// app.log-20260101.gz, but not app.logic.go.
func matches(pattern, name string) bool {
	if pattern != "" {
		ok, _ := path.Match(pattern, name)
		return ok
	}
	for _, ext := range []string{".gz", ".zst", ".bz2", ".xz"} {
		name = strings.TrimSuffix(name, ext)
	}
	at := strings.LastIndex(name, ".log")
	if at < 0 {
		return false
	}
	suffix := name[at+len(".log"):]
	if _, ok := timeInName(name); ok {
		return true
	}
	return suffix == "" || strings.ContainsRune(".-_", rune(suffix[0])) && strings.Trim(suffix, "0123456789.-_:+TZ") == ""
}

func (d folder) names() ([]string, error) {
	self, err := d.root.Open(".")
	if err != nil {
		return nil, err
	}
	names, err := self.Readdirnames(-1)
	return names, errors.Join(err, self.Close())
}

var (
	errWritten = errors.New("somebody is writing to it")
	errGone    = errors.New("removed or replaced meanwhile")
)

// open opens l for reading. It fails with errWritten if somebody writes to it, and
// with errGone if the file is not there any more, or another one by its name.
func (d folder) open(l logFile) (*os.File, error) {
	if now, err := d.root.Lstat(l.name); err == nil && !os.SameFile(now, l.info) {
		return nil, errGone
	}
	// Should a pipe take the place of the file, opening it must not wait.
	f, err := d.root.OpenFile(l.name, os.O_RDONLY|noWait, 0)
	switch {
	case errors.Is(err, errBusy):
		return nil, errWritten
	case errors.Is(err, fs.ErrNotExist):
		return nil, errGone
	case err != nil:
		return nil, err
	}
	if err := d.settled(f, l); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// settled fails unless the file that f has open is l, as it was when the folder
// was read, and nobody writes to it.
func (d folder) settled(f *os.File, l logFile) error {
	info, err := f.Stat()
	switch {
	case err != nil:
		return err
	case !os.SameFile(info, l.info):
		return errGone
	case info.Size() != l.info.Size() || !info.ModTime().Equal(l.info.ModTime()):
		return errWritten // by somebody who opens it for each line, perhaps
	}
	switch busy, err := inUse(f); {
	case err != nil:
		return fmt.Errorf("find out whether %s is in use: %w", l.name, err)
	case busy:
		return errWritten
	}
	// Only now look at what the name means: a program that rotates a file
	// renames it before it closes it, so a file that nobody has open is no
	// longer the one at the live path, or it is and stays there.
	now, err := d.root.Lstat(l.name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(now, l.info) {
		return errGone
	}
	return err
}

// remove removes l, which f has open, if it is still settled. It closes f.
func (d folder) remove(f *os.File, l logFile, dryRun bool) error {
	err := d.settled(f, l)
	if err := errors.Join(err, f.Close()); err != nil || dryRun {
		return err
	}
	err = d.root.Remove(l.name)
	if errors.Is(err, fs.ErrNotExist) {
		return errGone
	}
	return err
}

// timeInName returns the time that the name of a backup tells, whichever log it
// is of: of a time without a zone, as lumberjack writes it, the later of what
// it is in UTC and in local time.
func timeInName(name string) (latest time.Time, ok bool) {
	plain := strings.TrimSuffix(name, compressionOf(name).ext())
	for i, c := range plain {
		if c != '-' {
			continue
		}
		for _, ext := range []string{filepath.Ext(plain), ""} {
			for _, zone := range []*time.Location{time.UTC, time.Local} {
				n := naming{base: plain[:i], ext: ext, zone: zone}
				if p, parsed := n.parse(name); parsed && (!ok || p.stamp.time.After(latest)) {
					latest, ok = p.stamp.time, true
				}
			}
		}
		if ok {
			break
		}
	}
	return latest, ok
}

// checkPattern fails if no log file can match pattern.
func checkPattern(pattern string) error {
	_, err := path.Match(pattern, "")
	switch {
	case err != nil:
		return fmt.Errorf("the Pattern is %q: %w", pattern, err)
	case strings.Contains(pattern, "/"):
		return fmt.Errorf("the Pattern is %q, must be a pattern for names, without a slash", pattern)
	case strings.HasPrefix(pattern, "."):
		return fmt.Errorf("the Pattern is %q, must not be for hidden files, which are never touched", pattern)
	}
	return nil
}
