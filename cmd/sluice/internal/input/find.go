package input

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/logname"
)

const (
	// maxOpen is how many files are opened before their turn at most.
	maxOpen = 256
	// sinceSlack is for file systems with coarse times.
	sinceSlack = 2 * time.Second
	// recursive is behind the name of a directory that is meant with all below it.
	recursive = "..."
)

// finder finds the files that names stand for.
type finder struct {
	opts    *Options
	found   []*source
	sets    map[[2]string]*wanted // by directory and log file
	seen    map[identity][]fs.FileInfo
	stdin   bool
	errs    []error
	several bool // names
}

// wanted is what of a log file and its backups is to be read.
type wanted struct {
	at    int               // in found, where its files come
	names map[string]string // as they were given, by the name in the directory
	infos map[string]fs.FileInfo
}

func find(names []string, o *Options) ([]*source, error) {
	if len(names) == 0 {
		names = []string{"-"}
	}
	f := &finder{
		opts: o, sets: make(map[[2]string]*wanted), seen: make(map[identity][]fs.FileInfo), several: len(names) > 1,
	}
	for _, name := range names {
		f.name(name)
	}
	if err := errors.Join(f.errs...); err != nil {
		return nil, err
	}
	return f.sources(), nil
}

func (f *finder) fail(name, what string, args ...any) {
	f.errs = append(f.errs, fmt.Errorf("%s: "+what, append([]any{visible(name)}, args...)...))
}

// name finds what one name stands for.
func (f *finder) name(name string) {
	if name == "-" {
		if !f.stdin {
			f.stdin = true
			f.found = append(f.found, &source{name: name, stdin: f.opts.Stdin})
		}
		return
	}
	if dir, file := filepath.Split(name); file == recursive {
		f.below(name, dir)
		return
	}
	info, err := os.Stat(name)
	switch {
	case name == "":
		f.fail(name, "no file has an empty name")
	case err == nil && info.IsDir():
		f.directory(name)
	case err == nil:
		f.file(name, info)
	case !errors.Is(err, fs.ErrNotExist):
		f.found = append(f.found, &source{name: name, err: err})
	case strings.ContainsAny(name, `*?[`):
		f.pattern(name)
	default:
		f.missing(name)
	}
}

// below finds the log files in a directory and all below it.
func (f *finder) below(name, dir string) {
	dir = filepath.Clean(dir)
	none := true
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && path == dir:
			return err
		case err != nil:
			none = false
			f.found = append(f.found, &source{name: path, err: err})
			return fs.SkipDir
		case e.IsDir() && strings.HasPrefix(e.Name(), ".") && path != dir:
			return fs.SkipDir
		case !e.IsDir() && logname.IsLog(e.Name()) && f.regular(path):
			none = false
		}
		return nil
	})
	switch {
	case err != nil:
		f.fail(name, "%w", bare(err))
	case none:
		f.fail(name, "there are no log files below this directory")
	}
}

// directory finds the log files in a directory.
func (f *finder) directory(name string) {
	entries, err := os.ReadDir(name)
	if err != nil {
		f.found = append(f.found, &source{name: name, err: err})
		return
	}
	none := true
	for _, e := range entries {
		if !e.IsDir() && logname.IsLog(e.Name()) && f.regular(filepath.Join(name, e.Name())) {
			none = false
		}
	}
	if none {
		f.fail(name, "there are no log files in this directory (those below it are meant by %s)", visible(filepath.Join(name, recursive)))
	}
}

// pattern finds the files whose names match.
func (f *finder) pattern(name string) {
	paths, err := filepath.Glob(name)
	if err != nil {
		f.fail(name, "there is no such file, and as a pattern it has a %w", err)
		return
	}
	none := true
	for _, path := range paths {
		if f.regular(path) {
			none = false
		}
	}
	if none {
		f.fail(name, "there is no such file, and none whose name matches")
	}
}

// missing finds what may be meant by the name of a file that is not there.
func (f *finder) missing(name string) {
	dir, base := filepath.Split(name)
	r, backup := logname.Parse(base)
	if backup { // it may have been compressed since the shell has looked
		for _, other := range []string{r.Plain, r.Plain + ".gz", r.Plain + ".zst"} {
			if info, err := os.Stat(dir + other); err == nil && info.Mode().IsRegular() {
				f.file(dir+other, info)
				return
			}
		}
		if f.several { // or removed
			f.found = append(f.found, &source{name: name, err: fs.ErrNotExist})
			return
		}
	}
	if f.opts.Follow {
		f.want(name, nil)
		return
	}
	if f.opts.Rotated {
		d := folder{dir: dir, lives: map[string]bool{base: true}}
		if there, err := d.list(); err == nil && len(there) > 0 {
			f.want(name, nil)
			return
		}
	}
	f.fail(name, "there is no such file")
}

// regular finds a file that the user has not named, and reports whether it is one to be read.
func (f *finder) regular(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	f.file(path, info)
	return true
}

// file finds a file that is there.
func (f *finder) file(path string, info fs.FileInfo) {
	id := identityOf(info)
	if slices.ContainsFunc(f.seen[id], func(other fs.FileInfo) bool { return os.SameFile(info, other) }) {
		return
	}
	f.seen[id] = append(f.seen[id], info)
	if !info.Mode().IsRegular() {
		f.found = append(f.found, &source{name: path, pipe: true})
		return
	}
	f.want(path, info)
}

// want adds a file to those of its set.
func (f *finder) want(path string, info fs.FileInfo) {
	dir, base := filepath.Split(path)
	key := [2]string{dir, memberOf(base).Live}
	w := f.sets[key]
	if w == nil {
		w = &wanted{at: len(f.found), names: make(map[string]string), infos: make(map[string]fs.FileInfo)}
		f.sets[key] = w
		f.found = append(f.found, nil)
	}
	w.names[base], w.infos[base] = path, info
}

// sources returns what was found, with the files of each set in order.
func (f *finder) sources() []*source {
	folders := make(map[string]*folder)
	for key, w := range f.sets {
		d := folders[key[0]]
		if d == nil {
			d = &folder{dir: key[0], lives: make(map[string]bool), plain: make(map[string]bool)}
			folders[key[0]] = d
		}
		live := key[1]
		if name, alone := w.alone(); alone && !f.opts.Rotated && name != live {
			live = name // a backup, but for us it is a log file like others
			d.plain[name] = true
		}
		d.lives[live] = true
	}
	budget := maxOpen
	at := make(map[int][]*source)
	for _, d := range folders {
		f.hold(d, at, &budget)
	}
	var all []*source
	for i, s := range f.found {
		files := at[i]
		if s != nil {
			files = []*source{s}
		}
		for _, s := range files {
			s.log, s.tail = i, f.opts.Tail
		}
		all = append(all, files...)
	}
	return all
}

// given returns what m was called by who wants it, or nothing.
func (w *wanted) given(m *member) string {
	for _, name := range m.names {
		if path := w.names[name]; path != "" {
			return path
		}
	}
	return ""
}

// alone returns the only name that was given.
func (w *wanted) alone() (string, bool) {
	for name := range w.names {
		return name, len(w.names) == 1
	}
	return "", false
}

// hold opens what is wanted in a folder.
func (f *finder) hold(d *folder, at map[int][]*source, budget *int) {
	set := func(m *member) *wanted {
		if w := f.sets[[2]string{d.dir, m.Live}]; w != nil {
			return w
		}
		return f.sets[[2]string{d.dir, memberOf(m.Live).Live}] // a backup that stands for itself
	}
	skip := func(m *member) bool {
		w := set(m)
		switch {
		case f.opts.Since.Sub(m.info.ModTime()) > sinceSlack && (!f.opts.Follow || !m.live()):
			return true
		case w.given(m) != "":
			return false
		case !f.opts.Rotated:
			return true
		}
		for name := range w.names { // those that are older than one that was given
			if m.Compare(d.memberOf(name)) < 0 {
				return false
			}
		}
		return true
	}
	all, there, err := d.hold(nil, skip, budget)
	if err != nil { // it may still be possible to open the files in it
		f.blind(d, at)
		return
	}
	of := make(map[*wanted][]*source)
	for _, h := range all {
		w := set(&h.member)
		s := &source{name: h.path, regular: true, size: h.info.Size(), file: h.file, err: h.err, held: h, folder: d}
		if name := w.given(&h.member); name != "" {
			s.name = name
		}
		of[w] = append(of[w], s)
	}
	for live := range d.lives {
		w := set(&member{Rotated: logname.Rotated{Live: live}})
		sources := of[w]
		_, given := w.names[live]
		if f.opts.Follow && given {
			sources = f.follow(d, live, w, sources, there)
		}
		if f.opts.Tail != 0 && len(sources) > 1 {
			for _, s := range sources[:len(sources)-1] {
				s.close()
			}
			sources = sources[len(sources)-1:]
		}
		at[w.at] = sources
	}
}

// follow makes the log file of a set one that is followed.
func (f *finder) follow(d *folder, live string, w *wanted, sources []*source, there []*member) []*source {
	last := &source{name: w.names[live], regular: true, follow: newFollower(d.only(live), w.names[live], there)}
	if i := slices.IndexFunc(sources, func(s *source) bool { return s.held.live() }); i >= 0 {
		sources[i].name, sources[i].follow = last.name, last.follow
		last = sources[i]
		sources = slices.Delete(sources, i, i+1)
	}
	return append(sources, last)
}

// blind makes sources of what is wanted in a folder that cannot be listed.
func (f *finder) blind(d *folder, at map[int][]*source) {
	for key, w := range f.sets {
		if key[0] != d.dir {
			continue
		}
		for name, path := range w.names {
			s := &source{name: path, regular: true, folder: d}
			if info := w.infos[name]; info != nil {
				s.size = info.Size()
			}
			if f.opts.Follow && d.lives[name] {
				s.follow = newFollower(d.only(name), path, nil)
				if info := w.infos[name]; info != nil {
					s.held = s.follow.live(info)
				}
			}
			at[w.at] = append(at[w.at], s)
		}
		slices.SortFunc(at[w.at], func(a, b *source) int {
			return memberOf(filepath.Base(a.name)).Compare(memberOf(filepath.Base(b.name)))
		})
	}
}
