package rotate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/panics"
)

// ArchiveOptions are the settings of [Archive].
// A zero ArchiveOptions consists entirely of default values.
type ArchiveOptions struct {
	// Pattern is what the name of a file must match, in the syntax of
	// [path.Match], for it to be archived. Empty means log files and
	// what rotations make of them: app.log, app-20261121T233046.123456Z.log,
	// app.log.1, app.log-20261121, compressed or not.
	Pattern string

	// MinAge is how old a file has to be, from the time in its name if that is
	// the name of a backup, else from the last write to it. Zero means any
	// age; negative values are an error.
	MinAge time.Duration

	// Compress is the form that plain files are archived in. The zero value,
	// None, copies them as they are. Files that are compressed are always
	// copied as they are.
	Compress Compression

	// CompressLevel is the level of compression: 1 to 9 for Gzip, 1 to 22 for
	// Zstd. Zero means the fastest; other values are an error.
	CompressLevel int

	// FileMode is the permission bits of the archived files, whatever the
	// umask says. Zero means those of the source. Other values must include
	// 0600 and nothing but permission bits. Windows knows no such bits.
	FileMode fs.FileMode

	// DirMode is the permission bits of the directory dst and those above it,
	// if they have to be created, whatever the umask says. Zero means 0750;
	// other values must include 0700 and nothing but permission bits.
	DirMode fs.FileMode

	// RemoveSource removes each file when its archived form is verified and on
	// the storage device, unless it has changed by then.
	RemoveSource bool

	// OnProgress, if not nil, is called while a file is copied, by the goroutine
	// that called Archive, with the path of the file and how many of its bytes are
	// done: half of them when all are copied, and all when the copy was read back.
	// The number grows with each call, and the last one for a file in the report is
	// its Size. If the hook panics, it is not called again, and Archive goes on and
	// returns an error in the end.
	OnProgress func(source string, done int64)

	// DryRun makes Archive report what it would do, and do nothing. It reads
	// what it needs for that.
	DryRun bool
}

func (o *ArchiveOptions) withDefaults() (ArchiveOptions, error) {
	var opts ArchiveOptions
	if o != nil {
		opts = *o
	}
	if opts.DirMode == 0 {
		opts.DirMode = defaultDirMode
	}
	if opts.MinAge < 0 {
		return opts, fmt.Errorf("MinAge is %v, must be 0 (any age) or more", opts.MinAge)
	}
	for _, err := range []error{
		checkPattern(opts.Pattern),
		opts.Compress.checkLevel(opts.CompressLevel),
		checkMode("FileMode", opts.FileMode, 0o600),
		checkMode("DirMode", opts.DirMode, 0o700),
	} {
		if err != nil {
			return opts, err
		}
	}
	return opts, nil
}

// ArchiveReport is what [Archive] has done, or would have done.
type ArchiveReport struct {
	Files []Archived // that are in the archive now, oldest first
	InUse []string   // paths of files that were left out as somebody writes to them
}

// Archived is one file of an [ArchiveReport].
type Archived struct {
	Source   string // path of the file
	Path     string // path of its archived form
	Size     int64  // bytes in the file
	Written  int64  // bytes in the archived form; 0 if Existing or for a dry run
	Existing bool   // the archive had it already
	Removed  bool   // the file is gone from the source: see RemoveSource
}

// Archive copies the closed log files in the directory src to the directory
// dst, which it creates if need be. A job that runs once a week and now and
// then in between, or that was killed in the middle of it, ends with one good
// copy of each file: what is in dst already, plain or compressed, is not copied
// again, and nothing in dst is ever replaced. A file that has the name of
// another one in dst but not its content gets a number, as in app-1.log.gz.
//
// A copy keeps the time of the last write, and owner and group as far as this
// process may set them. It is written under a hidden name, synced, read back
// and compared with the source, and gets its name only if it is the same and
// the source has not changed meanwhile.
//
// Only regular files directly in src whose names match Pattern and do not begin
// with a dot are copied, and none that is empty or in use, which is told as by
// [Clean]. The live file of a running program is therefore left out: rotate it
// first to have all of it. A log whose backups are renamed at each rotation, as
// by logrotate without dateext, should not be archived: its files are new ones
// each time by name.
//
// Archive fails if an option is out of range, if a directory cannot be read or
// created, or if src and dst are the same one. Either may be inside of the
// other, for Archive does not look into directories. What fails later does not
// keep the other files from being archived: the error is all that went wrong,
// and the report holds what was done nevertheless. Archive ends when ctx does,
// and leaves nothing of the file that it was copying.
func Archive(ctx context.Context, src, dst string, opts *ArchiveOptions) (ArchiveReport, error) {
	report, err := archive(ctx, src, dst, opts)
	if err != nil {
		err = fmt.Errorf("rotate: archive %s: %w", src, err)
	}
	return report, err
}

func archive(ctx context.Context, src, dst string, opts *ArchiveOptions) (report ArchiveReport, err error) {
	o, err := opts.withDefaults()
	if err != nil {
		return report, err
	}
	a := archiver{opts: o}
	if a.src, err = openFolder(src); err != nil {
		return report, err
	}
	defer a.src.close()
	if err := a.openArchive(dst); err != nil {
		return report, err
	}
	defer a.dst.close()
	defer func() {
		if a.hookErr != nil {
			err = errors.Join(err, a.hookErr)
		}
	}()
	files, err := a.src.list(o.Pattern, nil)
	if err != nil {
		return report, err
	}
	var errs []error
	if err := a.sweep(); err != nil {
		errs = append(errs, err)
	}
	latest := time.Now().Add(-o.MinAge)
	for _, l := range files {
		if l.info.Size() == 0 || o.MinAge > 0 && l.time.After(latest) {
			continue
		}
		if ctx.Err() != nil {
			errs = append(errs, context.Cause(ctx))
			break
		}
		a.told = 0
		done, err := a.archive(ctx, l)
		if done.Path != "" {
			report.Files = append(report.Files, done)
			a.progress(l, done.Size)
		}
		switch {
		case err == nil, errors.Is(err, errGone):
		case errors.Is(err, errWritten):
			report.InUse = append(report.InUse, filepath.Join(src, l.name))
		case ctx.Err() != nil:
			return report, errors.Join(append(errs, context.Cause(ctx))...)
		default:
			errs = append(errs, fmt.Errorf("%s: %w", l.name, err))
		}
	}
	return report, errors.Join(errs...)
}

// archiver copies files from one folder to another.
type archiver struct {
	src, dst folder
	opts     ArchiveOptions
	told     int64 // what OnProgress was told of the file last
	hookErr  error // of OnProgress, which is not called again
}

// progress tells OnProgress how much of l is done.
func (a *archiver) progress(l logFile, done int64) {
	if a.opts.OnProgress == nil || a.hookErr != nil || done <= a.told {
		return
	}
	a.told = done
	source := filepath.Join(a.src.path, l.name)
	defer func() {
		if v := recover(); v != nil {
			a.hookErr = fmt.Errorf("the hook OnProgress panicked on %s: %s", source, panics.Text(v))
		}
	}()
	a.opts.OnProgress(source, done)
}

// watched is a reader of a file that is archived.
type watched struct {
	r    io.Reader
	read func(n int)
}

func (w watched) Read(p []byte) (n int, err error) {
	n, err = w.r.Read(p)
	w.read(n)
	return n, err
}

// openArchive opens the directory dst. For a dry run it need not be there.
func (a *archiver) openArchive(dst string) (err error) {
	if !a.opts.DryRun && dst != "" {
		if err := makeDurable(dst, a.opts.DirMode); err != nil {
			return err
		}
	}
	a.dst, err = openFolder(dst)
	if a.opts.DryRun && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	from, err := a.src.root.Stat(".")
	if err != nil {
		return errors.Join(err, a.dst.root.Close())
	}
	to, err := a.dst.root.Stat(".")
	if err == nil && os.SameFile(from, to) {
		err = fmt.Errorf("%s is the same directory: an archive has to be another one", dst)
	}
	if err != nil {
		return errors.Join(err, a.dst.root.Close())
	}
	return nil
}

// makeDurable creates the directory dir and those above it where they are
// missing, and syncs what they are created in.
func makeDurable(dir string, mode fs.FileMode) error {
	var parents []string
	for at := filepath.Clean(dir); !exists(at) && filepath.Dir(at) != at; at = filepath.Dir(at) {
		parents = append(parents, filepath.Dir(at))
	}
	if err := makeDirs(dir, mode); err != nil {
		return err
	}
	for _, parent := range parents {
		if err := syncDir(parent); err != nil {
			return err
		}
	}
	return nil
}

// archive sees to it that the archive has a copy of l.
func (a *archiver) archive(ctx context.Context, l logFile) (Archived, error) {
	in, err := a.src.open(l)
	if err != nil {
		return Archived{}, err
	}
	defer in.Close() //nolint:errcheck // only read from
	done, err := a.find(ctx, in, l)
	if err != nil || !a.opts.RemoveSource {
		return done, err
	}
	if done.Existing && !a.opts.DryRun { // by a copy that was not synced, for all we know
		if err := errors.Join(a.dst.syncFile(filepath.Base(done.Path)), a.dst.sync()); err != nil {
			return done, err
		}
	}
	err = a.src.remove(in, l, a.opts.DryRun)
	done.Removed = err == nil
	return done, err
}

// maxCopies is how many files of one name an archive can have.
const maxCopies = 1000

// find finds the copy of l, which in has open, or makes one under the first
// name that is free.
func (a *archiver) find(ctx context.Context, in *os.File, l logFile) (Archived, error) {
	done := Archived{Source: filepath.Join(a.src.path, l.name), Size: l.info.Size()}
	have := compressionOf(l.name)
	want := have
	if want == None {
		want = a.opts.Compress
	}
	for n, tries := 0, 0; n < maxCopies && tries < 2*maxCopies; tries++ {
		plain := numbered(strings.TrimSuffix(l.name, have.ext()), n)
		free := true
		for _, form := range []Compression{None, Gzip, Zstd} {
			name := plain + form.ext()
			there, same, err := a.look(ctx, in, have, name)
			if err != nil {
				return Archived{}, fmt.Errorf("compare with %s: %w", filepath.Join(a.dst.path, name), err)
			}
			if same {
				done.Path, done.Existing = filepath.Join(a.dst.path, name), true
				return done, nil
			}
			free = free && !there
		}
		if !free {
			n++
			continue
		}
		name := plain + want.ext()
		done.Path = filepath.Join(a.dst.path, name)
		if a.opts.DryRun {
			return done, nil
		}
		var err error
		done.Written, err = a.copy(ctx, in, l, name)
		switch {
		case err == nil:
			return done, nil
		case !errors.Is(err, fs.ErrExist): // else another Archive was faster: look at what it made
			return Archived{}, err
		}
	}
	return Archived{}, fmt.Errorf("%s holds %d other files of this name", a.dst.path, maxCopies)
}

// numbered returns the nth name for a plain file.
func numbered(name string, n int) string {
	if n == 0 {
		return name
	}
	ext := filepath.Ext(name)
	return strings.TrimSuffix(name, ext) + "-" + strconv.Itoa(n) + ext
}

// look reports whether there is anything called name in the archive, and
// whether it holds the same as in, a file in the form have.
func (a *archiver) look(ctx context.Context, in *os.File, have Compression, name string) (there, same bool, err error) {
	if a.dst.root == nil {
		return false, false, nil
	}
	info, err := a.dst.root.Lstat(name)
	if err != nil {
		return false, false, ignore(err, fs.ErrNotExist)
	}
	if !info.Mode().IsRegular() {
		return true, false, nil
	}
	f, err := a.dst.root.OpenFile(name, os.O_RDONLY|noWait, 0)
	if err != nil {
		return false, false, ignore(err, fs.ErrNotExist)
	}
	defer f.Close() //nolint:errcheck // only read from
	if now, err := f.Stat(); err != nil || !os.SameFile(info, now) {
		return true, false, err
	}
	same, err = holdSame(ctx, in, have, f, compressionOf(name))
	return true, same, err
}

// holdSame reports whether two files hold the same lines. Damaged files hold
// nothing but their own bytes.
func holdSame(ctx context.Context, a *os.File, formA Compression, b *os.File, formB Compression) (bool, error) {
	sizeA, err := rewind(a)
	if err != nil {
		return false, err
	}
	sizeB, err := rewind(b)
	if err != nil {
		return false, err
	}
	if formA == formB && sizeA == sizeB {
		if result, err := compare(ctx, a, b, None); result == equal || err != nil {
			return result == equal, err
		}
	}
	if formA == None && formB == None || sizeB == 0 {
		return false, nil
	}
	// Compressing the same lines again need not give the same bytes.
	if _, err := rewind(a); err != nil {
		return false, err
	}
	if _, err := rewind(b); err != nil {
		return false, err
	}
	from := &source{ctx: ctx, r: a}
	plain, err := formA.newReader(from)
	if err != nil {
		return false, from.err
	}
	defer plain.Close() //nolint:errcheck // only read from
	result, err := compare(ctx, plain, b, formB)
	switch {
	case from.err != nil:
		return false, from.err
	case err != nil && (formA != None || isBeyond(err)): // damage in a, as b's would be a result; or b is none of ours
		return false, context.Cause(ctx)
	}
	return result == equal, err
}

func rewind(f *os.File) (size int64, err error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// copy makes name in the archive, a copy of l, which in has open.
func (a *archiver) copy(ctx context.Context, in *os.File, l logFile, name string) (written int64, err error) {
	form := None // of what is compressed, the bytes are copied
	if compressionOf(l.name) == None {
		form = a.opts.Compress
	}
	tmp, err := a.dst.createTemp(name)
	if err != nil {
		return 0, err
	}
	tmpName := filepath.Base(tmp.Name())
	defer func() {
		err = errors.Join(err, tmp.Close())
		if err != nil {
			err = errors.Join(err, ignore(a.dst.root.Remove(tmpName), fs.ErrNotExist))
		}
	}()
	if _, err := rewind(in); err != nil {
		return 0, err
	}
	var twice int64 // what was read, of a file that grows meanwhile more than it had
	source := watched{in, func(n int) {
		twice += int64(n)
		a.progress(l, min(twice/2, l.info.Size()))
	}}
	read, err := encode(ctx, tmp, source, form, a.opts.CompressLevel)
	if err != nil {
		return 0, err
	}
	mode := a.opts.FileMode
	if mode == 0 {
		mode = l.info.Mode().Perm()
	}
	uid, gid := ownerOf(l.info)
	if err := (permissions{mode: mode, uid: uid, gid: gid, copied: a.opts.FileMode == 0}).apply(tmp); err != nil {
		return 0, err
	}
	if err := a.dst.root.Chtimes(tmpName, l.info.ModTime(), l.info.ModTime()); err != nil {
		return 0, err
	}
	if err := tmp.Sync(); err != nil {
		return 0, err
	}
	if _, err := rewind(in); err != nil {
		return 0, err
	}
	if written, err = rewind(tmp); err != nil {
		return 0, err
	}
	result, err := compare(ctx, source, tmp, form)
	if err != nil {
		return 0, err
	}
	// Only of what has not changed meanwhile it means something.
	if err := a.src.settled(in, l); err != nil {
		return 0, err
	}
	if result != equal || read != l.info.Size() {
		return 0, fmt.Errorf("the copy of its %d bytes reads back as something else", l.info.Size())
	}
	// The file stays open until it has its name, so that the sweep of another
	// Archive finds it in use.
	if err := a.dst.publish(tmpName, name); err != nil {
		return 0, err
	}
	return written, a.dst.sync()
}

// archiveTemp is what the names of temporary files in an archive end in.
const archiveTemp = ".archive" + tempExt

// createTemp creates a hidden file for what will be called name.
func (d folder) createTemp(name string) (*os.File, error) {
	for try := 0; ; try++ {
		tmp := fmt.Sprintf(".%s.%d%s", name, rand.Uint32(), archiveTemp) //nolint:gosec // a name, not a secret
		f, err := d.root.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) && try < 100 {
			continue
		}
		if err == nil {
			_, _ = tryLock(f, false) // a sign for others, where they need one
		}
		return f, err
	}
}

// publish gives the file called tmp the name, which nothing may have yet.
func (d folder) publish(tmp, name string) error {
	err := d.root.Link(tmp, name)
	switch {
	case err == nil:
		return d.root.Remove(tmp)
	case errors.Is(err, fs.ErrExist):
		return err
	}
	// There are no hard links here. Renaming replaces what has the name: let
	// that be an empty file of ours.
	taken, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(taken.Close(), d.root.Rename(tmp, name)); err != nil {
		return errors.Join(err, d.root.Remove(name))
	}
	return nil
}

// sweep removes the temporary files that an Archive which was killed has left.
func (a *archiver) sweep() error {
	if a.opts.DryRun {
		return nil
	}
	names, err := a.dst.names()
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		if !strings.HasPrefix(name, ".") || !strings.HasSuffix(name, archiveTemp) {
			continue
		}
		info, err := a.dst.root.Lstat(name)
		if err == nil && info.Mode().IsRegular() {
			err = a.dst.clean(logFile{name: name, info: info}, false)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errGone) && !errors.Is(err, errWritten) {
			errs = append(errs, fmt.Errorf("remove what was left over: %w", err))
		}
	}
	return errors.Join(errs...)
}
