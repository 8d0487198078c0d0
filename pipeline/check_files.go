package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/dustin/go-humanize"

	"github.com/sluicelog/sluice/internal/volume"
	"github.com/sluicelog/sluice/rotate"
)

// directoryOnce returns what looks at the directory of a sink's file, unless another
// sink's is in it: then there is nothing more to say.
func (c *checker) directoryOnce(seen map[string]bool, s *Sink) func(context.Context, *report) {
	dir := dirOf(s.Path)
	if seen[dir] {
		return func(context.Context, *report) {}
	}
	seen[dir] = true
	mode := s.fileOptions().DirMode
	audit := false
	for i := range c.cfg.Sinks {
		other := &c.cfg.Sinks[i]
		audit = audit || other.Type == Audit && other.Path != "" && dirOf(other.Path) == dir
	}
	return func(_ context.Context, r *report) { c.directory(dir, mode, audit, r) }
}

// dirOf returns the directory of a file, from the root on.
func dirOf(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return filepath.Dir(path)
}

// directory looks at a directory in which files are to be written.
func (c *checker) directory(dir string, mode fs.FileMode, audit bool, r *report) {
	what := "directory " + dir
	if mode == 0 {
		mode = 0o750
	}
	at, info, err := foothold(dir)
	if err != nil {
		r.fail(what, strings.TrimPrefix(err.Error(), dir+" "), wayOut(err, dir))
		return
	}
	err = rotate.Probe(dir)
	exposed := errors.Is(err, rotate.ErrWorldWritable)
	switch {
	case exposed && audit:
		r.fail(what, belongs(info)+": every user may replace the audit file", "run: sudo chmod o-w "+shellWord(at))
	case exposed:
		r.warn(what, belongs(info)+": every user may rename and remove the files in it", "if they need not, run: sudo chmod o-w "+shellWord(at))
	case err != nil:
		r.fail(what, refused(err, dir, at, info), remedy(err, dir))
	case at == dir:
		r.pass(what, belongs(info)+", and files can be written")
	case isRoot():
		r.warn(what, fmt.Sprintf("does not exist; Open makes it in %s with mode %04o, for root", at, mode),
			fmt.Sprintf("to have it belong to the user that the program runs as, run: sudo install -d -o appuser -m %04o %s", mode, shellWord(dir)))
	default:
		r.pass(what, fmt.Sprintf("does not exist; Open makes it in %s with mode %04o, for %s", at, mode, whoami()))
	}
	if err == nil {
		c.neighbours(what, dir, at, info, r)
	}
	c.fileSystem(at, r)
}

// neighbours looks for others who may do something about the files in a directory.
func (c *checker) neighbours(what, dir, at string, info fs.FileInfo, r *report) {
	switch {
	case !modes:
		return
	case at == dir && info.Mode().Perm()&0o002 != 0: // sticky, or it would not have got here
		r.warn(what, belongs(info)+": every user may put files in it, first of all under the names that are wanted here",
			"log into a directory of its own: run: sudo install -d -o "+username()+" -m 0750 "+shellWord(filepath.Join(dir, "app")))
	case isOthers(info):
		r.warn(what, belongs(info)+": its owner may rename and remove the files in it, which belong to "+username(), own(at, info))
	}
	for above := filepath.Dir(at); ; above = filepath.Dir(above) {
		info, err := os.Stat(above)
		if err == nil && info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
			r.warn(what, fmt.Sprintf("%s above it is %s: every user may put another directory in its place", above, belongs(info)),
				"run: sudo chmod o-w "+shellWord(above))
		}
		if above == filepath.Dir(above) {
			return
		}
	}
}

// own says how this user comes to own what is another's. For root, that is seldom
// what is wanted: it looks at what was made for the user that the program runs as.
func own(path string, info fs.FileInfo) string {
	chown := "run: sudo chown " + username() + " " + shellWord(path)
	if isRoot() {
		return "if the program runs as " + ownerOf(info) + ", let that user run the check; if it runs as root, " + chown
	}
	return chown
}

// fileSystem looks for a kind that logs are badly off on.
func (c *checker) fileSystem(dir string, r *report) {
	v, err := volume.Of(dir)
	if err != nil {
		return // the directory itself has been looked at
	}
	what := "file system of " + dir
	switch v.Type {
	case "nfs", "smb", "fuse":
		r.warn(what, v.Type+": a server that hangs holds up whoever logs, and locks and appends of several machines may fail",
			"log to a local disk, and ship from there")
	case "tmpfs":
		r.warn(what, "in memory: what is logged is gone when the machine restarts, and takes memory until then", "log to a disk")
	case "overlay":
		r.warn(what, "that of a container: what is logged is gone with it", "mount a volume there, or log to the console only")
	}
}

// wayError is what is where a directory should be.
type wayError struct {
	path, target string // target of a symbolic link that leads nowhere
}

func (e *wayError) Error() string {
	if e.target != "" {
		return fmt.Sprintf("%s is a symbolic link to %s, which does not exist", e.path, e.target)
	}
	return e.path + " is a file, where a directory is wanted"
}

// foothold returns dir if it can be seen, else the nearest directory above it that can:
// dir does not exist then, or is beneath one that may not be looked into.
func foothold(dir string) (at string, info fs.FileInfo, err error) {
	for at = dir; ; at = filepath.Dir(at) {
		info, err = os.Stat(at)
		switch {
		case err == nil && info.IsDir():
			return at, info, nil
		case err == nil:
			return "", nil, &wayError{path: at}
		case errors.Is(err, fs.ErrNotExist):
			if target, linkErr := os.Readlink(at); linkErr == nil {
				return "", nil, &wayError{at, target}
			}
		case !errors.Is(err, syscall.ENOTDIR) && !errors.Is(err, fs.ErrPermission):
			return "", nil, err
		}
		if at == filepath.Dir(at) {
			return "", nil, err
		}
	}
}

// wayOut says what to do about what is in the way.
func wayOut(err error, dir string) string {
	var e *wayError
	switch {
	case errors.As(err, &e) && e.target != "":
		if !filepath.IsAbs(e.target) {
			e.target = filepath.Join(filepath.Dir(e.path), e.target)
		}
		return install(e.target)
	case errors.As(err, &e):
		return "move it away, or log elsewhere: run: mv " + shellWord(e.path) + " " + shellWord(e.path+".old")
	default:
		return "look at it: run: ls -ld " + shellWord(dir)
	}
}

// install returns the command that makes a directory for this user.
func install(dir string) string {
	if !modes {
		return "create " + dir
	}
	return "run: sudo install -d -o " + username() + " -m 0750 " + shellWord(dir)
}

// refused says what was refused in the directory at, in which dir is or would be made.
func refused(err error, dir, at string, info fs.FileInfo) string {
	switch {
	case errors.Is(err, syscall.EROFS):
		return "it is on a read-only file system"
	case errors.Is(err, syscall.ENOSPC):
		if v, volErr := volume.Of(at); volErr == nil && v.FreeFiles == 0 {
			return "its file system has no inode left for another file"
		}
		return "its file system is full"
	case errors.Is(err, fs.ErrPermission) && hidden(dir):
		return fmt.Sprintf("cannot be seen by %s: %s is %s", whoami(), at, belongs(info))
	case errors.Is(err, fs.ErrPermission) && at != dir:
		return fmt.Sprintf("does not exist, and %s may not make it: %s is %s", whoami(), at, belongs(info))
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("%s may not write files in it: it is %s", whoami(), belongs(info))
	default:
		return strings.TrimPrefix(err.Error(), "rotate: probe "+dir+": ")
	}
}

// hidden reports whether this user may not even see whether path exists.
func hidden(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrPermission)
}

// remedy says what to do about it, which rotate.Probe knows best of permissions.
func remedy(err error, dir string) string {
	switch {
	case errors.Is(err, syscall.EROFS):
		return "mount it for writing, or log elsewhere: run: df " + shellWord(dir)
	case errors.Is(err, syscall.ENOSPC):
		return "remove something: to see what there is, run: df -h " + shellWord(dir) + "; df -i " + shellWord(dir)
	case errors.Is(err, fs.ErrPermission):
		text := err.Error()
		if printable(text) != text { // it would be another directory's
			return install(dir)
		}
		return text[strings.LastIndex(text, "; ")+len("; "):]
	default:
		return "look at it: run: ls -ld " + shellWord(dir)
	}
}

// file looks at the live file of a sink.
func (c *checker) file(s *Sink, r *report) {
	opts := s.fileOptions()
	what := "file " + s.Path
	switch ext := filepath.Ext(s.Path); ext {
	case ".gz", ".zst":
		r.fail(what, "the name of a log file cannot end in "+ext+", which those of backups do", "choose another path")
		return
	}
	if base := filepath.Base(s.Path); len(base) > maxLogName {
		r.fail(what, fmt.Sprintf("its name has %d bytes, and can have %d: those of its backups are longer", len(base), maxLogName),
			"choose a shorter name")
		return
	}
	c.fileMode(s, what, opts.FileMode, r)
	if opts.PerProcess {
		r.pass(what, "each process has one of its own, with its number in the name")
		return
	}
	info, err := os.Lstat(s.Path)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if info = c.link(s, what, opts.NoFollow, r); info == nil {
			return
		}
	}
	switch {
	case err != nil && !canMake(dirOf(s.Path)):
		r.fail(what, "Open cannot make it", "see what is said of its directory")
	case errors.Is(err, fs.ErrNotExist):
		r.pass(what, fmt.Sprintf("does not exist; Open makes it with mode %04o", cmp.Or(opts.FileMode, 0o600)))
	case err != nil:
		r.fail(what, "cannot be looked at: "+cause(err), "look at it: run: ls -ld "+shellWord(s.Path))
	case info.IsDir():
		r.fail(what, "is a directory", "put the name of a file behind it, as in "+shellWord(filepath.Join(s.Path, "app.log")))
	case !info.Mode().IsRegular():
		r.fail(what, "is no regular file", "choose another path; for standard output there is the sink type console")
	default:
		c.existing(s, what, info, r)
	}
}

// maxLogName is the longest name of a log file: of the 255 bytes that file systems
// have for one, those of backups take some for the time and what else tells them apart.
const maxLogName = 205

// canMake reports whether a File works in a directory, or in one that Open makes there.
func canMake(dir string) bool {
	err := rotate.Probe(dir)
	return err == nil || errors.Is(err, rotate.ErrWorldWritable)
}

// cause returns what the operating system said, without the name of the file.
func cause(err error) string {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err.Error()
	}
	return err.Error()
}

// fileMode looks at the mode that files are to have.
func (c *checker) fileMode(s *Sink, what string, mode fs.FileMode, r *report) {
	switch {
	case !modes:
	case mode&0o002 != 0:
		r.warn(what, fmt.Sprintf("file_mode is %04o: every user may change what is logged", mode), "set file_mode to 0640")
	case s.Type == Audit && mode&0o004 != 0:
		r.warn(what, fmt.Sprintf("file_mode is %04o: every user may read what is audited", mode), "set file_mode to 0600 or 0640")
	}
}

// link looks at a file that is a symbolic link, and returns what it leads to, nil if
// there is nothing to look at.
func (c *checker) link(s *Sink, what string, forbidden bool, r *report) fs.FileInfo {
	target, _ := os.Readlink(s.Path) // empty for one that is gone by now
	switch {
	case forbidden:
		r.fail(what, "is a symbolic link to "+target+", which NoFollow forbids", "remove it, or name what it leads to")
		return nil
	case s.Type == Audit:
		r.warn(what, "is a symbolic link to "+target+": who may change it decides where audits go", "name "+target+" as the path")
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(s.Path), target)
	}
	info, err := os.Stat(s.Path)
	dir := filepath.Dir(target)
	probeErr := rotate.Probe(dir)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		r.fail(what, "is a symbolic link to "+target+", which leads nowhere: "+cause(err), "remove it: run: rm "+shellWord(s.Path))
		return nil
	case probeErr != nil && !errors.Is(probeErr, rotate.ErrWorldWritable):
		if err != nil {
			r.fail(what, "is a symbolic link to "+target+", which cannot be made", remedy(probeErr, dir))
			return nil
		}
		r.fail(what, "is a symbolic link to "+target+", beside which there can be no backups", remedy(probeErr, dir))
	case s.Type != Audit && elsewhere(s.Path, dir):
		r.warn(what, "is a symbolic link to "+target+": lines and backups go there", "name "+target+" as the path, if that is meant")
	case err != nil:
		r.pass(what, "is a symbolic link to "+target+", which Open makes")
	}
	if err != nil {
		return nil
	}
	return info
}

// elsewhere reports whether dir is another directory than the one of path.
func elsewhere(path, dir string) bool {
	of, err := os.Stat(dirOf(path))
	other, otherErr := os.Stat(dir)
	return err != nil || otherErr != nil || !os.SameFile(of, other)
}

// existing looks at a file that is there.
func (c *checker) existing(s *Sink, what string, info fs.FileInfo, r *report) {
	size := humanize.IBytes(uint64(max(info.Size(), 0)))
	f, err := os.OpenFile(s.Path, os.O_WRONLY, 0) // not to append, to which attributes may restrict it
	switch {
	case err == nil:
	case errors.Is(err, syscall.EACCES) && modes:
		r.fail(what, fmt.Sprintf("%s may not write to it: it is %s", whoami(), belongs(info)),
			"run: sudo chown "+username()+" "+shellWord(s.Path)+" && sudo chmod u+rw "+shellWord(s.Path))
		return
	case errors.Is(err, syscall.EROFS):
		r.fail(what, "it is on a read-only file system", "mount it for writing, or log elsewhere: run: df "+shellWord(s.Path))
		return
	case errors.Is(err, syscall.EPERM):
		r.fail(what, "its attributes forbid writing: "+cause(err), "see whether it is immutable or append-only: run: lsattr "+shellWord(s.Path))
		return
	default:
		r.fail(what, "cannot be written: "+cause(err), "look at it: run: ls -l "+shellWord(s.Path))
		return
	}
	_ = f.Close() // nothing was written
	before := len(r.findings)
	if mode := info.Mode().Perm(); modes && mode&0o002 != 0 {
		status := Warn
		if s.Type == Audit {
			status = Fail
		}
		r.add(status, what, belongs(info)+": every user may change what is logged", "run: sudo chmod o-w "+shellWord(s.Path))
	} else if modes && s.Type == Audit && mode&0o004 != 0 {
		r.warn(what, belongs(info)+": every user may read what is audited", "run: sudo chmod o-r "+shellWord(s.Path))
	}
	if modes && isOthers(info) {
		r.warn(what, belongs(info)+": it belongs to another user, and after the next rotation to "+username(), own(s.Path, info))
	}
	if len(r.findings) == before {
		r.pass(what, fmt.Sprintf("%s, %s, and can be written", belongs(info), size))
	}
}
